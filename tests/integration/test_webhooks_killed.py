"""A merchant's server gets every event of a service that is killed in the middle, as its library verifies it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from receiver import Receiver

from .running import Running, wait_for

TYPES = ("milestone.recorded", "milestone.final")
KINDS = ("requested", "authorised")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def running(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    monkeypatch.setenv("LEDGER_WEBHOOKS_PRIVATE", "true")
    installation = Running(tmp_path / "data", "ganache", "--no-sample")
    try:
        installation.start()
        yield installation
    finally:
        installation.close()


def _open(client: httpx.Client, number: int) -> str:
    body: dict[str, Any] = {
        "reference": f"RMA-{number}",
        "consumer": {"country": "DE", "language": "de"},
        "items": [{"sku": "1", "quantity": 1, "unit_price": "1.00"}],
        "refund": {"amount": "1.00", "currency": "GBP"},
        "policy": "eu-14",
        "escrow": "none",
    }
    case_id = str(client.post("/v1/cases", json=body).raise_for_status().json()["case_id"])
    client.post(f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}).raise_for_status()
    return case_id


@pytest.mark.long
@pytest.mark.timeout(600)
def test_killed_service_loses_no_event(running: Running, receiver: Receiver) -> None:
    account = running.ledger_json("keys", "create", "--role", "merchant", "--name", "Shop")
    client = running.client(account["api_key"])
    made = client.post("/v1/webhook-endpoints", json={"url": receiver.url}).raise_for_status().json()
    cases = [_open(client, number) for number in range(5)]
    wait_for(lambda: len(receiver.got) >= 4, what="the first webhooks")
    cases += [_open(client, number) for number in range(5, 15)]
    running.kill_tree()
    running.start()
    wanted = {(case, kind, type_) for case in cases for kind in KINDS for type_ in TYPES}

    def told() -> set[tuple[str, str, str]]:
        bodies = receiver.bodies(made["secret"])
        return {(body["data"]["case_id"], body["data"]["kind"], body["type"]) for body in bodies}

    wait_for(lambda: told() >= wanted, seconds=150, what="every event")  # those under way stay claimed for a while
    assert len({got.event_id for got in receiver.got}) == len(wanted)
