"""SQL that deletes what has served its purpose."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import CursorResult, delete
from sqlmodel import Session, col

from .tables import AccessRow, IdempotentRequest, PreparedCase, PreparedRecord, PreparedVote, SessionRow, UsedNonce


def delete_answers(session: Session, before: int) -> int:
    """Answers kept for repeated requests, stored before a moment; how many."""
    return _run(session, delete(IdempotentRequest).where(col(IdempotentRequest.created_at) < before))


def delete_prepared(session: Session, before: int) -> int:
    """Messages that nobody signed, made before a moment; how many."""
    records = _run(session, delete(PreparedRecord).where(col(PreparedRecord.created_at) < before))
    votes = _run(session, delete(PreparedVote).where(col(PreparedVote.created_at) < before))
    return records + votes + _run(session, delete(PreparedCase).where(col(PreparedCase.created_at) < before))


def delete_sessions(session: Session, now: int) -> int:
    """Sessions that are over, and nonces of messages that are; how many."""
    nonces = _run(session, delete(UsedNonce).where(col(UsedNonce.expires_at) <= now))
    return nonces + _run(session, delete(SessionRow).where(col(SessionRow.expires_at) <= now))


def delete_looks(session: Session, before: int) -> int:
    """Rows of the access trail from before a moment; how many."""
    return _run(session, delete(AccessRow).where(col(AccessRow.at) < before))


def _run(session: Session, statement: Any) -> int:
    return cast("CursorResult[Any]", session.execute(statement)).rowcount
