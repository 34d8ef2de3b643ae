"""PostgreSQL keeps nobody waiting for ever: not for a lock, not for a statement, not for a server that is silent."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import databases_in
from sqlalchemy import text

from ledger_service.errors import Interrupted, Unavailable
from ledger_service.store import database as module
from ledger_service.store.database import Database


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    for name in ("_LOCK", "_STATEMENT", "_SILENCE"):
        monkeypatch.setattr(module, name, {"_LOCK": 1, "_STATEMENT": 2, "_SILENCE": 3}[name])
    with databases_in("postgresql", tmp_path) as databases:
        made = databases.make()
        with made.write() as session:
            session.execute(text("CREATE TABLE held (value INTEGER)"))
            session.execute(text("INSERT INTO held VALUES (1)"))
        yield made


def _add_one(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE held SET value = value + 1"))


def _value(database: Database) -> int:
    with database.read() as session:
        return int(session.execute(text("SELECT value FROM held")).scalar_one())


def test_lock_of_a_session_that_is_stuck_is_waited_for_a_while(database: Database) -> None:
    with database.engine.connect() as stuck:
        stuck.execute(text("SELECT value FROM held FOR UPDATE"))
        began = time.monotonic()
        with pytest.raises(Interrupted):
            _add_one(database)
        assert 0.9 < time.monotonic() - began < 10
    _add_one(database)
    assert _value(database) == 2


def test_statement_that_takes_too_long_is_ended(database: Database) -> None:
    with pytest.raises(Unavailable, match="cannot be read"), database.read() as session:
        session.execute(text("SELECT pg_sleep(60)"))
    assert _value(database) == 1


def _ask_a_silent_one(database: Database, stopped: list[int]) -> None:
    with database.read() as session:
        stopped.append(int(session.execute(text("SELECT pg_backend_pid()")).scalar_one()))
        os.kill(stopped[0], signal.SIGSTOP)
        session.execute(text("SELECT 1"))


def test_connection_on_which_nothing_comes_is_given_up(database: Database) -> None:
    """As of a machine that is gone: the connection is of no use, and never used again."""
    stopped: list[int] = []
    began = time.monotonic()
    try:
        with pytest.raises(Unavailable, match="cannot be read"):
            _ask_a_silent_one(database, stopped)
        assert time.monotonic() - began < 30
        assert _value(database) == 1
    finally:
        os.kill(stopped[0], signal.SIGCONT)
    for _ in range(3):
        _add_one(database)
    assert _value(database) == 4


def test_silent_connection_in_the_pool_is_replaced(database: Database) -> None:
    with database.read() as session:
        server = int(session.execute(text("SELECT pg_backend_pid()")).scalar_one())
    os.kill(server, signal.SIGSTOP)
    try:
        assert _value(database) == 1
    finally:
        os.kill(server, signal.SIGCONT)


def _be_cut_at_the_end(database: Database) -> None:
    with database.read() as session:
        server = session.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with database.write() as other:
            other.execute(text(f"SELECT pg_terminate_backend({server})"))
        time.sleep(0.2)


def test_connection_that_is_cut_once_all_is_read_is_no_unexpected_error(database: Database) -> None:
    with pytest.raises(Unavailable, match="cannot be read"):
        _be_cut_at_the_end(database)
    assert _value(database) == 1


def test_what_is_in_no_hurry_has_its_time(database: Database) -> None:
    with database.unhurried() as patient, patient.read() as session:
        session.execute(text("SELECT pg_sleep(3.5)"))
        assert session.execute(text("SHOW statement_timeout")).scalar_one() == "0"
        assert session.execute(text("SHOW lock_timeout")).scalar_one() == "1min"
