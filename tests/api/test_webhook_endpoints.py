"""Webhook endpoints over the API: made, shown, rotated, tried, deleted; by their owner alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from receiver import Receiver, Reply
from starlette.testclient import TestClient

from ledger_service.config import Settings
from ledger_service.services.app import App
from ledger_service.store.tables import EndpointSecret, WebhookDelivery, WebhookEndpoint
from ledger_service.webhook_sending import WebhookSender
from ledger_service.workers.webhooks_out import Deliverer

from .conftest import ON_BOTH, Headers, Keys, assert_problem, bearer, count_rows

URL = "https://93.184.216.34/hook"


@pytest.fixture
def private(ledger: App) -> None:
    object.__setattr__(ledger, "settings", ledger.settings.model_copy(update={"webhooks_private": True}))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def make(client: TestClient, headers: Headers, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/webhook-endpoints", json={"url": URL, **body}, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_secret_is_shown_once_and_kept_sealed(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    made = make(client, as_merchant, description="Returns desk", types=["milestone.final"])
    assert made["secret"].startswith("whsec_")
    path = f"/v1/webhook-endpoints/{made['endpoint_id']}"
    shown = client.get(path, headers=as_merchant).json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert (shown["url"], shown["types"], shown["failures"]) == (URL, ["milestone.final"], 0)
    assert client.get("/v1/webhook-endpoints", headers=as_merchant).json() == {"items": [shown], "next_cursor": None}
    with ledger.database.read() as session:
        row = session.get_one(EndpointSecret, shown["secrets"][0]["secret_id"])
    assert made["secret"].removeprefix("whsec_").encode() not in row.sealed


def test_same_request_twice_makes_one_endpoint(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    headers = {**as_merchant, "Idempotency-Key": "hook-1"}
    first, second = (client.post("/v1/webhook-endpoints", json={"url": URL}, headers=headers) for _ in range(2))
    assert first.json() == second.json()
    assert second.headers["idempotent-replayed"] == "true"
    assert count_rows(ledger)["webhook_endpoints"] == 1


@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://user:pw@93.184.216.34/",
        "https://localhost/",
        "ftp://93.184.216.34/",
        "nonsense",
    ],
)
def test_address_inside_is_refused(client: TestClient, ledger: App, as_merchant: Headers, url: str) -> None:
    before = count_rows(ledger)
    answer = client.post("/v1/webhook-endpoints", json={"url": url}, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="url")
    assert count_rows(ledger) == before


@pytest.mark.parametrize("body", [{}, {"url": URL, "types": []}, {"url": URL, "types": ["all"]}, {"url": URL, "x": 1}])
def test_bad_body_is_refused(client: TestClient, as_merchant: Headers, body: dict[str, Any]) -> None:
    assert client.post("/v1/webhook-endpoints", json=body, headers=as_merchant).status_code == 422


def test_endpoints_of_others_are_not_there(client: TestClient, account: Keys, as_merchant: Headers) -> None:
    made = make(client, as_merchant)
    stranger = bearer(account("merchant", "Other shop")["api_key"])
    path = f"/v1/webhook-endpoints/{made['endpoint_id']}"
    secret = made["secrets"][0]["secret_id"]
    for method, where in (
        ("GET", path),
        ("DELETE", path),
        ("POST", f"{path}/secrets"),
        ("DELETE", f"{path}/secrets/{secret}"),
        ("GET", f"{path}/deliveries"),
        ("POST", f"{path}/deliveries/1/resend"),
        ("POST", f"{path}/test"),
        ("POST", f"{path}/enable"),
    ):
        assert_problem(client.request(method, where, headers=stranger), 404, "not-found", field="endpoint_id")
    assert client.get("/v1/webhook-endpoints", headers=stranger).json()["items"] == []
    assert client.get(path, headers=as_merchant).status_code == 200


def test_arbitrators_have_none(client: TestClient, account: Keys) -> None:
    headers = bearer(account("arbitrator")["api_key"])
    answer = client.post("/v1/webhook-endpoints", json={"url": URL}, headers=headers)
    assert_problem(answer, 403, "forbidden", field="Authorization")


def test_endpoints_of_one_account_are_bounded(client: TestClient, as_merchant: Headers) -> None:
    for number in range(20):
        make(client, as_merchant, url=f"{URL}/{number}")
    answer = client.post("/v1/webhook-endpoints", json={"url": URL}, headers=as_merchant)
    assert_problem(answer, 409, "conflict", field="url", remedy="Delete")


def test_rotation_lets_the_old_secret_count_for_a_day(client: TestClient, as_merchant: Headers) -> None:
    made = make(client, as_merchant)
    path = f"/v1/webhook-endpoints/{made['endpoint_id']}"
    turned = client.post(f"{path}/secrets", headers=as_merchant)
    assert turned.status_code == 201
    assert turned.json()["secret"] not in (made["secret"], None)
    new, old = sorted(turned.json()["secrets"], key=lambda each: each["expires_at"] is not None)
    assert (new["expires_at"], old["expires_at"]) == (None, "2026-03-02T12:00:00Z")
    assert_problem(
        client.delete(f"{path}/secrets/{new['secret_id']}", headers=as_merchant), 409, "conflict", field="secret_id"
    )
    assert client.delete(f"{path}/secrets/{old['secret_id']}", headers=as_merchant).status_code == 204
    assert [each["secret_id"] for each in client.get(path, headers=as_merchant).json()["secrets"]] == [new["secret_id"]]


def run(ledger: App) -> None:
    deliverer = Deliverer(ledger, WebhookSender(private=True))
    while deliverer.step() or deliverer.under_way:
        pass
    deliverer.stop()


def test_test_event_arrives_and_its_delivery_is_shown_and_sent_again(
    client: TestClient, ledger: App, as_merchant: Headers, receiver: Receiver, private: None
) -> None:
    made = make(client, as_merchant, url=receiver.url)
    path = f"/v1/webhook-endpoints/{made['endpoint_id']}"
    sent = client.post(f"{path}/test", headers={**as_merchant, "Idempotency-Key": "try"})
    again = client.post(f"{path}/test", headers={**as_merchant, "Idempotency-Key": "try"})
    assert sent.status_code == 202
    assert again.json() == sent.json()
    assert (sent.json()["state"], sent.json()["next_try_at"]) == ("due", "2026-03-01T12:00:00Z")
    run(ledger)
    (told,) = receiver.bodies(made["secret"])
    assert told == {
        "type": "endpoint.test",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {"endpoint_id": made["endpoint_id"]},
    }
    (shown,) = client.get(f"{path}/deliveries", headers=as_merchant).json()["items"]
    assert (shown["state"], shown["attempts"], shown["last_status"], shown["next_try_at"]) == (
        "delivered",
        1,
        200,
        None,
    )
    assert shown["event_id"] == receiver.got[0].event_id
    answer = client.post(f"{path}/deliveries/{shown['delivery_id']}/resend", headers=as_merchant)
    assert (answer.status_code, answer.json()["state"]) == (202, "due")
    run(ledger)
    assert [got.event_id for got in receiver.got] == [shown["event_id"]] * 2


def test_deliveries_come_in_pages(
    client: TestClient, ledger: App, as_merchant: Headers, receiver: Receiver, private: None
) -> None:
    path = f"/v1/webhook-endpoints/{make(client, as_merchant, url=receiver.url)['endpoint_id']}"
    ids = [client.post(f"{path}/test", headers=as_merchant).json()["delivery_id"] for _ in range(5)]
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.get(f"{path}/deliveries?limit=2" + (f"&cursor={cursor}" if cursor else ""), headers=as_merchant)
        seen += [each["delivery_id"] for each in page.json()["items"]]
        cursor = page.json()["next_cursor"]
    assert seen == ids[::-1]
    assert client.get(f"{path}/deliveries?state=failed", headers=as_merchant).json()["items"] == []
    bad = client.get(f"{path}/deliveries?cursor=x", headers=as_merchant)
    assert_problem(bad, 422, "invalid-input", field="cursor")


def test_deleted_endpoint_takes_its_secrets_and_deliveries_along(
    client: TestClient, ledger: App, as_merchant: Headers, private: None, receiver: Receiver
) -> None:
    path = f"/v1/webhook-endpoints/{make(client, as_merchant, url=receiver.url)['endpoint_id']}"
    client.post(f"{path}/test", headers=as_merchant)
    assert client.delete(path, headers=as_merchant).status_code == 204
    rows = count_rows(ledger)
    assert (rows["webhook_endpoints"], rows["webhook_endpoint_secrets"], rows["webhook_deliveries"]) == (0, 0, 0)
    run(ledger)
    assert receiver.got == []


def test_gone_endpoint_says_so(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    made = make(client, as_merchant)
    with ledger.database.write() as session:
        session.get_one(WebhookEndpoint, made["endpoint_id"]).disabled_at = ledger.clock.seconds()
    path = f"/v1/webhook-endpoints/{made['endpoint_id']}"
    assert_problem(
        client.post(f"{path}/test", headers=as_merchant), 409, "conflict", field="endpoint_id", remedy=f"{path}/enable"
    )
    assert client.get(path, headers=as_merchant).json()["disabled_at"] == "2026-03-01T12:00:00Z"


@ON_BOTH
def test_endpoint_that_was_gone_is_enabled_again_and_sent_what_waited(
    client: TestClient, ledger: App, as_merchant: Headers, receiver: Receiver, private: None
) -> None:
    receiver.reply = lambda _: Reply(410)
    made = make(client, as_merchant, url=receiver.url)
    path = f"/v1/webhook-endpoints/{made['endpoint_id']}"
    for _ in range(3):
        client.post(f"{path}/test", headers=as_merchant)
    run(ledger)
    tried = len(receiver.got)
    shown = client.get(path, headers=as_merchant).json()
    assert (shown["disabled_at"], shown["failures"]) == ("2026-03-01T12:00:00Z", tried)

    receiver.reply = lambda _: Reply(204)
    answer = client.post(f"{path}/enable", headers={**as_merchant, "Idempotency-Key": "back"})
    assert answer.status_code == 200
    assert answer.json() == {**shown, "disabled_at": None, "failures": 0}
    run(ledger)
    items = client.get(f"{path}/deliveries", headers=as_merchant).json()["items"]
    assert [(item["state"], item["attempts"]) for item in items] == [("delivered", 1)] * 3
    assert {got.event_id for got in receiver.got[tried:]} == {item["event_id"] for item in items}
    again = client.post(f"{path}/enable", headers={**as_merchant, "Idempotency-Key": "back"})
    assert again.headers["idempotent-replayed"] == "true"


def test_failing_endpoint_that_is_enabled_is_tried_at_once(
    client: TestClient, ledger: App, as_merchant: Headers, receiver: Receiver, private: None
) -> None:
    receiver.reply = lambda _: Reply(500)
    path = f"/v1/webhook-endpoints/{make(client, as_merchant, url=receiver.url)['endpoint_id']}"
    client.post(f"{path}/test", headers=as_merchant)
    run(ledger)
    ledger.clock.move(timedelta(seconds=5))  # type: ignore[attr-defined]
    with ledger.database.write() as session:
        session.get_one(WebhookEndpoint, path.rpartition("/")[2]).paused_until = ledger.clock.seconds() + 600
    receiver.reply = lambda _: Reply(204)
    run(ledger)
    assert len(receiver.got) == 1
    assert client.post(f"{path}/enable", headers=as_merchant).json()["failures"] == 0
    run(ledger)
    assert len(receiver.got) == 2


def test_secret_stays_out_of_the_delivery_log_and_out_of_the_database(
    client: TestClient, ledger: App, as_merchant: Headers, settings: Settings
) -> None:
    made = make(client, as_merchant)
    path = f"/v1/webhook-endpoints/{made['endpoint_id']}"
    client.post(f"{path}/test", headers=as_merchant)
    assert made["secret"] not in json.dumps(client.get(f"{path}/deliveries", headers=as_merchant).json())
    with ledger.database.read() as session:
        assert session.get_one(WebhookDelivery, 1).state == "due"
    files = [file for file in settings.data.rglob("*") if file.is_file()]
    assert files
    assert all(made["secret"].encode() not in file.read_bytes() for file in files)
