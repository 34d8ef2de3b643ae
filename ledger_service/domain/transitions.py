"""The case's table as data: who may move a case from where to where, and what a passed deadline does.

The one source of the machine (`machine.py`), of the tests against the contract, and of the table in
`docs/contracts.md`. It and what it imports use the standard library alone, so that those can read it as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from .vocabulary import Kind, Role, State

OUTCOME = State.PAYABLE  # where an act or a lapse decides the outcome; from there a case may settle at once


class Guard(Enum):
    """What has to hold beside state, kind and role: the contract's error where it does not, and words for readers."""

    INSPECTOR_INDEPENDENT = ("NotAllowed", "the inspector is independent of the merchant")
    EXCHANGE_OFFERED = ("NotAllowed", "the merchant agreed to the exchange in this state")
    NOTICE_RUNNING = ("NotAllowed", "a notice runs")
    NOT_ERASED = ("NotAllowed", "it was not erased before")
    RULED_AGAINST = ("NothingToAppeal", "the ruling is worse for this side than its claim, and the new claim is better")
    WITHIN_OWED = ("ShareAboveOwed", "the share is above zero, and not above what was decided less the fee")
    OFFER_STANDS = ("", "the other side offered the same share; else this becomes the offer, and the case stays")

    @property
    def error(self) -> str:
        """The contract's error; empty where the act is recorded all the same, and the case stays."""
        return self.value[0]

    @property
    def words(self) -> str:
        return self.value[1]


class Condition(Enum):
    """What a lapse depends on beside the state."""

    PICKUP_PROVEN = "the carrier stated the pickup, on freight that the merchant supplies"
    SELF_INSPECTED = "the inspector is not independent and the share is not full"
    IN_APPEAL = "the appeal panel stayed silent"
    FALLBACK_LEFT = "the panel has a fallback that was not asked yet"
    CHALLENGED = "the provider's refund was challenged"
    UNENFORCED = "mode none"


class Result(Enum):
    """What a lapse decides."""

    FULL = "the full share"
    AS_STANDS = "what was proposed or ruled"
    AS_CLAIMED = "what the consumer claims is still owed"
    NOTHING = "no refund"
    UNPAID = "what was decided, marked as unpaid"
    ENFORCED = "the bond pays what was decided"
    RELEASED = "the lock goes back to the merchant"


@dataclass(frozen=True, slots=True)
class Transition:
    """One act that a state allows. `to` is None where the case stays as it is, with its deadline."""

    origin: State
    kind: Kind
    role: Role
    to: State | None
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Lapse:
    """What `poke` does after a deadline; of a state's lapses, the first whose condition holds."""

    origin: State
    condition: Condition | None
    kind: Kind
    to: State
    result: Result | None = None


LIVE = tuple(state for state in State if state.is_live)
ENDED = (State.SETTLED, State.CLOSED)
_C, _M, _W, _F, _I = Role.CONSUMER, Role.MERCHANT, Role.WAREHOUSE, Role.CARRIER, Role.INSPECTOR
_BOTH = (_C, _M)


def _acts(
    origins: Iterable[State], kind: Kind, roles: Iterable[Role], to: State | None, guard: Guard | None = None
) -> list[Transition]:
    return [Transition(origin, kind, role, to, guard) for origin in origins for role in roles]


