"""Whether anything is still on its way to the chain."""

from __future__ import annotations

from sqlmodel import Session, col, select

from .tables import ChainCase, OutboxRow


def is_idle(session: Session, now: int) -> bool:
    """No work for the chain is open, no case is overdue, and nothing that is due to a consumer is unpaid."""
    waiting = session.exec(select(OutboxRow.id).where(col(OutboxRow.done).is_(False)).limit(1)).first()
    overdue = session.exec(select(ChainCase.case_id).where(ChainCase.due > 0, ChainCase.due < now).limit(1)).first()
    unpaid = session.exec(select(ChainCase.case_id).where(ChainCase.to_consumer > ChainCase.withdrawn).limit(1)).first()
    return waiting is None and overdue is None and unpaid is None
