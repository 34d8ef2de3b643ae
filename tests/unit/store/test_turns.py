"""The threads of a process write to SQLite one after the other, and to PostgreSQL at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from ledger_service.errors import Unavailable
from ledger_service.store.database import Database


@pytest.fixture
def sqlite(tmp_path: Path) -> Database:
    database = Database(f"sqlite:///{tmp_path / 'turns.db'}")
    with database.write() as session:
        session.connection().exec_driver_sql("CREATE TABLE counted (value INTEGER)")
        session.connection().exec_driver_sql("INSERT INTO counted VALUES (0)")
    return database


def test_every_thread_gets_its_turn(sqlite: Database) -> None:
    def count() -> None:
        for _ in range(10):
            with sqlite.write() as session:
                value = session.connection().exec_driver_sql("SELECT value FROM counted").scalar_one()
                session.connection().exec_driver_sql("UPDATE counted SET value = ?", (value + 1,))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sqlite.read() as session:
        assert session.connection().exec_driver_sql("SELECT value FROM counted").scalar_one() == 80
    sqlite.close()


def test_turn_passes_on_after_a_failure(sqlite: Database) -> None:
    with pytest.raises(ZeroDivisionError), sqlite.write():
        raise ZeroDivisionError
    with sqlite.write() as session:
        session.connection().exec_driver_sql("UPDATE counted SET value = 1")
    sqlite.close()


def test_writer_whose_turn_does_not_come_is_told(sqlite: Database) -> None:
    hasty = Database(sqlite.url, patience=0.05)
    refused: list[Exception] = []

    def write() -> None:
        try:
            with hasty.write():
                pass
        except Unavailable as error:
            refused.append(error)

    with hasty.write():
        other = threading.Thread(target=write)
        other.start()
        other.join()
    assert len(refused) == 1
    hasty.close()
    sqlite.close()
