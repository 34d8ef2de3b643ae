"""Whole lives with unmistakable values in every input, on real chains; then they are erased, and all is searched:
database files and log, cached answers, webhook events, mails, logs, the chain. What was signed verifies as before."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asking import account_of
from databases import Databases, files_of
from sqlalchemy import text
from sqlmodel import SQLModel, select
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.chain.case_reader import FullReader
from ledger_service.clock import SystemClock
from ledger_service.errors import Conflict, InvalidInput, LedgerError, NotFound, OutOfOrder
from ledger_service.mail_sending import FolderSender
from ledger_service.services.accounts import create_account, set_webhook_secret
from ledger_service.services.app import App, make_app
from ledger_service.services.audit import audit
from ledger_service.services.backup import make_backup, restore_backup
from ledger_service.services.bundles import make_bundle
from ledger_service.services.caretaking import Caretaker, clear
from ledger_service.services.erasing import erase_case, prepare_erasure
from ledger_service.services.evidence import show_all, verify_case
from ledger_service.services.inputs import CaseInput, ErasureInput, VoteInput
from ledger_service.services.links import READING, issue_link, last_window_ends
from ledger_service.services.opening import open_case
from ledger_service.services.personal_data import personal_data
from ledger_service.services.revealing import reveal_by_name
from ledger_service.services.voting import cast_vote
from ledger_service.store.database import Database
from ledger_service.store.migrate import upgrade
from ledger_service.store.scrubbing import scrub
from ledger_service.store.tables import CaseKey, CaseRow, DisclosureRow, Erasure, HeldKey, Mail, OutboxRow
from ledger_service.verification import verify_bundle
from ledger_service.workers.indexer import Indexer
from ledger_service.workers.notifier import Notifier
from ledger_service.workers.rebuilding import rebuild
from ledger_service.workers.telling import Teller

from .conftest import World
from .court import Court
from .court import _digest as digest_of
from .test_canaries import Planted, forms

VECTOR = Path(__file__).parents[1] / "vectors" / "easypost_tracker_updated.json"
SECRET = "carrier-webhook-secret"


class House(Court):
    """A court whose people write what can be searched for, by HTTP."""

    def __init__(self, world: World, database: Database) -> None:
        super().__init__(world, database)
        self.client = TestClient(create_app(self.app), raise_server_exceptions=False)
        self.key = create_account(self.app, "merchant", "Planting shop")
        self.auth = {"Authorization": f"Bearer {self.key['api_key']}"}
        set_webhook_secret(self.app, self.planting, "easypost", SECRET)
        answer = self.client.post(
            "/v1/webhook-endpoints", json={"url": "https://93.184.216.34/told"}, headers=self.auth
        )
        assert answer.status_code == 201, answer.text

    @property
    def planting(self) -> Any:
        return account_of(self.app, self.key["api_key"])

    def post(self, path: str, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        headers = {**self.auth, **({"Idempotency-Key": key} if key else {})}
        answer = self.client.post(path, json=body, headers=headers)
        assert answer.status_code in (200, 201, 202), answer.text
        return dict(answer.json())

    def tell(self) -> None:
        """Mails into the folder, and events to businesses."""
        teller, notifier = Teller(self.app), Notifier(self.app, FolderSender(self.app.settings.data / "mail"))
        while teller.step() or notifier.step():
            pass

    # --- lives -------------------------------------------------------------------------------------------------------

    def planted_life(self, planted: Planted, escrow: str = "none") -> str:
        """A return that is declined, disputed, ruled upon, and ends; each input holds something to be searched for."""
        opened = self.post("/v1/cases", self._request(planted, escrow), planted("idempotency key", "id-{}"))
        case_id = str(opened["case_id"])
        planted.know("status token", opened["status_link"].partition("#")[2])
        self.settle()
        self.tell()
        path = f"/v1/cases/{case_id}/milestones"
        noted = {"kind": "authorised", "data": {"note": planted("note")}}
        self.post(path, {**noted, "personal": {"address": planted("address")}}, planted("other key", "id-{}"))
        self.settle()
        self._carrier_reports(planted)
        self.post(path, {"kind": "received", "data": {"note": planted("warehouse's note")}})
        inspection = {"grade": "used", "share": 8_000, "fee": 0, "note": planted("inspector's note")}
        self.post(path, {"kind": "inspected", "data": inspection})
        self.consumer_says(case_id, "disputed", share=10_000, reason=planted("statement"))
        photo = {"name": planted("photo", "{}.jpg"), "media_type": "image/jpeg", "sha256": "5a" * 32}
        said = {"text": planted("evidence"), "attachments": [photo]}
        self.post(path, {"kind": "evidence", "data": said})
        self.settle()
        for number, judge in enumerate(self.judges):
            vote = VoteInput(share=9_000, reason=planted(f"reason of vote {number}"))
            cast_vote(self.app, judge, case_id, vote)
            self.settle()
        self.tell()
        while self.case(case_id).state not in ("settled", "closed"):
            self.lapse(case_id)
        self.tell()
        return case_id

    def _request(self, planted: Planted, escrow: str) -> dict[str, Any]:
        return {
            "reference": planted("reference"),
            "order": {"reference": planted("order")},
            "consumer": {
                "name": planted("name"),
                "email": planted("e-mail", "{}@customers.example"),
                "customer_number": planted("customer number"),
                "postal_address": planted("postal address", "{}, 1 Long Street"),
                "country": "DE",
                "language": "de",
            },
            "items": [{"sku": "1", "description": "Lamp", "quantity": 1, "unit_price": "20.00"}],
            "refund": {"amount": "20.00", "currency": "EUR"},
            "policy": "eu-14",
            "escrow": escrow,
            "panel": self.panel,
            "reason": planted("reason"),
            "shipment": {"carrier": "FedEx", "tracking_code": planted("tracking code")},
        }

    def _carrier_reports(self, planted: Planted) -> None:
        """The carrier's own webhook, with something in every text of it."""
        update = json.loads(VECTOR.read_text())
        result = update["result"]
        result["tracking_code"], result["carrier"] = planted.values["tracking code"], "FedEx"
        update["mode"] = "production"
        now = self.app.clock.now().replace(microsecond=0)
        for index, scan in enumerate(result["tracking_details"]):
            scan["datetime"] = now.isoformat().replace("+00:00", "Z")
            scan["message"] = planted(f"scan {index}")
            scan["tracking_location"]["city"] = planted(f"city {index}")
        update["id"] = planted("event", "evt_{}")
        result["signed_by"], result["public_url"] = (
            planted("signed by"),
            planted("tracker's page", "https://t.example/{}"),
        )
        result["carrier_detail"]["destination_location"] = planted("destination")
        raw = json.dumps(update).encode()
        digest = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        headers = {"X-Hmac-Signature": f"hmac-sha256-hex={digest}", "Content-Type": "application/json"}
        answer = self.client.post("/v1/webhooks/easypost", content=raw, headers=headers)
        assert answer.status_code == 200, answer.text
        assert [one["result"] for one in answer.json()["results"]] == ["accepted"], answer.text
        self.settle()

    def simple_life(self, email: str, *, escrow: str = "none", reference: str = "simple") -> str:
        """A return whose consumer accepts, to its end."""
        request = self._request(Planted(), escrow) | {"reference": reference}
        request["consumer"] = {"name": "Ana", "email": email, "language": "de"}
        case_id = str(open_case(self.app, self.shop, CaseInput.model_validate(request))["case_id"])
        for kind, data in (("authorised", {}), ("received", {}), ("inspected", {"grade": "used", "share": 10_000})):
            self.shop_says(case_id, kind, **data)
        self.consumer_says(case_id, "accepted")
        self.settle()
        while self.case(case_id).state not in ("settled", "closed"):
            self.lapse(case_id)
        self.tell()
        return case_id

    def erase(self, case_id: str) -> dict[str, Any]:
        return erase_case(self.app, None, case_id, ErasureInput())


