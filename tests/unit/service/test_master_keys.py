"""The master key is rotated: what it sealed opens all the time, also where the rotation dies half way, and the old key
opens nothing afterwards."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databases import KINDS, Databases, databases_in

from api.examples import CASE
from ledger_service.clock import SystemClock
from ledger_service.errors import Conflict, IntegrityFailure, LedgerError, Unavailable
from ledger_service.master_keys import INDEX, MASTER, KeyFile, key_names
from ledger_service.sealing import Vault
from ledger_service.services import master_keys
from ledger_service.services.accounts import set_webhook_secret
from ledger_service.services.app import App, make_app
from ledger_service.services.backup import make_backup, require_secrets, restore_backup
from ledger_service.services.caretaking import release
from ledger_service.services.evidence import UNREADABLE, show_all, shown_disclosures
from ledger_service.services.idempotency import Answer, IdempotencyClaim, begin
from ledger_service.services.inputs import CaseInput
from ledger_service.services.master_keys import require_living_key, rotate_master
from ledger_service.services.opening import open_case
from ledger_service.services.preparing_cases import prepare_case
from ledger_service.services.webhook_endpoints import EndpointInput, create_endpoint, open_secrets
from ledger_service.store.database import Database
from ledger_service.store.evidence_rows import case_rows
from ledger_service.store.keys import webhook_secrets
from ledger_service.store.migrate import upgrade
from ledger_service.store.tables import Account, CaseKey

from .conftest import a_deployment

BODY = {**CASE, "escrow": "none"}


@pytest.fixture(params=KINDS)
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    with databases_in(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def database(databases: Databases) -> Database:
    made = databases.open(databases.empty_url())
    upgrade(made)
    return made


def quiet(_what: str, _done: int, _total: int) -> None:
    pass


class House:
    """An installation with something under its master key in each place where there can be."""

    def __init__(self, app: App, shop: Account) -> None:
        self.app, self.shop = app, shop
        self.folder = app.settings.data / "secrets"
        claim = begin(app, "account:1", "first", "hash")
        assert isinstance(claim, IdempotencyClaim)
        self.case_id = str(open_case(app, shop, CaseInput.model_validate(BODY), idempotency=claim)["case_id"])
        self.prepared = str(prepare_case(app, shop, CaseInput.model_validate(BODY))["case_id"])
        set_webhook_secret(app, shop, "easypost", "carrier-secret")
        made = create_endpoint(app, shop, EndpointInput(url="https://93.184.216.34/x"))
        self.endpoint, self.secret = made["endpoint_id"], made["secret"]

    def rotate(self, wait: Callable[[float], None] = lambda _seconds: None) -> master_keys.Rotation:
        return rotate_master(self.app.database, self.folder, SystemClock(), wait)

    def restarted(self) -> App:
        return make_app(self.app.settings, a_deployment(), self.app.clock, self.app.database)

    def shown(self, app: App) -> list[str]:
        with app.database.read() as session:
            rows = case_rows(session, [self.case_id])[self.case_id]
            return [text for texts in shown_disclosures(app, rows, show_all).values() for text in texts]

    def check(self, app: App) -> None:
        """Everything opens."""
        with app.database.read() as session:
            [row] = webhook_secrets(session, "easypost")
            assert app.vault.open_secret(f"easypost:{row.account_id}", row.sealed) == b"carrier-secret"
            assert open_secrets(app, session, [self.endpoint]) == {self.endpoint: [self.secret]}
        shown = self.shown(app)
        assert len(shown) > 4
        assert UNREADABLE not in shown
        again = begin(app, "account:1", "first", "hash")
        assert isinstance(again, Answer)
        assert again.body["case_id"] == self.case_id


@pytest.fixture
def house(app: App, shop: Account) -> House:
    return House(app, shop)


def test_rotation_seals_everything_under_another_key(house: House) -> None:
    [old] = key_names(house.folder)
    masters = (house.folder / MASTER).read_text()
    index = house.app.vault.blind_index("x")
    done = house.rotate()
    assert (done.key, done.retired) == (key_names(house.folder)[0], [old])
    assert done.key != old
    assert done.sealed == {
        "case_keys": 1,
        "webhook_secrets": 1,
        "webhook_endpoint_secrets": 1,
        "prepared_cases": 1,
        "idempotent_requests": 1,
    }
    house.check(house.app)
    house.check(house.restarted())
    assert house.restarted().vault.blind_index("x") == index, "cases would not be found by their parcels any more"
    with house.app.database.read() as session:
        wrapped = session.get_one(CaseKey, house.case_id).wrapped
    with pytest.raises(IntegrityFailure):
        Vault(bytes.fromhex(masters)).unwrap(house.case_id, wrapped)
    for name in (MASTER, INDEX):
        assert stat.S_IMODE((house.folder / name).stat().st_mode) == 0o600


def test_what_an_earlier_release_sealed_is_opened_and_rotated(house: House) -> None:
    """It did not name its key."""
    with house.app.database.write() as session:
        row = session.get_one(CaseKey, house.case_id)
        row.wrapped = row.wrapped[5:]
        session.add(row)
    house.check(house.app)
    assert house.rotate().sealed["case_keys"] == 1
    house.check(house.restarted())


class Killed(BaseException):
    """The end of a process, as seen from the inside."""


def die(*_: object) -> None:
    raise Killed


@pytest.mark.parametrize("at", ["_seal_all", "_seal_some", "settling", "retire_keys", "end"])
def test_rotation_that_is_killed_goes_on_where_it_stopped(
    house: House, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [old] = key_names(house.folder)
    with monkeypatch.context() as patch:
        if at == "end":
            patch.setattr(KeyFile, "end", die)
        elif at != "settling":
            patch.setattr(master_keys, at, die)
        with pytest.raises(Killed):
            house.rotate(die if at == "settling" else lambda _seconds: None)
    between = key_names(house.folder)
    assert len(between) == 2
    assert between[1] == old
    house.check(house.app)
    house.check(house.restarted())
    require_secrets(house.app.settings, house.app.database)
    done = house.rotate()
    assert (done.key, done.retired) == (between[0], [old]), "the key that was begun with is the one"
    house.check(house.restarted())


def test_service_that_runs_takes_the_new_key_by_itself(house: House) -> None:
    """What it seals meanwhile is not lost with the old key."""
    opened: list[str] = []

    def go_on(_seconds: float) -> None:
        opened.append(str(open_case(house.app, house.shop, CaseInput.model_validate(BODY))["case_id"]))

    done = house.rotate(go_on)
    assert done.sealed["case_keys"] == 1, "the other one was sealed under the new key at once"
    house.check(house.restarted())
    house.case_id = opened[0]
    assert UNREADABLE not in house.shown(house.restarted())


def test_what_was_begun_under_the_old_key_is_sealed_again_at_the_end(house: House) -> None:
    old = Vault(bytes.fromhex((house.folder / MASTER).read_text()))

    def late(_seconds: float) -> None:
        with house.app.database.write() as session:
            row = session.get_one(CaseKey, house.case_id)
            row.wrapped = old.wrap(house.case_id, house.app.vault.unwrap(house.case_id, row.wrapped))
            session.add(row)

    assert house.rotate(late).sealed["case_keys"] == 2
    house.check(house.restarted())


def test_unit_of_work_that_outlasts_the_wait_is_waited_for(house: House) -> None:
    """It keeps what it sealed under the old key when nothing else is under that one any more."""
    old = Vault(bytes.fromhex((house.folder / MASTER).read_text()))
    kept, ends, threads = threading.Event(), threading.Event(), list[threading.Thread]()

    def last_long() -> None:
        with house.app.database.write() as session:
            row = session.get_one(CaseKey, house.case_id)
            row.wrapped = old.wrap(house.case_id, house.app.vault.unwrap(house.case_id, row.wrapped))
            session.add(row)
            session.flush()
            kept.set()
            ends.wait(2.0)

    def begin(_seconds: float) -> None:
        threads.append(threading.Thread(target=last_long))
        threads[0].start()
        assert kept.wait(30)

    assert house.rotate(begin).sealed["case_keys"] == 2
    threads[0].join()
    house.check(house.restarted())


def test_two_rotations_at_once_are_one(house: House) -> None:
    def again(_seconds: float) -> None:
        with pytest.raises(Conflict, match="being rotated already"):
            house.rotate()

    house.rotate(again)


def test_no_key_is_given_up_while_something_is_under_a_third_one(house: House) -> None:
    with house.app.database.write() as session:
        row = session.get_one(CaseKey, house.case_id)
        row.wrapped = Vault(b"?" * 32).wrap(house.case_id, b"k" * 32)
        session.add(row)
    with pytest.raises(IntegrityFailure, match="case_keys"):
        house.rotate()
    assert len(key_names(house.folder)) == 2


def test_secrets_from_before_are_refused(house: House) -> None:
    before = (house.folder / MASTER).read_text()
    house.rotate()
    require_living_key(house.app.database, house.folder)
    (house.folder / MASTER).write_text(before)
    with pytest.raises(Unavailable, match="was retired at"):
        require_secrets(house.app.settings, house.app.database)


def test_the_key_of_keyed_hashes_is_missed(house: House) -> None:
    house.rotate()
    (house.folder / INDEX).unlink()
    with pytest.raises(Unavailable, match=INDEX):
        require_secrets(house.app.settings, house.app.database)


def test_backup_from_before_a_rotation_wants_its_own_key(house: House, databases: Databases, tmp_path: Path) -> None:
    file, before = tmp_path / "b.zip", (house.folder / MASTER).read_text()
    make_backup(house.app.settings.data, house.app.database, file, SystemClock(), quiet)
    house.rotate()
    empty = databases.open(databases.empty_url())
    with pytest.raises(Conflict, match="sealed under the master key"):
        restore_backup(house.app.settings.data, empty, file, quiet)
    with (house.folder / MASTER).open("a") as keys:
        keys.write("\n" + before)
    restore_backup(house.app.settings.data, empty, file, quiet)
    reborn = make_app(house.app.settings, a_deployment(), house.app.clock, empty)
    release(reborn)
    house.check(reborn)
    rotate_master(empty, house.folder, SystemClock(), lambda _seconds: None)
    assert len(key_names(house.folder)) == 1
    house.check(make_app(house.app.settings, a_deployment(), house.app.clock, empty))


def test_personal_fields_of_a_restored_backup_stay_closed(house: House, databases: Databases, tmp_path: Path) -> None:
    """Until the chain has said which cases were erased since."""
    file = tmp_path / "b.zip"
    make_backup(house.app.settings.data, house.app.database, file, SystemClock(), quiet)
    empty = databases.open(databases.empty_url())
    restore_backup(house.app.settings.data, empty, file, quiet)
    reborn = make_app(house.app.settings, a_deployment(), house.app.clock, empty)
    with reborn.database.read() as session:
        wrapped = session.get_one(CaseKey, house.case_id).wrapped
    assert house.shown(reborn) == []
    with pytest.raises(Unavailable, match="stay closed"):
        reborn.vault.unwrap(house.case_id, wrapped)
    release(reborn)
    house.check(reborn)


@pytest.mark.parametrize("content", ["", "no hex", "ab" * 31, "ab" * 32 + "\nzz"])
def test_file_that_holds_no_keys_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / MASTER).write_text(content)
    with pytest.raises(LedgerError, match="holds no master key"):
        KeyFile(tmp_path).now()
