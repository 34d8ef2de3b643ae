"""Rows by table: out of one snapshot, and into an empty database of either kind.

A row is a list of what JSON can hold, bytes as `{"b64": …}`. What the indexer read is left out, since the chain has it;
so are leases, which belong to running processes, holds, which a restore sets, and sessions: one that was ended would
come back.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Connection, Integer, MetaData, Table, func, inspect, select, text
from sqlmodel import Session, SQLModel

from ..errors import Conflict
from .database import Database
from .migrate import upgrade_on
from .tables import CHAIN_TABLES

_AT_ONCE = 500  # rows in memory
_LEFT_OUT = {table.__tablename__ for table in CHAIN_TABLES} | {"leases", "holds", "sessions"}

Row = list[Any]


def archived_tables() -> list[str]:
    """Their names, those that others refer to first."""
    return [table.name for table in SQLModel.metadata.sorted_tables if table.name not in _LEFT_OUT]


def columns_of(name: str) -> list[str]:
    return [column.name for column in SQLModel.metadata.tables[name].columns]


def count_rows(session: Session, name: str) -> int:
    return int(session.execute(select(func.count()).select_from(SQLModel.metadata.tables[name])).scalar_one())


def rows_of(session: Session, name: str) -> Iterator[Row]:
    """All rows in the order of their key, few in memory at a time."""
    table = SQLModel.metadata.tables[name]
    found = session.connection().execute(
        select(table).order_by(*table.primary_key.columns),
        execution_options={"stream_results": True, "yield_per": _AT_ONCE},
    )
    for row in found:
        yield [_packed(value) for value in row]


def has_accounts(database: Database) -> bool:
    """Whether anybody was ever let in; not where there are no tables yet."""
    if not inspect(database.engine).has_table("accounts"):
        return False
    with database.read() as session:
        return count_rows(session, "accounts") > 0


def require_empty(database: Database) -> None:
    """Raises Conflict for a database in which anything stands."""
    present = sorted(inspect(database.engine).get_table_names())
    if present:
        raise Conflict(
            f"The database has tables already, such as {present[0]}.",
            field="LEDGER_DATABASE_URL",
            remedy="Name an empty one, or a folder without ledger.db.",
        )


class Loading:
    """Fills an empty database within one transaction, which ends well or leaves nothing."""

    def __init__(self, connection: Connection, revision: str) -> None:
        """Makes the tables as they were at this revision."""
        self._connection = connection
        upgrade_on(connection, revision)
        self._tables = MetaData()
        self._tables.reflect(connection)

    def load(self, name: str, columns: list[str], rows: Iterable[Row]) -> None:
        """Raises KeyError for a table or a column that this revision does not have."""
        table = self._tables.tables[name]
        keys = [table.columns[column].name for column in columns]
        waiting: list[dict[str, Any]] = []
        for row in rows:
            waiting.append({key: _unpacked(value) for key, value in zip(keys, row, strict=True)})
            if len(waiting) == _AT_ONCE:
                self._connection.execute(table.insert(), waiting)
                waiting = []
        if waiting:
            self._connection.execute(table.insert(), waiting)

    def keep(self, name: str, row: dict[str, Any]) -> None:
        """One row of this release's tables, unless there is such a one."""
        table = SQLModel.metadata.tables[name]
        same = [column == row[column.name] for column in table.primary_key.columns]
        if self._connection.execute(select(table).where(*same)).first() is None:
            self._connection.execute(table.insert(), row)

    def finish(self) -> None:
        """Counters go on where the rows end; then the tables become those of this release."""
        if self._connection.dialect.name == "postgresql":
            for table in self._tables.sorted_tables:
                _set_counter(self._connection, table)
        upgrade_on(self._connection, "head")


def _set_counter(connection: Connection, table: Table) -> None:
    """PostgreSQL counts apart from the rows, and knows nothing of those that were given their number."""
    for column in table.primary_key.columns:
        if not isinstance(column.type, Integer):
            continue
        counter = connection.execute(
            text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
        ).scalar_one()
        last = connection.execute(select(func.max(column))).scalar_one()
        if counter is not None and last is not None:
            connection.execute(text("SELECT setval(:counter, :last)"), {"counter": counter, "last": last})


def _packed(value: Any) -> Any:
    return {"b64": base64.b64encode(value).decode("ascii")} if isinstance(value, bytes) else value


def _unpacked(value: Any) -> Any:
    return base64.b64decode(value["b64"], validate=True) if isinstance(value, dict) else value