@pytest.fixture(scope="module")
def house(world: World, databases_of_module: Databases) -> Iterator[House]:
    database = databases_of_module.open(databases_of_module.empty_url())
    upgrade(database)
    house = House(world, database)
    yield house
    house.close()


# --- what is searched ------------------------------------------------------------------------------------------------


def rows_of(database: Database) -> bytes:
    """All that the tables hold, as text and as bytes."""
    found: list[bytes] = []
    with database.read() as session:
        for table in SQLModel.metadata.sorted_tables:
            for row in session.execute(table.select()):
                found += [value if isinstance(value, bytes) else str(value).encode() for value in row]
    return b"\n".join(found)


def chain_of(world: World) -> bytes:
    """Every transaction's input and every log there is."""
    rpc = world.chain.rpc
    head = rpc.latest().number
    found = []
    for number in range(head + 1):
        block = rpc.call("eth_getBlockByNumber", hex(number), True)
        found += [bytes.fromhex(each["input"].removeprefix("0x")) for each in block["transactions"]]
    logs = rpc.call("eth_getLogs", {"fromBlock": "0x0", "toBlock": hex(head)})
    found += [bytes.fromhex(part.removeprefix("0x")) for log in logs for part in (log["data"], *log["topics"])]
    return b"\n".join(found)


