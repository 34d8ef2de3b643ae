"""Actors that sign with keys of their own: what is prepared, signed elsewhere, and sent back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_account import Account as EthAccount
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.domain.disclosures import read_disclosure
from ledger_service.domain.signatures import address_of
from ledger_service.services.app import App
from ledger_service.store.tables import CaseRow

from .conftest import Headers, Keys, Open, as_consumer, assert_problem, bearer, case_body, count_rows, token_of

CARRIER, MERCHANT, STRANGER, CONSUMER = (PrivateKey(bytes([number]) * 32) for number in (3, 5, 7, 9))


def sign(key: PrivateKey, prepared: dict[str, Any]) -> str:
    """As a wallet signs, from the typed data alone."""
    signed = EthAccount.sign_typed_data(key.secret, full_message=prepared["typed_data"])
    return "0x" + bytes(signed.signature).hex()


@pytest.fixture
def as_carrier(account: Keys) -> Headers:
    return bearer(account("carrier", address=address_of(CARRIER.public_key))["api_key"])


@pytest.fixture
def milestones(client: TestClient, as_carrier: Headers, as_merchant: Headers, open_case: Open) -> str:
    """The milestones' address of an authorised case whose carrier has a key of its own."""
    path = f"/v1/cases/{open_case(carrier=address_of(CARRIER.public_key))['case_id']}/milestones"
    assert client.post(path, json={"kind": "authorised"}, headers=as_merchant).status_code == 202
    return path


Prepare = Callable[[str], dict[str, Any]]


@pytest.fixture
def prepare(client: TestClient, as_carrier: Headers, milestones: str) -> Prepare:
    def post(kind: str) -> dict[str, Any]:
        answer = client.post(f"{milestones}/prepare", json={"kind": kind}, headers=as_carrier)
        assert answer.status_code == 200, answer.text
        prepared: dict[str, Any] = answer.json()
        return prepared

    return post


def back(prepared: dict[str, Any], key: PrivateKey, **changes: Any) -> dict[str, Any]:
    body = {
        "kind": prepared["record"]["kind"],
        "record_id": prepared["record_id"],
        "signer": prepared["signer"],
        "signature": sign(key, prepared),
    }
    return {**body, **changes}


def test_milestone_signed_elsewhere_is_accepted(
    client: TestClient, as_carrier: Headers, milestones: str, prepare: Prepare
) -> None:
    prepared = prepare("picked_up")
    assert prepared["signer"] == address_of(CARRIER.public_key)
    answer = client.post(milestones, json=back(prepared, CARRIER), headers=as_carrier)
    assert answer.status_code == 202, answer.text
    assert answer.json()["record_id"] == prepared["record_id"]
    assert answer.json()["commitment"] == prepared["commitment"]


def test_signature_with_one_bit_changed_is_refused(
    client: TestClient, ledger: App, as_carrier: Headers, milestones: str, prepare: Prepare
) -> None:
    prepared = prepare("picked_up")
    before = count_rows(ledger)
    good = bytes.fromhex(sign(CARRIER, prepared)[2:])
    for bit in (0, 7, 255, 256, 511, 519):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << (bit % 8)
        body = back(prepared, CARRIER, signature="0x" + flipped.hex())
        answer = client.post(milestones, json=body, headers=as_carrier)
        assert_problem(answer, 422, "invalid-input", field="signature", remedy="EIP-712")
    assert count_rows(ledger) == before


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"signature": "0x12"}, 422, "signature"),
        ({"signature": "nonsense"}, 422, "signature"),
        ({"signature": None}, 422, "signature"),
        ({"kind": "received"}, 422, "kind"),
        ({"signer": address_of(STRANGER.public_key)}, 422, "signer"),
        ({"record_id": "rec_unknown"}, 404, "record_id"),
    ],
)
def test_wrong_answer_to_a_prepared_milestone_is_refused(
    client: TestClient,
    ledger: App,
    as_carrier: Headers,
    milestones: str,
    prepare: Prepare,
    changes: dict[str, Any],
    status: int,
    field: str,
) -> None:
    prepared = prepare("picked_up")
    before = count_rows(ledger)
    answer = client.post(milestones, json=back(prepared, CARRIER, **changes), headers=as_carrier)
    assert answer.status_code == status, answer.text
    assert answer.json()["field"] == field
    assert count_rows(ledger) == before


