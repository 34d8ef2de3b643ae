"""Backups of both databases: what is in them, what comes back, and what is refused."""

from __future__ import annotations

import json
import stat
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from databases import KINDS, Databases, databases_in
from sqlalchemy import text
from sqlmodel import SQLModel

from api.examples import CASE
from ledger_service.clock import FixedClock
from ledger_service.config import Settings
from ledger_service.errors import Conflict, InvalidInput, LedgerError, Unavailable
from ledger_service.services.accounts import create_account, merchant_named
from ledger_service.services.app import make_app
from ledger_service.services.backup import MANIFEST, check_backup, make_backup, missing_keys, restore_backup
from ledger_service.services.inputs import CaseInput
from ledger_service.services.opening import open_case
from ledger_service.store.archive import archived_tables, count_rows
from ledger_service.store.database import Database
from ledger_service.store.migrate import upgrade
from ledger_service.store.tables import Account, ChainCursor

from .conftest import a_deployment

CLOCK = FixedClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
ODD = '\u2028 ü 你 \U0001f4e6 "quoted" {}'


def quiet(_what: str, _done: int, _total: int) -> None:
    pass


@dataclass(frozen=True)
class House:
    """An installation with a case in it."""

    data: Path
    database: Database

    def backup(self, file: Path, *, with_keys: bool = False) -> dict[str, Any]:
        return make_backup(self.data, self.database, file, CLOCK, quiet, with_keys=with_keys)


@pytest.fixture
def house(tmp_path: Path, databases: Databases) -> House:
    data = tmp_path / "data"
    (data / "deployments").mkdir(parents=True)
    (data / "deployments" / "1337.json").write_text("{}")
    (data / "installation.json").write_text('{"chain": "http://chain"}')
    database = databases.open(databases.empty_url())
    upgrade(database)
    app = make_app(Settings(_env_file=None, data=data), a_deployment(), CLOCK, database)
    create_account(app, "merchant", "Shop")
    open_case(app, merchant_named(app, "Shop"), CaseInput.model_validate({**CASE, "escrow": "none"}))
    with database.write() as session:
        session.add(Account(name=ODD, role="carrier", address="0x1", api_key_hash="x", created_at=2**40))
        session.add(ChainCursor(block_number=7, block_hash="0x7"))
    return House(data, database)


