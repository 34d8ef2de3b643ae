"""SQL of what proves a refund on the chain."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from .tables import ChainEvent

_MOVED = ("Locked", "Settled", "Credited", "Withdrawn", "RedirectGiven", "RedirectVoided", "WithdrawalSkipped")


def escrow_events(session: Session, case_id: str) -> Sequence[ChainEvent]:
    """What the escrow did for a case, in the chain's order."""
    order = (col(ChainEvent.block_number), col(ChainEvent.log_index))
    query = select(ChainEvent).where(ChainEvent.case_id == case_id, col(ChainEvent.name).in_(_MOVED))
    return session.exec(query.order_by(*order)).all()
