"""The case machine: what an act or a passed deadline does to a case.

Twin of `contracts/libraries/CaseMachine.sol` and of the parts of `ReturnLedger` around it. The contract decides; this
lets the service refuse at once what the contract would refuse later, and lets an auditor replay a case. The table it
goes by is `transitions.py`.
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import InvalidInput, OutOfOrder
from .case_state import CaseState, Notice, PanelTerms, advance, changed, decide
from .disputes import appeal, challenge, claim, enter_dispute, may_appeal, rule
from .hashing import ZERO_ADDRESS
from .messages import Act
from .notices import apply_notice, bind_key, give_notice, needs_notice, next_by_notice, void_notice
from .policies import Policy
from .times import from_chain, rfc3339
from .transitions import GIVES_UP, LAPSES, TRANSITIONS, Condition, Guard, Lapse, Result, Transition
from .vocabulary import FULL_SHARE, Flag, Freight, Grade, Kind, Mark, Mode, Role, State

__all__ = [
    "WAITS_FOR",
    "CaseState",
    "Notice",
    "PanelTerms",
    "allowed_acts",
    "apply_act",
    "check_proposal",
    "if_accepted",
    "may_ever_state",
    "next_lapse",
    "next_state",
    "open_case",
    "poke",
    "possible_acts",
    "rule",
]

_NEXT = {(row.origin, row.kind, row.role): row for row in TRANSITIONS}
_EVER = {(row.role, row.kind) for row in TRANSITIONS}
_LAPSES = {state: [lapse for lapse in LAPSES if lapse.origin is state] for state in State}

# Who a state waits for: whose silence its deadline ends.
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


# --- the table -------------------------------------------------------------------------------------------------------


def allowed_acts(state: State, role: Role) -> list[Kind]:
    """What the table lets a role state, whatever a case's own guards say."""
    return [row.kind for row in TRANSITIONS if row.origin is state and row.role is role]


def possible_acts(case: CaseState, role: Role) -> list[Kind]:
    """What a role can state in this case now, with a share that suits."""
    rows = [row for row in TRANSITIONS if row.origin is case.state and row.role is role]
    running = case.marked(Mark.NOTICED)
    return [row.kind for row in rows if _is_open(row, case) and not (running and row.kind in GIVES_UP)]


def may_ever_state(role: Role, kind: Kind) -> bool:
    """Whether there is a state in which this role states this kind."""
    return (role, kind) in _EVER


def next_state(state: State, kind: Kind, role: Role) -> State | None:
    """The state after an act: PAYABLE where it decides the outcome, the same where it stays, None where not allowed."""
    row = _NEXT.get((state, kind, role))
    return None if row is None else row.to or state


# --- acts ------------------------------------------------------------------------------------------------------------


def open_case(
    mode: Mode,
    policy: Policy,
    *,
    consumer_key_held: bool,
    inspector_independent: bool,
    now: int,
    consumer: str = ZERO_ADDRESS,
    panel: PanelTerms = PanelTerms(),  # noqa: B008 - frozen
) -> CaseState:
    """A case as `open` leaves it at block time `now`."""
    flags = (Flag.CONSUMER_KEY_HELD if consumer_key_held else 0) | (
        Flag.INSPECTOR_INDEPENDENT if inspector_independent else 0
    )
    opened = CaseState(State.REQUESTED, mode, flags=flags, length=1, consumer=consumer, panel=panel)
    return changed(opened.bumping(Role.MERCHANT), deadline=now + policy.windows[State.REQUESTED])


def apply_act(case: CaseState, act: Act, policy: Policy, now: int) -> CaseState:
    """The case after an act at block time `now`. Raises OutOfOrder or InvalidInput where the contract would revert."""
    to = _check_act(case, act, now)
    if act.kind is Kind.INSPECTED:
        check_proposal(act, policy)
    case = case.bumping(act.role)
    if needs_notice(case, act, to, policy):
        return give_notice(case, act, policy, now)
    if effect := _EFFECTS.get(act.kind):
        case = effect(case, act)
    if to is None:
        return case.staying()
    if to is State.PAYABLE:
        split = act.kind is Kind.SPLIT
        case = decide(case, policy, act.share if split else case.share, 0 if split else case.fee)
    return advance(case, to, policy, now)


def _propose(case: CaseState, act: Act) -> CaseState:
    return changed(case, grade=act.grade, share=act.share, fee=act.fee)


def _pick_up(case: CaseState, act: Act) -> CaseState:
    return case.flagging(Flag.PICKUP_BY_CARRIER) if act.role is Role.CARRIER else case


