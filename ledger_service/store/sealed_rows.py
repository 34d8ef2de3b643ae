"""SQL of what is sealed under a master key, so that it can be sealed under another one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import inspect, select, text, tuple_, update
from sqlmodel import Session, SQLModel

from .database import Database
from .outbox import rows_changed
from .tables import RetiredKey


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """Where something sealed stands, and what it is bound to: the values of some columns after a word. `is_text` is
    base64."""

    table: str
    column: str
    about: tuple[str, ...]
    word: str = ""
    is_text: bool = False
    is_case_key: bool = False


SEALED = (
    SealedColumn("case_keys", "wrapped", ("case_id",), is_case_key=True),
    SealedColumn("webhook_secrets", "sealed", ("provider", "account_id")),
    SealedColumn("webhook_endpoint_secrets", "sealed", ("endpoint_id", "id"), "webhook-endpoint:"),
    SealedColumn("prepared_cases", "sealed", ("case_id",)),
    SealedColumn("idempotent_requests", "body", ("principal", "key"), "answer:", is_text=True),
)

Key = tuple[Any, ...]


def sealed_after(
    session: Session, where: SealedColumn, after: Key | None, limit: int
) -> Sequence[tuple[Key, str, Any]]:
    """A row's key, what its sealed value is bound to, and that value; in the order of the keys."""
    table = SQLModel.metadata.tables[where.table]
    keys = list(table.primary_key.columns)
    columns = [*keys, *(table.columns[name] for name in where.about), table.columns[where.column]]
    query = select(*columns).order_by(*keys).limit(limit)
    if after is not None:
        query = query.where(tuple_(*keys) > tuple_(*after))
    found = session.execute(query).all()
    bound = [where.word + ":".join(str(part) for part in row[len(keys) : -1]) for row in found]
    return [(tuple(row[: len(keys)]), about, row[-1]) for row, about in zip(found, bound, strict=True)]


def replace_sealed(session: Session, where: SealedColumn, key: Key, old: Any, new: Any) -> bool:
    """False where somebody changed or deleted it meanwhile."""
    table = SQLModel.metadata.tables[where.table]
    same = [column == value for column, value in zip(table.primary_key.columns, key, strict=True)]
    kept = table.columns[where.column]
    return rows_changed(session, update(table).where(*same, kept == old).values({where.column: new})) == 1


def wait_for_sealers(session: Session) -> None:
    """Nothing that is sealed changes from here to the end of this unit of work, and what others began with is kept or
    given up. SQLite has one writer at a time anyway."""
    if session.get_bind().dialect.name == "postgresql":
        tables = ", ".join(where.table for where in SEALED)
        session.execute(text(f"LOCK TABLE {tables} IN SHARE MODE"))


def retired_keys(database: Database) -> dict[str, int]:
    """The ids of master keys that are over, with the moments; none before there are tables."""
    with database.read() as session:
        if not inspect(session.connection()).has_table(str(RetiredKey.__tablename__)):
            return {}
        table = SQLModel.metadata.tables["retired_keys"]
        return {str(key): int(at) for key, at in session.execute(select(table.c.key_id, table.c.retired_at))}


def retire_keys(session: Session, names: Sequence[str], now: int) -> None:
    for name in names:
        session.merge(RetiredKey(key_id=name, retired_at=now))
