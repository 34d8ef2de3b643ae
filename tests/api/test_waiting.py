"""Prefer: wait=N, and the live updates of a status link."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import update
from sqlmodel import col, select
from starlette.testclient import TestClient

from ledger_service.services.app import App
from ledger_service.services.queries import case_view
from ledger_service.store.tables import Account, ChainCursor, ChainRecord, ChainRefusal, OutboxRow, RecordRow

from .conftest import Headers, Open, as_consumer, assert_problem, bearer, case_body, token_of


def index(ledger: App, record: RecordRow) -> None:
    """What an indexer writes when it reads the record's event."""
    word = "0x" + "77" * 32
    with ledger.database.write() as session:
        session.merge(ChainCursor(id=1, block_number=7, block_hash=word))
        session.add(
            ChainRecord(
                case_id=record.case_id,
                position=record.nonce,
                kind=record.kind,
                role=record.role,
                actor=record.signer,
                commitment=record.commitment,
                entry=word,
                head=word,
                time=record.accepted_at,
                block_number=7,
                block_hash=word,
                log_index=record.nonce,
                tx_hash=word,
            )
        )


def refuse(ledger: App, record: RecordRow) -> None:
    """What an indexer writes when the contract skipped the record."""
    with ledger.database.write() as session:
        session.add(
            ChainRefusal(
                block_number=7,
                log_index=0,
                case_id=record.case_id,
                commitment=record.commitment,
                reason="Expired()",
                tx_hash="0x" + "77" * 32,
            )
        )
        session.execute(update(OutboxRow).where(col(OutboxRow.record_id) == record.record_id).values(done=True))


@pytest.fixture
def chain(ledger: App) -> Iterator[dict[str, Any]]:
    """Stands for the chain: what `does` says is done to each record as soon as it is accepted."""
    behaviour: dict[str, Any] = {"does": index}
    stopping, seen = threading.Event(), set()

    def run() -> None:
        while not stopping.wait(0.05):
            with ledger.database.read() as session:
                records = session.exec(select(RecordRow)).all()
            for record in records:
                if record.record_id not in seen:
                    seen.add(record.record_id)
                    behaviour["does"](ledger, record)

    thread = threading.Thread(target=run)
    thread.start()
    yield behaviour
    stopping.set()
    thread.join()


def prefer(headers: Headers, seconds: int | str) -> Headers:
    return {**headers, "Prefer": f"wait={seconds}"}


# --- Prefer: wait ----------------------------------------------------------------------------------------------------


def test_open_case_waits_until_recorded(client: TestClient, as_merchant: Headers, chain: dict[str, Any]) -> None:
    answer = client.post("/v1/cases", json=case_body(), headers=prefer(as_merchant, 30))
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "wait=30"
    assert answer.json()["stage"] == "final"


def test_milestone_waits_until_recorded(
    client: TestClient, open_case: Open, as_merchant: Headers, chain: dict[str, Any]
) -> None:
    path = f"/v1/cases/{open_case()['case_id']}/milestones"
    answer = client.post(path, json={"kind": "authorised"}, headers=prefer(as_merchant, 30))
    assert answer.status_code == 202
    assert answer.json()["stage"] == "final"


def test_wait_ends_where_the_contract_refuses(client: TestClient, as_merchant: Headers, chain: dict[str, Any]) -> None:
    chain["does"] = refuse
    answer = client.post("/v1/cases", json=case_body(), headers=prefer(as_merchant, 30))
    assert answer.json()["stage"] == "rejected"


def test_wait_ends_after_its_seconds(client: TestClient, as_merchant: Headers) -> None:
    began = time.monotonic()
    answer = client.post("/v1/cases", json=case_body(), headers=prefer(as_merchant, 1))
    assert 1 <= time.monotonic() - began < 10
    assert answer.status_code == 201
    assert answer.headers["preference-applied"] == "wait=1"
    assert answer.json()["stage"] == "accepted"


def test_replayed_request_waits_too(client: TestClient, as_merchant: Headers, ledger: App) -> None:
    headers = {**as_merchant, "Idempotency-Key": "k"}
    first = client.post("/v1/cases", json=case_body(), headers=headers).json()
    with ledger.database.read() as session:
        record = session.exec(select(RecordRow)).one()
    index(ledger, record)
    again = client.post("/v1/cases", json=case_body(), headers=prefer(headers, 5))
    assert again.headers["idempotent-replayed"] == "true"
    assert first.pop("delayed"), "without a chain"
    assert again.json() == {**first, "stage": "final"}


def test_waiting_holds_no_thread(server: str, ledger: App, as_merchant: Headers) -> None:
    """More requests wait than there are threads, and a quick one is still answered."""
    with httpx.Client(base_url=server, timeout=60, limits=httpx.Limits(max_connections=60)) as client:
        threads = [
            threading.Thread(
                target=client.post,
                args=("/v1/cases",),
                kwargs={"json": case_body(escrow="none"), "headers": prefer(as_merchant, 30)},
            )
            for _ in range(50)
        ]
        for thread in threads:
            thread.start()
        while len(client.get("/v1/cases", headers=as_merchant).json()["items"]) < 50:
            assert any(thread.is_alive() for thread in threads)
        began = time.monotonic()
        assert client.get("/v1/cases", headers=as_merchant).status_code == 200
        assert time.monotonic() - began < 5
        assert all(thread.is_alive() for thread in threads)
        with ledger.database.read() as session:
            records = session.exec(select(RecordRow)).all()
        for record in records:
            index(ledger, record)
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("preference", ["respond-async", "wait=soon", "wait=", "return=minimal, await=3"])
def test_preference_that_is_not_ours_is_ignored(client: TestClient, as_merchant: Headers, preference: str) -> None:
    answer = client.post("/v1/cases", json=case_body(), headers={**as_merchant, "Prefer": preference})
    assert answer.status_code == 201
    assert "preference-applied" not in answer.headers