def mails_of(app: App) -> bytes:
    """Their text as it is read: what is in base64 is searched too, by every form."""
    return b"".join(each.read_bytes() for each in sorted((app.settings.data / "mail").glob("*.eml")))


def found_in(haystack: bytes, planted: Planted) -> set[str]:
    return {where for where, value in planted.values.items() if any(form in haystack for form in forms(value))}


# --- erased, and searched --------------------------------------------------------------------------------------------


@pytest.mark.timeout(900)
def test_nothing_planted_is_left_anywhere(house: House, world: World, capfd: pytest.CaptureFixture[str]) -> None:
    planted = Planted()
    case_id = house.planted_life(planted)
    told = personal_data(house.app, planted.values["e-mail"], house.planting)
    kept_nowhere = {"idempotency key", "other key", "status token", "signed by", "tracker's page", "destination"}
    scans = {where for where in planted.values if where.startswith(("scan", "city"))}
    assert (
        found_in(json.dumps(told, ensure_ascii=False).encode(), planted) >= set(planted.values) - kept_nowhere - scans
    )
    assert {"reference", "idempotency key"} <= found_in(rows_of(house.database), planted)
    assert {"reference", "name"} <= found_in(mails_of(house.app), planted), "the search looks where the mails are"
    with house.database.read() as session:
        wrapped = session.get_one(CaseKey, case_id).wrapped
        sealed = [row.sealed for row in session.exec(select(DisclosureRow).where(DisclosureRow.case_id == case_id))]
    scrub(house.database)
    assert wrapped in files_of(house.database), "the search looks where the key is"

    answer = house.post(f"/v1/cases/{case_id}/erasure", {}, "erase-once")
    assert answer["stage"] == "accepted"
    assert house.post(f"/v1/cases/{case_id}/erasure", {}, "erase-once") == answer, "the same request is answered again"
    house.settle()
    house.tell()
    Caretaker(house.app, lambda: 0).step()
    with house.database.read() as session:
        assert session.get_one(Erasure, case_id).cleared_at is not None

    assert found_in(rows_of(house.database), planted) == set()
    files = files_of(house.database)
    assert found_in(files, planted) == set()
    assert wrapped not in files
    assert not any(one in files for one in sealed)
    assert found_in(mails_of(house.app), planted) == set()
    assert found_in(chain_of(world), planted) == set()
    said = capfd.readouterr()
    assert found_in((said.out + said.err).encode(), planted) == set()
    assert len(planted.values) > 20


def test_erased_case_verifies_and_says_so(house: House) -> None:
    case_id = house.simple_life("verifies@customers.example")
    before = verify_case(house.app, case_id)
    token = _token(house, case_id)
    house.erase(case_id)
    house.settle()
    after = verify_case(house.app, case_id)
    assert (before["verdict"], after["verdict"]) == ("verified", "verified")
    assert [row["kind"] for row in after["records"]][-1] == "erased"
    assert "were erased, and their fingerprints stand" in after["records"][0]["checks"][0]["detail"]
    assert [problem for problem in audit(house.app)["problems"] if problem.get("case_id") == case_id] == []

    bundle = make_bundle(house.app, case_id, show_all)
    assert verify_bundle(bundle, FullReader(house.ledger.rpc)).verdict == "verified"
    assert not any(record["disclosures"] for record in bundle["evidence"]["records"])
    gone = house.client.get("/v1/status", headers={"Authorization": f"Bearer {token}"})
    assert (gone.status_code, gone.json()["type"]) == (401, "urn:ledger:problem:link-erased")
    new = house.client.get("/v1/status", headers={"Authorization": f"Bearer {_token(house, case_id)}"}).json()
    assert new["erased_at"] is not None
    assert new["timeline"][-1]["kind"] == "erased"
    assert (new["verdict"], new["reference"]) == ("verified", "")


def _token(house: House, case_id: str) -> str:
    with house.database.write() as session:
        case = session.get_one(CaseRow, case_id)
        url, _ = issue_link(house.app, session, case, READING, last_window_ends(house.app, case))
    return url.partition("#")[2]


