"""SQL of the answers that were given to requests with an Idempotency-Key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import CursorResult
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session

from .tables import IdempotentRequest


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """`body` is the sealed body as text; `created_at` is seconds since 1970 UTC."""

    request_hash: str
    status: int
    body: str
    created_at: int


def find_answer(session: Session, principal: str, key: str) -> StoredAnswer | None:
    row = session.get(IdempotentRequest, (principal, key))
    return StoredAnswer(row.request_hash, row.status, row.body, row.created_at) if row else None


def insert_answer(session: Session, principal: str, key: str, answer: StoredAnswer) -> bool:
    """False, and nothing written, if this principal's key has an answer already.

    On PostgreSQL a second transaction with the same key waits here for the first one's end; on SQLite it waited for
    the write lock when it began.
    """
    values = {
        "principal": principal,
        "key": key,
        "request_hash": answer.request_hash,
        "status": answer.status,
        "body": answer.body,
        "created_at": answer.created_at,
    }
    dialect_insert: Any = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = dialect_insert(IdempotentRequest).values(**values).on_conflict_do_nothing()
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1
