"""Reconciliation: what a merchant's payment provider says was refunded, against what the cases decided.

An upload keeps what the provider says and changes nothing else: no case, and nothing on the chain. The same file again
changes nothing at all, a newer one brings the new statuses, and a long one may come in parts.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import base64url, from_base64url
from ..domain.money import to_decimal
from ..domain.provider_refunds import RowProblem, StatedRefund, read_refunds
from ..domain.reconciling import FINDINGS, Finding, Provided, judge
from ..domain.vocabulary import State
from ..errors import InvalidInput
from ..store import provider_refunds as sql
from ..store.case_states import state_of
from ..store.tables import Account, CaseRow, ChainCase, ProviderRefund
from .access import require_enabled
from .app import App
from .cursors import is_storable
from .idempotency import IdempotencyClaim, complete
from .panels import panel_named
from .refunds_audit import provider_answer
from .viewing import View

_PART = 500
_SHOWN_PROBLEMS = 100
_DECIDED = (State.PAYABLE, State.REFUNDED, State.SETTLED)


# --- an upload -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Report:
    """What became of a file's rows."""

    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    unclaimed: int = 0
    problems: list[RowProblem] = field(default_factory=list)

    def answer(self) -> dict[str, Any]:
        shown = [
            {"row": one.row, "field": one.field, "detail": one.detail, "remedy": one.remedy}
            for one in self.problems[:_SHOWN_PROBLEMS]
        ]
        counts = {name: getattr(self, name) for name in ("rows", "new", "changed", "unchanged", "unclaimed")}
        return {**counts, "refused": len(self.problems), "problems": shown}


