"""SQL of observations and of their log: taking them in, appending them to the tree, its tiles, checkpoints, anchors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, SQLModel, col, select

from ..errors import Conflict
from .cases import enqueue
from .outbox import chunks, rows_changed
from .tables import ChainAnchor, ChainCursor, DisclosureRow, LogCheckpoint, LogTile, ObservationRow, OutboxRow

_OBSERVATIONS = SQLModel.metadata.tables["observations"]
_TILES = SQLModel.metadata.tables["log_tiles"]
_CHECKPOINTS = SQLModel.metadata.tables["log_checkpoints"]

Tile = tuple[int, int]  # level and number
ANCHOR = "anchor"  # the outbox's action; its subject is the size


# --- taking them in --------------------------------------------------------------------------------------------------


def known_sources(session: Session, sources: Sequence[str]) -> set[str]:
    """Those of what comes from outside that were taken already."""
    found: set[str] = set()
    for some in chunks(sources):
        query = select(ObservationRow.source).where(col(ObservationRow.source).in_(some))
        found |= {source for source in session.exec(query) if source is not None}
    return found


def count_and_bytes_of_case(session: Session, case_id: str) -> tuple[int, int]:
    """How many observations a case has, and the bytes of their documents and of what is sealed of them."""
    ours = ObservationRow.case_id == case_id
    canonical = func.coalesce(func.sum(func.length(ObservationRow.canonical)), 0)
    count, written = session.exec(select(func.count(), canonical).select_from(ObservationRow).where(ours)).one()
    ids = select(ObservationRow.observation_id).where(ours)
    sealed = select(func.coalesce(func.sum(func.length(DisclosureRow.sealed)), 0)).where(
        DisclosureRow.case_id == case_id, col(DisclosureRow.record_id).in_(ids)
    )
    return count, int(written) + int(session.exec(sealed).one())


def page_of_case(session: Session, case_id: str, after: int, limit: int | None) -> Sequence[ObservationRow]:
    """In the order of acceptance, from behind `after` on."""
    query = select(ObservationRow).where(ObservationRow.case_id == case_id, col(ObservationRow.seq) > after)
    return session.exec(query.order_by(col(ObservationRow.seq)).limit(limit)).all()


def disclosures_of(session: Session, observation_ids: Sequence[str]) -> list[DisclosureRow]:
    """The sealed fields of observations."""
    found: list[DisclosureRow] = []
    for some in chunks(observation_ids):
        found += session.exec(select(DisclosureRow).where(col(DisclosureRow.record_id).in_(some))).all()
    return found


# --- the log's worker ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pending:
    """An observation that the log lacks."""

    seq: int
    commitment: str


def pending(session: Session, limit: int) -> list[Pending]:
    """Those that the log lacks, oldest first. What is not committed yet comes with a later batch."""
    table = _OBSERVATIONS.c
    query = select(table.seq, table.commitment).where(table.log_index.is_(None)).order_by(table.seq).limit(limit)
    return [Pending(*row) for row in session.execute(query).all()]


def newest_checkpoint(session: Session, most: int | None = None) -> LogCheckpoint | None:
    """The largest, or the largest of at most `most` entries."""
    query = select(LogCheckpoint).order_by(col(LogCheckpoint.size).desc()).limit(1)
    return session.exec(query if most is None else query.where(LogCheckpoint.size <= most)).first()


def checkpoint_of(session: Session, size: int) -> LogCheckpoint | None:
    return session.get(LogCheckpoint, size)


def locked_size(session: Session) -> int:
    """The log's size, which nobody else changes before this transaction ends. Only two that both begin the log are not
    kept apart here; the database refuses one of them then."""
    newest = select(LogCheckpoint.size).order_by(col(LogCheckpoint.size).desc()).limit(1)
    while True:
        locked = session.exec(newest.with_for_update()).first() or 0
        if (session.exec(newest).first() or 0) == locked:  # else another transaction has gone on meanwhile
            return locked


def log_size(session: Session) -> int:
    newest = newest_checkpoint(session)
    return newest.size if newest else 0


def tile(session: Session, level: int, number: int) -> bytes:
    """A tile's hashes; none where there is no such tile."""
    found = session.exec(select(LogTile.hashes).where(LogTile.level == level, LogTile.number == number)).first()
    return found or b""


