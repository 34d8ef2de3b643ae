"""Observations that an actor signs with a key of its own.

Nothing is kept until the signature comes back with all of it, so what was never signed leaves no trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ..domain.disclosures import Disclosure, read_disclosure
from ..domain.observations import KINDS
from ..domain.records import Record, record_of
from ..domain.row_checks import BROKEN, shape_problem
from ..domain.times import parse_moment
from ..domain.vocabulary import Role
from ..errors import InvalidInput, LedgerError
from ..store.tables import CaseRow
from .app import App
from .inputs import Text, Word
from .observation_data import ObservationInput, read_observed, role_of
from .times import check_occurred

_PERSONAL = TypeAdapter(dict[Word, Text])  # what `prepare` takes


def read_signed(
    app: App, case: CaseRow, address: str, roles: Sequence[Role], request: ObservationInput
) -> tuple[Record, list[Disclosure]]:
    """The document that was signed and its disclosures, judged as if the service had drawn it up. Raises Forbidden or
    InvalidInput."""
    if request.kind or request.data or request.personal or request.role or request.occurred_at:
        raise InvalidInput(
            "A record that was signed says all of this itself.",
            field="record",
            remedy="Send record, disclosures and signature alone.",
        )
    if request.signature is None:
        raise InvalidInput("The record is not signed.", field="signature", remedy="Sign the typed data, and send that.")
    try:
        record = record_of((request.record or "").encode("utf-8"))
        disclosures = [read_disclosure(text) for text in request.disclosures]
    except (ValueError, LedgerError) as error:
        raise _unlike("They cannot be read.") from error
    body = record.body
    try:
        problem = shape_problem(body, case.case_id, body["kind"] in KINDS)
    except BROKEN:
        raise _unlike("The record is not in its form.") from None
    if problem is None and (body["signer"], body["key"]) != (address, "own"):
        problem = "It names another signer."
    if problem is None and sorted(one.digest for one in disclosures) != body["_sd"]:
        problem = "The disclosures are not those that it lists."
    if problem is not None:
        raise _unlike(problem)
    _check_content(app, roles, body, disclosures)
    return record, disclosures


def _check_content(app: App, roles: Sequence[Role], body: dict[str, Any], disclosures: Sequence[Disclosure]) -> None:
    kind = str(body["kind"])
    role_of(roles, kind, str(body["role"]))
    sealed = {one.name: one.value for one in disclosures}
    if len(sealed) != len(disclosures):
        raise _unlike("Two disclosures have one name.")
    try:
        _PERSONAL.validate_python(sealed)
    except ValidationError:
        raise _unlike("A disclosure is no text of at most 2000 characters, or its name is none.") from None
    stands, _ = read_observed(kind, body["data"], sealed)
    if stands != body["data"]:
        raise _unlike("It says in the open what is to be sealed.")
    check_occurred(app, parse_moment(body["occurred_at"], field="occurred_at"), field="record")


def _unlike(why: str) -> InvalidInput:
    return InvalidInput(
        f"This is no observation as `prepare` draws it up. {why}",
        field="record",
        remedy="Send record and disclosures as …/observations/prepare answered them.",
    )
