"""SQL of the log's audit, which goes through everything once, in parts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, or_
from sqlmodel import Session, col, select

from ..domain.vocabulary import Kind
from .outbox import chunks
from .tables import CaseRow, ChainAnchor, ChainEvent, DisclosureRow, LogCheckpoint, LogTile, ObservationRow, RecordRow


def with_cases(
    session: Session, after: int, limit: int, case_id: str | None = None
) -> Sequence[tuple[ObservationRow, CaseRow]]:
    """Observations and their cases, in the order of acceptance from behind `after` on; with `case_id`, of one case."""
    query = select(ObservationRow, CaseRow).join(CaseRow, col(CaseRow.case_id) == col(ObservationRow.case_id))
    if case_id is not None:
        query = query.where(ObservationRow.case_id == case_id)
    return session.exec(
        query.where(col(ObservationRow.seq) > after).order_by(col(ObservationRow.seq)).limit(limit)
    ).all()


def digests_of(session: Session, observation_ids: Sequence[str]) -> dict[str, list[str]]:
    """The digests of the sealed fields, by observation."""
    found: dict[str, list[str]] = {}
    for some in chunks(observation_ids):
        query = select(DisclosureRow.record_id, DisclosureRow.digest).where(col(DisclosureRow.record_id).in_(some))
        for observation_id, digest in session.exec(query):
            found.setdefault(observation_id, []).append(digest)
    return found


def key_bindings(session: Session, case_ids: Sequence[str]) -> Sequence[tuple[str, bytes]]:
    """Case and document of each record by which a consumer bound a key of their own."""
    bound = (col(RecordRow.kind) == Kind.KEY_BOUND.wire) & col(RecordRow.case_id).in_(case_ids)
    return session.exec(select(RecordRow.case_id, RecordRow.canonical).where(bound)).all()


def checkpoints_after(session: Session, after: int, limit: int) -> Sequence[LogCheckpoint]:
    """By size, from behind `after` on."""
    query = select(LogCheckpoint).where(LogCheckpoint.size > after).order_by(col(LogCheckpoint.size))
    return session.exec(query.limit(limit)).all()


def count_logged(session: Session) -> int:
    placed = col(ObservationRow.log_index).is_not(None)
    return session.exec(select(func.count()).select_from(ObservationRow).where(placed)).one()


def count_tiles(session: Session) -> int:
    return session.exec(select(func.count()).select_from(LogTile)).one()


def anchors_unlike_checkpoints(session: Session, limit: int) -> Sequence[int]:
    """The sizes of anchors that no checkpoint of ours stands for."""
    ours = col(LogCheckpoint.size) == col(ChainAnchor.size)
    query = select(ChainAnchor.size).join(LogCheckpoint, ours, isouter=True)
    unlike = or_(col(LogCheckpoint.size).is_(None), col(LogCheckpoint.root) != col(ChainAnchor.root))
    return session.exec(query.where(unlike).order_by(col(ChainAnchor.size)).limit(limit)).all()


def anchors_unlike_events(session: Session) -> bool:
    """Whether what was read of anchors is not what their events say."""
    events = (
        select(ChainEvent)
        .where(ChainEvent.name == "Anchored")
        .order_by(col(ChainEvent.block_number), col(ChainEvent.log_index))
    )
    anchors = select(ChainAnchor).order_by(col(ChainAnchor.block_number), col(ChainAnchor.log_index))
    return [_of_event(event) for event in session.exec(events)] != [
        anchor.model_dump() for anchor in session.exec(anchors)
    ]


def _of_event(event: ChainEvent) -> dict[str, Any]:
    try:
        args = json.loads(event.args)
    except ValueError:
        args = {}
    return {
        "size": args.get("size"),
        "root": args.get("root"),
        "block_number": event.block_number,
        "block_hash": event.block_hash,
        "log_index": event.log_index,
        "tx_hash": event.tx_hash,
    }
