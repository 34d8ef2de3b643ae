"""The main job from outside, on both chains: real returns recorded, a refund paid by contract, everything verified."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from coincurve import PrivateKey
from databases import databases_in

from ledger_service.chain.abi import function
from ledger_service.chain.deployments import read_deployment
from ledger_service.chain.local import local_url
from ledger_service.chain.rpc import Rpc
from ledger_service.domain.online_retail import read_credit_notes
from ledger_service.domain.signatures import address_of
from ledger_service.services.sample import sample_file

from .conftest import DATABASE_WITH
from .running import ROOT, Running, wait_for

FILE = ROOT / "ledger_service" / "sample_data" / "online_retail_credit_notes.csv"
CHAIN_IDS = {"ganache": 1337, "anvil": 31337}
REBUILT = {  # the chain's tables, and whether these tests leave something in them
    "chain_balances": True,
    "chain_cases": True,
    "chain_events": True,
    "chain_panels": True,
    "chain_records": True,
    "chain_refusals": False,
    "chain_votes": False,
}


@pytest.fixture(scope="module", params=["ganache", "anvil"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp(request.param)
    with databases_in(DATABASE_WITH[request.param], folder) as databases:
        url = databases.empty_url()
        installation = Running(folder / "data", request.param, "--no-sample", database_url=url)
        try:
            installation.start()
            yield installation
        finally:
            installation.close()


@pytest.fixture(scope="module")
def keys(running: Running) -> dict[str, Any]:
    """Accounts of a shop and its parties; the warehouse signs with a key of its own."""
    own = PrivateKey()
    made = {
        role: running.ledger_json("keys", "create", "--role", role, "--name", f"Test {role}")
        for role in ("merchant", "carrier", "inspector")
    }
    address = address_of(own.public_key)
    made["warehouse"] = running.ledger_json(
        "keys", "create", "--role", "warehouse", "--name", "Test warehouse", "--address", address
    )
    made["warehouse"]["private_key"] = own.to_hex()
    return made


def _ethers(private_key: str, typed_data: dict[str, Any]) -> str:
    node = shutil.which("node") or str(ROOT / ".venv-node" / "bin" / "node")
    done = subprocess.run(
        [node, str(Path(__file__).with_name("sign_with_ethers.mjs")), "0x" + private_key],
        input=json.dumps(typed_data).encode(),
        stdout=subprocess.PIPE,
        check=True,
        cwd=ROOT,
    )
    return str(json.loads(done.stdout)["signature"])


def _open(client: httpx.Client, keys: dict[str, Any], **changes: Any) -> dict[str, Any]:
    body = {
        "reference": "RMA-1001",
        "order": {"reference": "O-1001", "ordered_at": "2010-12-01T10:24:00Z"},
        "consumer": {"name": "Ana Müller", "email": "ana@customers.example", "country": "DE", "language": "de"},
        "items": [{"sku": "22556", "description": "PLASTERS IN TIN", "quantity": 12, "unit_price": "1.65"}],
        "refund": {"amount": "19.80", "currency": "GBP"},
        "policy": "eu-14",
        "escrow": "refund",
        "shipment": {"carrier": "FedEx", "tracking_code": "1"},
        "carrier": keys["carrier"]["address"],
        "warehouse": keys["warehouse"]["address"],
        "inspector": keys["inspector"]["address"],
        **changes,
    }
    answer = client.post("/v1/cases", json=body)
    assert answer.status_code == 201, answer.text
    opened: dict[str, Any] = answer.json()
    return opened


def _state(client: httpx.Client, case_id: str, kind: str, **data: Any) -> dict[str, Any]:
    answer = client.post(f"/v1/cases/{case_id}/milestones", json={"kind": kind, "data": data})
    assert answer.status_code == 202, answer.text
    stated: dict[str, Any] = answer.json()
    return stated


def _consumer_token(running: Running, case_id: str) -> str:
    """The acting link, out of the consumer's e-mail."""

    def look() -> str | None:
        messages = httpx.get(f"{running.url}/outbox/messages", timeout=20).raise_for_status().json()
        for message in messages:
            token = message["link"].partition("#")[2]
            status = httpx.get(f"{running.url}/v1/status", headers={"Authorization": f"Bearer {token}"}, timeout=20)
            if status.status_code == 200 and status.json()["case_id"] == case_id:
                return str(token)
        return None

    found: str = wait_for(look, what="the e-mail")
    return found


