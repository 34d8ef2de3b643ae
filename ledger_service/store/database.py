"""The database, and the one unit of work.

SQLite runs in WAL mode with `synchronous=FULL`, and a writing transaction takes the write lock when it begins
(`BEGIN IMMEDIATE`), so that two writers wait for each other instead of failing half way. PostgreSQL is one URL away.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from ..errors import Unavailable


class Database:
    """`read()` and `write()` are the only ways in; a write commits once, at the end, or not at all."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _sqlite_engine(url) if self.is_sqlite else create_engine(url, pool_pre_ping=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state and changes nothing. Raises Unavailable if the database is gone.

        What was read stays readable afterwards: closing undoes the transaction without expiring its objects.
        """
        with Session(self.engine, expire_on_commit=False) as session:
            try:
                session.connection(execution_options={"reading": True})
                yield session
            except OperationalError as error:
                raise Unavailable("The database cannot be read right now.", remedy="Try again in a moment.") from error

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end. Raises Unavailable if the database is locked for too long or gone."""
        with Session(self.engine, expire_on_commit=False) as session:
            try:
                yield session
                session.commit()
            except OperationalError as error:
                session.rollback()
                raise Unavailable(
                    "The database cannot be written right now.", remedy="Try again in a moment."
                ) from error

    def close(self) -> None:
        self.engine.dispose()


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False}, pool_size=16)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own; `on_begin` does
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        reading = connection.get_execution_options().get("reading", False)
        connection.execute(text("BEGIN" if reading else "BEGIN IMMEDIATE"))

    return engine
