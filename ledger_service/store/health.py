"""SQL of how the service is doing. What is asked for often goes by an index alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func
from sqlmodel import Session, col, select

from .tables import Account, ChainCursor, Mail, OutboxRow, TransactionRow, WebhookDelivery, WebhookEndpoint
from .webhooks_out import is_told


@dataclass(frozen=True, slots=True)
class QueueState:
    """`waiting` is work for the chain that has no effect yet, `oldest_at` when the oldest of it was asked for."""

    waiting: int
    oldest_at: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """How telling goes: messages that wait, those of them that failed before, since when the oldest could
    have been sent, and the newest one that was tried."""

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
    tried = select(Mail.state, Mail.last_error).where(col(Mail.attempts) > 0).order_by(col(Mail.id).desc())
    state, error = session.exec(tried.limit(1)).first() or ("", None)
    waiting, failing, oldest = _due(session, Mail)
    return Told(waiting, failing, oldest, error if state in ("due", "failed") else None)


def told_by_webhook(session: Session) -> Told:
    """An endpoint that refuses, or is slow, is its owner's affair: what is overdue here is an endpoint's turn, not what
    waits in a queue of its own."""
    waiting, failing, _ = _due(session, WebhookDelivery)
    return Told(waiting, failing, min(_turns(session), default=None), None)


def _due(session: Session, table: type[Mail] | type[WebhookDelivery]) -> tuple[int, int, int | None]:
    """How many wait, how many of them failed before, and since when the oldest is due."""
    is_due = col(table.state) == "due"
    waiting, oldest = session.exec(select(func.count(), func.min(table.due_at)).where(is_due)).one()
    failing = session.exec(select(func.count()).select_from(table).where(is_due, col(table.attempts) > 0)).one()
    return int(waiting), int(failing), oldest


def _turns(session: Session) -> list[int]:
    """Since when, or from when on, it is the turn of each endpoint for which something waits."""
    query = (
        select(func.min(WebhookDelivery.due_at), WebhookEndpoint.paused_until, WebhookEndpoint.served_at)
        .join(WebhookEndpoint, col(WebhookEndpoint.id) == col(WebhookDelivery.endpoint_id))
        .join(Account, col(Account.id) == col(WebhookEndpoint.account_id))
        .where(col(WebhookDelivery.state) == "due", is_told())
        .group_by(col(WebhookEndpoint.id), col(WebhookEndpoint.paused_until), col(WebhookEndpoint.served_at))
    )
    return [max(moments) for moments in session.exec(query)]
