"""Taking a record: sealed disclosures, row, receipt and outbox row, all in the caller's unit of work."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import Disclosure, make_disclosure
from ..domain.hashing import hex0x
from ..domain.messages import Act
from ..domain.records import Record
from ..domain.times import parse_moment, to_chain
from ..domain.vocabulary import Kind
from ..errors import Conflict
from ..store.accepted import Row, insert_many
from ..store.cases import case_key
from ..store.tables import DisclosureRow, OutboxRow, RecordRow
from .app import App
from .receipts import receipt_answer, receipt_claims


@dataclass(frozen=True, slots=True)
class Taken:
    """A record that is taken once its rows are kept, and the 202 body that answers it."""

    record: Row
    outbox: Row
    disclosures: list[Row]
    body: dict[str, Any]


def new_record_id() -> str:
    return f"rec_{uuid.uuid4().hex}"


def fresh_disclosures(values: dict[str, Any]) -> list[Disclosure]:
    """A salted disclosure for each value that is there."""
    return [make_disclosure(os.urandom(16), name, value) for name, value in values.items() if value is not None]


def case_secret(app: App, session: Session, case_id: str) -> bytes | None:
    """The key of a case's disclosures; None once they were erased."""
    row = case_key(session, case_id)
    return app.vault.unwrap(case_id, row.wrapped) if row else None


def accept_record(
    app: App,
    session: Session,
    *,
    record_id: str,
    record: Record,
    act: Act,
    signature: bytes,
    disclosures: list[Disclosure],
    secret: bytes | None,
) -> dict[str, Any]:
    """Keeps a record whose signature was checked, and asks for it to be written to the chain. Answers the 202 body."""
    sealed = sealed_rows(app, record.body["case_id"], record_id, disclosures, secret)
    taken = take_record(app, record_id, record, act, signature, sealed)
    keep_records(session, [taken])
    return taken.body


def take_record(app: App, record_id: str, record: Record, act: Act, signature: bytes, disclosures: list[Row]) -> Taken:
    """A record whose signature was checked, with its receipt, and the work of writing it to the chain. Nothing is kept
    yet: `keep_records` does that, for many at a time."""
    now, case_id = app.clock.seconds(), record.body["case_id"]
    claims = receipt_claims(app, record_id, record, now)
    receipt = app.tokens.sign("receipt+jwt", claims)
    body = {
        "record_id": record_id,
        "case_id": case_id,
        "kind": record.kind.wire,
        "commitment": claims["commitment"],
        "stage": "accepted",
        "receipt": receipt_answer(receipt, claims),
    }
    outbox = {
        "action": "open" if record.kind is Kind.REQUESTED else "act",
        "subject": record_id,
        "case_id": case_id,
        "record_id": record_id,
        "created_at": now,
        "done": False,
    }
    return Taken(record_row(record_id, record, act, signature, receipt, now), outbox, disclosures, body)


def keep_records(session: Session, taken: Sequence[Taken]) -> None:
    """In the order in which they were taken, which is the order in which they are sent."""
    insert_many(session, RecordRow, [each.record for each in taken])
    insert_many(session, DisclosureRow, [row for each in taken for row in each.disclosures])
    insert_many(session, OutboxRow, [each.outbox for each in taken])


def seal_disclosures(
    app: App, session: Session, case_id: str, record_id: str, disclosures: list[Disclosure], secret: bytes | None
) -> None:
    """Keeps the personal fields of a record or vote under the case's key. Raises Conflict once that was destroyed."""
    insert_many(session, DisclosureRow, sealed_rows(app, case_id, record_id, disclosures, secret))


def sealed_rows(
    app: App, case_id: str, record_id: str, disclosures: list[Disclosure], secret: bytes | None
) -> list[Row]:
    """The personal fields of a record or vote under the case's key. Raises Conflict once that was destroyed."""
    if secret is None and disclosures:
        raise Conflict("This case was erased.", field="case_id", remedy="It takes no more personal fields.")
    return [
        {
            "case_id": case_id,
            "record_id": record_id,
            "digest": disclosure.digest,
            "sealed": app.vault.seal(secret or b"", disclosure.digest, disclosure.encoded.encode()),
        }
        for disclosure in disclosures
    ]


def record_row(
    record_id: str, record: Record, act: Act, signature: bytes, receipt: str, accepted_at: int
) -> dict[str, Any]:
    """The columns of an accepted record."""
    return {
        "record_id": record_id,
        "case_id": record.body["case_id"],
        "kind": record.kind.wire,
        "role": record.role.wire,
        "signer": record.body["signer"],
        "key_holder": record.body["key"],
        "canonical": record.canonical,
        "commitment": hex0x(record.commitment),
        "nonce": act.nonce,
        "valid_until": act.valid_until,
        "grade": act.grade,
        "share": act.share,
        "fee": act.fee,
        "signature": signature,
        "occurred_at": to_chain(parse_moment(record.body["occurred_at"], field="occurred_at")),
        "accepted_at": accepted_at,
        "receipt": receipt,
    }