def _dispute(case: CaseState, act: Act) -> CaseState:
    return claim(case, act.role, act.share) if case.state is State.DISPUTED else enter_dispute(case, act)


def _offer(case: CaseState, act: Act) -> CaseState:
    by = Mark.OFFER_BY_CONSUMER if act.role is Role.CONSUMER else Mark.OFFER_BY_MERCHANT
    offers = Mark.OFFER_BY_CONSUMER | Mark.OFFER_BY_MERCHANT
    return changed(case.unmarking(offers).marking(by), offer=act.share)


def _agree_exchange(case: CaseState, act: Act) -> CaseState:
    return case.marking(Mark.EXCHANGE_OFFERED) if act.role is Role.MERCHANT else case


_EFFECTS: dict[Kind, Callable[[CaseState, Act], CaseState]] = {
    Kind.INSPECTED: _propose,
    Kind.PICKED_UP: _pick_up,
    Kind.DISPUTED: _dispute,
    Kind.APPEALED: appeal,
    Kind.CHALLENGED: challenge,
    Kind.SPLIT: _offer,
    Kind.EXCHANGE_AGREED: _agree_exchange,
    Kind.OBJECTED: lambda case, _: void_notice(case),
    Kind.KEY_BOUND: lambda case, act: bind_key(case, act.key),
    Kind.ERASED: lambda case, _: case.marking(Mark.ERASED),
}


def _check_act(case: CaseState, act: Act, now: int) -> State | None:
    """The state that an act leads to, None where the case stays.

    Raises OutOfOrder or InvalidInput for an act that comes wrong, late or odd.
    """
    row = _NEXT.get((case.state, act.kind, act.role))
    if row is None:
        raise _not_allowed(case, act.kind, act.role)
    if case.due and now > case.due:
        raise OutOfOrder(
            f"The time for this ended at {rfc3339(from_chain(case.due))}.",
            field="kind",
            remedy="The case now goes on by its deadline rule; look at its state in a moment.",
        )
    _check_signed(case, act, now)
    to = _guarded(row, case, act)
    if case.notice and act.kind in GIVES_UP:
        raise OutOfOrder(
            f"A notice of {case.notice.kind.wire!r} runs until {rfc3339(from_chain(case.notice.effective_at))}.",
            field="kind",
            remedy="Wait until it took effect, or let the consumer object to it.",
        )
    return to


def _check_signed(case: CaseState, act: Act, now: int) -> None:
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
    if not 0 <= act.share <= FULL_SHARE and act.kind is not Kind.INSPECTED:
        detail = f"A share is 0 to {FULL_SHARE} basis points of the refund, not {act.share}."
        raise InvalidInput(detail, field="data.share", remedy=f"Send {FULL_SHARE} or less.")
    if act.kind is Kind.KEY_BOUND and act.key.lower() in (ZERO_ADDRESS, case.consumer.lower()):
        raise InvalidInput(
            "This is no new key.", field="data.key", remedy="Send the address of the consumer's own key."
        )


# --- guards ----------------------------------------------------------------------------------------------------------


def _guarded(row: Transition, case: CaseState, act: Act) -> State | None:
    """Where a row leads to, given its guard. Raises OutOfOrder or InvalidInput where the guard does not hold."""
    if row.guard is Guard.OFFER_STANDS:
        return row.to if _offered_by_other(case, act.role) and case.offer == act.share else None
    if row.guard is Guard.RULED_AGAINST and not may_appeal(case, act.role, act.share):
        raise OutOfOrder(
            f"The ruling of {case.share} basis points leaves the {act.role.wire} nothing to appeal for here.",
            field="data.share",
            remedy="An appeal asks for more than the ruling gave, where that was less than what was claimed.",
        )
    if row.guard is Guard.WITHIN_OWED and not 0 < act.share <= case.owed:
        raise InvalidInput(
            f"At most {case.owed} basis points of the refund can be owed here, not {act.share}.",
            field="data.share",
            remedy=f"Send 1 to {case.owed}.",
        )
    if not _is_open(row, case):
        raise _not_allowed(case, row.kind, row.role)
    return row.to


