"""Whether anything was committed since: asked in microseconds, and for the whole database."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from sqlalchemy import event

from ..errors import Unavailable
from .database import Database

# SQLite counts, for one connection, the commits of all others. PostgreSQL's snapshot names the transactions whose work
# is seen: with the same one, exactly the same is seen.
_MARKS = {"sqlite": "PRAGMA data_version", "postgresql": "SELECT CAST(pg_current_snapshot() AS text)"}


class Changes:
    """Marks of one database, on a connection that is kept and never writes. Safe between threads."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self._asking = _MARKS[database.engine.dialect.name]
        self._connection: Any = None
        self._times = 0  # that a connection was made: the count of one says nothing to another
        self._lock = threading.Lock()
        event.listen(self._engine, "engine_disposed", lambda _engine: self.close())

    def mark(self) -> str:
        """As long as it stays the same, nothing was committed. Raises Unavailable if the database does not answer."""
        with self._lock:
            try:
                read = self._read()
            except Exception as error:  # each driver has its own, and after any of them the connection is of no use
                self.close()
                raise Unavailable("The database cannot be read right now.", remedy="Try again in a moment.") from error
            return f"{self._times}:{read}"

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):  # it may be broken, which is why it is closed
                connection.close()

    def _read(self) -> object:
        if self._connection is None:
            self._connection = self._engine.raw_connection()
            self._connection.detach()  # it is no longer the pool's, which resets what comes back to it
            self._times += 1
            if self._engine.dialect.name == "postgresql":
                self._connection.dbapi_connection.autocommit = True
        cursor = self._connection.cursor()
        try:
            cursor.execute(self._asking)
            return cursor.fetchone()[0]
        finally:
            cursor.close()