def test_key_of_the_consumer_stays_where_money_was_paid_to_it(house: House) -> None:
    paid, unpaid = house.simple_life("a@x.example", escrow="refund"), house.simple_life("b@x.example")
    assert house.case(paid).withdrawn == 2_000
    assert house.erase(paid)["consumer_key"] == "kept"
    assert house.erase(unpaid)["consumer_key"] == "destroyed"
    with house.database.read() as session:
        held = {case_id: session.get(HeldKey, session.get_one(CaseRow, case_id).consumer) for case_id in (paid, unpaid)}
    assert held[paid] is not None
    assert held[unpaid] is None
    house.settle()


def test_erasure_is_refused_until_the_case_has_ended_for_good(house: House) -> None:
    case_id = house.inspected("live", 10_000, "none")
    with pytest.raises(OutOfOrder, match="inspected"):
        house.erase(case_id)
    house.consumer_says(case_id, "accepted")
    house.settle()
    with pytest.raises(OutOfOrder, match="payable"):
        house.erase(case_id)
    house.lapse(case_id)
    assert house.case(case_id).state == "settled"
    with house.database.write() as session:
        session.add(OutboxRow(action="withdraw", subject=case_id, case_id=case_id, created_at=0))
    with pytest.raises(Conflict, match="on its way to the chain"):
        house.erase(case_id)
    with house.database.write() as session:
        session.execute(text("DELETE FROM outbox WHERE action = 'withdraw' AND subject = :case"), {"case": case_id})
    with pytest.raises(Conflict, match="message to its consumer"):
        house.erase(case_id)
    house.tell()
    house.erase(case_id)
    with pytest.raises(Conflict, match="was erased at"):
        house.erase(case_id)
    house.settle()


def test_end_that_is_not_final_is_waited_for(house: House) -> None:
    case_id = house.simple_life("final@x.example")
    settings = house.app.settings.model_copy(update={"confirmations": 1_000})
    careful = make_app(settings, house.world.deployment, house.app.clock, house.database)
    with pytest.raises(Conflict, match="not final"):
        erase_case(careful, None, case_id, ErasureInput())
    house.erase(case_id)
    house.settle()


def test_what_is_due_to_the_consumer_is_waited_for(house: House) -> None:
    case_id = house.simple_life("due@x.example", escrow="refund")
    with house.database.write() as session:
        session.execute(text("UPDATE chain_cases SET withdrawn = 0 WHERE case_id = :case"), {"case": case_id})
    with pytest.raises(Conflict, match="paid out to the consumer"):
        house.erase(case_id)
    with house.database.write() as session:
        session.execute(text("UPDATE chain_cases SET withdrawn = 2000 WHERE case_id = :case"), {"case": case_id})


def test_only_merchant_and_operator_erase(house: House) -> None:
    case_id = house.simple_life("who@x.example")
    path = f"/v1/cases/{case_id}/erasure"

    def ask(role: str, name: str) -> Any:
        made = create_account(house.app, role, name)
        return house.client.post(path, json={}, headers={"Authorization": f"Bearer {made['api_key']}"})

    for role, code in (("auditor", 403), ("arbitrator", 403), ("carrier", 403), ("merchant", 404)):
        answer = ask(role, f"A {role} of another")
        assert answer.status_code == code, answer.text
    assert ask("operator", "The operator").status_code == 202
    house.settle()


def test_case_takes_nothing_personal_any_more(house: House) -> None:
    case_id = house.simple_life("closed@x.example")
    house.erase(case_id)
    house.settle()
    with pytest.raises(LedgerError):
        house.shop_says(case_id, "evidence", text="too late")
    with pytest.raises(NotFound):
        personal_data(house.app, "closed@x.example")
    with pytest.raises(InvalidInput, match="were erased"):
        reveal_by_name(house.app, case_id, ["consumer.name"])


