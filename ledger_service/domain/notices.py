"""What a service-held consumer key gives up takes effect after a notice only, and not if the consumer objects."""

from __future__ import annotations

from dataclasses import replace

from .case_state import CaseState, Notice, advance, decide
from .messages import Act
from .policies import Policy
from .vocabulary import FULL_SHARE, Flag, Kind, Mark, Role, State


def needs_notice(case: CaseState, act: Act, to: State | None, policy: Policy) -> bool:
    """Whether an act that leads to `to` (None: the case stays) waits out the policy's notice."""
    if not case.has(Flag.CONSUMER_KEY_HELD) or policy.notice == 0:
        return False
    if act.kind is Kind.ACCEPTED:
        return case.share < FULL_SHARE or case.fee > 0
    if act.kind is Kind.EXCHANGE_AGREED:
        return act.role is Role.CONSUMER
    if act.kind is Kind.SPLIT:
        return to is not None
    return act.kind in (Kind.CANCELLED, Kind.KEY_BOUND)


def give_notice(case: CaseState, act: Act, policy: Policy, now: int) -> CaseState:
    """The case with the act recorded and its effect ahead."""
    notice = Notice(act.kind, now + policy.notice, act.share, act.key)
    return replace(case.marking(Mark.NOTICED), notice=notice).staying()


def void_notice(case: CaseState) -> CaseState:
    return replace(case.unmarking(Mark.NOTICED), notice=None)


def bind_key(case: CaseState, key: str) -> CaseState:
    """The consumer acts with `key` alone from here on; what the key before it offered is gone."""
    return replace(case.clearing(Flag.CONSUMER_KEY_HELD).unmarking(Mark.OFFER_BY_CONSUMER), consumer=key)


def next_by_notice(case: CaseState) -> tuple[Kind, State] | None:
    """What `poke` states and where it leads if the notice ends before the state does; None if it does not."""
    notice = case.notice
    if notice is None or notice.effective_at > case.deadline:
        return None
    targets = {
        Kind.CANCELLED: State.CLOSED,
        Kind.ACCEPTED: State.PAYABLE,
        Kind.EXCHANGE_AGREED: State.EXCHANGING,
        Kind.SPLIT: State.PAYABLE,
    }
    return notice.kind, targets.get(notice.kind, case.state)


def apply_notice(case: CaseState, notice: Notice, policy: Policy, now: int) -> CaseState:
    """The case after its notice took effect at block time `now`."""
    if notice.kind is Kind.KEY_BOUND:
        return bind_key(void_notice(case), notice.key).staying()
    if notice.kind is Kind.ACCEPTED:
        return advance(decide(case, policy, case.share, case.fee), State.PAYABLE, policy, now)
    if notice.kind is Kind.SPLIT:
        return advance(decide(case, policy, notice.share, 0), State.PAYABLE, policy, now)
    to = State.CLOSED if notice.kind is Kind.CANCELLED else State.EXCHANGING
    return advance(case, to, policy, now)
