"""SQL of how the service is doing."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from .tables import ChainCursor, OutboxRow


@dataclass(frozen=True, slots=True)
class QueueState:
    """`waiting` is work for the chain that has no effect yet, `oldest_at` when the oldest of it was asked for."""

    waiting: int
    oldest_at: int | None


def queue_state(session: Session) -> QueueState:
    query = select(func.count(), func.min(OutboxRow.created_at)).where(col(OutboxRow.done).is_(False))
    waiting, oldest_at = session.exec(query).one()
    return QueueState(int(waiting), oldest_at)


def read_up_to(session: Session) -> int | None:
    """The last block that the indexer read; None before the first."""
    cursor = session.get(ChainCursor, 1)
    return cursor.block_number if cursor else None
