"""How disputes are shown: what each side claims, who decides, what a ruling would pay, what is offered, what waits."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlmodel import Session

from ..domain.case_state import CaseState
from ..domain.disputes import APPEAL, most_share, round_of
from ..domain.entry import Entry
from ..domain.hashing import from_hex
from ..domain.policies import Policy
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import FULL_SHARE, Flag, Kind, Mark, Mode, Role, State
from ..store.disputes import counted_votes, links_of
from ..store.keys import names_of
from .panels import Panel
from .rounds import WORDS, panel_in
from .viewing import View

_STEP = 1_000  # basis points between the rulings whose payouts are shown


def dispute_answer(session: Session, view: View) -> dict[str, Any] | None:
    """A dispute that runs, or was just ruled on; None in other states.

    Of the votes it says who gave theirs: what they named stays out until the round is over.
    """
    state = view.state
    if state.state not in (State.DISPUTED, State.RULED):
        return None
    round_ = round_of(state)
    panel = panel_in(view.panel, round_)
    voters = {vote.arbitrator for vote in counted_votes(session, view.case.case_id) if vote.round == round_}
    return {
        "round": WORDS[round_],
        "claims": {
            "consumer": share_answer(view, state.consumer_claim),
            "merchant": share_answer(view, state.merchant_claim),
        },
        "ruling": share_answer(view, state.share) if was_ruled(state) else None,
        "panel": _voting_panel(session, panel, voters),
        "votes": len(voters),
        "deadline": rfc3339(from_chain(state.due)),
    }


def was_ruled(state: CaseState) -> bool:
    """Whether the share of a case in dispute, or ruled, is a panel's ruling."""
    return state.state is State.RULED or (state.has(Flag.APPEALED) and not state.has(Flag.CHALLENGED))


def share_answer(view: View, share: int) -> dict[str, Any]:
    """A share and what it would bring the consumer, with the freight where the merchant bears it."""
    return {"share": share, "amount": view.money(view.comes_to(share))}


def _voting_panel(session: Session, panel: Panel | None, voters: set[str]) -> dict[str, Any] | None:
    if panel is None:
        return None
    names = names_of(session, set(panel.arbitrators))
    return {
        "version": panel.version,
        "threshold": panel.threshold,
        "arbitrators": [
            {"name": names.get(address), "address": address, "voted": address in voters}
            for address in panel.arbitrators
        ],
    }


def payouts_answer(session: Session, view: View) -> list[dict[str, Any]]:
    """What a ruling would pay, for every 1,000 basis points that a vote can name, and for the most of all."""
    most = most_share(view.state)
    shares = [*range(0, most, _STEP), most]
    earned = _earned_before(session, view)
    return [_ruling_pays(view, share, earned) for share in shares]


def payout_terms(session: Session, view: View) -> dict[str, Any]:
    """What a ruling of any share is paid by, so that whoever votes can work it out to the last minor unit: the
    arguments of `Payout.sol`. The consumer bears `fees_if_lost` with a share up to `consumer_loses_up_to`."""
    full = view.if_ruled(FULL_SHARE)
    fees, _ = _fees(view, FULL_SHARE)
    loses_up_to = _loses_up_to(view)
    lost = _fees(view, loses_up_to)[1] if loses_up_to is not None else 0
    return {
        "refund": view.money(view.case.refund_minor),
        "freight": view.money(view.case.freight_minor),
        "reserve": view.money(view.case.reserve_minor),
        "freight_to_consumer": full.has(Flag.FREIGHT_TO_CONSUMER),
        "fees": view.money(fees + _earned_before(session, view)),
        "fees_of_consumer": view.money(_fees(view, FULL_SHARE)[1]),
        "consumer_loses_up_to": loses_up_to,
        "fees_if_lost": view.money(lost),
    }


def _loses_up_to(view: View) -> int | None:
    """The greatest share with which an appeal is the consumer's loss; None outside an appeal, and where no share is."""
    state = view.state
    if round_of(state) != APPEAL:
        return None
    most = state.share if state.appellant is Role.CONSUMER else state.share - 1
    return most if most >= 0 else None