def test_signature_of_a_stranger_is_refused(
    client: TestClient, ledger: App, as_carrier: Headers, milestones: str, prepare: Prepare
) -> None:
    prepared = prepare("picked_up")
    before = count_rows(ledger)
    answer = client.post(milestones, json=back(prepared, STRANGER), headers=as_carrier)
    assert_problem(answer, 422, "invalid-input", field="signature")
    assert count_rows(ledger) == before


def test_reused_nonce_is_refused(
    client: TestClient, ledger: App, as_carrier: Headers, milestones: str, prepare: Prepare
) -> None:
    """Both messages are the carrier's first in this case; the first to come back uses the number up."""
    first, second = prepare("picked_up"), prepare("received")
    assert client.post(milestones, json=back(first, CARRIER), headers=as_carrier).status_code == 202
    before = count_rows(ledger)
    answer = client.post(milestones, json=back(second, CARRIER), headers=as_carrier)
    assert_problem(answer, 409, "out-of-order", field="nonce", remedy="new message")
    assert count_rows(ledger) == before


def test_prepared_milestone_counts_once(
    client: TestClient, ledger: App, as_carrier: Headers, milestones: str, prepare: Prepare
) -> None:
    body = back(prepare("picked_up"), CARRIER)
    assert client.post(milestones, json=body, headers=as_carrier).status_code == 202
    before = count_rows(ledger)
    again = client.post(milestones, json=body, headers=as_carrier)
    assert again.status_code in (404, 409), again.text
    assert again.json()["remedy"]
    assert count_rows(ledger) == before


def test_milestone_without_signature_names_the_way(
    client: TestClient, ledger: App, as_carrier: Headers, milestones: str
) -> None:
    before = count_rows(ledger)
    answer = client.post(milestones, json={"kind": "picked_up"}, headers=as_carrier)
    assert_problem(answer, 422, "invalid-input", field="signature", remedy="/milestones/prepare")
    assert count_rows(ledger) == before


def test_merchant_with_its_own_key_opens_by_signature(client: TestClient, ledger: App, account: Keys) -> None:
    headers = bearer(account("merchant", "Own", address_of(MERCHANT.public_key))["api_key"])
    body = case_body(escrow="none")
    refused = client.post("/v1/cases", json=body, headers=headers)
    assert_problem(refused, 422, "invalid-input", field="signature", remedy="/v1/cases/prepare")
    prepared = client.post("/v1/cases/prepare", json=body, headers=headers).json()
    path = f"/v1/cases/{prepared['case_id']}"
    assert client.get(path, headers=headers).status_code == 404
    wrong = client.post(f"{path}/opening", json={"signature": sign(STRANGER, prepared)}, headers=headers)
    assert_problem(wrong, 422, "invalid-input", field="signature", remedy="EIP-712")
    opened = client.post(f"{path}/opening", json={"signature": sign(MERCHANT, prepared)}, headers=headers)
    assert opened.status_code == 201, opened.text
    assert opened.json()["case_id"] == prepared["case_id"]
    before = count_rows(ledger)
    again = client.post(f"{path}/opening", json={"signature": sign(MERCHANT, prepared)}, headers=headers)
    assert_problem(again, 409, "conflict", field="case_id")
    assert count_rows(ledger) == before


# --- the consumer ----------------------------------------------------------------------------------------------------


@pytest.fixture
def inspected(client: TestClient, ledger: App, as_merchant: Headers, open_case: Open) -> Callable[[str], Headers]:
    """Leads a case of the consumer with this address to its proposal, and answers what their link sends."""

    def lead(address: str) -> Headers:
        case_id = open_case(consumer__address=address)["case_id"]
        for body in (
            {"kind": "authorised"},
            {"kind": "received"},
            {"kind": "inspected", "data": {"grade": "used", "share": 7500}},
        ):
            sent = client.post(f"/v1/cases/{case_id}/milestones", json=body, headers=as_merchant)
            assert sent.status_code == 202, sent.text
        return as_consumer(ledger, case_id)

    return lead


