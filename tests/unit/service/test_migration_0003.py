"""The migration to leases and replacements keeps what an installation has on its way."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from ledger_service.store import migrate
from ledger_service.store.database import Database

_OLD_TRANSACTION = (
    "INSERT INTO transactions (tx_hash, writer, nonce, raw, gas_price, created_at, settled)"
    " VALUES ('0xaa', '0xWriter', 4, :raw, 7, 0, :settled)"
)
_OLD_ROW = (
    "INSERT INTO outbox (id, action, subject, case_id, created_at, tx_hash, done)"
    " VALUES (:id, 'poke', :subject, '0x01', 0, :tx, :done)"
)


def _migrate(database: Database, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


@pytest.fixture
def old(databases: object) -> Database:
    """As the release before left it, with a transaction on its way."""
    database: Database = databases.open(databases.empty_url())  # type: ignore[attr-defined]
    _migrate(database, "0002")
    with database.engine.begin() as connection:
        connection.execute(text(_OLD_TRANSACTION), {"raw": b"\x01", "settled": False})
        for number, tx_hash in ((1, "0xaa"), (2, None)):
            row = {"id": number, "subject": f"0x01:{number}", "tx": tx_hash, "done": False}
            connection.execute(text(_OLD_ROW), row)
    return database


def test_what_was_on_its_way_becomes_a_root_of_its_own_and_stays_with_its_writer(old: Database) -> None:
    _migrate(old, "0003")
    with old.engine.connect() as connection:
        assert connection.execute(text("SELECT tx_hash, root FROM transactions")).all() == [("0xaa", "0xaa")]
        pinned = connection.execute(text("SELECT id, writer FROM outbox ORDER BY id")).all()
        assert pinned == [(1, "0xWriter"), (2, None)]


def test_a_nonce_has_one_first_attempt_and_as_many_replacements_as_it_needs(old: Database) -> None:
    _migrate(old, "0003")
    again = text(
        "INSERT INTO transactions (tx_hash, root, writer, nonce, raw, gas_price, created_at, settled)"
        " VALUES (:hash, :root, '0xWriter', 4, :raw, 8, 0, :settled)"
    )
    values = {"raw": b"\x01", "settled": False}
    with old.engine.begin() as connection:
        connection.execute(again, {"hash": "0xbb", "root": "0xaa", **values})
    with pytest.raises(IntegrityError), old.engine.begin() as connection:
        connection.execute(again, {"hash": "0xcc", "root": "0xcc", **values})
