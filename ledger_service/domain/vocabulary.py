"""The words of a case and their numbers on the chain (`contracts/interfaces/CaseTypes.sol` is the twin)."""

from __future__ import annotations

from enum import IntEnum
from functools import cache
from typing import Self, TypeVar

_Kind = TypeVar("_Kind", bound="Word")


class Word(IntEnum):
    """An enum whose wire form is its name in lower case."""

    def __init__(self, _number: int) -> None:
        self._wire = self._name_.lower()

    @property
    def wire(self) -> str:
        return self._wire

    @classmethod
    def from_wire(cls, word: str) -> Self:
        """Raises KeyError for a word that is none of ours, or not in lower case."""
        found: Self = _by_wire(cls)[word]
        return found


@cache
def _by_wire(kind: type[_Kind]) -> dict[str, _Kind]:
    return {word.wire: word for word in kind}


class State(Word):
    NONE = 0
    REQUESTED = 1
    DECLINED = 2
    AUTHORISED = 3
    PICKED_UP = 4
    RECEIVED = 5
    INSPECTED = 6
    EXCHANGING = 7
    DELIVERED = 8
    DISPUTED = 9
    RULED = 10
    PAYABLE = 11
    REFUNDED = 12
    SETTLED = 13
    CLOSED = 14

    @property
    def is_live(self) -> bool:
        return self not in (State.NONE, State.SETTLED, State.CLOSED)


class Role(Word):
    NONE = 0  # the contract itself
    CONSUMER = 1
    MERCHANT = 2
    CARRIER = 3
    WAREHOUSE = 4
    INSPECTOR = 5
    PANEL = 6


class Kind(Word):
    NONE = 0
    REQUESTED = 1
    AUTHORISED = 2
    DECLINED = 3
    CANCELLED = 4
    PICKED_UP = 5
    RECEIVED = 6
    INSPECTED = 7
    ACCEPTED = 8
    EXCHANGE_AGREED = 9
    EXCHANGE_SHIPPED = 10
    EXCHANGE_DELIVERED = 11
    REFUNDED = 12
    CHALLENGED = 13
    DISPUTED = 14
    EVIDENCE = 15
    OBJECTED = 16
    KEY_BOUND = 17
    RULED = 18
    APPEALED = 19
    SPLIT = 20
    SETTLED = 21
    CLOSED = 22
    ERASED = 23


class Mode(Word):
    """Who pays the refund: nobody here, the escrow, or a provider under the escrow's guarantee."""

    NONE = 0
    REFUND = 1
    BOND = 2


class Grade(Word):
    NONE = 0
    AS_NEW = 1
    OPENED = 2
    USED = 3
    DAMAGED = 4
    DEFECTIVE = 5


class Freight(Word):
    """Who bears the return freight: the consumer, the merchant afterwards, or the merchant by a label."""

    CONSUMER = 0
    REIMBURSED = 1
    SUPPLIED = 2


class Flag(IntEnum):
    """The bits of a case's flags, which every entry shows."""

    CONSUMER_KEY_HELD = 1
    INSPECTOR_INDEPENDENT = 2
    PICKUP_BY_CARRIER = 4
    FREIGHT_TO_CONSUMER = 8
    UNPAID = 16
    APPEALED = 32  # one side appealed the ruling
    FALLBACK = 64  # the first panel was silent, the fallback panel votes
    CHALLENGED = 128  # the consumer says that the provider's refund did not arrive in full


class Mark(IntEnum):
    """What a case remembers beside its flags; entries do not show it."""

    NOTICED = 1  # a notice runs
    OFFER_BY_CONSUMER = 2  # a split stands offered
    OFFER_BY_MERCHANT = 4
    EXCHANGE_OFFERED = 8  # the merchant agreed to an exchange
    RULED = 16  # a panel has ruled: arbitrators are owed their fees
    ERASED = 32


# Every change of state clears these.
PASSING_MARKS = Mark.NOTICED | Mark.OFFER_BY_CONSUMER | Mark.OFFER_BY_MERCHANT | Mark.EXCHANGE_OFFERED


class Stage(Word):
    """How durably a record is kept, and `REJECTED` for what the contract refused."""

    ACCEPTED = 1
    SUBMITTED = 2
    RECORDED = 3
    FINAL = 4
    REJECTED = 5


FULL_SHARE = 10_000  # basis points
