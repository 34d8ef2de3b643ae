"""Taking a record: sealed disclosures, row, receipt and outbox row, all in the caller's unit of work."""

from __future__ import annotations

import os
import uuid
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import Disclosure, make_disclosure
from ..domain.hashing import hex0x
from ..domain.messages import Act
from ..domain.records import Record
from ..domain.times import parse_moment, to_chain
from ..domain.vocabulary import Kind
from ..errors import Conflict
from ..store.accepted import insert_record
from ..store.cases import case_key, enqueue
from ..store.tables import DisclosureRow
from .app import App
from .receipts import receipt_answer, receipt_claims


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
    now, case_id = app.clock.seconds(), record.body["case_id"]
    claims = receipt_claims(app, record_id, record, now)
    receipt = app.tokens.sign("receipt+jwt", claims)
    insert_record(session, record_row(record_id, record, act, signature, receipt, now))
    seal_disclosures(app, session, case_id, record_id, disclosures, secret)
    action = "open" if record.kind is Kind.REQUESTED else "act"
    enqueue(session, action, record_id, now, case_id=case_id, record_id=record_id)
    return {
        "record_id": record_id,
        "case_id": case_id,
        "kind": record.kind.wire,
        "commitment": hex0x(record.commitment),
        "stage": "accepted",
        "receipt": receipt_answer(receipt, claims),
    }


def seal_disclosures(
    app: App, session: Session, case_id: str, record_id: str, disclosures: list[Disclosure], secret: bytes | None
) -> None:
    """Keeps the personal fields of a record or vote under the case's key. Raises Conflict once that was destroyed."""
    for disclosure in disclosures:
        if secret is None:
            raise Conflict("This case was erased.", field="case_id", remedy="It takes no more personal fields.")
        sealed = app.vault.seal(secret, disclosure.digest, disclosure.encoded.encode())
        session.add(DisclosureRow(case_id=case_id, record_id=record_id, digest=disclosure.digest, sealed=sealed))


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
