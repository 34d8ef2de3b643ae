"""Migrations: what they make is what the tables say."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel

from ledger_service.errors import Unavailable
from ledger_service.store import tables  # noqa: F401  (fills the metadata)
from ledger_service.store.database import Database
from ledger_service.store.migrate import require_current, upgrade


def test_upgrade_of_an_empty_database_makes_the_tables(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(Unavailable):
        require_current(database)
    upgrade(database)
    upgrade(database)
    require_current(database)
    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
    database.close()
