"""A consumer binds a key of their own: the old key signs it, the new one proves that it is there."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from coincurve import PrivateKey
from starlette.testclient import TestClient

from ledger_service.domain.signatures import address_of
from ledger_service.services.app import App

from .conftest import Headers, Keys, Open, as_consumer, assert_problem, count_rows
from .panels import add_panel, record_case
from .test_own_keys import sign

NEW, OLD, STRANGER = (PrivateKey(bytes([number]) * 32) for number in (31, 32, 33))
KEY = address_of(NEW.public_key)


def prepare(client: TestClient, headers: Headers, key: object = KEY) -> httpx.Response:
    body = {"kind": "key_bound", "data": {"key": key}}
    return client.post("/v1/status/acts/prepare", json=body, headers=headers)


def back(prepared: dict[str, Any], **signatures: Any) -> dict[str, Any]:
    return {"kind": "key_bound", "record_id": prepared["record_id"], **signatures}


def test_new_key_takes_over_from_a_held_one_after_the_notice(client: TestClient, ledger: App, open_case: Open) -> None:
    case_id = open_case()["case_id"]
    consumer = as_consumer(ledger, case_id)
    assert client.get("/v1/status", headers=consumer).json()["link"]["signs"] == {"key_bound": None}
    prepared = prepare(client, consumer).json()
    assert prepared["record"]["key"] == "service"
    assert prepared["record"]["data"] == {"key": KEY}
    assert prepared["typed_data"]["message"]["key"] == KEY
    answer = client.post("/v1/status/acts", json=back(prepared, key_signature=sign(NEW, prepared)), headers=consumer)
    assert answer.status_code == 202, answer.text
    shown = client.get("/v1/status", headers=consumer).json()
    assert shown["notice"]["kind"] == "key_bound"
    assert shown["notice"]["key"] == KEY
    assert (shown["link"]["own_key"], shown["link"]["signs"]) == (None, {})
    assert shown["next"]["otherwise"] == "notice_key_bound"
    record_case(ledger, case_id, consumer=KEY, flags=0, marks=0)
    shown = client.get("/v1/status", headers=consumer).json()
    assert shown["link"]["own_key"] == KEY
    assert shown["next"]["acts"] == []
    assert shown["link"]["signs"].keys() >= {"cancelled", "key_bound"}
    refused = client.post("/v1/status/acts", json={"kind": "cancelled"}, headers=consumer)
    assert_problem(refused, 422, "invalid-input", field="signature", remedy="/v1/status/acts/prepare")


def test_new_key_that_does_not_sign_is_not_bound(client: TestClient, ledger: App, open_case: Open) -> None:
    consumer = as_consumer(ledger, open_case()["case_id"])
    prepared = prepare(client, consumer).json()
    before = count_rows(ledger)
    for signatures in ({}, {"key_signature": sign(STRANGER, prepared)}, {"signature": sign(NEW, prepared)}):
        answer = client.post("/v1/status/acts", json=back(prepared, **signatures), headers=consumer)
        assert_problem(answer, 422, "invalid-input", field="key_signature")
    straight = client.post("/v1/status/acts", json={"kind": "key_bound", "data": {"key": KEY}}, headers=consumer)
    assert_problem(straight, 422, "invalid-input", field="key_signature", remedy="prepare")
    assert count_rows(ledger) == before


def test_own_key_hands_over_by_both_signatures(client: TestClient, ledger: App, open_case: Open) -> None:
    consumer = as_consumer(ledger, open_case(consumer__address=address_of(OLD.public_key))["case_id"])
    prepared = prepare(client, consumer).json()
    assert prepared["signer"] == address_of(OLD.public_key)
    proof = sign(NEW, prepared)
    lone = client.post("/v1/status/acts", json=back(prepared, key_signature=proof), headers=consumer)
    assert_problem(lone, 422, "invalid-input", field="signature")
    both = back(prepared, signature=sign(OLD, prepared), key_signature=proof)
    assert client.post("/v1/status/acts", json=both, headers=consumer).status_code == 202
    assert client.get("/v1/status", headers=consumer).json()["link"]["own_key"] == KEY  # at once: it gives nothing up


@pytest.mark.parametrize("key", [None, 7, "0x12", "0x" + "00" * 20])
def test_what_is_no_address_is_not_bound(client: TestClient, ledger: App, open_case: Open, key: object) -> None:
    consumer = as_consumer(ledger, open_case()["case_id"])
    before = count_rows(ledger)
    assert_problem(prepare(client, consumer, key), 422, "invalid-input", field="data.key")
    assert count_rows(ledger) == before


def test_key_of_somebody_else_is_not_bound(
    client: TestClient, ledger: App, merchant: dict[str, Any], account: Keys, open_case: Open
) -> None:
    arbitrator = account("arbitrator", address=address_of(STRANGER.public_key))
    add_panel(ledger, [arbitrator["address"]], 1)
    consumer = as_consumer(ledger, open_case()["case_id"])
    for key in (merchant["address"], account("carrier")["address"], arbitrator["address"]):
        assert_problem(prepare(client, consumer, key), 422, "invalid-input", field="data.key", remedy="alone")


def test_what_was_prepared_for_a_replaced_key_is_refused(client: TestClient, ledger: App, open_case: Open) -> None:
    case_id = open_case(consumer__address=address_of(OLD.public_key))["case_id"]
    consumer = as_consumer(ledger, case_id)
    prepared = client.post("/v1/status/acts/prepare", json={"kind": "cancelled"}, headers=consumer).json()
    record_case(ledger, case_id, consumer=KEY)
    body = {"kind": "cancelled", "record_id": prepared["record_id"], "signature": sign(OLD, prepared)}
    answer = client.post("/v1/status/acts", json=body, headers=consumer)
    assert_problem(answer, 409, "out-of-order", field="record_id", remedy="again")
