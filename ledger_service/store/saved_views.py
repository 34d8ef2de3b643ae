"""SQL of saved views."""

from __future__ import annotations

from collections.abc import Sequence

from sqlmodel import Session, col, select

from .tables import CaseWord, SavedView


def views_of(session: Session, account_id: int) -> Sequence[SavedView]:
    """An account's views, by name."""
    query = select(SavedView).where(SavedView.account_id == account_id)
    return session.exec(query.order_by(col(SavedView.name))).all()


def words_of(session: Session, case_id: str) -> set[str]:
    """The keyed hashes that a case is found by."""
    return set(session.exec(select(CaseWord.word).where(CaseWord.case_id == case_id)))


def find_view(session: Session, view_id: str) -> SavedView | None:
    return session.get(SavedView, view_id)
