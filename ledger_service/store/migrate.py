"""Brings a database to the tables of this release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Unavailable
from .database import Database

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

# Alembic takes half a second to import, so only the commands that use it do.
_FOLDER = Path(__file__).parent / "migrations"


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    return config


def upgrade(database: Database) -> None:
    """Runs what is missing, in one transaction. Safe to call again. Raises Unavailable for a later release's tables."""
    with database.unhurried() as patient, patient.engine.begin() as connection:
        _require_known(_revision_on(connection))
        upgrade_on(connection, "head")


def upgrade_on(connection: Connection, revision: str) -> None:
    """Runs what is missing up to a revision, in the connection's transaction."""
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revisions() -> list[str]:
    """All that this release knows, oldest first."""
    from alembic.script import ScriptDirectory

    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def require_current(database: Database) -> None:
    """Raises Unavailable if the tables are of another release."""
    newest = revisions()[-1]
    with database.read() as session:
        present = _revision_on(session.connection())
    _require_known(present)
    if present != newest:
        raise Unavailable(
            f"The database is at {present or 'nothing'}, this release needs {newest}.", remedy="Run `ledger migrate`."
        )


def _revision_on(connection: Connection) -> str | None:
    from alembic.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _require_known(present: str | None) -> None:
    if present is not None and present not in revisions():
        raise Unavailable(
            f"The database is at {present}, which this release does not know: a later one was here.",
            remedy="Start that release, or restore a backup from before it: tables never go back.",
        )


def draft_revision(database: Database, message: str) -> None:
    """Writes a new migration from the difference between tables and database; for developers."""
    from alembic import command

    config = _config()
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.revision(config, message, autogenerate=True)
