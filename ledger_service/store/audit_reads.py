"""SQL of the audit's first stage, which reads every event and every signed record once: columns, no objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from .outbox import chunks
from .tables import CaseRow, ChainEvent, RecordRow


class StoredEvent(NamedTuple):
    """`args` is JSON, if nobody changed it."""

    block_number: int
    log_index: int
    block_hash: str
    tx_hash: str
    contract: str
    name: str
    case_id: str | None
    args: str


class SignedRecord(NamedTuple):
    """A record and what its signer signed, as stored."""

    commitment: str
    record_id: str
    case_id: str
    kind: str
    role: str
    signer: str
    nonce: int
    valid_until: int
    grade: int
    share: int
    fee: int
    signature: bytes
    canonical: bytes


_EVENT: tuple[Any, ...] = tuple(getattr(ChainEvent, name) for name in StoredEvent._fields)
_SIGNED: tuple[Any, ...] = tuple(getattr(RecordRow, name) for name in SignedRecord._fields)


def events_between(session: Session, first: int, last: int) -> list[StoredEvent]:
    """Of the blocks `first` to `last`."""
    query = select(*_EVENT).where(ChainEvent.block_number >= first, ChainEvent.block_number <= last)
    return [StoredEvent(*row) for row in session.execute(query)]


def signed_records(session: Session, commitments: Sequence[str]) -> dict[str, SignedRecord]:
    """By commitment, of which a record has one of its own."""
    found = {}
    for some in chunks(commitments):
        for row in session.execute(select(*_SIGNED).where(col(RecordRow.commitment).in_(some))):
            found[row[0]] = SignedRecord(*row)
    return found


def cases_among(session: Session, case_ids: Iterable[str]) -> set[str]:
    """Those of the cases that are ours."""
    found: set[str] = set()
    for some in chunks(sorted(case_ids)):
        found |= set(session.exec(select(CaseRow.case_id).where(col(CaseRow.case_id).in_(some))))
    return found