def _token_balance(running: Running, currency: str, holder: str) -> int:
    """Token units that an address holds, asked of the chain itself."""
    deployment = read_deployment(running.data, CHAIN_IDS[running.chain])
    rpc = Rpc(local_url(running.chain, running.data))
    balance = function("TestToken", "balanceOf")
    units = balance.decode(rpc.read(deployment.tokens[currency].address, balance.encode(holder)))[0]
    rpc.close()
    return int(units)


def test_refund_is_paid_by_contract_and_every_account_of_it_agrees(running: Running, keys: dict[str, Any]) -> None:
    running.ledger("fund", "--merchant", "Test merchant", "--amount", "100.00", "--currency", "GBP")
    merchant = running.client(keys["merchant"]["api_key"])
    wait_for(lambda: _has_balance(running, keys["merchant"]["address"]), what="the deposit")
    case = _open(merchant, keys)
    case_id = case["case_id"]
    assert case["state"] == "requested"
    assert case["status_link"].startswith(f"{running.url}/s#")

    _state(merchant, case_id, "authorised")
    carrier = running.client(keys["carrier"]["api_key"])
    _state(carrier, case_id, "picked_up", location="Berlin")
    _prepare_and_sign(running, keys, case_id)
    inspector = running.client(keys["inspector"]["api_key"])
    _state(inspector, case_id, "inspected", grade="used", share=10_000, fee=0)
    running.wait_recorded(merchant, case_id, "inspected")

    token = _consumer_token(running, case_id)
    link = {"Authorization": f"Bearer {token}"}
    accepted = httpx.post(f"{running.url}/v1/status/acts", headers=link, json={"kind": "accepted"}, timeout=20)
    assert accepted.status_code == 202, accepted.text

    def paid() -> dict[str, Any] | None:
        status = httpx.get(f"{running.url}/v1/status", headers=link, timeout=20).raise_for_status().json()
        return status if status["money"]["where"] == "withdrawn" else None

    status = wait_for(paid, what="the payment")
    # the test token has six decimals, so a penny is 10,000 of its units
    assert status["refund"]["paid"] == "19.80"
    assert _token_balance(running, "GBP", status["money"]["withdrawn_to"]) == 1980 * 10_000
    assert merchant.get(f"/v1/cases/{case_id}").json()["refund"]["paid"] == "19.80"
    audited = merchant.get("/v1/audit/refunds").json()["items"]
    assert next(item for item in audited if item["case_id"] == case_id)["refund"]["paid"] == "19.80"
    verification = merchant.get(f"/v1/cases/{case_id}/verification").json()
    assert verification["verdict"] == "verified", verification
    audit = running.ledger_json("audit")
    assert audit["money"]["GBP"]["withdrawn_by_consumers"] == "19.80"


def _has_balance(running: Running, merchant: str) -> bool:
    return running.rows("SELECT minor FROM chain_balances WHERE account = :it", it=merchant) == [(10_000,)]


def _prepare_and_sign(running: Running, keys: dict[str, Any], case_id: str) -> None:
    """The warehouse's own step, signed by ethers; the same with one bit changed is refused."""
    warehouse = running.client(keys["warehouse"]["api_key"])
    url = f"/v1/cases/{case_id}/milestones"
    prepared = (
        warehouse.post(f"{url}/prepare", json={"kind": "received", "data": {"dock": "4"}}).raise_for_status().json()
    )
    signature = _ethers(keys["warehouse"]["private_key"], prepared["typed_data"])
    body = {"kind": "received", "record_id": prepared["record_id"], "signer": keys["warehouse"]["address"]}
    flipped = f"{signature[:20]}{int(signature[20], 16) ^ 1:x}{signature[21:]}"
    refused = warehouse.post(url, json={**body, "signature": flipped})
    assert refused.status_code == 422, refused.text
    assert refused.json()["field"] == "signature"
    taken = warehouse.post(url, json={**body, "signature": signature}, headers={"Prefer": "wait=20"})
    assert taken.status_code == 202, taken.text
    assert taken.json()["stage"] in ("recorded", "final")