def _is_open(row: Transition, case: CaseState) -> bool:
    """Whether some share satisfies the row's guard in this case."""
    match row.guard:
        case Guard.INSPECTOR_INDEPENDENT:
            return case.has(Flag.INSPECTOR_INDEPENDENT)
        case Guard.EXCHANGE_OFFERED:
            return case.marked(Mark.EXCHANGE_OFFERED)
        case Guard.NOTICE_RUNNING:
            return case.marked(Mark.NOTICED)
        case Guard.NOT_ERASED:
            return not case.marked(Mark.ERASED)
        case Guard.RULED_AGAINST:
            return may_appeal(case, row.role, FULL_SHARE if row.role is Role.CONSUMER else 0)
        case Guard.WITHIN_OWED:
            return case.owed > 0
        case _:
            return True


def _offered_by_other(case: CaseState, role: Role) -> bool:
    return case.marked(Mark.OFFER_BY_MERCHANT if role is Role.CONSUMER else Mark.OFFER_BY_CONSUMER)


def _not_allowed(case: CaseState, kind: Kind, role: Role) -> OutOfOrder:
    return OutOfOrder(
        f"A {role.wire} cannot state {kind.wire!r} while the case is {case.state.wire!r}.",
        field="kind",
        remedy=_remedy(case, role),
    )


def _remedy(case: CaseState, role: Role) -> str:
    if kinds := possible_acts(case, role):
        return f"As {role.wire} you can state " + " or ".join(repr(kind.wire) for kind in kinds) + " now."
    if not case.state.is_live:
        return "The case has ended."
    return f"The case waits for the {WAITS_FOR[case.state].wire}."


# --- deadlines -------------------------------------------------------------------------------------------------------


def if_accepted(case: CaseState, policy: Policy) -> CaseState:
    """The case as its proposal or ruling would decide it, so that the sum can be shown before anybody accepts."""
    return decide(case, policy, case.share, case.fee)


def poke(case: CaseState, policy: Policy, now: int) -> tuple[Kind, CaseState]:
    """What `poke` does at block time `now`: what the contract states, and the case after it.

    Raises OutOfOrder where the contract would revert: the case has ended, or what is due is still ahead.
    """
    kind, to = next_lapse(case, policy)
    if now <= case.due:
        raise OutOfOrder(
            f"Nothing is due before {rfc3339(from_chain(case.due))} is over.", remedy="Try again after that."
        )
    if case.notice and next_by_notice(case):
        return kind, apply_notice(case, case.notice, policy, now)
    return kind, advance(_lapsed(case, _lapse_of(case, policy), policy), to, policy, now)


def next_lapse(case: CaseState, policy: Policy) -> tuple[Kind, State]:
    """What `poke` would state once `case.due` has passed, and the state that follows (PAYABLE: the outcome).

    Raises OutOfOrder for a case that has ended.
    """
    if not case.state.is_live:
        raise OutOfOrder("The case has ended; nothing is due.", remedy="Look at its outcome.")
    if noticed := next_by_notice(case):
        return noticed
    lapse = _lapse_of(case, policy)
    return lapse.kind, lapse.to


def _lapse_of(case: CaseState, policy: Policy) -> Lapse:
    holds = {
        None: True,
        Condition.PICKUP_PROVEN: case.has(Flag.PICKUP_BY_CARRIER) and policy.freight is Freight.SUPPLIED,
        Condition.SELF_INSPECTED: not case.has(Flag.INSPECTOR_INDEPENDENT) and case.share < FULL_SHARE,
        Condition.IN_APPEAL: case.has(Flag.APPEALED) and not case.has(Flag.CHALLENGED),
        Condition.FALLBACK_LEFT: case.panel.fallback != 0 and not case.has(Flag.FALLBACK),
        Condition.CHALLENGED: case.has(Flag.CHALLENGED),
        Condition.UNENFORCED: case.mode is Mode.NONE,
    }
    return next(lapse for lapse in _LAPSES[case.state] if holds[lapse.condition])


def _lapsed(case: CaseState, lapse: Lapse, policy: Policy) -> CaseState:
    """The case with the claims, the flags and the outcome that a lapse brings."""
    if lapse.to is State.DISPUTED:
        return case.flagging(Flag.FALLBACK) if case.state is State.DISPUTED else enter_dispute(case)
    if lapse.result is Result.FULL:
        return decide(case, policy, FULL_SHARE, 0, by_silence=True)
    if lapse.result is Result.AS_STANDS:
        return decide(case, policy, case.share, case.fee)
    if lapse.result is Result.AS_CLAIMED:
        return decide(case, policy, case.consumer_claim, 0)
    if lapse.result is Result.NOTHING:  # the replacement took the refund's place
        return decide(case, policy, 0, 0)
    return case.flagging(Flag.UNPAID) if lapse.result is Result.UNPAID else case


# --- inspections -----------------------------------------------------------------------------------------------------


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
