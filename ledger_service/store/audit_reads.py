"""SQL of the audit: every event and every signed record once, as columns; and what the index has of others' cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import exists
from sqlmodel import Session, col, select, union

from .chain_facts import panels_by_version
from .evidence_rows import cursor, ours_among
from .outbox import chunks
from .tables import (
    CaseRow,
    ChainBalance,
    ChainCase,
    ChainCursor,
    ChainEvent,
    ChainPanel,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    Erasure,
    RecordRow,
)


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


@dataclass(slots=True)
class StrangerRows:
    """What the index has of a case that is not ours; the names are those of `CaseRows`."""

    on_chain: ChainCase | None = None
    links: list[ChainRecord] = field(default_factory=list)
    refusals: list[ChainRefusal] = field(default_factory=list)
    events: list[ChainEvent] = field(default_factory=list)
    counted: list[ChainVote] = field(default_factory=list)
    panels: list[ChainPanel] = field(default_factory=list)
    sent: set[str] = field(default_factory=set)


# What a case has many of on the chain: table, attribute of `StrangerRows`, order.
_LISTS: tuple[tuple[Any, str, tuple[Any, ...]], ...] = (
    (ChainRecord, "links", (col(ChainRecord.position),)),
    (ChainRefusal, "refusals", (col(ChainRefusal.block_number), col(ChainRefusal.log_index))),
    (ChainEvent, "events", (col(ChainEvent.block_number), col(ChainEvent.log_index))),
    (ChainVote, "counted", (col(ChainVote.block_number), col(ChainVote.log_index))),
)


def strangers_after(session: Session, after: str, limit: int) -> dict[str, StrangerRows]:
    """By case, in their order, what the index has of the next cases that are not ours."""
    tables = (ChainCase, ChainEvent, ChainRecord, ChainRefusal, ChainVote)
    some = (
        select(table.case_id)
        .where(col(table.case_id) > after, ~exists().where(col(CaseRow.case_id) == col(table.case_id)))
        .group_by(col(table.case_id))
        .order_by(col(table.case_id))
        .limit(limit)
        .subquery()
        for table in tables
    )
    named = sorted(session.execute(union(*(select(found.c.case_id) for found in some))).scalars())[:limit]
    panels = list(session.exec(select(ChainPanel))) if named else []
    rows = {case_id: StrangerRows(panels=panels) for case_id in named}
    for state in session.exec(select(ChainCase).where(col(ChainCase.case_id).in_(named))):
        rows[state.case_id].on_chain = state
    for table, name, order in _LISTS:
        for row in session.exec(select(table).where(col(table.case_id).in_(named)).order_by(*order)):
            getattr(rows[row.case_id], name).append(row)
    for row in rows.values():
        row.sent = ours_among(session, {event.tx_hash for event in row.events})
    return rows


def erasures_of(session: Session, case_ids: Sequence[str]) -> dict[str, Erasure]:
    """By case, what was noted of erasures; of some hundred cases at most."""
    found = session.exec(select(Erasure).where(col(Erasure.case_id).in_(case_ids)))
    return {erasure.case_id: erasure for erasure in found}


def shared_facts(session: Session) -> tuple[ChainCursor | None, list[dict[str, Any]], list[dict[str, Any]]]:
    """How far the chain was read, and the index's balances and panels, which belong to no case."""
    balances = [row.model_dump() for row in session.exec(select(ChainBalance))]
    return cursor(session), balances, list(panels_by_version(session).values())


def events_between(
    session: Session, first: int, last: int, case_id: str | None = None, name: str | None = None
) -> list[StoredEvent]:
    """Of the blocks `first` to `last`; of one case and of one name, or all."""
    query = select(*_EVENT).where(ChainEvent.block_number >= first, ChainEvent.block_number <= last)
    if case_id is not None:
        query = query.where(ChainEvent.case_id == case_id)
    if name is not None:
        query = query.where(ChainEvent.name == name)
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
