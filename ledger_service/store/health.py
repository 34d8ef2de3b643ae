"""SQL of how the service is doing. What is asked for often goes by an index alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from .tables import ChainCursor, Mail, OutboxRow, TransactionRow, WebhookDelivery


@dataclass(frozen=True, slots=True)
class QueueState:
    """`waiting` is work for the chain that has no effect yet, `oldest_at` when the oldest of it was asked for."""

    waiting: int
    oldest_at: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """How telling goes: messages that wait, those of them that failed before, and the newest one that was tried."""

    waiting: int
    failing: int
    oldest_due_at: int | None
    last_error: str | None  # of the newest that was tried; None if it was sent


def queue_state(session: Session) -> QueueState:
    query = select(func.count(), func.min(OutboxRow.id)).where(col(OutboxRow.done).is_(False))
    waiting, oldest = session.exec(query).one()
    row = session.get(OutboxRow, oldest) if oldest is not None else None
    return QueueState(int(waiting), row.created_at if row else None)


def queue_by_action(session: Session) -> dict[str, QueueState]:
    query = (
        select(OutboxRow.action, func.count(), func.min(OutboxRow.created_at))
        .where(col(OutboxRow.done).is_(False))
        .group_by(col(OutboxRow.action))
    )
    return {action: QueueState(int(waiting), oldest_at) for action, waiting, oldest_at in session.exec(query)}


def read_cursor(session: Session) -> ChainCursor | None:
    """How far the chain was read; None before the first block."""
    return session.get(ChainCursor, 1)


def in_flight(session: Session) -> QueueState:
    """Transactions that were saved and are not known to be mined: one for each nonce."""
    query = select(func.count(func.distinct(TransactionRow.root)), func.min(TransactionRow.created_at))
    waiting, oldest_at = session.exec(query.where(col(TransactionRow.settled).is_(False))).one()
    return QueueState(int(waiting), oldest_at)


def newest_settled(session: Session, limit: int) -> Sequence[str]:
    """Hashes of the last transactions that were mined, or lost to others with their nonces."""
    query = select(TransactionRow.tx_hash).where(col(TransactionRow.settled).is_(True))
    return session.exec(query.order_by(col(TransactionRow.created_at).desc()).limit(limit)).all()


def told_by_mail(session: Session) -> Told:
    return _told(session, Mail)


def told_by_webhook(session: Session) -> Told:
    return _told(session, WebhookDelivery)


def _told(session: Session, table: type[Mail] | type[WebhookDelivery]) -> Told:
    is_due = col(table.state) == "due"
    waiting, oldest = session.exec(select(func.count(), func.min(table.due_at)).where(is_due)).one()
    failing = session.exec(select(func.count()).select_from(table).where(is_due, col(table.attempts) > 0)).one()
    tried = select(table.state, table.last_error).where(col(table.attempts) > 0).order_by(col(table.id).desc())
    state, error = session.exec(tried.limit(1)).first() or ("", None)
    return Told(int(waiting), int(failing), oldest, error if state in ("due", "failed") else None)
