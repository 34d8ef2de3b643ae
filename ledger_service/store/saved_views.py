"""SQL of saved views."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from .tables import SavedView


def views_of(session: Session, account_id: int) -> Sequence[SavedView]:
    """An account's views, by name."""
    query = select(SavedView).where(SavedView.account_id == account_id)
    return session.exec(query.order_by(col(SavedView.name))).all()


def find_view(session: Session, view_id: str) -> SavedView | None:
    return session.get(SavedView, view_id)
