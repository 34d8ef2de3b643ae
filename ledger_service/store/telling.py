"""SQL of going through the read model for what is to be told, and of what was told and is no longer so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, or_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col, select

from .ours import RECORDED, REJECTED
from .outbox import chunks
from .stages import head_block
from .tables import (
    CaseRow,
    ChainBlock,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    Mail,
    RecordRow,
    TellingCursor,
    WebhookEvent,
)

Place = tuple[int, int]  # block number and log index
Source = type[ChainRecord] | type[ChainRefusal] | type[ChainVote]
DEEPEST = 64  # blocks, at least, that reading goes back after a reorg
_BEFORE_ALL = (-1, -1)


@dataclass(frozen=True, slots=True)
class Reading:
    """Where the reading of a source stands. `undone`: what was read last is not on the chain any more."""

    place: Place
    undone: bool


def read_place(session: Session, source: str) -> Reading:
    """Before all where nothing of the source was there to be told yet."""
    cursor = session.get(TellingCursor, source)
    if cursor is None:
        return Reading(_BEFORE_ALL, undone=False)
    place = cursor.block_number, cursor.log_index
    if cursor.block_hash is None:
        return Reading(place, undone=False)
    block = session.get(ChainBlock, cursor.block_number)
    return Reading(place, undone=block is None or block.hash != cursor.block_hash)


def keep_place(session: Session, source: str, place: Place, block_hash: str | None) -> None:
    """`block_hash` is that of the row last read, None where reading merely went back to here."""
    values = {"source": source, "block_number": place[0], "log_index": place[1], "block_hash": block_hash}
    changed = {name: value for name, value in values.items() if name != "source"}
    statement = insert_for(session)(TellingCursor).values(**values)
    session.execute(statement.on_conflict_do_update(index_elements=["source"], set_=changed))


def rows_after(
    session: Session, table: Source, place: Place, up_to: int, limit: int
) -> Sequence[tuple[Any, str | None]]:
    """Rows of the read model behind this place, in the chain's order, of blocks up to `up_to`, each with the hash of
    its block as it was in that very moment."""
    block, index = place
    behind = or_(col(table.block_number) > block, and_(col(table.block_number) == block, col(table.log_index) > index))
    # The first condition says nothing new, but gives the index's order: without it SQLite reads and sorts all that is
    # behind, for one row of it.
    query = (
        select(table, ChainBlock.hash)
        .join(ChainBlock, col(ChainBlock.number) == col(table.block_number), isouter=True)
        .where(col(table.block_number) >= block, behind, col(table.block_number) <= up_to)
        .order_by(col(table.block_number), col(table.log_index))
    )
    return session.exec(query.limit(limit)).all()


# --- what is no longer so --------------------------------------------------------------------------------------------


def mark_missing(session: Session, above: int, now: int) -> None:
    """Notes of all that was told of blocks above `above`, and is not on the chain now, that it is missing."""
    for table in (Mail, WebhookEvent):
        told = and_(col(table.block_number) > above, col(table.corrected).is_(False))
        gone = and_(told, col(table.missing_since).is_(None), ~_stands(table))
        session.execute(update(table).where(gone).values(missing_since=now))


def unmark_found(session: Session) -> None:
    """What is on the chain again as it was told needs no correction."""
    for table in (Mail, WebhookEvent):
        back = and_(col(table.missing_since).is_not(None), _stands(table))
        session.execute(update(table).where(back).values(missing_since=None))


def missing_mails(session: Session, before: int, now: int, limit: int) -> Sequence[Mail]:
    """Mails about records which have been missing since `before`, whether they went out or not; without those that are
    going out right now, and locked, so that none of them begins to."""
    gone = _missing(session, Mail, before, now)
    return session.exec(select(Mail).where(gone).order_by(col(Mail.id)).limit(limit).with_for_update()).all()


def missing_events(session: Session, before: int, now: int, limit: int) -> Sequence[WebhookEvent]:
    gone = _missing(session, WebhookEvent, before, now)
    return session.exec(select(WebhookEvent).where(gone).order_by(col(WebhookEvent.id)).limit(limit)).all()


def is_anything_missing(session: Session, before: int, now: int) -> bool:
    """Whether there is anything that has been missing since `before`."""
    tables: tuple[type[Mail] | type[WebhookEvent], ...] = (Mail, WebhookEvent)
    return any(
        session.exec(select(table.id).where(_missing(session, table, before, now)).limit(1)).first() is not None
        for table in tables
    )


def go_back(session: Session, common: int, now: int) -> None:
    """Before the index is made anew, where the chain went another way after block `common`: what was told of later
    blocks is missing unless it is read again, and reading goes on from there. It is given a day to come back, in case
    the rebuild is killed; `miss_from_now_on` ends that."""
    for cursor in session.exec(select(TellingCursor).where(col(TellingCursor.block_number) > common)).all():
        keep_place(session, cursor.source, (max(common - DEEPEST, -1), -1), None)
    for table in (Mail, WebhookEvent):
        told = and_(col(table.block_number) > common, col(table.corrected).is_(False))
        session.execute(update(table).where(told).values(missing_since=now + _PATIENCE))


def miss_from_now_on(session: Session, now: int) -> None:
    """The index is made anew: what was told and did not come back has been missing since now."""
    unmark_found(session)
    for table in (Mail, WebhookEvent):
        session.execute(update(table).where(col(table.missing_since) > now).values(missing_since=now))


_PATIENCE = 86_400  # seconds after which a chain that has become shorter is believed; no rebuild takes that long


def _missing(session: Session, table: type[Mail] | type[WebhookEvent], before: int, now: int) -> Any:
    """Only what the index has come past again: while it is rebuilt, nothing is missing that was not read yet."""
    read = or_(col(table.block_number) <= head_block(session), col(table.missing_since) <= now - _PATIENCE)
    gone = and_(col(table.missing_since) <= before, col(table.corrected).is_(False), read)
    return and_(gone, col(Mail.claimed_until) <= now) if table is Mail else gone


def _stands(table: type[Mail] | type[WebhookEvent]) -> Any:
    """Whether the record is on the chain with the head that it was told with; or the vote, which has no head."""
    head = col(Mail.head) if table is Mail else col(WebhookEvent.about)
    record = exists().where(
        col(ChainRecord.case_id) == col(table.case_id),
        col(ChainRecord.position) == col(table.position),
        col(ChainRecord.head) == head,
    )
    vote = exists().where(col(ChainVote.case_id) == col(table.case_id), col(ChainVote.commitment) == head)
    return record if table is Mail else or_(record, vote)


def insert_for(session: Session) -> Any:
    """The `insert` of the session's database, which knows what to do on a conflict."""
    return sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert


# --- what a row of the read model is about ---------------------------------------------------------------------------


def cases_of(session: Session, case_ids: Iterable[str]) -> dict[str, CaseRow]:
    """The cases of ours among these."""
    found: dict[str, CaseRow] = {}
    for some in chunks(sorted(set(case_ids))):
        found |= {row.case_id: row for row in session.exec(select(CaseRow).where(col(CaseRow.case_id).in_(some)))}
    return found


def records_of(session: Session, links: Sequence[ChainRecord]) -> dict[tuple[str, int], RecordRow]:
    """By case and position the record of ours that stands there."""
    found: dict[tuple[str, int], RecordRow] = {}
    for some in chunks(sorted({link.commitment for link in links})):
        query = select(ChainRecord, RecordRow).join(RecordRow, RECORDED).where(col(ChainRecord.commitment).in_(some))
        found |= {(link.case_id, link.position): record for link, record in session.exec(query)}
    return found


def last_refusals(session: Session, refusals: Sequence[ChainRefusal]) -> list[ChainRefusal]:
    """Those that no other of the same follows: of several, the last is for good."""
    last: dict[tuple[str, str], Place] = {}
    for some in chunks(sorted({refusal.commitment for refusal in refusals})):
        for row in session.exec(select(ChainRefusal).where(col(ChainRefusal.commitment).in_(some))):
            named, place = (row.case_id, row.commitment), (row.block_number, row.log_index)
            last[named] = max(last.get(named, place), place)
    return [row for row in refusals if last[row.case_id, row.commitment] == (row.block_number, row.log_index)]


def refused_records(session: Session, refusals: Sequence[ChainRefusal]) -> dict[tuple[str, str], RecordRow]:
    """By case and commitment, those that were refused for good."""
    found: dict[tuple[str, str], RecordRow] = {}
    for some in chunks(sorted({refusal.commitment for refusal in refusals})):
        over = exists().where(REJECTED) & ~exists().where(RECORDED)
        rows = session.exec(select(RecordRow).where(col(RecordRow.commitment).in_(some), over))
        found |= {(row.case_id, row.commitment): row for row in rows}
    return found
