"""The audit and the verification of stored cases, on real chains: all is well, until anything stored is changed."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asking import account_of
from sqlalchemy import text
from sqlmodel import Session, SQLModel

from ledger_service.chain.abi import ESCROW, LEDGER
from ledger_service.chain.case_reader import FullReader
from ledger_service.chain.code import is_our_code
from ledger_service.chain.faucet import pay_in
from ledger_service.config import Settings
from ledger_service.domain.hashing import hex0x, keccak
from ledger_service.errors import NotFound
from ledger_service.services import audit as audit_module
from ledger_service.services.accounts import create_account
from ledger_service.services.acting import state_milestone
from ledger_service.services.app import App, make_app
from ledger_service.services.audit import audit
from ledger_service.services.bundles import make_bundle
from ledger_service.services.chain_audit import audit_signatures
from ledger_service.services.evidence import show_all, verify_case
from ledger_service.services.inputs import CaseInput, MilestoneInput
from ledger_service.services.opening import open_case
from ledger_service.store.database import Database
from ledger_service.store.evidence_rows import counted
from ledger_service.verification import verify_bundle

from .conftest import Ledger, World

# What nothing can be held against: an import's own name for a row, and the row numbers.
FREE = {("cases", "source"), ("cases", "tracking_index"), ("records", "seq"), ("disclosures", "id")}
# Every stored value is changed on one chain only: what is found does not depend on which.
ONE_CHAIN = pytest.mark.parametrize("world", ["anvil"], indirect=True)
ROWS = {
    "cases": "1 ORDER BY case_id",
    "records": "kind = 'inspected'",
    "disclosures": "1 ORDER BY id",
    "case_keys": "1 ORDER BY case_id",
    "chain_cursor": "1",
    "chain_blocks": "number = (SELECT min(block_number) FROM chain_records)",
    "chain_events": "name = 'Recorded' ORDER BY block_number, log_index",
    "chain_records": "kind = 'inspected'",
    "chain_cases": "1 ORDER BY case_id",
    "chain_balances": "1",
}


@dataclass
class House:
    """An installation with a paid case and one that waits."""

    app: App
    path: Path
    paid: str
    waiting: str

    def read(self, query: str) -> Any:
        with sqlite3.connect(self.path) as database:
            return database.execute(query).fetchone()


@pytest.fixture(scope="module")
def house(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    path = tmp_path_factory.mktemp("audit") / "ledger.db"
    database = Database(f"sqlite:///{path}")
    SQLModel.metadata.create_all(database.engine)
    settings = Settings(data=world.data, chain=world.chain.name)
    app = make_app(settings, world.deployment, world.clock, database)
    ledger = Ledger(world, database)
    made = create_account(app, "merchant", "Audited shop")
    pay_in(world.chain.url, world.deployment, world.deployment.tokens["EUR"], made["address"], 100_000)
    shop = account_of(app, made["api_key"])
    ledger.run_until(lambda: House(app, path, "", "").read("SELECT minor FROM chain_balances"))

    def opened(reference: str) -> str:
        request = CaseInput.model_validate(
            {
                "reference": reference,
                "consumer": {"name": "Ana", "email": "ana@customers.example", "country": "DE", "language": "de"},
                "items": [{"sku": "1", "description": "Lamp", "quantity": 1, "unit_price": "19.80"}],
                "refund": {"amount": "19.80", "currency": "EUR"},
                "policy": "eu-14",
                "escrow": "refund",
                "shipment": {"carrier": "FedEx", "tracking_code": "1"},
            }
        )
        return str(open_case(app, shop, request)["case_id"])

    paid, waiting = opened("RMA-1"), opened("RMA-2")
    inspection = {"grade": "as_new", "share": 10_000, "fee": 0}
    for kind, data in (("authorised", {}), ("picked_up", {}), ("received", {}), ("inspected", inspection)):
        state_milestone(app, shop, paid, MilestoneInput(kind=kind, data=data))
    ledger.run_until(ledger.book.settled)
    yield House(app, path, paid, waiting)
    ledger.close()


# --- all is well -----------------------------------------------------------------------------------------------------


def test_audit_untouched_house_agrees(house: House) -> None:
    report = audit(house.app)
    assert report["problems"] == []
    assert (report["ok"], report["cases"], report["records"]) == (True, 2, 6)
    money = report["money"]["EUR"]
    assert (money["claimed"], money["in"], money["held"], money["out"]) == ("39.60", "1000.00", "1000.00", "0.00")
    assert money["locked"] == "39.60"


def test_audit_tells_its_progress(house: House) -> None:
    told: list[tuple[str, int, int]] = []
    audit(house.app, lambda what, done, total: told.append((what, done, total)))
    assert ("cases", 2, 2) in told
    assert {what for what, _, _ in told} == {"blocks", "cases", "tables"}


@ONE_CHAIN
def test_audit_takes_as_long_as_it_takes(world: World, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL ends a statement of everybody else's after a while."""
    bounds: list[str] = []

    def looked_at(session: Session) -> tuple[int, int]:
        bounds.append(session.execute(text("SHOW statement_timeout")).scalar_one())
        return counted(session)

    monkeypatch.setattr(audit_module, "counted", looked_at)
    app = make_app(Settings(data=world.data, chain=world.chain.name), world.deployment, world.clock, ledger.database)
    audit(app, quick=True)
    assert bounds == ["0"]