def test_wait_is_capped(client: TestClient, as_merchant: Headers, chain: dict[str, Any]) -> None:
    headers = {**as_merchant, "Prefer": 'respond-async, wait="3600"'}
    answer = client.post("/v1/cases", json=case_body(), headers=headers)
    assert answer.headers["preference-applied"] == "wait=30"


# --- live updates ----------------------------------------------------------------------------------------------------


def events(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The events of a stream, comments left out."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        if line.startswith("data: "):
            yield name, json.loads(line[6:])


def test_stream_tells_every_change(server: str, client: TestClient, as_merchant: Headers, open_case: Open) -> None:
    opened = open_case()
    token = token_of(opened["status_link"])
    with httpx.stream("GET", f"{server}/v1/status/stream", headers=bearer(token), timeout=30) as stream:
        assert stream.status_code == 200
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
        told = events(stream.iter_lines())
        name, first = next(told)
        assert (name, first["state"]) == ("status", "requested")
        sent = client.post(
            f"/v1/cases/{opened['case_id']}/milestones", json={"kind": "authorised"}, headers=as_merchant
        )
        assert sent.status_code == 202
        name, second = next(told)
        assert (name, second["state"]) == ("status", "authorised")
        assert second["timeline"][-1]["stage"] == "accepted"


def test_stream_ends_with_its_link(server: str, ledger: App, as_merchant: Headers, open_case: Open) -> None:
    case_id = open_case()["case_id"]
    made = httpx.post(f"{server}/v1/cases/{case_id}/status-links", json={}, headers=as_merchant).json()
    headers = bearer(token_of(made["status_link"]))
    with httpx.stream("GET", f"{server}/v1/status/stream", headers=headers, timeout=30) as stream:
        told = events(stream.iter_lines())
        assert next(told)[0] == "status"
        gone = httpx.delete(f"{server}/v1/cases/{case_id}/status-links/{made['jti']}", headers=as_merchant)
        assert gone.status_code == 204
        name, why = next(told)
        assert name == "end"
        assert why["type"] == "urn:ledger:problem:link-revoked"
        assert why["remedy"]
        assert list(told) == []


def test_stream_without_token_is_refused(client: TestClient) -> None:
    assert_problem(client.get("/v1/status/stream"), 401, "unauthenticated", field="Authorization")


def test_one_link_cannot_take_all_streams(server: str, open_case: Open) -> None:
    headers = bearer(token_of(open_case()["status_link"]))
    with httpx.Client(base_url=server, timeout=30, limits=httpx.Limits(max_connections=20)) as client:
        streams = []
        for _ in range(10):
            stream = client.send(client.build_request("GET", "/v1/status/stream", headers=headers), stream=True)
            assert stream.status_code == 200
            lines = stream.iter_lines()
            assert next(lines) == "event: status"
            streams.append((stream, lines))  # an iterator that is let go closes its stream
        answer = client.get("/v1/status/stream", headers=headers)
        assert_problem(answer, 429, "limit-exceeded", remedy="Close one")
        for stream, _ in streams:
            stream.close()
        while True:  # the server sees that they have gone
            with client.stream("GET", "/v1/status/stream", headers=headers) as stream:
                if stream.status_code == 200:
                    break


def test_link_shows_what_the_merchant_sees(client: TestClient, ledger: App, open_case: Open) -> None:
    opened = open_case()
    shown = client.get("/v1/status", headers=bearer(token_of(opened["status_link"]))).json()
    with ledger.database.read() as session:
        account = session.exec(select(Account)).one()
    seen = case_view(ledger, account, opened["case_id"])
    for name in ("case_id", "reference", "state", "refund"):
        assert shown[name] == seen[name]
    assert shown["money"].items() >= seen["money"].items()
    assert shown["next"] == {**seen["next"], "acts": [], "limits": {}}
    assert "ada@example.org" not in json.dumps(shown)


def test_acting_link_acts(client: TestClient, ledger: App, open_case: Open) -> None:
    headers = as_consumer(ledger, open_case()["case_id"])
    assert "cancelled" in client.get("/v1/status", headers=headers).json()["next"]["acts"]
    answer = client.post("/v1/status/acts", json={"kind": "cancelled"}, headers=headers)
    assert answer.status_code == 202
    assert answer.json()["kind"] == "cancelled"
    shown = client.get("/v1/status", headers=headers).json()
    assert (shown["state"], shown["notice"]["kind"]) == ("requested", "cancelled")


def test_consumer_states_the_pickup_with_the_carriers_receipt(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    case_id = open_case()["case_id"]
    client.post(f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}, headers=as_merchant)
    body = {"kind": "picked_up", "personal": {"receipt": "JD0002"}}
    answer = client.post("/v1/status/acts", json=body, headers=as_consumer(ledger, case_id))
    assert answer.status_code == 202, answer.text
