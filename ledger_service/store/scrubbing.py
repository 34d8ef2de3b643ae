"""Taking what was deleted out of the database's files as well.

SQLite overwrites what it deletes (`secure_delete`), and its write-ahead log is emptied here. PostgreSQL leaves dead
rows where they were until their space is used again, or until tables are written anew, where somebody asks for it.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from .database import Database

# What holds keys, what is sealed, or a merchant's own reference.
_TABLES = (
    *("case_keys", "prepared_cases", "prepared_records", "prepared_votes", "cases", "webhook_events"),
    *("idempotent_requests", "disclosures", "status_links", "held_keys", "case_words"),
)
_PATIENCE = 2_000  # milliseconds for which others may keep us waiting
_MOMENT = 50  # the same where all writers wait meanwhile, as SQLite's do for a log that somebody reads


def scrub(database: Database, *, whole: bool = False) -> bool:
    """Whether nothing of what was deleted is left, as far as this can tell; else somebody was in the way, and it is to
    be tried again. `whole` writes everything anew, and keeps others waiting for as long as that takes."""
    try:
        if database.is_sqlite:
            return _scrub_sqlite(database, whole)
        _scrub_postgresql(database, whole)
    except DBAPIError:
        return False
    return True


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


def _scrub_postgresql(database: Database, whole: bool) -> None:
    with database.unhurried() as patient:
        engine = patient.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"SET lock_timeout = {0 if whole else _PATIENCE}")
            for table in _TABLES:
                connection.exec_driver_sql(f"VACUUM (FULL) {table}" if whole else f"VACUUM {table}")
