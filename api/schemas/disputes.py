"""Disputes: panels, claims, votes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .common import (
    Address,
    Amount,
    Answer,
    CasePrepared,
    Check,
    Hash,
    Milestone,
    Next,
    Receipt,
    ShownState,
    Stage,
    Time,
    Verdict,
)


class Arbitrator(Answer):
    name: str | None
    address: Address


class PanelSeats(Answer):
    version: int
    threshold: int = Field(description="Votes that decide; the middle one of them counts.")
    arbitrators: list[Arbitrator]


class Panel(PanelSeats):
    """Whom a dispute comes before. Fixed when the case opened."""

    appeal: PanelSeats | None = Field(description="The larger panel that one appeal goes to.")
    fallback: PanelSeats | None = Field(description="Who takes over when the first stay silent.")


class Arbitration(Answer):
    """What arbitration costs, out of the merchant's reserve; an appeal out of its loser's part first."""

    reserve: Amount
    first: Amount
    appeal: Amount


class SharedAmount(Answer):
    share: int = Field(ge=0, le=10_000)
    amount: Amount


class Claims(Answer):
    consumer: SharedAmount
    merchant: SharedAmount


class Voter(Arbitrator):
    voted: bool


class VotingPanel(Answer):
    version: int
    threshold: int
    arbitrators: list[Voter]


Round = Literal["first", "fallback", "appeal", "challenge", "challenge_fallback"]


class RunningDispute(Answer):
    round: Round
    claims: Claims
    ruling: SharedAmount | None = Field(description="What was ruled, before an appeal is decided.")
    panel: VotingPanel | None
    votes: int
    deadline: Time


class Notice(Answer):
    """What a consumer's held key gave up: it takes effect unless the consumer objects before."""

    kind: str
    effective_at: Time


class Offer(SharedAmount):
    by: Literal["consumer", "merchant"]


class Disputable(Answer):
    panel: Panel | None
    arbitration: Arbitration | None
    dispute: RunningDispute | None
    notice: Notice | None
    offer: Offer | None
    exchange_offered: bool


class DisputeSummary(Answer):
    case_id: Hash
    reference: str
    state: ShownState
    round: Round | None
    claims: Claims | None
    panel: VotingPanel | None
    votes_given: int | None
    deadline: Time | None


class DisputePage(Answer):
    items: list[DisputeSummary]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last.")
    as_of: Time


class RulingPays(Answer):
    share: int
    consumer: Amount
    merchant: Amount | None = Field(description="Null in mode none, where no money is held.")
    arbitrators: Amount


class PayoutTerms(Answer):
    """What a ruling of any share is paid by: the arguments of `Payout.sol`."""

    refund: Amount
    freight: Amount
    reserve: Amount
    freight_to_consumer: bool = Field(description="With any share above zero.")
    fees: Amount = Field(description="Of this round's arbitrators, and of earlier rounds that reached their quorum.")
    fees_of_consumer: Amount = Field(description="What of them the consumer bears, unless this round is lost.")
    consumer_loses_up_to: int | None = Field(description="In an appeal, the shares with which the consumer loses it.")
    fees_if_lost: Amount = Field(description="What of them the consumer then bears.")


class Dispute(DisputeSummary):
    """All that a ruling rests on."""

    rounds: list[Round]
    evidence: list[dict[str, Any]]
    votes: list[dict[str, Any]] = Field(
        description="Who gave theirs; what they name once the round is over, and one's own at once."
    )
    payouts: list[RulingPays]
    payout_terms: PayoutTerms | None = Field(description="Null once no panel votes.")
    policy: dict[str, Any] = Field(description="The rules of the case, with their text.")
    timeline: list[Milestone]
    next: Next
    verdict: Verdict
    checks: list[Check]
    as_of: Time


class VotePrepared(CasePrepared):
    vote_id: str
    disclosures: list[str] = Field(description="What the record's digests stand for: the grounds, as they are sealed.")


class VoteTaken(Answer):
    vote_id: str
    case_id: Hash
    round: int
    share: int
    commitment: Hash
    stage: Stage
    receipt: Receipt
