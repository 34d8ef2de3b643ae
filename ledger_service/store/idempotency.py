"""SQL of the answers that were given to requests with an Idempotency-Key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, SQLModel, col, select

from .accepted import insert_many
from .tables import IdempotentRequest

_FOUND = select(*SQLModel.metadata.tables["idempotent_requests"].columns).where(
    col(IdempotentRequest.principal).in_(bindparam("principals", expanding=True)),
    col(IdempotentRequest.key).in_(bindparam("keys", expanding=True)),
)


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """`body` is the sealed body as text; `created_at` is seconds since 1970 UTC; `case_id` is the case it is about."""

    principal: str
    key: str
    request_hash: str
    status: int
    body: str
    created_at: int
    case_id: str | None = None


def find_answers(session: Session, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], StoredAnswer]:
    """The answers under these principals and keys."""
    if not names:
        return {}
    sought: dict[str, Any] = {"principals": [name[0] for name in names], "keys": [name[1] for name in names]}
    found = (StoredAnswer(*row) for row in session.execute(_FOUND, sought))
    return {(answer.principal, answer.key): answer for answer in found}


def insert_answers(session: Session, answers: Sequence[StoredAnswer]) -> None:
    """The database refuses all of them where one's key has an answer already. They go in by their names, so that two
    groups with some of the same keys wait for each other in one order."""
    ordered = sorted(answers, key=lambda answer: (answer.principal, answer.key))
    insert_many(session, IdempotentRequest, [asdict(answer) for answer in ordered])


def insert_answer(session: Session, answer: StoredAnswer) -> bool:
    """False, and nothing written, if this principal's key has an answer already.

    On PostgreSQL a second transaction with the same key waits here for the first one's end; on SQLite it waited for
    the write lock when it began.
    """
    dialect_insert: Any = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = dialect_insert(IdempotentRequest).values(**asdict(answer)).on_conflict_do_nothing()
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1
