"""Imports: a file's returns become cases, each once, and every line that became none is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from ..domain.money import to_decimal
from ..domain.online_retail import CURRENCY, CreditNote, LeftLine, read_credit_notes
from ..errors import Conflict, InvalidInput, LedgerError
from ..store.cases import known_sources
from ..store.imports import refused_sources
from ..store.tables import Account
from .app import App
from .inputs import CaseInput, ConsumerInput
from .opening import open_case
from .sources import ERASED, erased_source

Escrow = Literal["refund", "bond", "none"]


@dataclass(slots=True)
class ImportReport:
    """What became of a file. `left` are the lines that are in no case, `refused` the notes that could not be opened."""

    lines: int
    left: tuple[LeftLine, ...]
    opened: dict[str, str] = field(default_factory=dict)  # note number: case id
    known: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    lines_in_cases: int = 0
    total_minor: int = 0


def import_online_retail(
    app: App,
    account: Account,
    data: bytes,
    *,
    escrow: Escrow = "none",
    email: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Opens a case for each credit note of the file that was not imported before.

    `email` is a template with `{customer}` for the notes that name a customer; the others get none, and without one
    only escrow none opens. A note whose opening the contract refused is opened again. Raises InvalidInput for a file
    that is no such file; a note that cannot be opened is reported and the rest goes on.
    """
    parsed = read_credit_notes(data)
    report = ImportReport(lines=parsed.lines, left=parsed.left)
    prefix = f"online-retail:{account.id}:"
    if email is not None:
        _check_template(email)
    with app.database.read() as session:
        known = known_sources(session, prefix) - refused_sources(session, prefix)
        erased = known_sources(session, ERASED)
    for done, note in enumerate(parsed.notes):
        if progress:
            progress(done, len(parsed.notes))
        is_known = prefix + note.number in known or erased_source(app, prefix + note.number) in erased
        refusal = None if is_known else _open(app, account, note, prefix, escrow, email, report)
        if refusal is not None:
            report.refused[note.number] = refusal
            continue
        if note.number not in report.opened:
            report.known.append(note.number)
        report.lines_in_cases += len(note.lines)
        report.total_minor += note.total
    if progress:
        progress(len(parsed.notes), len(parsed.notes))
    return report


def _open(
    app: App,
    account: Account,
    note: CreditNote,
    prefix: str,
    escrow: Escrow,
    email: str | None,
    report: ImportReport,
) -> str | None:
    """Opens a note's case and notes it in the report; answers why it was refused. One that is open already is none."""
    try:
        case_id = open_once(app, account, _case(note, escrow, email), prefix + note.number)
    except LedgerError as error:
        return str(error)
    if case_id is not None:
        report.opened[note.number] = case_id
    return None


def open_once(app: App, account: Account, request: CaseInput, source: str) -> str | None:
    """Opens a row's case, by the name that the import has for the row; its id, or None where it was opened before, or
    by another import just now. Raises as `open_case`."""
    try:
        return str(open_case(app, account, request, source=source)["case_id"])
    except Conflict as error:
        if error.field == "source":
            return None
        raise


def _check_template(email: str) -> None:
    try:
        ConsumerInput(email=email.replace("{customer}", "1"))
    except ValidationError as error:
        raise InvalidInput(
            f"{email!r} makes no e-mail addresses.", field="--email", remedy="Write such as c-{customer}@shop.example."
        ) from error


def _case(note: CreditNote, escrow: Escrow, email: str | None) -> CaseInput:
    address = email.replace("{customer}", note.customer) if email and note.customer else None
    return CaseInput.model_validate(
        {
            "reference": note.number,
            "consumer": {"country": note.country, "customer_number": note.customer, "email": address},
            "items": [
                {
                    "sku": line.sku,
                    "description": line.description,
                    "quantity": line.quantity,
                    "unit_price": to_decimal(line.unit_price, CURRENCY),
                }
                for line in note.lines
            ],
            "refund": {"amount": to_decimal(note.total, CURRENCY), "currency": CURRENCY},
            "policy": note.policy,
            "escrow": escrow,
            "requested_at": note.issued_at,
        }
    )
