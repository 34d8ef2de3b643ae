"""SQL of accounts' calendars."""

from __future__ import annotations

from sqlmodel import Session

from .tables import BusinessCalendar


def calendar_of(session: Session, account_id: int) -> BusinessCalendar | None:
    return session.get(BusinessCalendar, account_id)


def keep_calendar(session: Session, calendar: BusinessCalendar) -> None:
    """In place of the one before."""
    session.merge(calendar)