def test_verify_stored_case_against_its_chain_is_verified(house: House) -> None:
    body = verify_case(house.app, house.paid)
    assert (body["verdict"], body["skipped"]) == ("verified", [7]), body
    assert body["chain"]["asked"]
    assert [row["stage"] for row in body["records"]] == ["final"] * 5


def test_verify_unknown_case_raises_not_found(house: House) -> None:
    with pytest.raises(NotFound):
        verify_case(house.app, hex0x(keccak(b"nobody's")))


def test_code_of_deployed_contracts_is_ours(world: World) -> None:
    rpc = world.chain.rpc
    code = rpc.code(world.deployment.ledger)
    assert is_our_code(LEDGER, code)
    assert is_our_code(ESCROW, rpc.code(world.deployment.escrow))
    assert not is_our_code(ESCROW, code)
    assert not is_our_code(LEDGER, code[:-1] + b"\0")


def test_bundle_holds_against_a_chain_of_ones_own_choosing(house: House, world: World) -> None:
    bundle = json.loads(json.dumps(make_bundle(house.app, house.paid)))
    rpc = world.chain.rpc
    report = verify_bundle(bundle, FullReader(rpc), keys=house.app.tokens.jwks())
    assert (report.verdict, report.skipped) == ("verified", [7]), report.as_json()
    newest = rpc.latest().hash
    assert verify_bundle(bundle, FullReader(rpc, newest), block_hash=newest).verdict == "verified"
    genesis = world.deployment.genesis_hash
    assert verify_bundle(bundle, FullReader(rpc, genesis), block_hash=genesis).verdict == "failed"


def test_bundle_hides_personal_fields_unless_asked(house: House) -> None:
    assert "ana@customers.example" not in json.dumps(make_bundle(house.app, house.paid))
    hidden = make_bundle(house.app, house.paid)["evidence"]["records"][0]["disclosures"]
    shown = make_bundle(house.app, house.paid, show_all)["evidence"]["records"][0]["disclosures"]
    named = make_bundle(house.app, house.paid, lambda name: name == "consumer.name")["evidence"]["records"][0]
    assert (len(hidden), len(named["disclosures"]), len(shown)) == (0, 1, 4)


# --- until something is changed --------------------------------------------------------------------------------------


@pytest.fixture
def tampered(house: House, tmp_path: Path) -> Iterator[House]:
    """A copy of the house whose database may be changed."""
    path = tmp_path / "ledger.db"
    with sqlite3.connect(house.path) as source, sqlite3.connect(path) as target:
        source.backup(target)
    database = Database(f"sqlite:///{path}")
    app = make_app(house.app.settings, house.app.deployment, house.app.clock, database)
    yield House(app, path, house.paid, house.waiting)
    database.close()


