"""Whoever merely looks at a SQLite database takes no turn to write: another process may be writing all the while."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ledger_service.store.database import Database
from ledger_service.store.migrate import require_current, upgrade
from ledger_service.store.sealed_rows import retired_keys


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Database]:
    """With the tables of this release, and somebody else's transaction that is not over."""
    path = tmp_path / "ledger.db"
    database = Database(f"sqlite:///{path}", patience=0.2)
    upgrade(database)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield database
    other.close()
    database.close()


@pytest.mark.parametrize("look", [require_current, retired_keys])
def test_look_waits_for_nobody_who_writes(written: Database, look: Callable[[Database], object]) -> None:
    assert not look(written)


def test_database_without_tables_has_no_retired_keys(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/ledger.db")
    assert retired_keys(database) == {}
    database.close()