TRANSITIONS: tuple[Transition, ...] = (
    *_acts([State.REQUESTED], Kind.AUTHORISED, [_M], State.AUTHORISED),
    *_acts([State.REQUESTED], Kind.DECLINED, [_M], State.DECLINED),
    *_acts([State.REQUESTED, State.AUTHORISED], Kind.CANCELLED, [_C], State.CLOSED),
    *_acts([State.AUTHORISED], Kind.PICKED_UP, [_F, _C], State.PICKED_UP),
    *_acts([State.AUTHORISED, State.PICKED_UP], Kind.RECEIVED, [_F, _W], State.RECEIVED),
    *_acts([State.RECEIVED], Kind.INSPECTED, [_I], State.INSPECTED),
    *_acts([State.INSPECTED], Kind.ACCEPTED, [_C], OUTCOME),
    *_acts([State.INSPECTED], Kind.EXCHANGE_AGREED, [_M], None),
    *_acts([State.INSPECTED], Kind.EXCHANGE_AGREED, [_C], State.EXCHANGING, Guard.EXCHANGE_OFFERED),
    *_acts([State.EXCHANGING], Kind.EXCHANGE_SHIPPED, [_F, _M], None),
    *_acts([State.EXCHANGING], Kind.EXCHANGE_DELIVERED, [_F], State.DELIVERED),
    *_acts([State.DECLINED, State.AUTHORISED], Kind.DISPUTED, [_C], State.DISPUTED),
    *_acts([State.PICKED_UP, State.RECEIVED], Kind.DISPUTED, _BOTH, State.DISPUTED),
    *_acts([State.INSPECTED], Kind.DISPUTED, [_C], State.DISPUTED),
    *_acts([State.INSPECTED], Kind.DISPUTED, [_M], State.DISPUTED, Guard.INSPECTOR_INDEPENDENT),
    *_acts([State.EXCHANGING, State.DELIVERED], Kind.DISPUTED, [_C], State.DISPUTED),
    *_acts([State.DISPUTED], Kind.DISPUTED, _BOTH, None),
    *_acts([State.DISPUTED], Kind.EVIDENCE, _BOTH, None),
    *_acts([State.RULED], Kind.APPEALED, _BOTH, State.DISPUTED, Guard.RULED_AGAINST),
    *_acts([State.PAYABLE], Kind.REFUNDED, [_M], State.REFUNDED),
    *_acts([State.REFUNDED], Kind.CHALLENGED, [_C], State.DISPUTED, Guard.WITHIN_OWED),
    *_acts(LIVE, Kind.SPLIT, _BOTH, OUTCOME, Guard.OFFER_STANDS),
    *_acts(LIVE, Kind.OBJECTED, [_C], None, Guard.NOTICE_RUNNING),
    *_acts(LIVE, Kind.KEY_BOUND, [_C], None),
    *_acts(ENDED, Kind.ERASED, [_M], None, Guard.NOT_ERASED),
)

LAPSES: tuple[Lapse, ...] = (
    Lapse(State.REQUESTED, None, Kind.AUTHORISED, State.AUTHORISED),
    Lapse(State.DECLINED, None, Kind.CLOSED, State.CLOSED, Result.RELEASED),
    Lapse(State.AUTHORISED, None, Kind.CLOSED, State.CLOSED, Result.RELEASED),
    Lapse(State.PICKED_UP, Condition.PICKUP_PROVEN, Kind.ACCEPTED, OUTCOME, Result.FULL),
    Lapse(State.PICKED_UP, None, Kind.DISPUTED, State.DISPUTED),
    Lapse(State.RECEIVED, None, Kind.ACCEPTED, OUTCOME, Result.FULL),
    Lapse(State.INSPECTED, Condition.SELF_INSPECTED, Kind.DISPUTED, State.DISPUTED),
    Lapse(State.INSPECTED, None, Kind.ACCEPTED, OUTCOME, Result.AS_STANDS),
    Lapse(State.EXCHANGING, None, Kind.ACCEPTED, OUTCOME, Result.FULL),
    Lapse(State.DELIVERED, None, Kind.SETTLED, State.SETTLED, Result.NOTHING),
    Lapse(State.DISPUTED, Condition.IN_APPEAL, Kind.RULED, OUTCOME, Result.AS_STANDS),
    Lapse(State.DISPUTED, Condition.FALLBACK_LEFT, Kind.DISPUTED, State.DISPUTED),
    Lapse(State.DISPUTED, Condition.CHALLENGED, Kind.RULED, OUTCOME, Result.AS_CLAIMED),
    Lapse(State.DISPUTED, None, Kind.RULED, OUTCOME, Result.FULL),
    Lapse(State.RULED, None, Kind.ACCEPTED, OUTCOME, Result.AS_STANDS),
    Lapse(State.PAYABLE, Condition.UNENFORCED, Kind.SETTLED, State.SETTLED, Result.UNPAID),
    Lapse(State.PAYABLE, None, Kind.SETTLED, State.SETTLED, Result.ENFORCED),
    Lapse(State.REFUNDED, None, Kind.SETTLED, State.SETTLED, Result.RELEASED),
)

# What a consumer's key gives up: with a key that the service holds it waits out the policy's notice, unless the act
# gives up nothing (a full share accepted) or nothing yet (an offer); nobody states any of it while a notice runs.
GIVES_UP = frozenset({Kind.CANCELLED, Kind.ACCEPTED, Kind.EXCHANGE_AGREED, Kind.SPLIT, Kind.KEY_BOUND})
# Whose message signs a share.
SIGNS_SHARE = frozenset({Kind.INSPECTED, Kind.DISPUTED, Kind.CHALLENGED, Kind.APPEALED, Kind.SPLIT})
