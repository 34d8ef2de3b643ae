"""What answers look like: documentation, checked by tests against real answers. Services compose the answers.

An answer may hold more than is said here, never less. Money is a decimal string, times are RFC 3339 in UTC, shares and
fees are basis points, hashes and addresses `0x` hex.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Hash = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
Time = Annotated[str, Field(examples=["2026-03-01T09:30:00Z"])]
Amount = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", examples=["19.80"])]
Stage = Literal["accepted", "submitted", "recorded", "final", "rejected"]
Result = Literal["pass", "fail", "pending", "skipped"]
Verdict = Literal["verified", "pending", "failed"]
State = Literal[
    "requested",
    "declined",
    "authorised",
    "picked_up",
    "received",
    "inspected",
    "exchanging",
    "delivered",
    "disputed",
    "ruled",
    "payable",
    "refunded",
    "settled",
    "closed",
]
ShownState = Literal[State, "rejected"]  # the contract refused the opening


class Answer(BaseModel):
    model_config = ConfigDict(extra="allow")


class FieldProblem(Answer):
    field: str
    detail: str
    remedy: str


class Problem(Answer):
    """Problem details, RFC 9457."""

    type: str = Field(description="What kind of problem.", examples=["urn:ledger:problem:out-of-order"])
    title: str
    status: int
    detail: str = Field(description="What is wrong.")
    field: str | None = Field(default=None, description="Which input: a path, a header or a parameter.")
    remedy: str = Field(description="What to do.")
    instance: str = Field(description="This request, as the operator finds it in the log.")
    errors: list[FieldProblem] = Field(default_factory=list, description="All wrong fields, where there are several.")


class Next(Answer):
    waiting_for: str | None = Field(default=None, description="The role that the case waits for.")
    deadline: Time | None = Field(default=None, description="Until when it waits.")
    otherwise: str | None = Field(default=None, description="What happens if nobody acts.")


class Receipt(Answer):
    """What a record's writer keeps: proof of what was taken, and when."""

    accepted_at: Time
    commitment: Hash
    record_id: str
    jws: str = Field(description="The same, signed with a key of `/.well-known/jwks.json`.")


class MilestoneTaken(Answer):
    record_id: str
    case_id: Hash
    kind: str
    commitment: Hash
    stage: Stage
    receipt: Receipt


class Milestone(Answer):
    kind: str
    stage: Stage


class CaseSummary(Answer):
    case_id: Hash
    reference: str
    state: ShownState
    stage: Stage


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


class Case(CaseSummary, Disputable):
    next: Next


class CaseOpened(Case):
    status_link: str = Field(description="The consumer's link. It can read, not act.")
    milestones: list[Milestone]


class CasePage(Answer):
    items: list[CaseSummary]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last.")


class MilestoneList(Answer):
    items: list[Milestone]


class ObservationReceipt(Answer):
    observation_id: str
    case_id: Hash
    kind: str
    commitment: Hash
    stage: Literal["accepted"]
    receipt: Receipt


class ObservationTaken(Answer):
    """One was sent: the fields of one. A list was sent: `items`."""

    items: list[ObservationReceipt] | None = Field(default=None, description="In the order of the list.")


class Anchor(Answer):
    size: int = Field(description="Of the first anchored checkpoint that covers the entry.")
    root: Hash
    block: int
    transaction: Hash
    final: bool = Field(description="Whether enough blocks are on top.")


class Observation(Answer):
    observation_id: str
    kind: str
    commitment: Hash
    stage: Literal["accepted", "logged", "anchored"]
    index: int | None = Field(description="Its place in the log.")
    anchor: Anchor | None


class ObservationList(Answer):
    items: list[Observation]
    next_cursor: str | None


