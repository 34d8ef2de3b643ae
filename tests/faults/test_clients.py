"""Clients that repeat themselves, and too many of them at once."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from sqlmodel import select

from api import load
from ledger_service.services.accounts import set_webhook_secret
from ledger_service.store.tables import Account, RecordRow

from .lives import Nursery, Service
from .oracle import after_each
from .site import CURRENCY, PATIENCE, Site
from .tally import tried
from .traffic import Acknowledged, Life, Traffic

_EVENT = json.loads((Path(__file__).parents[1] / "vectors" / "easypost_tracker_updated.json").read_text())
_SECRET = "a carrier's secret"


def opening(reference: str, **changes: Any) -> dict[str, Any]:
    return {
        "reference": reference,
        "consumer": {"name": "Ana", "email": "ana@customers.example", "country": "DE", "language": "de"},
        "items": [{"sku": "1", "description": "Lamp", "quantity": 1, "unit_price": "19.80"}],
        "refund": {"amount": "19.80", "currency": CURRENCY},
        "policy": "eu-14",
        "escrow": "refund",
        **changes,
    }


def many(service: Service, times: int, path: str, **request: Any) -> list[httpx.Response]:
    """The same request this many times at once, each over a connection of its own."""

    def post(_: int) -> httpx.Response:
        return httpx.post(f"{service.client.base_url}{path}", timeout=PATIENCE, **request)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(post, range(times)))


def finish(site: Site, traffic: Traffic) -> None:
    traffic.post = None
    site.restart()
    traffic.again()
    assert not traffic.unanswered
    assert not traffic.refused
    site.settle()
    after_each(site, traffic.acknowledged, strangers=traffic.strangers)


@pytest.mark.by_seed(1.0)
def test_same_request_fifty_times_at_once_counts_once(site: Site, traffic: Traffic, nursery: Nursery) -> None:
    key = {"Authorization": f"Bearer {site.shop['api_key']}", "Idempotency-Key": str(uuid.uuid4())}
    with nursery.start() as service:
        assert service.is_up()
        answers = many(service, 50, "/v1/cases", json=opening("RMA-fifty"), headers=key)
        again = service.client.post("/v1/cases", json=opening("RMA-fifty"), headers=key)
    assert again.status_code == 201
    taken = [answer.json() for answer in answers if answer.status_code == 201]
    assert taken
    assert {answer.status_code for answer in answers} <= {201, 409, 429, 503}
    assert {body["case_id"] for body in taken} == {again.json()["case_id"]}
    (first,) = again.json()["milestones"]
    case_id = again.json()["case_id"]
    traffic.acknowledged.append(Acknowledged(first["record_id"], case_id, first["commitment"], "requested"))
    traffic.lives.append(Life(case_id))
    finish(site, traffic)
    tried("same request at once", 50)


@pytest.mark.by_seed(1.0)
def test_same_webhook_twenty_times_at_once_counts_once(site: Site, traffic: Traffic, nursery: Nursery) -> None:
    with site.database.read() as session:
        account = session.exec(select(Account).where(Account.name == "Shop")).one()
    set_webhook_secret(site.app, account, "easypost", _SECRET)
    code = uuid.uuid4().hex
    _EVENT["result"]["tracking_code"] = code
    raw = json.dumps(_EVENT).encode()
    headers = {"X-Hmac-Signature": f"hmac-sha256-hex={hmac.new(_SECRET.encode(), raw, hashlib.sha256).hexdigest()}"}
    traffic.post = None
    shipment = {"carrier": _EVENT["result"]["carrier"], "tracking_code": code}
    case_id = _opened(site, traffic, opening("RMA-parcel", shipment=shipment))
    _state(site, traffic, case_id, "authorised")
    with nursery.start() as service:
        assert service.is_up()
        answers = many(service, 20, "/v1/webhooks/easypost", content=raw, headers=headers)
    results = [result for answer in answers if answer.status_code == 200 for result in answer.json()["results"]]
    assert Counter(result["result"] for result in results)["accepted"] == 1, [answer.text for answer in answers]
    with site.database.read() as session:
        query = select(RecordRow).where(RecordRow.case_id == case_id, RecordRow.kind == "picked_up")
        (row,) = session.exec(query).all()
    traffic.acknowledged.append(Acknowledged(row.record_id, case_id, row.commitment, "picked_up"))
    finish(site, traffic)
    tried("same webhook at once", 20)


def _opened(site: Site, traffic: Traffic, body: dict[str, Any]) -> str:
    answer = site.client.post("/v1/cases", json=body, headers={"Authorization": f"Bearer {site.shop['api_key']}"})
    assert answer.status_code == 201, answer.text
    said = answer.json()
    (first,) = said["milestones"]
    traffic.acknowledged.append(Acknowledged(first["record_id"], said["case_id"], first["commitment"], "requested"))
    return str(said["case_id"])


def _state(site: Site, traffic: Traffic, case_id: str, kind: str) -> None:
    key = {"Authorization": f"Bearer {site.shop['api_key']}"}
    answer = site.client.post(f"/v1/cases/{case_id}/milestones", json={"kind": kind}, headers=key)
    assert answer.status_code == 202, answer.text
    said = answer.json()
    traffic.acknowledged.append(Acknowledged(said["record_id"], case_id, said["commitment"], kind))


@pytest.mark.by_seed(1.0)
@pytest.mark.timeout(900)
def test_three_times_as_many_clients_as_are_let_in_lose_nothing(
    site: Site, traffic: Traffic, nursery: Nursery, rng: Random
) -> None:
    """The service turns some away, openly, and keeps what it answered for; who comes again is taken."""
    clients = 3 * (load._WRITING + load._WAITING_TO_WRITE)
    keys = [str(uuid.UUID(int=rng.getrandbits(128))) for _ in range(clients)]
    with nursery.start() as service:
        assert service.is_up()
        answers = _opened_at_once(service, site, keys)
        refused = [answer for answer in answers if answer.status_code != 201]
        assert refused, "It was not too much."
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.json()["type"].rpartition(":")[2] for answer in refused} == {"overloaded"}
        assert all(int(answer.headers["Retry-After"]) > 0 for answer in refused)
        turned_away = [key for key, answer in zip(keys, answers, strict=True) if answer in refused]
        later = [_open(service.client, site, key) for key in turned_away]
    taken = [answer for answer in (*answers, *later) if answer.status_code == 201]
    assert len(taken) == clients
    for said in (answer.json() for answer in taken):
        (first,) = said["milestones"]
        traffic.acknowledged.append(Acknowledged(first["record_id"], said["case_id"], first["commitment"], "requested"))
    finish(site, traffic)
    tried("request under overload", len(answers))


def _opened_at_once(service: Service, site: Site, keys: list[str]) -> list[httpx.Response]:
    """One case for each key, each over a connection of its own."""
    limits = httpx.Limits(max_connections=len(keys))
    with (
        httpx.Client(base_url=service.client.base_url, limits=limits, timeout=PATIENCE) as client,
        ThreadPoolExecutor(len(keys)) as pool,
    ):
        return list(pool.map(lambda key: _open(client, site, key), keys))


def _open(client: httpx.Client, site: Site, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {site.shop['api_key']}", "Idempotency-Key": key}
    return client.post("/v1/cases", json=opening(f"RMA-{key[:8]}", escrow="none"), headers=headers)