@pytest.fixture(params=KINDS)
def others(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Databases to restore to: either kind, whichever the backup is of."""
    with databases_in(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def file(house: House, tmp_path: Path) -> Path:
    house.backup(tmp_path / "backup.zip")
    return tmp_path / "backup.zip"


def contents(database: Database) -> dict[str, list[Any]]:
    with database.read() as session:
        return {
            table.name: [tuple(row) for row in session.execute(table.select().order_by(*table.primary_key.columns))]
            for table in SQLModel.metadata.sorted_tables
            if table.name in archived_tables()
        }


def restore(file: Path, others: Databases, data: Path) -> Database:
    database = others.open(others.empty_url())
    restore_backup(data, database, file, quiet)
    return database


def rewrite(file: Path, change: dict[str, bytes], *, drop: str = "") -> None:
    """Makes the archive anew with other content in some parts."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if name != drop}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in (parts | change).items():
            archive.writestr(name, content)


def test_what_is_restored_is_what_was_there(house: House, file: Path, others: Databases, tmp_path: Path) -> None:
    restored = restore(file, others, tmp_path / "new")
    assert contents(restored) == contents(house.database)
    assert any(contents(restored)["disclosures"])
    assert (tmp_path / "new" / "deployments" / "1337.json").read_text() == "{}"
    assert (tmp_path / "new" / "installation.json").read_text() == '{"chain": "http://chain"}'
    with restored.read() as session:
        assert session.get(ChainCursor, 1) is None


def test_numbers_go_on_where_the_rows_end(file: Path, others: Databases, tmp_path: Path) -> None:
    restored = restore(file, others, tmp_path / "new")
    last = max(row[0] for row in contents(restored)["accounts"])
    with restored.write() as session:
        added = Account(name="Next", role="carrier", address="0x2", api_key_hash="y", created_at=0)
        session.add(added)
        session.flush()
        assert added.id == last + 1


def test_a_backup_of_a_restored_database_is_the_same(file: Path, others: Databases, tmp_path: Path) -> None:
    restored = restore(file, others, tmp_path / "new")
    again = make_backup(tmp_path / "new", restored, tmp_path / "again.zip", CLOCK, quiet)
    assert again["parts"] == check_backup(file)["parts"]


def test_a_backup_sees_one_moment(house: House, tmp_path: Path) -> None:
    """What is written while it runs is in none of its tables."""
    before = {name: len(rows) for name, rows in contents(house.database).items()}
    written = False

    def write(_what: str, _done: int, _total: int) -> None:
        nonlocal written
        if not written:
            written = True
            with house.database.write() as session:
                session.execute(text("DELETE FROM mails"))
                session.add(Account(name="Late", role="carrier", address="0x2", api_key_hash="y", created_at=0))

    manifest = make_backup(house.data, house.database, tmp_path / "b.zip", CLOCK, write)
    rows = {Path(part["name"]).stem: part["rows"] for part in manifest["parts"] if "rows" in part}
    assert written
    assert rows == before


def test_keys_are_in_it_where_they_are_asked_for_alone(house: House, tmp_path: Path) -> None:
    (house.data / "keys").mkdir()
    (house.data / "keys" / "writer.json").write_text("secret")
    plain, full = tmp_path / "plain.zip", tmp_path / "full.zip"
    house.backup(plain)
    house.backup(full, with_keys=True)
    assert stat.S_IMODE(plain.stat().st_mode) == stat.S_IMODE(full.stat().st_mode) == 0o600
    assert not [name for name in zipfile.ZipFile(plain).namelist() if "keys/" in name or "secrets/" in name]
    with databases_in("sqlite", tmp_path) as made:
        restore(plain, made, tmp_path / "without")
        restore(full, made, tmp_path / "with")
    assert missing_keys(tmp_path / "without") == ["secrets", "keys"]
    assert missing_keys(tmp_path / "with") == []
    for name in ("keys/writer.json", "secrets/master-key"):
        assert (tmp_path / "with" / name).read_bytes() == (house.data / name).read_bytes()
        assert stat.S_IMODE((tmp_path / "with" / name).stat().st_mode) == 0o600


def test_a_file_that_is_there_is_kept(house: House, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(Conflict, match="there already"):
        house.backup(file)
    assert file.read_bytes() == before


def test_a_backup_that_fails_leaves_no_file(house: House, tmp_path: Path) -> None:
    def fail(_what: str, _done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_backup(house.data, house.database, tmp_path / "b.zip", CLOCK, fail)
    assert not list(tmp_path.glob("*b.zip*"))


def test_every_altered_byte_is_found(file: Path) -> None:
    whole = file.read_bytes()
    for place in range(0, len(whole), max(len(whole) // 200, 1)):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
        try:
            manifest = check_backup(file)
        except InvalidInput:
            continue
        file.write_bytes(whole)
        assert manifest == check_backup(file)  # a byte of the container that says nothing


@pytest.mark.parametrize("keep", [0, 100, -1, -100])
def test_a_backup_that_was_cut_is_refused(file: Path, keep: int) -> None:
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(InvalidInput, match="no backup, or it is damaged"):
        check_backup(file)


def test_parts_that_were_changed_lost_or_added_are_refused(file: Path) -> None:
    whole = file.read_bytes()
    manifest = json.loads(zipfile.ZipFile(file).read(MANIFEST))
    outside = {**manifest, "parts": [{"name": "files/deployments/../../evil", "bytes": 0, "sha256": ""}]}
    for change, drop in (
        ({"tables/accounts.jsonl": b"[]\n"}, ""),
        ({"more": b""}, ""),
        ({}, "tables/accounts.jsonl"),
        ({MANIFEST: b"{"}, ""),
        ({MANIFEST: json.dumps({**manifest, "format": 2}).encode()}, ""),
        ({MANIFEST: json.dumps(outside).encode()}, ""),
    ):
        file.write_bytes(whole)
        rewrite(file, change, drop=drop)
        with pytest.raises(InvalidInput):
            check_backup(file)


def test_a_database_with_tables_is_refused_and_left(house: House, file: Path, tmp_path: Path) -> None:
    before = contents(house.database)
    with pytest.raises(Conflict, match="tables already"):
        restore_backup(tmp_path / "new", house.database, file, quiet)
    assert contents(house.database) == before
    assert not (tmp_path / "new").exists()


def test_another_deployments_file_is_refused(file: Path, others: Databases, tmp_path: Path) -> None:
    (tmp_path / "new" / "deployments").mkdir(parents=True)
    (tmp_path / "new" / "deployments" / "1337.json").write_text('{"other": 1}')
    with pytest.raises(Conflict, match="says otherwise"):
        restore(file, others, tmp_path / "new")


def test_a_backup_of_a_later_release_is_refused(file: Path, others: Databases, tmp_path: Path) -> None:
    manifest = json.loads(zipfile.ZipFile(file).read(MANIFEST))
    rewrite(file, {MANIFEST: json.dumps({**manifest, "schema": "9999"}).encode()})
    with pytest.raises(Conflict, match="later release"):
        restore(file, others, tmp_path / "new")


def test_a_restore_that_fails_leaves_nothing_and_can_be_done_again(
    file: Path, others: Databases, tmp_path: Path
) -> None:
    database, data = others.open(others.empty_url()), tmp_path / "new"

    def fail(what: str, _done: int, _total: int) -> None:
        if what == "records":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_backup(data, database, file, fail)
    assert [path for path in data.rglob("*") if path.is_file()] == []
    restore_backup(data, database, file, quiet)
    with database.read() as session:
        assert count_rows(session, "records") == 1


def test_tables_of_another_release_are_not_backed_up(databases: Databases, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="ledger migrate"):
        make_backup(tmp_path, databases.make(), tmp_path / "b.zip", CLOCK, quiet)


@pytest.mark.parametrize("place", ["no/such/folder/b.zip", "folder"])
def test_a_place_that_cannot_be_written_is_named(house: House, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(LedgerError) as raised:
        house.backup(tmp_path / place)
    assert raised.value.field == "FILE"