def columns() -> list[tuple[str, str]]:
    tables = SQLModel.metadata.tables
    return [(table, column.name) for table in ROWS for column in tables[table].columns]


def other(value: Any) -> Any:
    if isinstance(value, int):
        return value + 100
    if isinstance(value, bytes):
        middle = len(value) // 2
        return value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]
    if isinstance(value, str) and value:
        middle = len(value) // 2
        return value[:middle] + ("b" if value[middle] == "a" else "a") + value[middle + 1 :]
    return 1


@ONE_CHAIN
@pytest.mark.parametrize(("table", "column"), [c for c in columns() if c not in FREE])
def test_audit_after_any_stored_value_is_changed_fails(tampered: House, table: str, column: str) -> None:
    (inspected,) = tampered.read("SELECT record_id FROM records WHERE kind = 'inspected'")
    (row, value) = tampered.read(f"SELECT rowid, {column} FROM {table} WHERE {ROWS[table]} LIMIT 1")
    with sqlite3.connect(tampered.path) as database:
        try:
            database.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (other(value), row))
        except sqlite3.IntegrityError:
            return  # the database itself refuses it
    report = audit(tampered.app)
    assert not report["ok"]
    if table == "records" and column not in ("record_id", "case_id"):
        assert inspected in {problem.get("record_id") for problem in report["problems"]}
    if table in ("records", "chain_records") and column not in ("case_id", "position", "kind"):
        assert verify_case(tampered.app, tampered.paid)["verdict"] == "failed"


@ONE_CHAIN
@pytest.mark.parametrize("table", [table for table in ROWS if table != "chain_cursor"])
def test_audit_after_any_row_is_removed_fails(tampered: House, table: str) -> None:
    (row,) = tampered.read(f"SELECT rowid FROM {table} WHERE {ROWS[table]} LIMIT 1")
    with sqlite3.connect(tampered.path) as database:
        database.execute(f"DELETE FROM {table} WHERE rowid = ?", (row,))
    assert not audit(tampered.app)["ok"]


@ONE_CHAIN
def test_audit_after_changed_disclosure_names_its_record(tampered: House) -> None:
    (record_id,) = tampered.read("SELECT record_id FROM disclosures ORDER BY id LIMIT 1")
    with sqlite3.connect(tampered.path) as database:
        database.execute("UPDATE disclosures SET sealed = x'00' WHERE id = (SELECT min(id) FROM disclosures)")
    assert record_id in {problem.get("record_id") for problem in audit(tampered.app)["problems"]}


@ONE_CHAIN
def test_audit_after_lost_outbox_row_names_the_record(tampered: House, world: World) -> None:
    """A record that was acknowledged and that nothing will ever send."""
    shop = tampered.read("SELECT id FROM accounts WHERE role = 'merchant'")
    with tampered.app.database.read() as session:
        from ledger_service.store.tables import Account

        account = session.get(Account, shop[0])
    assert account is not None
    stated = state_milestone(tampered.app, account, tampered.waiting, MilestoneInput(kind="declined"))
    assert audit(tampered.app)["ok"]
    assert verify_case(tampered.app, tampered.waiting)["verdict"] == "pending"
    with sqlite3.connect(tampered.path) as database:
        database.execute("DELETE FROM outbox WHERE record_id = ?", (stated["record_id"],))
    problems = audit(tampered.app)["problems"]
    assert [problem["record_id"] for problem in problems] == [stated["record_id"]]


@ONE_CHAIN
def test_quick_audit_checks_every_signature(house: House, world: World) -> None:
    report = audit(house.app, quick=True)
    assert (report["ok"], report["replayed"], report["stages"]) == (True, False, {})
    rpc = world.chain.rpc
    signed = audit_signatures(rpc, house.app.database, house.app.deployment, rpc.latest().number)
    assert (signed.problems, signed.signatures) == ([], 6)  # two openings, four acts; what nobody signs is left out
    assert signed.events >= 6


