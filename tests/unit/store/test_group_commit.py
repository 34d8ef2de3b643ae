"""Several threads' work in one commit: each part is kept or undone alone, and none returns before the disk has it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import Connection, event

from ledger_service.errors import Conflict, Unavailable
from ledger_service.store.database import Database

_THREADS = 8


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'groups.db'}")
    with made.write() as session:
        session.connection().exec_driver_sql("CREATE TABLE parts (value INTEGER PRIMARY KEY, filling TEXT)")
    yield made
    made.close()


def test_parts_of_many_threads_share_commits(database: Database) -> None:
    commits = _count_commits(database)
    _run(lambda number: [_write(database, 100 * number + each) for each in range(10)])
    assert _kept(database) == {100 * number + each for number in range(_THREADS) for each in range(10)}
    assert commits() < _THREADS * 10


def test_part_returns_once_another_connection_can_read_it(database: Database) -> None:
    missing: list[int] = []

    def write(number: int) -> None:
        for each in range(10):
            value = 100 * number + each
            _write(database, value)
            with sqlite3.connect(database.url.removeprefix("sqlite:///")) as other:
                if other.execute("SELECT 1 FROM parts WHERE value = ?", (value,)).fetchone() is None:
                    missing.append(value)

    _run(write)
    assert missing == []


def test_failing_parts_undo_themselves_alone(database: Database) -> None:
    def write(number: int) -> None:
        for each in range(10):
            with pytest.raises(ZeroDivisionError) if number % 2 else nullcontext(), database.write() as session:
                session.connection().exec_driver_sql("INSERT INTO parts VALUES (?, '')", (100 * number + each,))
                if number % 2:
                    raise ZeroDivisionError

    _run(write)
    assert _kept(database) == {100 * number + each for number in range(0, _THREADS, 2) for each in range(10)}


def test_same_row_twice_is_a_conflict_for_the_second_alone(database: Database) -> None:
    refused: list[int] = []

    def write(number: int) -> None:
        try:
            _write(database, 7)
        except Conflict:
            refused.append(number)

    _run(write)
    assert _kept(database) == {7}
    assert len(refused) == _THREADS - 1


def test_full_disk_keeps_nothing_that_was_not_answered(database: Database) -> None:
    """Where SQLite undoes the transaction under a part, those before it in the group are told as well."""

    @event.listens_for(database.engine, "checkout")
    def limit(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        connection.execute("PRAGMA max_page_count = 40")

    answered: set[int] = set()

    def write(number: int) -> None:
        for each in range(20):
            value = 100 * number + each
            try:
                with database.write() as session:
                    row = (value, "x" * 3_000)
                    session.connection().exec_driver_sql("INSERT INTO parts VALUES (?, ?)", row)
            except Unavailable:
                return
            answered.add(value)

    _run(write)
    assert answered
    assert len(answered) < _THREADS * 20
    assert _kept(database) == answered


def test_transaction_that_is_undone_under_a_part_fails_the_parts_before_it(database: Database) -> None:
    """As after a failing disk: the connection has no transaction any more."""
    first_is_done, failures = threading.Event(), []

    def first() -> None:
        try:
            with database.write() as session:
                session.connection().exec_driver_sql("INSERT INTO parts VALUES (1, '')")
                second_thread.start()
                _wait_for_line(database)
            first_is_done.set()
        except Unavailable as error:
            failures.append(error)

    def second() -> None:
        try:
            with database.write() as session:
                session.connection().exec_driver_sql("ROLLBACK")
        except Unavailable as error:
            failures.append(error)

    first_thread, second_thread = threading.Thread(target=first), threading.Thread(target=second)
    first_thread.start()
    first_thread.join()
    second_thread.join()
    assert (len(failures), first_is_done.is_set()) == (2, False)
    assert _kept(database) == set()
    _write(database, 2)
    assert _kept(database) == {2}


def test_commit_that_ends_in_any_way_but_well_is_told(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def run_out(_connection: Connection) -> None:
        raise MemoryError

    monkeypatch.setattr(Connection, "commit", run_out)
    with pytest.raises(MemoryError):
        _write(database, 1)
    monkeypatch.undo()
    assert _kept(database) == set()
    _write(database, 2)
    assert _kept(database) == {2}


def test_group_is_kept_though_the_next_in_line_goes_away(database: Database) -> None:
    groups = database._groups
    assert groups is not None
    groups._in_line += 1  # somebody who never takes their turn
    _write(database, 1)
    assert _kept(database) == {1}


# --- helpers ---------------------------------------------------------------------------------------------------------


def _write(database: Database, value: int) -> None:
    with database.write() as session:
        session.connection().exec_driver_sql("INSERT INTO parts VALUES (?, '')", (value,))


def _kept(database: Database) -> set[int]:
    with database.read() as session:
        return set(session.connection().exec_driver_sql("SELECT value FROM parts").scalars())


def _run(work: Callable[[int], object]) -> None:
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def _wait_for_line(database: Database) -> None:
    groups = database._groups
    assert groups is not None
    while groups._in_line == 0:
        pass


def _count_commits(database: Database) -> Callable[[], int]:
    seen: list[int] = []

    @event.listens_for(database.engine, "commit")
    def count(_connection: object) -> None:
        seen.append(1)

    return lambda: len(seen)