def test_bundle_is_verified_without_the_service(running: Running, keys: dict[str, Any], tmp_path: Path) -> None:
    merchant = running.client(keys["merchant"]["api_key"])
    case = _open(merchant, keys, escrow="none", reference="RMA-B")
    running.wait_recorded(merchant, case["case_id"], "requested")
    bundle = tmp_path / "bundle.json"
    running.ledger("bundle", case["case_id"], "--out", str(bundle))
    rpc = local_url(running.chain, running.data)
    report = json.loads(_verify(bundle, "--rpc", rpc, "--json", code=0))
    assert report["verdict"] == "verified"
    text = bundle.read_text()
    assert "eu-14" in text
    bundle.write_text(text.replace("eu-14", "eu-41"))
    assert json.loads(_verify(bundle, "--rpc", rpc, "--json", code=1))["verdict"] == "failed"


def _verify(bundle: Path, *options: str, code: int) -> str:
    from .running import LEDGER

    done = subprocess.run([str(LEDGER), "verify", str(bundle), *options], stdout=subprocess.PIPE, check=False)
    assert done.returncode == code, done.stdout.decode()
    return done.stdout.decode()


def test_kill_in_the_middle_of_an_import_loses_and_doubles_nothing(running: Running) -> None:
    """On ganache all goes on; anvil may lose its last blocks, and then the service must say so rather than go on."""
    if running.chain == "anvil":
        pytest.skip("anvil keeps its blocks in memory and loses the last of them in a kill -9")
    running.ledger_json("keys", "create", "--role", "merchant", "--name", "Importer")
    notes = len(read_credit_notes(sample_file()).notes)
    importing = running.spawn("import", "online-retail", str(FILE), "--merchant", "Importer", "--json")
    wait_for(lambda: _cases(running) > 20, what="the first imports")
    running.kill_tree()
    importing.kill()
    importing.communicate()
    running.start()
    report = running.ledger_json("import", "online-retail", str(FILE), "--merchant", "Importer")
    assert len(report["opened"]) + len(report["known"]) == notes
    assert report["known"], "the kill came after the import had begun"
    assert report["lines_in_cases"] + len(report["left"]) == report["lines"] == 514
    again = running.ledger_json("import", "online-retail", str(FILE), "--merchant", "Importer")
    assert not again["opened"]
    audit = wait_for(lambda: _settled_audit(running), seconds=120, what="a clean audit")
    assert audit["problems"] == []
    imported = "SELECT count(*), count(DISTINCT source) FROM cases WHERE source LIKE 'online-retail:%'"
    assert running.rows(imported) == [(notes, notes)]


def _cases(running: Running) -> int:
    return int(running.rows("SELECT count(*) FROM cases WHERE source IS NOT NULL")[0][0])


def _settled_audit(running: Running) -> dict[str, Any] | None:
    if running.rows("SELECT count(*) FROM outbox WHERE NOT done") != [(0,)]:
        return None
    audit: dict[str, Any] = running.ledger_json("audit")
    return audit


def test_audit_names_a_record_whose_payload_was_changed(running: Running, keys: dict[str, Any]) -> None:
    ((record_id, payload),) = running.rows("SELECT record_id, canonical FROM records LIMIT 1")
    changed = bytes([*payload[:-20], payload[-20] ^ 1, *payload[-19:]])
    update = "UPDATE records SET canonical = :payload WHERE record_id = :it"
    running.change(update, payload=changed, it=record_id)
    try:
        audit = running.ledger_json("audit", code=1)
        assert record_id in json.dumps(audit["problems"])
        assert record_id in running.ledger("audit", code=1)
    finally:
        running.change(update, payload=payload, it=record_id)
    running.ledger_json("audit")


def test_rebuild_makes_the_same_tables_again(running: Running) -> None:
    def tables() -> list[Any]:
        return [running.rows(f"SELECT * FROM {table} ORDER BY 1, 2") for table in sorted(REBUILT)]

    before = tables()
    assert [bool(rows) for rows in before] == [REBUILT[table] for table in sorted(REBUILT)]
    running.ledger("rebuild")
    assert tables() == before
    running.ledger_json("audit")


def test_stop_and_start_go_on_where_they_stopped(running: Running, keys: dict[str, Any]) -> None:
    assert running.stop() == 0
    started = time.monotonic()
    running.start()
    assert time.monotonic() - started < 60
    merchant = running.client(keys["merchant"]["api_key"])
    assert merchant.get("/v1/cases").json()["items"]
    running.ledger_json("audit")