def append(
    session: Session, size: int, entries: Sequence[Pending], tiles: Mapping[Tile, bytes], grown: LogCheckpoint
) -> None:
    """Keeps what appending made: the entries' places from `size` on, the tiles that changed, the checkpoint.

    Raises Conflict if an entry has a place by now; the database refuses a second one at a place, and a second
    checkpoint of one size.
    """
    start = size
    for some in chunks(entries):
        chosen = _OBSERVATIONS.c.seq.in_([entry.seq for entry in some]) & _OBSERVATIONS.c.log_index.is_(None)
        place = func.row_number().over(order_by=_OBSERVATIONS.c.seq).label("place")
        numbered = select(_OBSERVATIONS.c.seq, place).where(chosen).subquery()
        here = _OBSERVATIONS.c.seq == numbered.c.seq
        placed = update(_OBSERVATIONS).where(here).values(log_index=start - 1 + numbered.c.place)
        if rows_changed(session, placed) != len(some):
            raise Conflict("Another worker appends to the log.", remedy="Nothing is to be done: it goes on over there.")
        start += len(some)
    _put_tiles(session, tiles)
    session.execute(insert(_CHECKPOINTS).values(**grown.model_dump()))


def _put_tiles(session: Session, tiles: Mapping[Tile, bytes]) -> None:
    dialect_insert: Any = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = dialect_insert(_TILES)
    changed = statement.on_conflict_do_update(
        index_elements=["level", "number"], set_={"hashes": statement.excluded.hashes}
    )
    rows = [{"level": level, "number": number, "hashes": hashes} for (level, number), hashes in tiles.items()]
    session.execute(changed, rows)


def entries(session: Session, first: int, count: int) -> list[str]:
    """Commitments by their place in the log."""
    query = select(ObservationRow.commitment).where(col(ObservationRow.log_index).between(first, first + count - 1))
    return list(session.exec(query.order_by(col(ObservationRow.log_index))))


def entry(session: Session, *, index: int | None = None, commitment: str | None = None) -> tuple[int, str] | None:
    """Place and commitment of an entry; None for what the log has not."""
    query = select(ObservationRow.log_index, ObservationRow.commitment)
    named = ObservationRow.log_index == index if commitment is None else ObservationRow.commitment == commitment
    found = session.exec(query.where(named, col(ObservationRow.log_index).is_not(None))).first()
    return (found[0] or 0, found[1]) if found is not None else None


# --- anchors ---------------------------------------------------------------------------------------------------------


def anchor_under_way(session: Session) -> bool:
    """Whether a checkpoint is asked to be anchored and is not yet."""
    undone = select(OutboxRow.id).where(OutboxRow.action == ANCHOR, col(OutboxRow.done).is_(False))
    return session.exec(undone.limit(1)).first() is not None


def last_asked(session: Session) -> LogCheckpoint | None:
    """The largest checkpoint that was ever asked to be anchored."""
    asked = select(LogCheckpoint).where(col(LogCheckpoint.anchor_asked_at).is_not(None))
    return session.exec(asked.order_by(col(LogCheckpoint.size).desc()).limit(1)).first()


def ask_for_anchor(session: Session, size: int, now: int) -> None:
    """Asks the submitter to anchor a checkpoint; once is enough."""
    session.execute(update(_CHECKPOINTS).where(_CHECKPOINTS.c.size == size).values(anchor_asked_at=now))
    enqueue(session, ANCHOR, str(size), now)


def newest_anchor(session: Session) -> ChainAnchor | None:
    return session.exec(select(ChainAnchor).order_by(col(ChainAnchor.size).desc()).limit(1)).first()


def anchors_over(session: Session, indices: Sequence[int]) -> list[ChainAnchor]:
    """The first anchor over each of these entries, which are in order; each anchor once, the smallest first."""
    found: list[ChainAnchor] = []
    for index in indices:
        if not found or found[-1].size <= index:
            anchor = anchor_over(session, index)
            if anchor is None:
                break
            found.append(anchor)
    return found


def anchor_over(session: Session, index: int) -> ChainAnchor | None:
    """The first anchor that covers an entry."""
    query = select(ChainAnchor).where(ChainAnchor.size > index).order_by(col(ChainAnchor.size)).limit(1)
    return session.exec(query).first()


def block_read(session: Session) -> int:
    """The newest block that was read."""
    return session.exec(select(func.max(ChainCursor.block_number))).one() or 0