def test_consumer_with_their_own_key_accepts_by_signature(
    client: TestClient, inspected: Callable[[str], Headers]
) -> None:
    headers = inspected(address_of(CONSUMER.public_key))
    prepared = client.post("/v1/status/acts/prepare", json={"kind": "accepted"}, headers=headers)
    assert prepared.status_code == 200, prepared.text
    assert prepared.json()["signer"] == address_of(CONSUMER.public_key)
    answer = client.post("/v1/status/acts", json=back(prepared.json(), CONSUMER), headers=headers)
    assert answer.status_code == 202, answer.text
    assert answer.json()["commitment"] == prepared.json()["commitment"]
    last = client.get("/v1/status", headers=headers).json()["timeline"][-1]
    assert (last["kind"], last["by"]["key"]) == ("accepted", "own")


def test_what_is_sealed_can_be_read_before_it_is_signed(
    client: TestClient, inspected: Callable[[str], Headers]
) -> None:
    headers = inspected(address_of(CONSUMER.public_key))
    body = {"kind": "disputed", "personal": {"reason": "It was never\nopened."}}
    prepared = client.post("/v1/status/acts/prepare", json=body, headers=headers).json()
    [said] = map(read_disclosure, prepared["disclosures"])
    assert (said.name, said.value) == ("reason", "It was never\nopened.")
    assert prepared["record"]["_sd"] == [said.digest]


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({}, 422, "signature"),
        ({"signature": None}, 422, "signature"),
        ({"signer": address_of(STRANGER.public_key)}, 422, "signer"),
        ({"kind": "cancelled"}, 422, "kind"),
        ({"record_id": "rec_unknown"}, 404, "record_id"),
    ],
)
def test_wrong_signature_for_a_consumer_is_refused(
    client: TestClient,
    ledger: App,
    inspected: Callable[[str], Headers],
    changes: dict[str, Any],
    status: int,
    field: str,
) -> None:
    headers = inspected(address_of(CONSUMER.public_key))
    prepared = client.post("/v1/status/acts/prepare", json={"kind": "accepted"}, headers=headers).json()
    before = count_rows(ledger)
    answer = client.post("/v1/status/acts", json=back(prepared, STRANGER, **changes), headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["field"] == field
    assert count_rows(ledger) == before


def test_consumer_with_their_own_key_is_shown_the_way(
    client: TestClient, ledger: App, inspected: Callable[[str], Headers]
) -> None:
    headers = inspected(address_of(CONSUMER.public_key))
    shown = client.get("/v1/status", headers=headers).json()
    assert shown["next"]["acts"] == []
    assert shown["link"]["own_key"] == address_of(CONSUMER.public_key)
    before = count_rows(ledger)
    answer = client.post("/v1/status/acts", json={"kind": "accepted"}, headers=headers)
    assert_problem(answer, 422, "invalid-input", field="signature", remedy="/v1/status/acts/prepare")
    assert count_rows(ledger) == before


def test_service_never_signs_for_a_consumer_with_somebody_elses_key(
    client: TestClient, ledger: App, account: Keys, inspected: Callable[[str], Headers]
) -> None:
    """An address that the merchant named, and whose key the service holds for a bystander, signs nothing here."""
    headers = inspected(address_of(CONSUMER.public_key))
    bystander = account("carrier", "Bystander")["address"]
    with ledger.database.write() as session:
        case = session.exec(select(CaseRow)).one()
        case.consumer = bystander  # as an opening from before such addresses were refused
        session.add(case)
    before = count_rows(ledger)
    answer = client.post("/v1/status/acts", json={"kind": "accepted"}, headers=headers)
    assert_problem(answer, 422, "invalid-input", field="signature", remedy="/v1/status/acts/prepare")
    assert count_rows(ledger) == before


def test_consumer_whose_key_is_held_has_nothing_to_prepare(client: TestClient, ledger: App, open_case: Open) -> None:
    headers = as_consumer(ledger, open_case()["case_id"])
    assert client.get("/v1/status", headers=headers).json()["link"]["own_key"] is None
    before = count_rows(ledger)
    answer = client.post("/v1/status/acts/prepare", json={"kind": "cancelled"}, headers=headers)
    assert_problem(answer, 409, "conflict", field="Authorization", remedy="/v1/status/acts")
    assert count_rows(ledger) == before


def test_link_that_reads_prepares_nothing(client: TestClient, open_case: Open) -> None:
    link = open_case(consumer__address=address_of(CONSUMER.public_key))["status_link"]
    headers = bearer(token_of(link))
    answer = client.post("/v1/status/acts/prepare", json={"kind": "cancelled"}, headers=headers)
    assert_problem(answer, 403, "forbidden", field="Authorization", remedy="e-mail")
