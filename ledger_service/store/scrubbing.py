"""Taking what was deleted out of the database's files as well.

SQLite overwrites what it deletes (`secure_delete`), and its write-ahead log is emptied here. PostgreSQL leaves dead
rows where they were until their space is used again, or until tables are written anew, which is done here: each table
for a few seconds at the most, unless somebody asks for the whole, since nobody can use it meanwhile.
"""

from __future__ import annotations

import time

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .database import Database, sqlstate_of

_log = structlog.get_logger(__name__)

# What holds keys, what is sealed, or a merchant's own reference.
_TABLES = (
    *("case_keys", "prepared_cases", "prepared_records", "prepared_votes", "cases", "webhook_events"),
    *("idempotent_requests", "disclosures", "status_links", "held_keys", "case_words", "saved_views"),
)
_PATIENCE = 2_000  # milliseconds to wait for who reads or writes
_A_WHILE = 500  # the same for a table, where others have to wait behind us
_MOMENT = 50  # the same where all writers wait meanwhile, as SQLite's do for a log that somebody reads
_LONGEST = 5_000  # milliseconds in which a table is written anew, or left as it is
_CANCELLED = "57014"  # PostgreSQL's word for what took longer than it may
_OURS = "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = %s::regclass"
_OLDER = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' "
    "AND pid <> pg_backend_pid() AND xact_start < %s"
)


def scrub(database: Database, *, whole: bool = False) -> bool:
    """Whether nothing of what was deleted is left, as far as this can do anything about it; else somebody was in the
    way, and it is to be tried again. `whole` keeps others waiting for as long as it takes."""
    try:
        if database.is_sqlite:
            return _scrub_sqlite(database, whole)
        return _scrub_postgresql(database, whole)
    except DBAPIError:
        return False


def _scrub_sqlite(database: Database, whole: bool) -> bool:
    connection = database.engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_PATIENCE if whole else _MOMENT}")
        if whole:
            cursor.execute("VACUUM")
        busy, _, _ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.detach()  # its patience is not that of the others
        connection.close()
    return not busy


def _scrub_postgresql(database: Database, whole: bool) -> bool:
    with database.unhurried() as patient:
        engine = patient.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            if not _have_others_ended(connection, _LONGEST if whole else _PATIENCE):
                return False
            ours = [table for table in _TABLES if connection.exec_driver_sql(_OURS, (table,)).scalar_one()]
            connection.exec_driver_sql(f"SET lock_timeout = {0 if whole else _A_WHILE}")
            connection.exec_driver_sql(f"SET statement_timeout = {0 if whole else _LONGEST}")
            done = {table for table in ours if _write_anew(connection, table)}
    left = [table for table in _TABLES if table not in done]
    if left:
        _log.warning("dead_rows_left", tables=left, remedy="Run `ledger scrub` in a quiet hour, as the tables' owner.")
    return not (left and whole)


def _have_others_ended(connection: Connection, patience: int) -> bool:
    """Whether nobody sees any more what was deleted before this began: it would be copied into the new table."""
    began = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    ends = time.monotonic() + patience / 1_000
    while connection.exec_driver_sql(_OLDER, (began,)).scalar_one():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def _write_anew(connection: Connection, table: str) -> bool:
    """Whether it could be in the time that there is."""
    try:
        connection.exec_driver_sql(f"VACUUM (FULL) {table}")
    except DBAPIError as error:
        if sqlstate_of(error) != _CANCELLED:
            raise
        return False
    return True
