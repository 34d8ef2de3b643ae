"""Lists as CSV, line by line, so that a long one needs no more memory than a short one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlmodel import Session

from ..domain.csv_cells import Cell, header, line
from ..store.case_lists import Listed, select_cases
from ..store.tables import Account
from .app import App
from .case_lists import CaseFilter, filter_of, summary_of
from .refunds_audit import books_of, money_of, require_bookkeeper

_PART = 200
CASES = [
    *("case_id", "reference", "opened_at", "state", "stage", "escrow", "policy", "refund_amount", "refund_currency"),
    *("country", "reason_code", "waiting_for", "deadline"),
]
REFUNDS = [
    *("case_id", "reference", "opened_at", "state", "escrow", "currency", "requested", "proposed", "ruled", "decided"),
    *("due_on_chain", "paid_on_chain", "paid_by_provider", "pending_at_provider", "difference"),
]
Lines = Callable[[Session, Sequence[Listed]], list[dict[str, Any]]]


def cases_csv(app: App, account: Account, query: CaseFilter, *, bom: bool) -> Iterator[str]:
    """The cases that this account may see, oldest first."""

    def lines(session: Session, rows: Sequence[Listed]) -> list[dict[str, Any]]:
        final_up_to = filter_of(app, session, account, query).final_up_to
        return [_flat(summary_of(row, final_up_to)) for row in rows]

    return _stream(app, account, query, CASES, lines, bom, filter_of)


def refunds_csv(app: App, account: Account, query: CaseFilter, *, bom: bool) -> Iterator[str]:
    """The cases whose money this account answers for. Raises Forbidden for whoever answers for none."""
    require_bookkeeper(account)

    def lines(session: Session, rows: Sequence[Listed]) -> list[dict[str, Any]]:
        return [{**item, **item["amounts"]} for item in money_of(app, session, [row.case for row in rows])]

    return _stream(app, account, query, REFUNDS, lines, bom, books_of)


def _flat(item: dict[str, Any]) -> dict[str, Cell]:
    return {**item, "refund_amount": item["refund"]["amount"], "refund_currency": item["refund"]["currency"]}


def _stream(
    app: App,
    account: Account,
    query: CaseFilter,
    columns: Sequence[str],
    lines: Lines,
    bom: bool,
    whose: Callable[..., Any],
) -> Iterator[str]:
    yield header(columns, bom=bom)
    after: tuple[int | str, str] | None = None
    while True:
        with app.database.read() as session:
            rows = select_cases(session, whose(app, session, account, query), "opened", after, _PART)
            items = lines(session, rows)
        yield from (line([item[name] for name in columns]) for item in items)
        if len(rows) < _PART:
            return
        after = (rows[-1].key, rows[-1].case.case_id)
