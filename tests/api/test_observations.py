"""Observations over HTTP: who may state what, what comes back, what is sealed, and how far each has come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.domain.checkpoint import keys_of, read_checkpoint
from ledger_service.domain.hashing import from_hex, hex0x, keccak
from ledger_service.domain.jws import read_token
from ledger_service.domain.merkle import leaf_hash, verify_consistency, verify_inclusion
from ledger_service.domain.messages import anchor_domain, observation_hash
from ledger_service.domain.signatures import recover_signer
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services.app import App
from ledger_service.store.tables import DisclosureRow, ObservationRow
from ledger_service.workers.anchoring import LogKeeper

from .conftest import ON_BOTH, Headers, Keys, Open, assert_problem, bearer, count_rows

READING: dict[str, Any] = {"kind": "reading", "data": {"quantity": "temperature", "value": "4.5", "unit": "°C"}}
MESSAGE: dict[str, Any] = {"kind": "message", "data": {"to": "consumer", "text": "A word for Ada Example alone."}}


@pytest.fixture
def case_id(open_case: Open) -> str:
    return str(open_case()["case_id"])


def path(case_id: str, more: str = "") -> str:
    return f"/v1/cases/{case_id}/observations{more}"


def stated(client: TestClient, case_id: str, body: Any, headers: Headers) -> Any:
    answer = client.post(path(case_id), json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()


# --- taking them in --------------------------------------------------------------------------------------------------


@ON_BOTH
def test_observation_is_taken_with_a_signed_receipt(
    client: TestClient, ledger: App, case_id: str, as_merchant: Headers
) -> None:
    body = stated(client, case_id, READING, as_merchant)
    assert (body["stage"], body["kind"], body["case_id"]) == ("accepted", "reading", case_id)
    claims, _ = read_token("receipt+jwt", body["receipt"]["jws"], ledger.tokens.jwks())
    assert claims["commitment"] == body["commitment"] == body["receipt"]["commitment"]
    assert (claims["jti"], claims["sub"]) == (body["observation_id"], case_id)
    assert (claims["chain_id"], claims["contract"]) == (1337, ledger.deployment.anchor)
    with ledger.database.read() as session:
        row = session.exec(select(ObservationRow)).one()
    assert hex0x(keccak(row.canonical)) == row.commitment == body["commitment"]
    digest = anchor_domain(1337, ledger.deployment.anchor).digest(
        observation_hash(from_hex(case_id), from_hex(row.commitment))
    )
    assert recover_signer(digest, row.signature) == row.signer


def test_list_is_taken_whole_in_its_order(client: TestClient, case_id: str, as_merchant: Headers) -> None:
    items = stated(client, case_id, [READING, MESSAGE, READING], as_merchant)["items"]
    listed = client.get(path(case_id), headers=as_merchant).json()["items"]
    assert [one["observation_id"] for one in listed] == [one["observation_id"] for one in items]
    assert [one["kind"] for one in listed] == ["reading", "message", "reading"]


def test_list_with_one_that_is_wrong_is_refused_whole(
    client: TestClient, ledger: App, case_id: str, as_merchant: Headers
) -> None:
    before = count_rows(ledger)
    wrong = {**READING, "data": {**READING["data"], "value": "warm"}}
    answer = client.post(path(case_id), json=[READING, wrong], headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="1.data.value", remedy="Send")
    assert count_rows(ledger) == before


@pytest.mark.parametrize("body", [[], [READING] * 101, 3, "x", None])
def test_what_is_no_observation_and_no_list_is_refused(
    client: TestClient, case_id: str, as_merchant: Headers, body: Any
) -> None:
    answer = client.post(path(case_id), json=body, headers=as_merchant)
    assert answer.status_code == 422
    assert answer.json()["field"] == "body"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "received"}, "kind"),
        ({"kind": ""}, "kind"),
        ({"data": {}}, "data.quantity"),
        ({"data": {"quantity": "temperature", "value": 4.5, "unit": "C"}}, "data.value"),
        ({"data": {"quantity": "temperature", "value": "4.50", "unit": "C", "who": "Ada"}}, "data.who"),
        ({"data": {"quantity": "Temperature", "value": "4", "unit": "C"}}, "data.quantity"),
        ({"occurred_at": "2199-01-01T00:00:00Z"}, "occurred_at"),
        ({"occurred_at": "yesterday"}, "occurred_at"),
        ({"role": "consumer"}, "role"),
        ({"kind": "message", "data": {"text": "a", "to": []}}, "data.to"),
        ({"personal": {"consumer.email": "thief@attacker.example"}}, "personal.consumer.email"),
        ({"personal": {" Consumer.Name ": "a"}}, "personal.Consumer.Name"),
        ({"personal": {"order.reference": "a"}}, "personal.order.reference"),
        ({"personal": {"shipment.tracking_code": "a"}}, "personal.shipment.tracking_code"),
        ({"personal": {"reference": "a"}}, "personal.reference"),
        ({"extra": 1}, "extra"),
        ({"signature": "0x" + "11" * 65, "record": "{}"}, "record"),
    ],
)
def test_wrong_field_is_named(
    client: TestClient, ledger: App, case_id: str, as_merchant: Headers, changes: dict[str, Any], field: str
) -> None:
    before = count_rows(ledger)
    answer = client.post(path(case_id), json={**READING, **changes}, headers=as_merchant)
    assert answer.status_code in (403, 422), answer.text
    assert answer.json()["field"] == field
    assert count_rows(ledger) == before


def test_message_without_words_is_refused(client: TestClient, case_id: str, as_merchant: Headers) -> None:
    answer = client.post(path(case_id), json={"kind": "message"}, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="data.text", remedy="text")


def test_request_twice_with_one_key_counts_once(
    client: TestClient, ledger: App, case_id: str, as_merchant: Headers
) -> None:
    headers = {**as_merchant, "Idempotency-Key": "one"}
    first = client.post(path(case_id), json=[READING], headers=headers)
    again = client.post(path(case_id), json=[READING], headers=headers)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    with ledger.database.read() as session:
        assert len(session.exec(select(ObservationRow)).all()) == 1


# --- who may ---------------------------------------------------------------------------------------------------------


def test_role_is_that_of_the_caller_in_the_case(client: TestClient, account: Keys, open_case: Open) -> None:
    carrier = account("carrier")
    case_id = open_case(carrier=carrier["address"])["case_id"]
    as_carrier = bearer(carrier["api_key"])
    stated(client, case_id, {"kind": "scanned", "data": {"status": "in_transit"}}, as_carrier)
    (item,) = client.get(path(case_id), headers=as_carrier).json()["items"]
    assert (item["role"], item["signer"], item["key"]) == ("carrier", carrier["address"], "service")


def test_merchant_that_is_no_carrier_states_no_scan(
    client: TestClient, account: Keys, open_case: Open, as_merchant: Headers
) -> None:
    others = {role: account(role)["address"] for role in ("carrier", "warehouse")}
    case_id = open_case(**others)["case_id"]
    answer = client.post(path(case_id), json={"kind": "scanned", "data": {"status": "x"}}, headers=as_merchant)
    assert_problem(answer, 403, "forbidden", field="kind", remedy="carrier")


def test_case_of_others_is_none(client: TestClient, account: Keys, case_id: str) -> None:
    stranger = bearer(account("merchant", "Other")["api_key"])
    for answer in (
        client.get(path(case_id), headers=stranger),
        client.post(path(case_id), json=READING, headers=stranger),
    ):
        assert_problem(answer, 404, "not-found", field="case_id")
    assert client.get(path(case_id)).status_code == 401


def test_auditor_reads_and_states_nothing(
    client: TestClient, account: Keys, case_id: str, as_merchant: Headers
) -> None:
    stated(client, case_id, MESSAGE, as_merchant)
    auditor = bearer(account("auditor")["api_key"])
    assert len(client.get(path(case_id), headers=auditor).json()["items"]) == 1
    assert_problem(client.post(path(case_id), json=READING, headers=auditor), 403, "forbidden", field="case_id")


# --- what is sealed --------------------------------------------------------------------------------------------------


def test_words_and_places_are_sealed_and_shown_to_the_merchant(
    client: TestClient, ledger: App, account: Keys, open_case: Open, as_merchant: Headers
) -> None:
    carrier = account("carrier")
    case_id = open_case(carrier=carrier["address"])["case_id"]
    said = {"status": "delivered", "message": "Left with the neighbour Canary Fields", "location": "Canary Alley 5"}
    stated(client, case_id, {"kind": "scanned", "data": said}, bearer(carrier["api_key"]))
    with ledger.database.read() as session:
        row = session.exec(select(ObservationRow)).one()
        sealed = session.exec(select(DisclosureRow).where(DisclosureRow.record_id == row.observation_id)).all()
    assert b"Canary" not in row.canonical
    assert json.loads(row.canonical)["data"] == {"status": "delivered"}
    assert len(sealed) == 2
    assert all(b"Canary" not in one.sealed for one in sealed)
    (item,) = client.get(path(case_id), headers=as_merchant).json()["items"]
    assert item["disclosed"] == {"message": said["message"], "location": said["location"]}
    (item,) = client.get(path(case_id), headers=bearer(carrier["api_key"])).json()["items"]
    assert item["disclosed"] == {}


# --- pages -----------------------------------------------------------------------------------------------------------


@ON_BOTH
def test_pages_hold_each_once_in_order(client: TestClient, case_id: str, as_merchant: Headers) -> None:
    made = [one["observation_id"] for one in stated(client, case_id, [READING] * 7, as_merchant)["items"]]
    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = client.get(path(case_id), headers=as_merchant, params=query).json()
        seen += [one["observation_id"] for one in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made


@pytest.mark.parametrize("cursor", ["x", "!!", "LTE", "MDE", "OTk5OTk5OTk5OTk"])
def test_cursor_that_is_none_is_refused(client: TestClient, case_id: str, as_merchant: Headers, cursor: str) -> None:
    answer = client.get(path(case_id), headers=as_merchant, params={"cursor": cursor})
    assert_problem(answer, 422, "invalid-input", field="cursor", remedy="next_cursor")


# --- keys of their own -----------------------------------------------------------------------------------------------


def prepared(client: TestClient, ledger: App, case_id: str, key: LocalSigner, headers: Headers) -> dict[str, Any]:
    request = {**READING, "data": {**READING["data"], "location": "Dock 9"}}
    body: dict[str, Any] = client.post(path(case_id, "/prepare"), json=request, headers=headers).json()
    message = body["typed_data"]["message"]
    assert message == {"caseId": case_id, "commitment": body["commitment"]}
    domain = anchor_domain(1337, ledger.deployment.anchor)
    signature = key.sign(domain.digest(observation_hash(from_hex(case_id), from_hex(body["commitment"]))))
    return {"record": body["record"], "disclosures": body["disclosures"], "signature": hex0x(signature)}


def test_actor_with_its_own_key_signs_what_was_prepared(
    client: TestClient, ledger: App, cool_case: str, own_key: LocalSigner, sensor: Headers, as_merchant: Headers
) -> None:
    before = count_rows(ledger)
    body = prepared(client, ledger, cool_case, own_key, sensor)
    assert count_rows(ledger) == before
    stated(client, cool_case, body, sensor)
    (item,) = client.get(path(cool_case), headers=as_merchant).json()["items"]
    assert (item["key"], item["signer"], item["role"]) == ("own", own_key.address, "carrier")
    assert item["disclosed"] == {"location": "Dock 9"}
    again = client.post(path(cool_case), json=body, headers=sensor)
    assert again.status_code == 409


def test_actor_with_its_own_key_is_told_to_sign(client: TestClient, cool_case: str, sensor: Headers) -> None:
    answer = client.post(path(cool_case), json=READING, headers=sensor)
    assert_problem(answer, 422, "invalid-input", field="signature", remedy="prepare")


@pytest.mark.parametrize("change", ["signature", "role", "kind", "case", "disclosure", "data", "key", "layout", "none"])
def test_record_that_was_changed_is_refused(
    client: TestClient,
    ledger: App,
    cool_case: str,
    own_key: LocalSigner,
    sensor: Headers,
    change: str,
) -> None:
    body = prepared(client, ledger, cool_case, own_key, sensor)
    changes: dict[str, dict[str, str]] = {
        "role": {'"role":"carrier"': '"role":"inspector"'},
        "kind": {'"kind":"reading"': '"kind":"picked_up"'},
        "case": {cool_case: "0x" + "5a" * 32},
        "data": {'"unit":': '"a":"b","unit":'},
        "key": {'"key":"own"': '"key":"service"'},
        "layout": {'"role":': '"role": '},
    }
    for old, new in changes.get(change, {}).items():
        assert old in body["record"]
        body["record"] = body["record"].replace(old, new)
    if change == "disclosure":
        body["disclosures"] = []
    if change == "none":
        del body["signature"]
    else:
        commitment = keccak(body["record"].encode())
        domain = anchor_domain(1337, ledger.deployment.anchor)
        signer = LocalSigner(new_key()) if change == "signature" else own_key
        body["signature"] = hex0x(signer.sign(domain.digest(observation_hash(from_hex(cool_case), commitment))))
    before = count_rows(ledger)
    answer = client.post(path(cool_case), json=body, headers=sensor)
    assert answer.status_code in (403, 422), answer.text
    assert count_rows(ledger) == before


# --- the log ---------------------------------------------------------------------------------------------------------


@ON_BOTH
def test_log_covers_what_was_taken(client: TestClient, ledger: App, case_id: str, as_merchant: Headers) -> None:
    first = stated(client, case_id, [READING] * 5, as_merchant)["items"]
    assert LogKeeper(ledger).step() == 5
    one = read_checkpoint(client.get("/v1/log/checkpoint").text, keys_of(ledger.tokens.jwks()))
    stated(client, case_id, [READING] * 4, as_merchant)
    assert LogKeeper(ledger).step() == 4
    two = read_checkpoint(client.get("/v1/log/checkpoint").text, keys_of(ledger.tokens.jwks()))
    assert (one.size, two.size) == (5, 9)
    assert one.origin == two.origin == f"127.0.0.1:8000/{ledger.deployment.anchor}"

    listed = client.get(path(case_id), headers=as_merchant).json()["items"]
    assert [(item["stage"], item["index"]) for item in listed] == [("logged", index) for index in range(9)]
    for under, query in ((two, {}), (one, {"size": 5})):
        found = client.get("/v1/log/proof/inclusion", params={"commitment": first[3]["commitment"], **query}).json()
        entry, proof = from_hex(first[3]["commitment"]), [from_hex(node) for node in found["proof"]]
        assert found["index"] == 3
        assert verify_inclusion(3, under.size, leaf_hash(entry), proof, under.root)
    found = client.get("/v1/log/proof/consistency", params={"first": 5}).json()
    proof = [from_hex(node) for node in found["proof"]]
    assert verify_consistency(5, 9, one.root, two.root, proof)


def test_tiles_are_served_as_the_specification_has_them(
    client: TestClient, ledger: App, case_id: str, as_merchant: Headers
) -> None:
    made = stated(client, case_id, [READING] * 100, as_merchant)["items"]
    made += stated(client, case_id, [READING] * 100, as_merchant)["items"]
    made += stated(client, case_id, [READING] * 60, as_merchant)["items"]
    LogKeeper(ledger).step()
    hashes = b"".join(leaf_hash(from_hex(one["commitment"])) for one in made)
    full, part = client.get("/v1/log/tile/0/000"), client.get("/v1/log/tile/0/001.p/4")
    assert full.content + part.content == hashes
    assert full.headers["content-type"] == "application/octet-stream"
    assert "immutable" in full.headers["cache-control"]
    assert client.get("/v1/log/tile/0/001.p/2").content == hashes[256 * 32 : 258 * 32]
    assert len(client.get("/v1/log/tile/1/000.p/1").content) == 32
    entries = client.get("/v1/log/tile/entries/001.p/4").content
    assert entries == b"".join(b"\x00\x20" + from_hex(one["commitment"]) for one in made[256:])
    for missing in ("0/001", "0/001.p/5", "0/002.p/1", "1/000.p/2", "1/000", "entries/001", "2/000.p/1"):
        assert_problem(client.get(f"/v1/log/tile/{missing}"), 404, "not-found", field="tile")


def test_empty_log_has_no_checkpoint(client: TestClient) -> None:
    assert_problem(client.get("/v1/log/checkpoint"), 404, "not-found", field="checkpoint")
    assert_problem(client.get("/v1/log/proof/inclusion?index=0"), 404, "not-found", field="size")
    assert client.get("/v1/log/key").text.startswith("127.0.0.1:8000/0x")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("inclusion", "index"),
        ("inclusion?index=0&commitment=0x" + "11" * 32, "index"),
        ("inclusion?index=9", "index"),
        ("inclusion?index=0&size=2", "size"),
        ("inclusion?commitment=0x" + "11" * 32, "commitment"),
        ("inclusion?commitment=x", "commitment"),
        ("consistency", "first"),
        ("consistency?first=0", "first"),
        ("consistency?first=4", "first"),
        ("consistency?first=1&second=9", "size"),
    ],
)
def test_proof_that_cannot_be_is_refused(
    client: TestClient, ledger: App, case_id: str, as_merchant: Headers, query: str, field: str
) -> None:
    stated(client, case_id, [READING] * 3, as_merchant)
    LogKeeper(ledger).step()
    answer = client.get(f"/v1/log/proof/{query}")
    assert answer.status_code in (404, 422)
    assert answer.json()["field"] == field
