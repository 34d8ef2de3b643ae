"""The case machine: what an act or a passed deadline does to a case.

Twin of `contracts/libraries/CaseMachine.sol` and of the parts of `ReturnLedger` around it. The contract decides; this
lets the service refuse at once what the contract would refuse later, and lets an auditor replay a case.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import InvalidInput, OutOfOrder
from .messages import Act
from .policies import Policy
from .times import from_chain, rfc3339
from .vocabulary import FULL_SHARE, Flag, Freight, Grade, Kind, Mode, Role, State

_NEXT: dict[tuple[State, Kind, Role], State] = {
    (State.REQUESTED, Kind.AUTHORISED, Role.MERCHANT): State.AUTHORISED,
    (State.REQUESTED, Kind.DECLINED, Role.MERCHANT): State.DECLINED,
    (State.REQUESTED, Kind.CANCELLED, Role.CONSUMER): State.CLOSED,
    (State.AUTHORISED, Kind.PICKED_UP, Role.CARRIER): State.PICKED_UP,
    (State.AUTHORISED, Kind.PICKED_UP, Role.CONSUMER): State.PICKED_UP,
    (State.AUTHORISED, Kind.RECEIVED, Role.CARRIER): State.RECEIVED,
    (State.AUTHORISED, Kind.RECEIVED, Role.WAREHOUSE): State.RECEIVED,
    (State.AUTHORISED, Kind.CANCELLED, Role.CONSUMER): State.CLOSED,
    (State.PICKED_UP, Kind.RECEIVED, Role.CARRIER): State.RECEIVED,
    (State.PICKED_UP, Kind.RECEIVED, Role.WAREHOUSE): State.RECEIVED,
    (State.RECEIVED, Kind.INSPECTED, Role.INSPECTOR): State.INSPECTED,
    (State.INSPECTED, Kind.ACCEPTED, Role.CONSUMER): State.PAYABLE,
    (State.PAYABLE, Kind.REFUNDED, Role.MERCHANT): State.REFUNDED,
}

# Who a state waits for, and what the contract does once its deadline has passed (`accepted` decides the outcome).
WAITS_FOR: dict[State, Role] = {
    State.REQUESTED: Role.MERCHANT,
    State.DECLINED: Role.CONSUMER,
    State.AUTHORISED: Role.CONSUMER,
    State.PICKED_UP: Role.CARRIER,
    State.RECEIVED: Role.INSPECTOR,
    State.INSPECTED: Role.CONSUMER,
    State.EXCHANGING: Role.MERCHANT,
    State.DELIVERED: Role.CONSUMER,
    State.DISPUTED: Role.PANEL,
    State.RULED: Role.CONSUMER,
    State.PAYABLE: Role.MERCHANT,
    State.REFUNDED: Role.CONSUMER,
}
_LAST_NONCE = 2**16 - 1
_IN_FULL = frozenset({State.PICKED_UP, State.RECEIVED, State.EXCHANGING, State.DISPUTED})


@dataclass(frozen=True, slots=True)
class CaseState:
    """What the contract stores of a case. `deadline` is seconds since 1970 UTC, 0 in a terminal state."""

    state: State
    mode: Mode
    flags: int = 0
    grade: Grade = Grade.NONE
    deadline: int = 0
    length: int = 0
    share: int = 0
    fee: int = 0
    nonces: tuple[int, ...] = (0,) * len(Role)

    def has(self, flag: Flag) -> bool:
        return bool(self.flags & flag)

    def nonce(self, role: Role) -> int:
        return self.nonces[role]


def allowed_acts(state: State, role: Role) -> list[Kind]:
    return [kind for (from_, kind, who), _ in _NEXT.items() if from_ is state and who is role]


def may_ever_state(role: Role, kind: Kind) -> bool:
    """Whether there is a state in which this role states this kind."""
    return any(who is role and stated is kind for _, stated, who in _NEXT)


def next_state(state: State, kind: Kind, role: Role) -> State | None:
    """The state after an act, PAYABLE where it decides the outcome, None where it is not allowed."""
    if kind is Kind.ERASED:
        return None  # erasure comes with its own release
    return _NEXT.get((state, kind, role))


def open_case(
    mode: Mode, policy: Policy, *, consumer_key_held: bool, inspector_independent: bool, now: int
) -> CaseState:
    flags = (Flag.CONSUMER_KEY_HELD if consumer_key_held else 0) | (
        Flag.INSPECTOR_INDEPENDENT if inspector_independent else 0
    )
    opened = CaseState(State.REQUESTED, mode, flags=flags, length=1)
    return replace(_bump(opened, Role.MERCHANT), deadline=now + policy.windows[State.REQUESTED])


def apply_act(case: CaseState, act: Act, policy: Policy, now: int) -> CaseState:
    """The case after an act at block time `now`. Raises OutOfOrder or InvalidInput where the contract would revert."""
    to = _check_act(case, act, now)
    case = _bump(case, act.role)
    if act.kind is Kind.INSPECTED:
        check_proposal(act, policy)
        case = replace(case, grade=act.grade, share=act.share, fee=act.fee)
    if act.kind is Kind.PICKED_UP and act.role is Role.CARRIER:
        case = replace(case, flags=case.flags | Flag.PICKUP_BY_CARRIER)
    if to is State.PAYABLE:
        case = _decide(case, policy, case.share, case.fee, by_silence=False)
    return _advance(case, to, policy, now)


def _check_act(case: CaseState, act: Act, now: int) -> State:
    """The state that an act leads to. Raises OutOfOrder or InvalidInput for one that comes wrong, late or odd."""
    to = next_state(case.state, act.kind, act.role)
    if to is None:
        raise OutOfOrder(
            f"A {act.role.wire} cannot state {act.kind.wire!r} while the case is {case.state.wire!r}.",
            field="kind",
            remedy=_remedy(case.state, act.role),
        )
    if case.deadline and now > case.deadline:
        raise OutOfOrder(
            f"The time for this ended at {rfc3339(from_chain(case.deadline))}.",
            field="kind",
            remedy="The case now goes on by its deadline rule; look at its state in a moment.",
        )
    sign_anew = "Ask for a new message to sign, and sign that."
    if now > act.valid_until:
        until = rfc3339(from_chain(act.valid_until))
        raise OutOfOrder(f"The signature counted until {until} only.", field="valid_until", remedy=sign_anew)
    expected = case.nonce(act.role)
    if act.nonce != expected:
        detail = f"The {act.role.wire}'s next nonce in this case is {expected}, not {act.nonce}."
        raise OutOfOrder(detail, field="nonce", remedy=sign_anew)
    if unsigned := act.unsigned():
        detail = f"The message {act.kind.wire!r} does not hold a {unsigned[0]}."
        raise InvalidInput(detail, field=f"data.{unsigned[0]}", remedy="Leave it out.")
    return to


def if_accepted(case: CaseState, policy: Policy) -> CaseState:
    """The case as its proposal or ruling would decide it, so that the sum can be shown before anybody accepts."""
    return _decide(case, policy, case.share, case.fee, by_silence=False)


def lapse(case: CaseState, policy: Policy, now: int) -> tuple[Kind, CaseState]:
    """What `poke` does at block time `now`: what the contract states, and the case after it.

    Raises OutOfOrder where the contract would revert: the case has ended, or its deadline is still ahead.
    """
    kind, to = next_lapse(case, policy)
    if now <= case.deadline:
        raise OutOfOrder(
            f"The time that the {WAITS_FOR[case.state].wire} has ends at {rfc3339(from_chain(case.deadline))}.",
            remedy="Try again after that.",
        )
    if to is State.PAYABLE:
        full = case.state in _IN_FULL
        case = _decide(case, policy, FULL_SHARE if full else case.share, 0 if full else case.fee, by_silence=full)
    if case.state is State.DELIVERED:  # the replacement took the refund's place
        case = _decide(case, policy, 0, 0, by_silence=False)
    if to is State.SETTLED and case.state is State.PAYABLE and case.mode is Mode.NONE:
        case = replace(case, flags=case.flags | Flag.UNPAID)
    return kind, _advance(case, to, policy, now)


def next_lapse(case: CaseState, policy: Policy) -> tuple[Kind, State]:
    """What the contract states once the deadline has passed, and the state that follows (PAYABLE: the outcome).

    Raises OutOfOrder for a case that has ended.
    """
    state = case.state
    if not state.is_live:
        raise OutOfOrder("The case has ended; nothing is due.", remedy="Look at its outcome.")
    if state is State.REQUESTED:
        return Kind.AUTHORISED, State.AUTHORISED
    if state in (State.DECLINED, State.AUTHORISED):
        return Kind.CLOSED, State.CLOSED
    if state is State.PICKED_UP:
        proven = case.has(Flag.PICKUP_BY_CARRIER) and policy.freight is Freight.SUPPLIED
        return (Kind.ACCEPTED, State.PAYABLE) if proven else (Kind.DISPUTED, State.DISPUTED)
    if state is State.INSPECTED and not case.has(Flag.INSPECTOR_INDEPENDENT) and case.share < FULL_SHARE:
        return Kind.DISPUTED, State.DISPUTED
    if state is State.DISPUTED:
        return Kind.RULED, State.PAYABLE
    if state in (State.PAYABLE, State.REFUNDED, State.DELIVERED):
        return Kind.SETTLED, State.SETTLED
    return Kind.ACCEPTED, State.PAYABLE


def check_proposal(act: Act, policy: Policy) -> None:
    """Raises InvalidInput for an inspection that the policy does not allow."""
    if act.grade is Grade.NONE:
        raise InvalidInput(
            "An inspection names a grade.",
            field="data.grade",
            remedy="Send one of " + ", ".join(grade.wire for grade in Grade if grade) + ".",
        )
    least = policy.min_share.get(act.grade, 0)
    if not least <= act.share <= FULL_SHARE:
        raise InvalidInput(
            f"Policy {policy.code} gives goods graded {act.grade.wire!r} a share of {least} to {FULL_SHARE} "
            f"basis points, not {act.share}.",
            field="data.share",
            remedy=f"Send {least} or more.",
        )
    cap = 0 if act.grade is Grade.DEFECTIVE else policy.fee_cap
    if not 0 <= act.fee <= cap:
        raise InvalidInput(
            f"The restocking fee is at most {cap} basis points here, not {act.fee}.",
            field="data.fee",
            remedy=f"Send {cap} or less.",
        )


def _decide(case: CaseState, policy: Policy, share: int, fee: int, *, by_silence: bool) -> CaseState:
    merchant_bears = by_silence or case.grade is Grade.DEFECTIVE or policy.freight is Freight.REIMBURSED
    flags = case.flags | (Flag.FREIGHT_TO_CONSUMER if share and merchant_bears else 0)
    return replace(case, share=share, fee=fee, flags=flags)


def _advance(case: CaseState, to: State, policy: Policy, now: int) -> CaseState:
    length = case.length + 1
    if to is State.PAYABLE and (case.mode is Mode.REFUND or case.share == 0):
        to, length = State.SETTLED, length + 1
    deadline = now + policy.windows[to] if to.is_live else 0
    return replace(case, state=to, deadline=deadline, length=length)


def _bump(case: CaseState, role: Role) -> CaseState:
    if case.nonce(role) >= _LAST_NONCE:
        raise OutOfOrder(
            f"The {role.wire} has used up all nonces of this case.",
            field="nonce",
            remedy="The case now goes on by its deadlines.",
        )
    nonces = list(case.nonces)
    nonces[role] += 1
    return replace(case, nonces=tuple(nonces))


def _remedy(state: State, role: Role) -> str:
    kinds = allowed_acts(state, role)
    if kinds:
        return f"As {role.wire} you can state " + " or ".join(repr(kind.wire) for kind in kinds) + " now."
    if not state.is_live:
        return "The case has ended."
    return f"The case waits for the {WAITS_FOR[state].wire}."