def test_merchant_with_its_own_key_signs_the_erasure(house: House) -> None:
    """What the service cannot sign it does not destroy: the record would be missing for ever."""
    case_id = house.simple_life("own@x.example")
    with house.database.read() as session:
        held = session.get_one(HeldKey, house.shop.address)
        signer = house.app.keys.signer(session, house.shop.address)
        keystore, created = held.keystore, held.created_at
    assert signer is not None
    with house.database.write() as session:
        session.delete(session.get_one(HeldKey, house.shop.address))
    house.app.keys.forget(house.shop.address)
    try:
        with pytest.raises(InvalidInput, match="erasure/prepare"):
            house.erase(case_id)
        prepared = prepare_erasure(house.app, house.shop, case_id)
        signature = "0x" + signer.sign(digest_of(prepared)).hex()
        request = ErasureInput(record_id=prepared["record_id"], signer=house.shop.address, signature=signature)
        assert erase_case(house.app, house.shop, case_id, request)["record_id"] == prepared["record_id"]
    finally:
        with house.database.write() as session:
            session.add(HeldKey(address=house.shop.address, keystore=keystore, created_at=created))
    house.settle()
    assert verify_case(house.app, case_id)["verdict"] == "verified"


# --- backups ---------------------------------------------------------------------------------------------------------


def test_restored_backup_is_erased_again_before_anything_is_shown(
    house: House, databases_of_module: Databases, tmp_path: Path
) -> None:
    case_id, other = house.simple_life("before@x.example"), house.simple_life("other@x.example")
    file = tmp_path / "before.zip"
    make_backup(house.app.settings.data, house.database, file, SystemClock(), lambda *_: None)
    house.erase(case_id)
    house.settle()

    empty = databases_of_module.open(databases_of_module.empty_url())
    restore_backup(house.app.settings.data, empty, file, lambda *_: None)
    reborn = make_app(house.app.settings, house.world.deployment, house.app.clock, empty)
    with empty.read() as session:
        assert session.get(CaseKey, case_id) is not None, "it was in the backup"
    for each in (case_id, other):
        assert not any(one["disclosures"] for one in make_bundle(reborn, each, show_all)["evidence"]["records"])
    with pytest.raises(LedgerError, match="stay closed"):
        personal_data(reborn, "before@x.example")

    indexer = Indexer(empty, house.ledger.rpc, house.world.deployment, reborn.policies.by_id)
    rebuild(empty, house.ledger.rpc, house.app.clock, indexer, lambda _: None)
    head = house.world.chain.rpc.latest().number
    Caretaker(reborn, lambda: head).step()
    with empty.read() as session:
        assert session.get(CaseKey, case_id) is None
        assert session.get_one(CaseRow, case_id).erased_at is not None
        assert session.get(CaseKey, other) is not None
    with pytest.raises(NotFound):
        personal_data(reborn, "before@x.example")
    assert len(personal_data(reborn, "other@x.example")["cases"]) == 1
    assert any(one["disclosures"] for one in make_bundle(reborn, other, show_all)["evidence"]["records"])


def test_rebuilding_changes_nothing_of_an_erasure(house: House) -> None:
    case_id = house.simple_life("rebuilt@x.example")
    house.erase(case_id)
    house.settle()
    indexer = Indexer(house.database, house.ledger.rpc, house.world.deployment, house.app.policies.by_id)
    rebuild(house.database, house.ledger.rpc, house.app.clock, indexer, lambda _: None)
    assert verify_case(house.app, case_id)["verdict"] == "verified"


def test_mail_in_the_folder_goes_with_its_case(house: House) -> None:
    erased, kept = house.simple_life("gone@x.example"), house.simple_life("kept@x.example")
    folder = house.app.settings.data / "mail"

    def files(case_id: str) -> list[Path]:
        with house.database.read() as session:
            rows = session.exec(select(Mail).where(Mail.case_id == case_id, Mail.state == "sent")).all()
        return [folder / f"{row.id:08d}.eml" for row in rows]

    assert all(path.exists() for case_id in (erased, kept) for path in files(case_id))
    assert files(erased)
    house.erase(erased)
    clear(house.app)
    assert not any(path.exists() for path in files(erased))
    assert all(path.exists() for path in files(kept))
    house.settle()


def test_import_of_the_same_file_does_not_open_an_erased_case_again(house: House) -> None:
    request = CaseInput.model_validate(copy.deepcopy(house._request(Planted(), "none")))
    source = "online-retail:1:C536379"
    case_id = str(open_case(house.app, house.shop, request, source=source)["case_id"])
    house.settle()
    house.tell()
    while house.case(case_id).state not in ("settled", "closed"):
        house.lapse(case_id)
    house.tell()
    house.erase(case_id)
    with house.database.read() as session:
        assert source not in str(session.get_one(CaseRow, case_id).source)
    with pytest.raises(Conflict, match="imported before"):
        open_case(house.app, house.shop, request, source=source)
