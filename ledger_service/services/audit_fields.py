"""The personal fields of a case: each can be opened, the indexes made of them are theirs, and after an erasure nothing
is left of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..domain.disclosures import read_disclosure
from ..domain.reading import Reading
from ..domain.vocabulary import Kind
from ..errors import LedgerError
from ..store.evidence_rows import CaseRows
from ..store.tables import Erasure
from .app import App
from .audit_problems import Problem, key_of
from .blind_indexes import consumer_index, tracking_index

_CODE, _EMAIL = "shipment.tracking_code", "consumer.email"
_BROKEN = (LedgerError, ValueError, TypeError, AttributeError)


def fields_unlike(app: App, rows: CaseRows, reading: Reading) -> Iterator[Problem]:
    """The fields that cannot be opened, each by its row, and the indexes that are not made of them. That nobody may see
    them yet, after a backup was restored, does not matter here: nothing of them is shown."""
    if rows.key is None:
        return
    case_id = rows.case.case_id
    try:
        secret = app.vault.unwrap_ungated(case_id, rows.key.wrapped)
    except _BROKEN:
        said = "The key of the case's personal fields cannot be opened: it was changed, or is another case's."
        yield Problem(said, case_id=case_id, check=1, table="case_keys", row=f"case_id {case_id}", column="wrapped")
        return
    opened = {record.record_id for record in rows.records if record.kind == Kind.REQUESTED.wire}
    values: dict[str, Any] = {}
    whole = True
    for row in rows.disclosures:
        try:
            disclosure = read_disclosure(app.vault.open(secret, row.digest, row.sealed).decode("ascii"))
            if row.record_id in opened:
                values[disclosure.name] = disclosure.value
        except _BROKEN:
            whole = False
            said = "A personal field cannot be opened: it, its digest or its key was changed."
            named: dict[str, Any] = {"case_id": case_id, "record_id": row.record_id, "check": 1}
            yield Problem(said, **named, table="disclosures", row=key_of(row), column="sealed, digest")
    for column in _wrong_indexes(app, rows, reading, values) if whole else []:
        said = f"The {column} of the case is not made of its personal fields: who looks for it finds another, or none."
        yield Problem(said, case_id=case_id, table="cases", row=f"case_id {case_id}", column=column)


def _wrong_indexes(app: App, rows: CaseRows, reading: Reading, values: dict[str, Any]) -> list[str]:
    """One of a consumer that is missing is made by the service itself, in time."""
    case, carrier = rows.case, reading.requested.get("carrier")
    code, email = values.get(_CODE), values.get(_EMAIL)
    parcel = tracking_index(app, case.account_id, str(carrier), str(code)) if carrier and code else None
    person = consumer_index(app, case.account_id, str(email)) if email else None
    wrong = [] if case.tracking_index == parcel else ["tracking_index"]
    return wrong if case.consumer_index in (None, person) else [*wrong, "consumer_index"]


def erased_in_part(rows: CaseRows, erasure: Erasure | None) -> Iterator[Problem]:
    """What an erasure leaves is the record of it and all fingerprints, and nothing personal."""
    case = rows.case
    named: dict[str, Any] = {"case_id": case.case_id, "row": f"case_id {case.case_id}"}
    said_so = [link for link in rows.links if link.kind == Kind.ERASED.wire]
    if case.erased_at is None:
        if said_so:
            said = "The chain says that this case was erased; its personal data is still here."
            yield Problem(said, **named, table="cases", column="erased_at")
        if erasure is not None:
            said = "It is noted as erased; its personal data is still here."
            yield Problem(said, **named, table="erasures")
        return
    left = [name for name in ("tracking_index", "consumer_index") if getattr(case, name) is not None]
    left += ["reference"] if case.reference else []
    if left:
        said = f"It was erased only in part: {', '.join(left)} still lead to a person."
        yield Problem(said, **named, table="cases", column=", ".join(left))
    for row in rows.disclosures:
        said = "It was erased only in part: this personal field, sealed, is still here."
        yield Problem(said, **{**named, "row": key_of(row)}, record_id=row.record_id, table="disclosures")
    if erasure is None or erasure.destroyed_at != case.erased_at:
        said = "It says that it was erased, and when; what was noted of the erasure says otherwise."
        yield Problem(said, **named, table="erasures", column="destroyed_at")
    stated = any(record.kind == Kind.ERASED.wire for record in rows.records)
    if rows.links and not stated and not said_so:
        said = "It was erased, and no record of anybody says so."
        yield Problem(said, **named, table="cases", column="erased_at")
