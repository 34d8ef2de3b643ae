"""SQLite's one write lock, where another process may hold it.

SQLite itself looks again after ever longer pauses, of a tenth of a second in the end, while the lock lies free: two
busy processes wait half of their time. Threads of one process stand in line before (`group_commit.py`).
"""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from sqlalchemy import Connection

_LOOK = 0.001  # seconds
_KIND = 0xFF  # of an error's code, where it says what kind of error it is


def begin_writing(connection: Connection) -> None:
    """Begins a transaction that may write, once nobody else does. Raises the library's OperationalError if others
    write for as long as the connection waits for a lock (`busy_timeout`)."""
    driver: Any = connection.connection.dbapi_connection
    (patience,) = driver.execute("PRAGMA busy_timeout").fetchone()  # milliseconds
    ends = time.monotonic() + patience / 1000
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        while (error := _refusal(driver)) is not None:
            if error & _KIND != sqlite3.SQLITE_BUSY or time.monotonic() >= ends:
                connection.exec_driver_sql("BEGIN IMMEDIATE")  # raises it as the library raises all
                return
            time.sleep(_LOOK)
    finally:
        driver.execute(f"PRAGMA busy_timeout = {patience}")


def _refusal(driver: sqlite3.Connection) -> int | None:
    """The code of the error with which it did not begin."""
    try:
        driver.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return error.sqlite_errorcode
    return None
