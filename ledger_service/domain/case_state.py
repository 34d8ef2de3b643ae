"""A case as the contract stores it, and the small steps that every change of it is made of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Any

from ..errors import OutOfOrder
from .hashing import ZERO_ADDRESS
from .policies import Policy
from .vocabulary import PASSING_MARKS, Flag, Freight, Grade, Kind, Mark, Mode, Role, State

_LAST_NONCE = 2**16 - 1


@dataclass(frozen=True, slots=True)
class PanelTerms:
    """The panel version that a case froze, and the versions that take over from it; 0 for none."""

    version: int = 0
    appeal: int = 0
    fallback: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """What a service-held consumer key gave up, and the last second (since 1970 UTC) at which it can be objected to."""

    kind: Kind
    effective_at: int
    share: int = 0  # of a split, in basis points
    key: str = ZERO_ADDRESS  # of a key binding


@dataclass(frozen=True, slots=True)
class CaseState:
    """What the contract stores of a case. `deadline` is seconds since 1970 UTC, 0 in a terminal state.

    Claims, offer, share and fee are basis points of the refund. `consumer` is the key that acts for the consumer.
    """

    state: State
    mode: Mode
    flags: int = 0
    grade: Grade = Grade.NONE
    deadline: int = 0
    length: int = 0
    share: int = 0
    fee: int = 0
    nonces: tuple[int, ...] = (0,) * len(Role)
    marks: int = 0
    consumer: str = ZERO_ADDRESS
    panel: PanelTerms = PanelTerms()
    consumer_claim: int = 0
    merchant_claim: int = 0
    offer: int = 0
    appellant: Role = Role.NONE
    consumer_lost_appeal: bool = False
    notice: Notice | None = None

    def has(self, flag: Flag) -> bool:
        return bool(self.flags & flag)

    def marked(self, mark: Mark) -> bool:
        return bool(self.marks & mark)

    def nonce(self, role: Role) -> int:
        return self.nonces[role]

    def flagging(self, flag: Flag) -> CaseState:
        return changed(self, flags=self.flags | flag)

    def clearing(self, flags: int) -> CaseState:
        return changed(self, flags=self.flags & ~flags)

    def marking(self, mark: Mark) -> CaseState:
        return changed(self, marks=self.marks | mark)

    def unmarking(self, marks: int) -> CaseState:
        return changed(self, marks=self.marks & ~marks)

    def staying(self) -> CaseState:
        """The case with one more record, and all else as it was."""
        return changed(self, length=self.length + 1)

    def bumping(self, role: Role) -> CaseState:
        """The case with one more of the role's nonces used. Raises OutOfOrder where none is left."""
        if self.nonce(role) >= _LAST_NONCE:
            raise OutOfOrder(
                f"The {role.wire} has used up all nonces of this case.",
                field="nonce",
                remedy="The case now goes on by its deadlines.",
            )
        nonces = list(self.nonces)
        nonces[role] += 1
        return changed(self, nonces=tuple(nonces))

    @property
    def due(self) -> int:
        """The last second at which anybody may act, after which `poke` may; 0 in a terminal state."""
        return min(self.deadline, self.notice.effective_at) if self.notice else self.deadline

    @property
    def owed(self) -> int:
        """Basis points that a provider's refund can still lack: the share decided, less the fee."""
        return max(0, self.share - self.fee)


_FIELDS = tuple(field.name for field in fields(CaseState))
_read_all = attrgetter(*_FIELDS)
_WRITE = tuple(getattr(CaseState, name).__set__ for name in _FIELDS)


def changed(case: CaseState, **changes: Any) -> CaseState:
    """As `dataclasses.replace`, in less than half of its time: a case is copied several times for each record, and that
    was a tenth of all that judging a record takes."""
    made = object.__new__(CaseState)
    for write, value in zip(_WRITE, _read_all(case), strict=True):
        write(made, value)
    for name, value in changes.items():
        object.__setattr__(made, name, value)
    return made


def decide(case: CaseState, policy: Policy, share: int, fee: int, *, by_silence: bool = False) -> CaseState:
    """Fixes the outcome. Whoever made the consumer wait past a deadline bears the freight as well."""
    merchant_bears = by_silence or case.grade is Grade.DEFECTIVE or policy.freight is Freight.REIMBURSED
    if case.has(Flag.CHALLENGED):  # the freight went, or did not go, with what the challenge is about
        merchant_bears = case.has(Flag.FREIGHT_TO_CONSUMER)
    decided = changed(case, share=share, fee=fee).clearing(Flag.FREIGHT_TO_CONSUMER)
    return decided.flagging(Flag.FREIGHT_TO_CONSUMER) if share and merchant_bears else decided


def advance(case: CaseState, to: State, policy: Policy, now: int) -> CaseState:
    """Enters a state by one record, and at once the next where nothing is left to wait for.

    What was offered or noticed in the state before is void.
    """
    origin, length = case.state, case.length + 1
    settled_by_lock = origin is State.REFUNDED or case.has(Flag.CHALLENGED)  # the provider had its turn
    if to is State.PAYABLE and (case.mode is Mode.REFUND or case.share == 0 or settled_by_lock):
        to, length = State.SETTLED, length + 1
        if case.mode is Mode.NONE and case.share and settled_by_lock:
            case = case.flagging(Flag.UNPAID)
    deadline = now + policy.windows[to] if to.is_live else 0
    marks = case.marks & ~PASSING_MARKS
    return changed(case, state=to, deadline=deadline, length=length, notice=None, offer=0, marks=marks)
