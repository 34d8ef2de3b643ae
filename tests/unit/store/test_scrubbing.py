"""What was deleted is in the database's files no more, of whichever kind."""

from __future__ import annotations

import pytest
from databases import Databases, files_of
from sqlalchemy import delete, text
from sqlmodel import select

from ledger_service.store import scrubbing
from ledger_service.store.database import Database
from ledger_service.store.scrubbing import scrub
from ledger_service.store.tables import HeldKey

_CANARY = "canary-of-a-keystore-that-was-destroyed"


@pytest.fixture
def deleted(database: Database) -> Database:
    """A row that was there, in the files too, and is deleted."""
    with database.write() as session:
        session.add(HeldKey(address="0x01", keystore=_CANARY, created_at=0))
        session.add(HeldKey(address="0x02", keystore="a-keystore-that-stays", created_at=0))
    assert scrub(database)
    assert _CANARY.encode() in files_of(database), "the search looks where the row is"
    with database.write() as session:
        session.execute(delete(HeldKey).where(HeldKey.address == "0x01"))
    return database


@pytest.mark.parametrize("whole", [False, True])
def test_what_was_deleted_is_in_no_file(deleted: Database, whole: bool) -> None:
    assert scrub(deleted, whole=whole)
    assert _CANARY.encode() not in files_of(deleted)
    with deleted.read() as session:
        assert session.exec(select(HeldKey.keystore)).all() == ["a-keystore-that-stays"]


def test_who_still_sees_what_was_deleted_is_waited_for(
    databases: Databases, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever table they look at: the row would be copied for them."""
    if database.is_sqlite:
        pytest.skip("its readers are in the way of the log alone; see the caretaker")
    monkeypatch.setattr(scrubbing, "_PATIENCE", 200)
    with database.write() as session:
        session.add(HeldKey(address="0x01", keystore=_CANARY, created_at=0))
    reader = databases.open(database.url)
    with reader.engine.connect() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
        connection.execute(text("SELECT 1 FROM accounts"))
        with database.write() as session:
            session.execute(delete(HeldKey))
        assert not scrub(database)
        assert _CANARY.encode() in files_of(database)
    assert scrub(database)
    assert _CANARY.encode() not in files_of(database)


def test_table_that_takes_too_long_is_left_as_it_is(deleted: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    if deleted.is_sqlite:
        pytest.skip("deletes by overwriting")
    monkeypatch.setattr(scrubbing, "_LONGEST", 1)
    assert scrub(deleted), "everybody else goes on"
    assert scrub(deleted, whole=True), "as long as it takes"
    assert _CANARY.encode() not in files_of(deleted)
