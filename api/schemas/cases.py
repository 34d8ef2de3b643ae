"""Cases, their evidence, and the consumer's side."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .common import (
    Amount,
    Answer,
    CasePrepared,
    Check,
    Hash,
    Milestone,
    Next,
    Receipt,
    Result,
    ShownState,
    Stage,
    Time,
    Verdict,
)
from .disputes import Disputable


class MilestoneTaken(Answer):
    record_id: str
    case_id: Hash
    kind: str
    commitment: Hash
    stage: Stage
    receipt: Receipt


class CaseSummary(Answer):
    case_id: Hash
    reference: str
    state: ShownState
    stage: Stage


class Case(CaseSummary, Disputable):
    next: Next


class CaseOpened(Case):
    status_link: str = Field(description="The consumer's link. It can read, not act.")
    milestones: list[Milestone]


class MilestoneList(Answer):
    items: list[Milestone]


class Prepared(CasePrepared):
    record_id: str
    disclosures: list[str] = Field(description="What the record's digests stand for: read it, then sign.")


class Chain(Answer):
    id: int
    operator: str = Field(description="Who runs the chain, and so could rewrite it.")


class VerifiedRecord(Answer):
    kind: str
    result: Result


class Verification(Answer):
    verdict: Verdict
    checks: list[Check]
    chain: Chain
    records: list[VerifiedRecord]


class Bundle(Answer):
    """One file with all that `ledger verify` needs."""


class Erased(Answer):
    """`record_id` and its like are null where the contract had refused to open the case."""

    case_id: Hash
    record_id: str | None
    kind: Literal["erased"]
    commitment: Hash | None
    stage: Stage
    erased_at: Time
    consumer_key: Literal["destroyed", "kept", "own"] = Field(
        description="What became of the key that was held for the consumer; `kept`: money was paid to its address."
    )


class PersonalData(Answer):
    format: str
    made_at: Time
    person: dict[str, str]
    cases: list[dict[str, Any]]


class LinkMade(Answer):
    status_link: str
    jti: str = Field(description="The link's id, for revoking it.")
    scopes: list[str]
    expires_at: Time


class StatusRefund(Answer):
    amount: Amount
    currency: str


class Status(Disputable):
    """All that the status page shows."""

    case_id: Hash
    state: ShownState
    refund: StatusRefund
    timeline: list[Milestone]
    next: Next
    verdict: Verdict