def upload(
    app: App, account: Account, provider: str, data: bytes, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """Keeps the refunds of an export. A row that cannot be read is reported, and the others are taken.

    Raises InvalidInput for a file that is none.
    """
    report = _Report()
    stated: dict[str, StatedRefund] = {}
    for one in read_refunds(provider, data):
        report.rows += 1
        if isinstance(one, RowProblem):
            report.problems.append(one)
        elif one.refund_id in stated and _content(stated[one.refund_id]) != _content(one):
            said = f"Row {stated[one.refund_id].row} says something else of the same refund."
            report.problems.append(RowProblem(one.row, "refund_id", said, "Send each refund once."))
        else:
            stated.setdefault(one.refund_id, one)
    with app.database.write() as session:
        require_enabled(session, account)
        _keep(app, session, account, provider, list(stated.values()), report)
        body = report.answer()
        complete(session, idempotency, 200, body)
    return body


def _content(one: StatedRefund) -> tuple[Any, ...]:
    return (one.case_id, one.reference, one.amount_minor, one.currency, one.status, one.created_at)


def _keep(
    app: App, session: Session, account: Account, provider: str, stated: list[StatedRefund], report: _Report
) -> None:
    now, cases = app.clock.seconds(), _cases_of(session, account.address, stated)
    known = sql.known_refunds(session, account.id or 0, provider, [one.refund_id for one in stated])
    for one in stated:
        row = known.get(one.refund_id)
        case_id = cases.get(one.refund_id) or (row.case_id if row else None)  # its reference may be erased by now
        report.unclaimed += case_id is None
        status = row.status if row and one.status == "pending" else one.status  # none is pending again: an older file
        said: dict[str, Any] = {"amount_minor": one.amount_minor, "currency": one.currency, "status": status}
        said |= {"case_id": case_id, "created_at": one.created_at}
        if row is None:
            report.new += 1
            key: dict[str, Any] = {"account_id": account.id or 0, "provider": provider, "refund_id": one.refund_id}
            session.add(ProviderRefund(**key, **said, uploaded_at=now))
        elif all(getattr(row, name) == value for name, value in said.items()):
            report.unchanged += 1
        else:
            report.changed += 1
            row.sqlmodel_update({**said, "uploaded_at": now})
            session.add(row)


def _cases_of(session: Session, merchant: str, stated: Sequence[StatedRefund]) -> dict[str, str]:
    """The case of each refund, by its id: as the export names it, as the case's own record names the refund, or the one
    case of that reference."""
    named = sql.own_cases(session, merchant, [one.case_id for one in stated if one.case_id])
    found = {one.refund_id: one.case_id for one in stated if one.case_id in named and one.case_id}
    open_ids = {one.refund_id for one in stated if one.refund_id not in found}
    for case_id, canonical in sql.stated_refunds(session, merchant) if open_ids else ():
        reference = json.loads(canonical)["data"].get("reference")
        if reference in open_ids:
            found.setdefault(reference, case_id)
    left = [one for one in stated if one.refund_id not in found and one.reference]
    by_reference = sql.cases_by_reference(session, merchant, sorted({one.reference or "" for one in left}))
    for one in left:
        cases = by_reference.get(one.reference or "", [])
        if len(cases) == 1:
            found[one.refund_id] = cases[0]
    return found


# --- the comparison --------------------------------------------------------------------------------------------------


def differences(app: App, account: Account, only: Finding | None, cursor: str | None, limit: int) -> dict[str, Any]:
    """A page of the comparison, by case, and then the refunds of no case. A page may hold less than its limit where
    only one finding is asked for. Raises InvalidInput for a cursor that is none of ours."""
    with app.database.read() as session:
        units = list(_units(app, session, account, _read_place(cursor), limit + 1))
    shown = [item for _, item in units[:limit] if only is None or item["finding"] == only]
    return {"items": shown, "next_cursor": _write_place(units[limit - 1][0]) if len(units) > limit else None}


def summary(app: App, account: Account) -> dict[str, Any]:
    """How many of each finding there are, over all."""
    counts: Counter[str] = Counter()
    place: _Place = ("case", "", "")
    while True:
        with app.database.read() as session:
            part = list(_units(app, session, account, place, _PART))
        counts.update(item["finding"] for _, item in part)
        if len(part) < _PART:
            return {"findings": {name: counts[name] for name in FINDINGS}, "total": counts.total()}
        place = part[-1][0]


_Place = tuple[str, str, str]


def _units(
    app: App, session: Session, account: Account, place: _Place, limit: int
) -> Iterator[tuple[_Place, dict[str, Any]]]:
    """What is compared, each with its place, from a place on."""
    left = limit
    if place[0] == "case":
        rows = sql.cases_to_compare(session, account.address, place[1], limit)
        provided = sql.refunds_of_cases(session, [case.case_id for case, _ in rows])
        for case, chain in rows:
            item = _compared(app, session, case, chain, provided.get(case.case_id, []))
            yield ("case", case.case_id, ""), item
        left, place = limit - len(rows), ("refund", "", "")
    if left:
        for row in sql.unclaimed_refunds(session, account.id or 0, place[1:], left):
            yield ("refund", row.provider, row.refund_id), _unclaimed(row)


def _compared(
    app: App, session: Session, case: CaseRow, chain: ChainCase | None, provided: list[ProviderRefund]
) -> dict[str, Any]:
    owed = owed_by_provider(app, session, case, chain)
    said = [Provided(one.amount_minor, one.currency, one.status) for one in provided]
    return {
        "finding": judge(owed, case.currency, said),
        "case_id": case.case_id,
        "reference": case.reference,
        "state": chain.state if chain else State.REQUESTED.wire,
        "escrow": case.mode,
        "owed": {"amount": to_decimal(owed, case.currency), "currency": case.currency} if owed is not None else None,
        "provider_refunds": [provider_answer(one) for one in provided],
    }


def _unclaimed(row: ProviderRefund) -> dict[str, Any]:
    names = ("case_id", "reference", "state", "escrow", "owed")
    return {
        "finding": "missing_here",
        **dict.fromkeys(names),
        "provider_refunds": [provider_answer(row)],
    }


def owed_by_provider(app: App, session: Session, case: CaseRow, chain: ChainCase | None) -> int | None:
    """Minor units that the provider had to pay by the chain's outcome: all of it, less what the escrow paid or owes.
    None before there is an outcome."""
    if chain is None:
        return None
    state = state_of(chain.model_dump())
    if state.state is State.CLOSED:
        return 0
    if state.state not in _DECIDED:
        return None
    panel = panel_named(session, state.panel.version) if state.consumer_lost_appeal else None
    view = View(case, app.policies.by_id(case.policy_id), [], state, chain, panel)
    return max(0, view.expected - chain.to_consumer)


def _write_place(place: _Place) -> str:
    return base64url(json.dumps(place, separators=(",", ":"), ensure_ascii=False).encode())


def _read_place(cursor: str | None) -> _Place:
    if cursor is None:
        return ("case", "", "")
    try:
        kind, first, second = json.loads(from_base64url(cursor))
        if kind not in ("case", "refund") or not is_storable(first) or not is_storable(second):
            raise ValueError("no place")  # noqa: TRY301 - one answer for whatever is wrong with it
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(
            "This cursor is none of ours.", field="cursor", remedy="Send next_cursor as it was given, or none."
        ) from error
    return kind, first, second
