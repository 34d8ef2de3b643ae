"""Migrations: what they make is what the tables say, and what was there before is there afterwards."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from databases import Databases
from sqlalchemy import Connection, MetaData, text
from sqlmodel import SQLModel

from ledger_service.errors import Conflict, Unavailable
from ledger_service.store.database import Database
from ledger_service.store.migrate import require_current, revisions, upgrade, upgrade_on
from ledger_service.store.tables import CaseKey

# Rows of a local run of the release before: cases at the end of their lives, one of them with votes and an appeal.
_BEFORE, _RELEASE = "0002", json.loads((Path(__file__).parent / "data" / "release_0002.json").read_text())

Rows = list[dict[str, Any]]


@pytest.fixture
def empty(databases: Databases) -> Database:
    return databases.open(databases.empty_url())


@pytest.fixture
def old(empty: Database) -> Database:
    """A database as the release before left it."""
    with empty.engine.begin() as connection:
        upgrade_on(connection, _BEFORE)
        kept = MetaData()
        kept.reflect(connection)
        for table in kept.sorted_tables:
            rows = _kept_rows(table.name)
            if rows and table.name != "alembic_version":
                connection.execute(table.insert(), rows)
    return empty


def _kept_rows(name: str) -> Rows:
    kept = _RELEASE[name]
    return [dict(zip(kept["columns"], map(_unpacked, row), strict=True)) for row in kept["rows"]]


def _unpacked(value: Any) -> Any:
    return base64.b64decode(value["b64"]) if isinstance(value, dict) else value


def _rows(connection: Connection, name: str, columns: list[str]) -> Rows:
    return [dict(row) for row in connection.execute(text(f"SELECT {', '.join(columns)} FROM {name}")).mappings()]


def _sorted(rows: Rows) -> list[str]:
    return sorted(repr(sorted(row.items())) for row in rows)


def _differences(database: Database) -> list[Any]:
    with database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": False}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata))


def test_upgrade_of_an_empty_database_makes_the_tables(empty: Database) -> None:
    with pytest.raises(Unavailable, match="ledger migrate"):
        require_current(empty)
    upgrade(empty)
    upgrade(empty)
    require_current(empty)
    assert _differences(empty) == []


def test_upgrade_of_the_release_before_makes_the_tables(old: Database) -> None:
    with pytest.raises(Unavailable, match=f"at {_BEFORE}.*ledger migrate"):
        require_current(old)
    upgrade(old)
    require_current(old)
    assert _differences(old) == []


def test_upgrade_of_the_release_before_loses_nothing(old: Database) -> None:
    upgrade(old)
    with old.engine.connect() as connection:
        for name, kept in _RELEASE.items():
            if name == "alembic_version" or not kept["rows"]:
                continue
            assert _sorted(_rows(connection, name, kept["columns"])) == _sorted(_as_read(old, name)), name


def _as_read(database: Database, name: str) -> Rows:
    """The kept rows as this database gives them: PostgreSQL has truths where SQLite has numbers."""
    flags = {column.name for column in SQLModel.metadata.tables[name].columns if column.type.python_type is bool}
    known = _kept_rows(name)
    if database.is_sqlite:
        return known
    return [{key: bool(value) if key in flags else value for key, value in row.items()} for row in known]


def test_references_hold_after_an_upgrade(old: Database) -> None:
    upgrade(old)
    with pytest.raises(Conflict), old.write() as session:
        session.add(CaseKey(case_id="0x", wrapped=b""))
    if old.is_sqlite:
        with old.engine.connect() as connection:
            assert connection.execute(text("PRAGMA foreign_key_check")).all() == []
            assert connection.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"


def test_an_upgrade_that_fails_leaves_the_release_before(old: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    from alembic.operations import Operations

    def fail(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Operations, "create_index", fail)
    with pytest.raises(KeyboardInterrupt):
        upgrade(old)
    with pytest.raises(Unavailable, match=f"at {_BEFORE}"):
        require_current(old)
    monkeypatch.undo()
    upgrade(old)
    assert _differences(old) == []


def test_tables_of_a_later_release_are_refused(empty: Database) -> None:
    upgrade(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for refuses in (require_current, upgrade):
        with pytest.raises(Unavailable, match=r"9999.*later one"):
            refuses(empty)


def test_the_releases_are_one_line() -> None:
    assert revisions() == sorted(revisions())
