"""The database, and the one unit of work.

SQLite runs in WAL mode with `synchronous=FULL`, and a writing transaction takes the write lock when it begins
(`BEGIN IMMEDIATE`), so that two writers wait for each other instead of failing half way; the threads of a process share
its commits (`group_commit.py`). PostgreSQL is one URL away.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import pg8000.core  # type: ignore[import-untyped]
import pg8000.legacy  # type: ignore[import-untyped]
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlmodel import Session

from ..errors import Conflict, Interrupted, Unavailable
from ..telemetry import DATABASE_SECONDS, timed
from .group_commit import GroupCommit
from .write_lock import begin_writing

# SQLSTATE classes of PostgreSQL, whose driver calls nearly all of its errors programming errors: what a constraint
# refuses, what was undone for another's sake (a deadlock's victim), and what passes by itself or by the operator's hand
# (connection, resources, a lock or a time that ran out, operator's intervention, the disk, a read-only standby).
_REFUSED = ("23",)
_UNDONE = ("40", "55P03")
_PASSING = ("08", "25006", "53", "57", "58")

# What comes as it is where a connection breaks, since not every way through driver and library gives it a name.
_BROKEN = (NoConnection, ConnectionError, TimeoutError)

_convert = pg8000.legacy.convert_paramstyle
_read_plainly = pg8000.core._read
_LONGEST = 20_000  # characters of a statement that is remembered

# Connections of a process: a few more threads read and write than there are, and take turns.
_POOL: dict[str, Any] = {"pool_size": 16, "max_overflow": 16, "pool_timeout": 10}

_READING = {"reading": True}
_PATIENCE = 30  # seconds that a writer waits for its turn at SQLite
# What is deleted is overwritten: a case's key must not be left in the file. Pages go from the write-ahead log to their
# places ten times as rarely as SQLite would: those that many records change go there once for all of them.
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "wal_autocheckpoint=10000",
)
# Seconds at PostgreSQL: for a lock, for a statement, and for anything at all to come from the server. What is not in a
# hurry, such as a migration, has no bounds but the first.
_LOCK, _STATEMENT, _SILENCE = 10, 300, 330
_UNHURRIED_LOCK = 60
# What a page behind an index costs PostgreSQL, as it reckons, beside one in a row. Its own 4 is a turning disk's: it
# would rather go through all records of a small ledger than look a few cases up.
_PAGE = 1.1


class Database:
    """`read()` and `write()` are the only ways in; a write commits once, at the end, or not at all.

    `patience` is how many seconds a thread waits for its turn to write to SQLite. PostgreSQL keeps nobody waiting for
    ever either, unless they are not `hurried`.
    """

    def __init__(self, url: str, *, patience: float = _PATIENCE, hurried: bool = True) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = _sqlite_engine(url, patience) if self.is_sqlite else _postgresql_engine(url, hurried)
        self._groups = GroupCommit(self.engine, patience) if self.is_sqlite else None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one consistent state and changes nothing. Raises Unavailable if the database is gone.

        What was read stays readable afterwards: closing undoes the transaction without expiring its objects.
        """
        with timed(DATABASE_SECONDS, "read"):
            try:
                with Session(self.engine, expire_on_commit=False) as session:
                    session.connection(execution_options=_READING)
                    yield session
            except (DBAPIError, *_BROKEN) as error:  # also where it breaks at the very end
                raise _meaning(error, "read") from error

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session that commits at the end.

        Raises Unavailable if the database is locked for too long or gone, Conflict if somebody else wrote the same
        meanwhile.
        """
        with timed(DATABASE_SECONDS, "write"):
            try:
                with self._groups.part() if self._groups else self._alone() as session:
                    yield session
            except (DBAPIError, *_BROKEN) as error:
                raise _meaning(error, "written") from error

    @contextmanager
    def _alone(self) -> Iterator[Session]:
        """A transaction of its own: PostgreSQL takes many at a time, and groups their commits by itself."""
        with Session(self.engine, expire_on_commit=False) as session:
            yield session
            session.commit()

    @contextmanager
    def unhurried(self) -> Iterator[Database]:
        """The same for what takes as long as it takes: a migration, a backup, a table written anew."""
        other = self if self.is_sqlite else Database(self.url, hurried=False)
        try:
            yield other
        finally:
            if other is not self:
                other.close()

    def close(self) -> None:
        self.engine.dispose()


def _meaning(error: Exception, what: str) -> Exception:
    """The error as callers know it; itself where the statement was wrong, which is a fault of ours."""
    if not isinstance(error, DBAPIError):  # all connections are taken, or this one broke
        return Unavailable(f"The database cannot be {what} right now.", remedy="Try again in a moment.")
    state = sqlstate_of(error)
    if isinstance(error, IntegrityError) or state.startswith(_REFUSED):
        return Conflict("Somebody else wrote the same meanwhile.", remedy="Look at it, then try again.")
    if state.startswith(_UNDONE):
        return Interrupted("Another request went first.", remedy="Try again in a moment.")
    if isinstance(error, OperationalError | InterfaceError) or state.startswith(_PASSING):
        return Unavailable(f"The database cannot be {what} right now.", remedy="Try again in a moment.")
    return error


def sqlstate_of(error: DBAPIError) -> str:
    """Empty where the driver does not say."""
    said = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""


def _postgresql_engine(url: str, hurried: bool) -> Engine:
    """With the driver that we install, whatever spelling of the scheme the URL has."""
    scheme, _, rest = url.partition("://")
    driver = "postgresql+pg8000" if scheme in ("postgres", "postgresql") else scheme
    bounded = {"timeout": _SILENCE} if hurried and driver.endswith("pg8000") else {}
    engine = create_engine(
        f"{driver}://{rest}", pool_pre_ping=True, hide_parameters=True, connect_args=bounded, **_POOL
    )
    # Many rows in one statement: the driver would ask for each of them by itself.
    engine.dialect.use_insertmanyvalues_wo_returning = True
    pg8000.legacy.convert_paramstyle = _converted
    pg8000.core._read = _read

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        """Bounds that the server keeps, in the session, since a pool of connections takes none at its start."""
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = '{_LOCK if hurried else _UNHURRIED_LOCK}s'")
        cursor.execute(f"SET statement_timeout = '{_STATEMENT if hurried else 0}s'")
        cursor.execute(f"SET random_page_cost = {_PAGE}")
        cursor.close()
        connection.commit()

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        """A reader sees one snapshot. Said of one transaction: of a session, it takes a dozen questions each time."""
        if connection.get_execution_options().get("reading", False):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")

    return engine


def _read(connection: Any, size: int) -> Any:
    """As pg8000 reads, which names only some of what breaks a connection; what it does not name would leave a broken
    one in the pool, as one from which nothing came in time."""
    try:
        return _read_plainly(connection, size)
    except OSError as error:
        raise pg8000.core.InterfaceError("network error") from error


def _converted(style: str, statement: str, values: Any) -> tuple[str, Any]:
    """What pg8000 makes of a statement's parameters. It looks at every character of it, in Python, each time that it is
    executed, which takes longer than all else that it does; so what came out is remembered."""
    if style != "format" or len(statement) > _LONGEST:
        converted: tuple[str, Any] = _convert(style, statement, values)
        return converted
    return _numbered(statement), values


@lru_cache(maxsize=512)
def _numbered(statement: str) -> str:
    return str(_convert("format", statement, ())[0])


def _sqlite_engine(url: str, patience: float) -> Engine:
    options = {"timeout": patience, "check_same_thread": False}
    engine = create_engine(url, connect_args=options, hide_parameters=True, **_POOL)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver begins no transactions of its own; `on_begin` does
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        if connection.get_execution_options().get("reading", False):
            connection.exec_driver_sql("BEGIN")
        else:
            begin_writing(connection)

    return engine