@ONE_CHAIN
@pytest.mark.parametrize(
    "change",
    ["nonce = nonce + 1", "valid_until = valid_until + 1", "share = 1", "fee = 1", "grade = 3", "signature = x'00'"],
)
def test_quick_audit_after_what_was_signed_is_changed_names_the_record(tampered: House, change: str) -> None:
    with sqlite3.connect(tampered.path) as database:
        database.execute(f"UPDATE records SET {change} WHERE kind = 'inspected'")
    (record_id,) = tampered.read("SELECT record_id FROM records WHERE kind = 'inspected'")
    problems = audit(tampered.app, quick=True)["problems"]
    assert [(problem["record_id"], problem["check"]) for problem in problems] == [(record_id, 2)]


@ONE_CHAIN
def test_quick_audit_after_record_is_changed_names_it(tampered: House) -> None:
    with sqlite3.connect(tampered.path) as database:
        database.execute("UPDATE records SET canonical = x'7b7d' WHERE kind = 'inspected'")
    (record_id,) = tampered.read("SELECT record_id FROM records WHERE kind = 'inspected'")
    problems = audit(tampered.app, quick=True)["problems"]
    assert [(problem["record_id"], problem["check"]) for problem in problems] == [(record_id, 1)]


@ONE_CHAIN
@pytest.mark.parametrize("kind", ["nonce = 'text'", "nonce = -1", "share = x'ff'", "signature = 'text'", "grade = 99"])
def test_quick_audit_after_value_of_another_type_names_the_record(tampered: House, kind: str) -> None:
    with sqlite3.connect(tampered.path) as database:
        database.execute(f"UPDATE records SET {kind} WHERE kind = 'inspected'")
    problems = audit(tampered.app, quick=True)["problems"]
    assert [(problem["check"], problem["detail"]) for problem in problems] == [
        (2, "It cannot be told what was signed.")
    ]


@ONE_CHAIN
@pytest.mark.parametrize("column", ["signer", "kind", "role", "case_id"])
def test_quick_audit_after_record_is_made_anothers_says_that_it_is_missing(tampered: House, column: str) -> None:
    case_id = tampered.paid
    with sqlite3.connect(tampered.path) as database:
        database.execute(f"UPDATE records SET {column} = ? WHERE kind = 'inspected'", (tampered.waiting,))
    problems = audit(tampered.app, quick=True)["problems"]
    assert [(problem["case_id"], problem["check"]) for problem in problems] == [(case_id, 1)]


def test_verify_case_is_judged_anew_after_every_change(tampered: House) -> None:
    assert verify_case(tampered.app, tampered.paid)["verdict"] == "verified"
    with sqlite3.connect(tampered.path) as database:
        database.execute("UPDATE records SET canonical = replace(canonical, 'as_new', 'used')")
    assert verify_case(tampered.app, tampered.paid)["verdict"] == "failed"


def test_verify_case_of_chain_that_never_ran_is_pending(house: House, tmp_path: Path) -> None:
    shutil.copytree(house.app.settings.data / "secrets", tmp_path / "secrets")
    settings = house.app.settings.model_copy(update={"data": tmp_path})
    app = make_app(settings, house.app.deployment, house.app.clock, house.app.database)
    body = verify_case(app, house.paid)
    assert (body["verdict"], body["chain"]["asked"]) == ("pending", False)


@ONE_CHAIN
@pytest.mark.parametrize("column", ["canonical", "signature", "receipt", "commitment", "valid_until"])
@pytest.mark.parametrize("kind", ["'text'", "x'ff'", "7"])
def test_audit_after_value_of_another_type_names_the_record(tampered: House, column: str, kind: str) -> None:
    with sqlite3.connect(tampered.path) as database:
        database.execute(f"UPDATE records SET {column} = {kind} WHERE kind = 'inspected'")
    (record_id,) = tampered.read("SELECT record_id FROM records WHERE kind = 'inspected'")
    assert record_id in {problem.get("record_id") for problem in audit(tampered.app)["problems"]}
    assert verify_case(tampered.app, tampered.paid)["verdict"] == "failed"
