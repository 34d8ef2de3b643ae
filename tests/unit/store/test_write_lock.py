"""Several processes on one SQLite database: who finds it being written looks again at once, and not for ever."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import event, text

from ledger_service.errors import Unavailable
from ledger_service.store.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "ledger.db"
    database = Database(f"sqlite:///{made}")
    with database.write() as session:
        session.execute(text("CREATE TABLE taken (by TEXT)"))
    database.close()
    return made


def _other(path: Path) -> sqlite3.Connection:
    """A connection of somebody else's, who writes now."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_lock_is_looked_for_all_the_time_until_it_is_free(path: Path) -> None:
    database = Database(f"sqlite:///{path}", patience=60)
    tried: list[str] = []
    event.listen(database.engine, "connect", lambda connection, _: connection.set_trace_callback(tried.append))
    other = _other(path)
    free = threading.Timer(0.5, other.rollback)
    free.start()
    with database.write() as session:
        session.execute(text("INSERT INTO taken VALUES ('us')"))
    free.join()
    assert tried.count("BEGIN IMMEDIATE") > 10, "SQLite itself looks a dozen times in a second, and ever more rarely"
    assert other.execute("SELECT by FROM taken").fetchall() == [("us",)]
    other.close()
    database.close()


def test_lock_that_is_never_free_is_given_up_and_harms_nothing(path: Path) -> None:
    database = Database(f"sqlite:///{path}", patience=0.3)
    other = _other(path)
    began = time.monotonic()
    with pytest.raises(Unavailable, match="cannot be written"), database.write():
        pytest.fail("it is locked")
    assert 0.3 <= time.monotonic() - began < 20
    other.rollback()
    with database.write() as session:
        session.execute(text("INSERT INTO taken VALUES ('us')"))
        assert session.execute(text("PRAGMA busy_timeout")).scalar_one() == 300
    other.close()
    database.close()