def policy_answer(policy: Policy) -> dict[str, Any]:
    """The rules that a case was opened under, in the words of their file, which is English."""
    document = policy.document
    return {
        "code": policy.code,
        "title": policy.title,
        "version": policy.version,
        "summary": document.get("summary"),
        "fee_cap": policy.fee_cap,
        "grades": [{"grade": name, **each} for name, each in document.get("grades", {}).items()],
        "basis": document.get("basis", []),
    }


def _earned_before(session: Session, view: View) -> int:
    """Minor units that the arbitrators of earlier rounds are owed: of those that reached their quorum."""
    if view.state.mode is Mode.NONE:
        return 0
    votes = Counter(vote.round for vote in counted_votes(session, view.case.case_id))
    panels = {round_: panel_in(view.panel, round_) for round_ in votes if round_ != round_of(view.state)}
    return sum(
        panel.threshold * panel.fee for round_, panel in panels.items() if panel and votes[round_] >= panel.threshold
    )


def _ruling_pays(view: View, share: int, earned: int) -> dict[str, Any]:
    """With the fees as they would be if this round's panel ruled so, and nobody appealed."""
    fees, lost = _fees(view, share)
    fees += earned
    decided = view.if_ruled(share)
    payout = view.payout(decided, fees=fees, fees_from_consumer=lost)
    return {
        "share": share,
        "consumer": view.money(payout.to_consumer),
        "merchant": view.money(payout.to_merchant) if view.state.mode is not Mode.NONE else None,
        "arbitrators": view.money(payout.to_panel),
    }


def _fees(view: View, share: int) -> tuple[int, int]:
    """Minor units for this round's arbitrators, and those of them that the consumer would bear."""
    state, round_ = view.state, round_of(view.state)
    panel = panel_in(view.panel, round_)
    if panel is None or state.mode is Mode.NONE:
        return 0, 0
    fees = panel.threshold * panel.fee
    if round_ != APPEAL:
        return fees, view.lost_fees
    return fees, fees if view.consumer_would_lose(share) else 0


def arbitration_answer(view: View) -> dict[str, Any] | None:
    """What arbitration costs and out of what: the reserve, a first instance, and an appeal that its maker loses. None
    where no arbitrator is paid."""
    if view.panel is None or view.state.mode is Mode.NONE:
        return None
    return {
        "reserve": view.money(view.case.reserve_minor),
        "first": view.money(view.panel.first),
        "appeal": view.money(view.panel.on_appeal),
    }


def settled_answer(session: Session, view: View) -> dict[str, Any]:
    """What arbitration did to a case's money: the share that was ruled, and the fees that were paid."""
    links = links_of(session, view.case.case_id, Kind.RULED.wire)
    ruled = [Entry.unpack(from_hex(link.entry)).share for link in links if link.role == Role.PANEL.wire]
    chain = view.chain
    return {
        "ruled_share": ruled[-1] if ruled else None,
        "rulings": len(ruled),
        "fees": view.money(chain.fees if chain else 0),
        "fees_of_consumer": view.money(min(view.lost_fees, chain.fees) if chain else 0),
    }


# --- what is offered, and what waits to take effect -------------------------------------------------------------------


def offer_answer(view: View) -> dict[str, Any]:
    """The split that stands offered, if any, and whether the merchant offers an exchange."""
    state = view.state
    by = {Mark.OFFER_BY_CONSUMER: "consumer", Mark.OFFER_BY_MERCHANT: "merchant"}
    side = next((role for mark, role in by.items() if state.marked(mark)), None)
    running = state.notice is not None  # what it offers cannot be taken up meanwhile
    return {
        "offer": {"by": side, **share_answer(view, state.offer)} if side and not running else None,
        "exchange_offered": state.marked(Mark.EXCHANGE_OFFERED) and not running,
    }


def notice_answer(view: View) -> dict[str, Any] | None:
    """What the consumer's held key gave up, and until when they can object to it."""
    notice = view.state.notice
    if notice is None or not view.state.state.is_live:
        return None
    shares = {Kind.SPLIT: notice.share, Kind.ACCEPTED: view.state.share}
    share = shares.get(notice.kind)
    amount = view.expected if notice.kind is Kind.ACCEPTED else view.comes_to(share or 0)
    return {
        "kind": notice.kind.wire,
        "effective_at": rfc3339(from_chain(notice.effective_at)),
        "share": share,
        "amount": None if share is None else view.money(amount),
        "key": notice.key if notice.kind is Kind.KEY_BOUND else None,
    }
