"""What answers hold, as types. A test compares them with `/openapi.json`; an answer may hold more."""

from __future__ import annotations

from typing import Any, TypedDict


class Next(TypedDict):
    waiting_for: str | None
    deadline: str | None
    otherwise: str | None


class Receipt(TypedDict):
    accepted_at: str
    commitment: str
    record_id: str
    jws: str


class MilestoneTaken(TypedDict):
    record_id: str
    case_id: str
    kind: str
    commitment: str
    stage: str
    receipt: Receipt


class Milestone(TypedDict):
    kind: str
    stage: str


class Case(TypedDict):
    case_id: str
    reference: str
    state: str
    stage: str
    panel: dict[str, Any] | None
    arbitration: dict[str, Any] | None
    dispute: dict[str, Any] | None
    notice: dict[str, Any] | None
    offer: dict[str, Any] | None
    exchange_offered: bool
    next: Next


class CaseOpened(Case):
    status_link: str
    milestones: list[Milestone]


class Money(TypedDict):
    amount: str
    currency: str


class CaseLine(TypedDict):
    case_id: str
    reference: str
    opened_at: str
    state: str
    stage: str
    escrow: str
    policy: str
    refund: Money
    country: str | None
    reason_code: str | None
    waiting_for: str | None
    deadline: str | None
    erased: bool


class CaseCount(TypedDict):
    total: int
    is_exact: bool


class Work(TypedDict):
    case_id: str
    reference: str
    state: str
    role: str
    acts: list[str]
    deadline: str
    seconds_left: int
    otherwise: str
    at_stake: Money


class SavedView(TypedDict):
    view_id: str
    name: str
    query: dict[str, Any]
    created_at: str


class LinkMade(TypedDict):
    status_link: str
    jti: str
    scopes: list[str]
    expires_at: str


class Check(TypedDict):
    number: int
    name: str
    result: str
    detail: str | None


class Chain(TypedDict):
    id: int
    operator: str


class VerifiedRecord(TypedDict):
    kind: str
    result: str


class Verification(TypedDict):
    verdict: str
    checks: list[Check]
    chain: Chain
    records: list[VerifiedRecord]


class RefundAmounts(TypedDict):
    currency: str
    requested: str
    proposed: str | None
    ruled: str | None
    decided: str | None
    due_on_chain: str
    paid_on_chain: str
    paid_by_provider: str
    pending_at_provider: str
    difference: str | None


class RefundLine(TypedDict):
    case_id: str
    reference: str
    opened_at: str
    state: str
    escrow: str
    refund: dict[str, Any]
    money: dict[str, Any]
    arbitration: dict[str, Any]
    amounts: RefundAmounts


class RefundRecord(TypedDict):
    record_id: str | None
    kind: str
    role: str
    share: int
    fee: int
    recorded_at: str
    position: int
    commitment: str
    head: str
    transaction: str
    block: int
    block_hash: str
    log_index: int
    stage: str


class EscrowEvent(TypedDict):
    event: str
    args: dict[str, Any]
    transaction: str
    block: int
    block_hash: str
    log_index: int
    stage: str


class ProviderRefund(TypedDict):
    provider: str
    refund_id: str
    case_id: str | None
    amount: str
    currency: str
    status: str
    created_at: str
    uploaded_at: str


class RefundProof(RefundLine):
    records: list[RefundRecord]
    escrow_events: list[EscrowEvent]
    provider_refunds: list[ProviderRefund]
    chain: dict[str, Any]
    verification: Verification


class RowProblem(TypedDict):
    row: int
    field: str
    detail: str
    remedy: str


class RefundUpload(TypedDict):
    rows: int
    new: int
    changed: int
    unchanged: int
    unclaimed: int
    refused: int
    problems: list[RowProblem]


class Compared(TypedDict):
    finding: str
    case_id: str | None
    reference: str | None
    state: str | None
    escrow: str | None
    owed: Money | None
    provider_refunds: list[ProviderRefund]


class ReconciliationSummary(TypedDict):
    findings: dict[str, int]
    total: int


class Seconds(TypedDict):
    median: int | None
    p95: int | None


class MoneySum(TypedDict):
    currency: str
    cases: int
    requested: str
    paid_on_chain: str


class Group(TypedDict):
    key: str | None
    cases: int
    ended: int
    money: list[MoneySum]
    seconds: Seconds


class Statistics(TypedDict):
    group_by: str
    items: list[Group]


class BusinessCalendar(TypedDict):
    name: str
    weekend: list[int]
    holidays: list[str]


class LevelLine(TypedDict):
    level: str
    target: str
    done: int
    open: int
    late: int
    seconds: Seconds


class Board(TypedDict):
    calendar: BusinessCalendar
    items: list[LevelLine]


class LateStep(TypedDict):
    case_id: str
    since: str
    deadline: str
    done_at: str | None
    seconds_late: int
    breaches: list[dict[str, Any]]


class EndpointSecret(TypedDict):
    secret_id: str
    created_at: str
    expires_at: str | None


class Endpoint(TypedDict):
    endpoint_id: str
    url: str
    types: list[str] | None
    disabled_at: str | None
    failures: int
    secrets: list[EndpointSecret]


class EndpointMade(Endpoint):
    secret: str


class Delivery(TypedDict):
    delivery_id: int
    event_id: str
    type: str
    state: str
    attempts: int
    last_status: int | None
    last_error: str | None
    next_try_at: str | None
    payload: dict[str, Any]


class ImportProblem(TypedDict):
    row: int
    field: str
    error: str
    remedy: str


class ImportPreview(TypedDict):
    preview_id: str
    rows: int
    to_open: int
    known: list[int]
    needed: list[Money]
    problems: list[ImportProblem]


class ImportedRow(TypedDict):
    row: int
    reference: str
    case_id: str


class ImportDone(TypedDict):
    opened: list[ImportedRow]
    known: list[int]
    problems: list[ImportProblem]


class ApiKey(TypedDict):
    key_id: str
    name: str
    counts: bool
    created_at: str
    expires_at: str | None
    revoked_at: str | None


class ApiKeyMade(ApiKey):
    api_key: str