class ObservationPrepared(Answer):
    case_id: Hash
    signer: Address
    record: str = Field(description="The record's canonical text; the commitment is its keccak-256.")
    disclosures: list[str] = Field(description="Send them back with the record: without them nobody reads it again.")
    commitment: Hash
    typed_data: dict[str, Any] = Field(description="EIP-712 typed data: sign it, and send the signature back.")


class InclusionProof(Answer):
    index: int
    commitment: Hash
    leaf_hash: Hash
    size: int
    root: Hash
    proof: list[Hash] = Field(description="The audit path of RFC 6962, from the leaf upwards.")
    checkpoint: str = Field(description="The checkpoint of this size, as a signed note.")


class LogSize(Answer):
    size: int
    root: Hash


class ConsistencyProof(Answer):
    first: LogSize
    second: LogSize
    proof: list[Hash]
    checkpoint: str = Field(description="The second checkpoint, as a signed note.")


class CasePrepared(Answer):
    case_id: Hash
    signer: Address
    record: dict[str, Any] = Field(description="The record with its salt; the commitment is its keccak-256 (RFC 8785).")
    commitment: Hash
    typed_data: dict[str, Any] = Field(description="EIP-712 typed data: sign it, and send the signature back.")
    valid_until: int = Field(description="Until when the signature counts, in seconds since 1970, as it is signed.")


class Prepared(CasePrepared):
    record_id: str


class Check(Answer):
    number: int
    name: str
    result: Result
    detail: str | None = None


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


class RulingPays(Answer):
    share: int
    consumer: Amount
    merchant: Amount | None = Field(description="Null in mode none, where no money is held.")
    arbitrators: Amount


class Dispute(DisputeSummary):
    """All that a ruling rests on."""

    rounds: list[Round]
    evidence: list[dict[str, Any]]
    votes: list[dict[str, Any]] = Field(description="Who gave theirs; what they name once the round is over.")
    payouts: list[RulingPays]
    timeline: list[Milestone]
    next: Next
    verdict: Verdict
    checks: list[Check]


class VotePrepared(CasePrepared):
    vote_id: str


class VoteTaken(Answer):
    vote_id: str
    case_id: Hash
    round: int
    share: int
    commitment: Hash
    stage: Stage
    receipt: Receipt


class RefundPage(Answer):
    items: list[dict[str, Any]]
    next_cursor: str | None


class WebhookTaken(Answer):
    """What became of a webhook."""


class EndpointSecret(Answer):
    secret_id: str
    created_at: Time
    expires_at: Time | None = Field(description="Null for the newest.")


class Endpoint(Answer):
    """Where a business is told of its cases."""

    endpoint_id: str
    url: str
    types: list[str] | None = Field(description="The events that it is sent; null: all.")
    disabled_at: Time | None = Field(description="When it answered 410 Gone; `enable` takes it back.")
    failures: int = Field(description="Tries that failed, in a row.")
    secrets: list[EndpointSecret] = Field(description="Those that deliveries are signed with, the newest first.")


class EndpointMade(Endpoint):
    secret: str = Field(description="Shown this once: deliveries are signed with it.", examples=["whsec_…"])


class EndpointList(Answer):
    items: list[Endpoint]
    next_cursor: str | None


class Delivery(Answer):
    """One event on its way to one endpoint."""

    delivery_id: int
    event_id: str = Field(description="The `webhook-id`, the same at every try.")
    type: str
    state: Literal["due", "delivered", "failed"]
    attempts: int
    last_status: int | None
    last_error: str | None = Field(description="Why there was no answer, in a word.")
    next_try_at: Time | None
    payload: dict[str, Any]


class DeliveryPage(Answer):
    items: list[Delivery]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last.")


class Component(Answer):
    ok: bool
    detail: str


class Readiness(Answer):
    ready: bool
    degraded: list[str] = Field(description="Components that lag behind while requests are taken.")
    components: dict[str, Component]


class Health(Answer):
    status: Literal["ok"]


class KeySet(Answer):
    keys: list[dict[str, Any]]
