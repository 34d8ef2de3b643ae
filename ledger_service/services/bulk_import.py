"""Many returns at once: first a preview, in which nothing is written, then the same file again to open them.

A row is known by its reference: sent again it opens nothing, also in another file. The preview's id is a hash of what
was previewed, so that what is opened is what was looked at.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session

from ..domain.case_rows import column_of, read_rows
from ..domain.money import to_decimal
from ..domain.vocabulary import Mode
from ..errors import Conflict, LedgerError
from ..store.cases import known_sources
from ..store.imports import refused_sources
from ..store.tables import Account
from .app import App
from .idempotency import IdempotencyClaim, complete
from .importing import open_once
from .inputs import CaseInput
from .opening import check_request
from .sources import ERASED, erased_source


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that can be opened, or why it cannot. Rows count from 1."""

    number: int
    request: CaseInput | None
    problems: list[dict[str, Any]]


def preview(app: App, account: Account, data: bytes, *, is_csv: bool) -> dict[str, Any]:
    """What an import would do: how many rows would open a case, which are known, and what is wrong with the others.
    Raises InvalidInput for a file that is none."""
    content = read_rows(data, is_csv=is_csv)
    with app.database.read() as session:
        rows = _checked(app, session, account, content, is_csv=is_csv)
        known = _known(app, session, account, rows)
        needed = _needed(app, session, account, [row for row in rows if row.number not in known])
    return {
        "preview_id": _hash(account, content),
        "rows": len(rows),
        "to_open": sum(row.request is not None and row.number not in known for row in rows),
        "known": sorted(known),
        "needed": needed,
        "problems": [problem for row in rows for problem in row.problems],
    }


def confirm(
    app: App,
    account: Account,
    data: bytes,
    preview_id: str,
    *,
    is_csv: bool,
    idempotency: IdempotencyClaim | None = None,
) -> dict[str, Any]:
    """Opens what was previewed, each row in a unit of work of its own; rows that cannot be opened are told, and the
    others are. Raises Conflict where this is not what was previewed."""
    content = read_rows(data, is_csv=is_csv)
    if _hash(account, content) != preview_id:
        raise Conflict(
            "This is not what was previewed.", field="preview_id", remedy="Ask for its preview, and send that id."
        )
    with app.database.read() as session:
        rows = _checked(app, session, account, content, is_csv=is_csv)
    answer: dict[str, Any] = {"opened": [], "known": [], "problems": []}
    for row in rows:
        if row.request is None:
            answer["problems"] += row.problems
            continue
        try:
            case_id = open_once(app, account, row.request, _source(account, row.request.reference))
        except LedgerError as error:
            answer["problems"].append(_problem(row.number, error, is_csv=is_csv))
            continue
        if case_id is None:
            answer["known"].append(row.number)
        else:
            answer["opened"].append({"row": row.number, "reference": row.request.reference, "case_id": case_id})
    with app.database.write() as session:
        complete(session, idempotency, 200, answer)
    return answer


def _source(account: Account, reference: str) -> str:
    return f"{_prefix(account)}{reference}"


def _prefix(account: Account) -> str:
    return f"import:{account.id}:"


def _hash(account: Account, content: list[Any]) -> str:
    text = json.dumps([account.id, content], sort_keys=True, separators=(",", ":"))
    return "imp_" + hashlib.sha256(text.encode()).hexdigest()


def _checked(app: App, session: Session, account: Account, content: list[Any], *, is_csv: bool) -> list[_Row]:
    rows, seen = [], set()
    for number, value in enumerate(content, 1):
        row = _read(app, session, account, number, value, is_csv=is_csv)
        if row.request is not None and row.request.reference in seen:
            again = Conflict("This reference stands in a row before.", field="reference", remedy="Send each row once.")
            row = _Row(number, None, [_problem(number, again, is_csv=is_csv)])
        if row.request is not None:
            seen.add(row.request.reference)
        rows.append(row)
    return rows


def _read(app: App, session: Session, account: Account, number: int, value: Any, *, is_csv: bool) -> _Row:
    try:
        request = CaseInput.model_validate(value)
        check_request(app, session, account, request)
    except ValidationError as error:
        return _Row(number, None, [_invalid(number, one, is_csv=is_csv) for one in error.errors(include_url=False)])
    except LedgerError as error:
        return _Row(number, None, [_problem(number, error, is_csv=is_csv)])
    return _Row(number, request, [])


def _invalid(number: int, error: Any, *, is_csv: bool) -> dict[str, Any]:
    path = ".".join(str(part) for part in error["loc"])
    missing = error["type"] == "missing"
    return {
        "row": number,
        "field": column_of(path, is_csv=is_csv) or "row",
        "error": "This is missing." if missing else f"{error['msg']}.",
        "remedy": "Add it." if missing else "Correct it; /openapi.json says what `POST /v1/cases` takes.",
    }


def _problem(number: int, error: LedgerError, *, is_csv: bool) -> dict[str, Any]:
    field = column_of(error.field or "row", is_csv=is_csv)
    return {"row": number, "field": field, "error": error.detail, "remedy": error.remedy or ""}


def _known(app: App, session: Session, account: Account, rows: list[_Row]) -> set[int]:
    """The rows whose case was opened by an import before, and those of cases that were erased since."""
    prefix = _prefix(account)
    known = known_sources(session, prefix) - refused_sources(session, prefix)
    erased = known_sources(session, ERASED)
    named = {row.number: _source(account, row.request.reference) for row in rows if row.request is not None}
    return {number for number, source in named.items() if source in known or erased_source(app, source) in erased}


def _needed(app: App, session: Session, account: Account, rows: list[_Row]) -> list[dict[str, str]]:
    """What the rows would lock, by currency: an import does not ask whether the balance covers it."""
    sums: Counter[str] = Counter()
    for row in rows:
        if row.request is not None:
            _, mode, _, money, _ = check_request(app, session, account, row.request)
            if mode is not Mode.NONE:
                sums[money.currency] += money.refund + money.freight + money.reserve
    return [{"amount": to_decimal(minor, currency), "currency": currency} for currency, minor in sorted(sums.items())]
