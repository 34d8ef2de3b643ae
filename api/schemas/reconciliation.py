"""Reconciliation."""

from __future__ import annotations

from ledger_service.domain.reconciling import Finding

from .common import Answer, Hash
from .lists import Money
from .money import ProviderRefund


class RowProblem(Answer):
    row: int
    field: str
    detail: str
    remedy: str


class RefundUpload(Answer):
    rows: int
    new: int
    changed: int
    unchanged: int
    unclaimed: int
    refused: int
    problems: list[RowProblem]


class Compared(Answer):
    finding: Finding
    case_id: Hash | None
    reference: str | None
    state: str | None
    escrow: str | None
    owed: Money | None
    provider_refunds: list[ProviderRefund]


class ReconciliationPage(Answer):
    items: list[Compared]
    next_cursor: str | None


class ReconciliationSummary(Answer):
    findings: dict[Finding, int]
    total: int
