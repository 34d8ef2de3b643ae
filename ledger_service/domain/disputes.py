"""Disputes of a case: what each side claims, the rounds of votes, rulings, appeals and challenges."""

from __future__ import annotations

from dataclasses import replace

from ..errors import InvalidInput, OutOfOrder
from .case_state import CaseState, PanelTerms, advance, decide
from .messages import Act
from .policies import Policy
from .times import from_chain, rfc3339
from .vocabulary import FULL_SHARE, Flag, Mark, Role, State

FIRST, FALLBACK, APPEAL, CHALLENGE, CHALLENGE_FALLBACK = range(5)  # rounds of votes


def enter_dispute(case: CaseState, act: Act | None = None) -> CaseState:
    """The claims that a dispute begins with; `act` is the one that opened it, None where silence did.

    Until stated otherwise the consumer claims all, and the merchant what inspection proposed, or nothing.
    """
    case = replace(case, consumer_claim=FULL_SHARE, merchant_claim=case.share)
    return claim(case, act.role, act.share) if act else case


def claim(case: CaseState, role: Role, share: int) -> CaseState:
    """The case with what one side claims. Raises InvalidInput for more than there is to claim."""
    of_rest = role is Role.CONSUMER and case.has(Flag.CHALLENGED)
    least, most = (1, case.owed) if of_rest else (0, FULL_SHARE)
    if not least <= share <= most:
        raise InvalidInput(
            f"A claim here is {least} to {most} basis points of the refund, not {share}.",
            field="data.share",
            remedy=f"Send {least} to {most}.",
        )
    if role is Role.CONSUMER:
        _check_not_lowered(case, share)
        return replace(case, consumer_claim=share)
    return replace(case, merchant_claim=share)


def _check_not_lowered(case: CaseState, share: int) -> None:
    """While the service holds the consumer's key, a claim that was made can only be raised: lowered in the last second,
    it would be given up without notice."""
    if case.state is State.DISPUTED and case.has(Flag.CONSUMER_KEY_HELD) and share < case.consumer_claim:
        raise OutOfOrder(
            f"The claim stands at {case.consumer_claim} basis points and can only be raised, not lowered to {share}.",
            field="data.share",
            remedy="Agree on a split instead, or bind a key of your own first.",
        )


def appeal(case: CaseState, act: Act) -> CaseState:
    """The ruling goes to the appeal panel; what the act claims is what its side asks for there."""
    return replace(claim(case, act.role, act.share).flagging(Flag.APPEALED), appellant=act.role)


def may_appeal(case: CaseState, role: Role, share: int) -> bool:
    """Whether the ruling gave this side less than it claimed, and `share` asks for more of it."""
    if role is Role.CONSUMER:
        return case.share < case.consumer_claim and share > case.share
    return case.share > case.merchant_claim and share < case.share


def challenge(case: CaseState, act: Act) -> CaseState:
    """What the provider's refund still lacks goes to the panel; the outcome that was decided stays beside it."""
    case = case.clearing(Flag.FALLBACK | Flag.APPEALED).flagging(Flag.CHALLENGED)
    return replace(case, consumer_claim=act.share, merchant_claim=0)


def round_of(case: CaseState) -> int:
    """Which round of votes a dispute is in."""
    if case.has(Flag.CHALLENGED):
        return CHALLENGE_FALLBACK if case.has(Flag.FALLBACK) else CHALLENGE
    if case.has(Flag.APPEALED):
        return APPEAL
    return FALLBACK if case.has(Flag.FALLBACK) else FIRST


def panel_of(case: CaseState) -> int:
    """The version of the panel that votes now; 0 for none."""
    return panel_of_round(case.panel, round_of(case))


def panel_of_round(terms: PanelTerms, round_: int) -> int:
    """The version of the panel that votes in a round; 0 for none."""
    if round_ == APPEAL:
        return terms.appeal
    return terms.fallback if round_ in (FALLBACK, CHALLENGE_FALLBACK) else terms.version


def most_share(case: CaseState) -> int:
    """The greatest share that a vote may name: after a challenge no more than what is said to be owed."""
    return case.consumer_claim if case.has(Flag.CHALLENGED) else FULL_SHARE


def rule(case: CaseState, share: int, policy: Policy, now: int) -> CaseState:
    """The case after its panel ruled `share` at block time `now`.

    Raises OutOfOrder where the case is not in dispute, no panel votes, or its time is over; InvalidInput for a share
    that no vote may name.
    """
    _require_votes(case, share, now)
    lost = case.consumer_lost_appeal
    if round_of(case) == APPEAL:
        lost = share <= case.share if case.appellant is Role.CONSUMER else share < case.share
    ruled = replace(case, share=share, fee=0, consumer_lost_appeal=lost).marking(Mark.RULED)
    if _may_still_appeal(ruled):
        return advance(ruled, State.RULED, policy, now)
    return advance(decide(ruled, policy, share, 0), State.PAYABLE, policy, now)


def _may_still_appeal(ruled: CaseState) -> bool:
    final = ruled.has(Flag.APPEALED) or ruled.has(Flag.CHALLENGED) or not ruled.panel.appeal
    return not final and (ruled.share < ruled.consumer_claim or ruled.share > ruled.merchant_claim)


def _require_votes(case: CaseState, share: int, now: int) -> None:
    if case.state is not State.DISPUTED or not panel_of(case):
        raise OutOfOrder(f"No panel votes while the case is {case.state.wire!r}.", field="share")
    due = case.due
    if now > due:
        raise OutOfOrder(
            f"The time for votes ended at {rfc3339(from_chain(due))}.",
            field="share",
            remedy="The case now goes on by its deadline rule; look at its state in a moment.",
        )
    most = most_share(case)
    if not 0 <= share <= most:
        detail = f"A vote here names 0 to {most} basis points of the refund, not {share}."
        raise InvalidInput(detail, field="share", remedy=f"Send {most} or less.")
