"""Brings a database to the tables of this release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Unavailable
from .database import Database

if TYPE_CHECKING:
    from alembic.config import Config

# Alembic takes half a second to import, so only the commands that use it do.
_FOLDER = Path(__file__).parent / "migrations"


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def upgrade(database: Database) -> None:
    """Runs what is missing, in one transaction. Safe to call again."""
    from alembic import command

    config = _config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def require_current(database: Database) -> None:
    """Raises Unavailable if the tables are of another release."""
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    newest = ScriptDirectory.from_config(_config()).get_current_head()
    with database.engine.connect() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
    if present != newest:
        raise Unavailable(
            f"The database is at {present or 'nothing'}, this release needs {newest}.", remedy="Run `ledger migrate`."
        )


def draft_revision(database: Database, message: str) -> None:
    """Writes a new migration from the difference between tables and database; for developers."""
    from alembic import command

    config = _config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True)
