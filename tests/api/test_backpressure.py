"""What the service does when it is too much for it: it says so, keeps nothing half done, and goes on reading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event, update
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.config import Settings
from ledger_service.services.app import App
from ledger_service.services.health import Readiness
from ledger_service.store.leases import acquire
from ledger_service.store.tables import ChainCursor, OutboxRow

from .conftest import Headers, Open, as_consumer, assert_problem, case_body, count_rows
from .test_readiness import Idle

KEY = "5d5e3bc7-7a6b-4f0c-8f62-0d6a3a3c5b1e"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        data=tmp_path,
        rate_limit="100000/minute",
        rate_limit_failures="100000/minute",
        max_queue=10,
    )


@pytest.fixture
def api(ledger: App) -> FastAPI:
    """With workers at work and a chain."""
    with ledger.database.write() as session:
        session.add(ChainCursor(id=1, block_number=7, block_hash="0x" + "77" * 32))
        assert acquire(session, "index", "somebody", 3_600)
    return create_app(ledger, Idle())


@pytest.fixture
def client(api: FastAPI) -> Iterator[TestClient]:
    with TestClient(api, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        yield client


def _look_again(api: FastAPI) -> None:
    """What is remembered for half a second is forgotten."""
    readiness: Readiness = api.state.readiness
    readiness._last = None


def _fill_queue(ledger: App, rows: int) -> None:
    with ledger.database.write() as session:
        now = ledger.clock.seconds()
        session.add_all([OutboxRow(action="poke", subject=f"0x{n}:1", created_at=now) for n in range(rows)])


# --- delayed ---------------------------------------------------------------------------------------------------------


def test_with_the_chain_there_nothing_is_delayed(open_case: Open) -> None:
    assert "delayed" not in open_case()


def test_chain_away_takes_records_and_says_that_they_are_delayed(
    ledger: App, api: FastAPI, client: TestClient, as_merchant: Headers
) -> None:
    with TestClient(create_app(ledger), base_url="http://127.0.0.1:8000") as client:
        client.get("/readyz")  # the chain is looked for in the background; nobody waits for it but this
        opened = client.post("/v1/cases", json=case_body(), headers=as_merchant)
        assert opened.status_code == 201
        assert opened.json()["delayed"] is True
        case_id = opened.json()["case_id"]
        path = f"/v1/cases/{case_id}/milestones"
        taken = client.post(path, json={"kind": "authorised"}, headers=as_merchant)
        assert taken.status_code == 202
        assert (taken.json()["stage"], taken.json()["delayed"]) == ("accepted", True)
        status = client.get("/v1/status", headers=as_consumer(ledger, case_id)).json()
        assert status["delayed"] is True


def test_status_is_not_delayed_while_the_chain_is_there(ledger: App, client: TestClient, open_case: Open) -> None:
    case_id = open_case()["case_id"]
    assert client.get("/v1/status", headers=as_consumer(ledger, case_id)).json()["delayed"] is False


# --- too much --------------------------------------------------------------------------------------------------------


def test_full_queue_turns_writes_away_and_reads_go_on(
    ledger: App, api: FastAPI, client: TestClient, as_merchant: Headers, open_case: Open
) -> None:
    headers = {**as_merchant, "Idempotency-Key": KEY}
    first = client.post("/v1/cases", json=case_body(), headers=headers)
    assert first.status_code == 201
    _fill_queue(ledger, 8)  # with the opening and its parties: as many as may wait
    _look_again(api)
    before = count_rows(ledger)
    refused = client.post("/v1/cases", json=case_body(), headers=as_merchant)
    assert_problem(refused, 503, "overloaded", remedy="Idempotency-Key")
    assert int(refused.headers["retry-after"]) > 0
    assert count_rows(ledger) == before, "nothing half done"
    again = client.post("/v1/cases", json=case_body(), headers=headers)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert again.json()["case_id"] == first.json()["case_id"]
    assert client.get(f"/v1/cases/{first.json()['case_id']}", headers=as_merchant).status_code == 200
    assert client.get("/readyz").json()["degraded"] == ["queue"]


def test_refused_request_is_taken_once_there_is_room(
    ledger: App, api: FastAPI, client: TestClient, as_merchant: Headers
) -> None:
    _fill_queue(ledger, 10)
    headers = {**as_merchant, "Idempotency-Key": KEY}
    assert client.post("/v1/cases", json=case_body(), headers=headers).status_code == 503
    with ledger.database.write() as session:
        session.execute(update(OutboxRow).values(done=True))
    _look_again(api)
    assert client.post("/v1/cases", json=case_body(), headers=headers).status_code == 201


def test_disk_below_its_floor_turns_writes_away(ledger: App, settings: Settings, as_merchant: Headers) -> None:
    floor = settings.model_copy(update={"min_free_disk": 10**18})
    with TestClient(create_app(App(**{**vars(ledger), "settings": floor}), Idle())) as client:
        assert_problem(client.post("/v1/cases", json=case_body(), headers=as_merchant), 503, "overloaded")
        assert client.get("/v1/cases", headers=as_merchant).status_code == 200


def test_halted_ledger_takes_nothing(ledger: App, api: FastAPI, client: TestClient, as_merchant: Headers) -> None:
    with ledger.database.write() as session:
        session.get_one(ChainCursor, 1).halted = "A reorg of 70 blocks."
    _look_again(api)
    answer = client.post("/v1/cases", json=case_body(), headers=as_merchant)
    assert_problem(answer, 503, "unavailable", remedy="operator")
    assert "retry-after" in answer.headers


def test_full_database_is_503_and_leaves_nothing(ledger: App, client: TestClient, as_merchant: Headers) -> None:
    with ledger.database.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    ledger.database.close()

    def full(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(ledger.database.engine, "connect", full)
    refused, before = _until_refused(ledger, client, as_merchant)
    assert_problem(refused, 503, "unavailable")
    assert "retry-after" in refused.headers
    assert count_rows(ledger) == before, "nothing half done"
    event.remove(ledger.database.engine, "connect", full)
    ledger.database.close()
    assert client.post("/v1/cases", json=case_body(), headers=as_merchant).status_code == 201


def _until_refused(ledger: App, client: TestClient, headers: Headers) -> tuple[httpx.Response, dict[str, int]]:
    """The first answer that is none of success, and the rows before that request."""
    for _ in range(50):
        before = count_rows(ledger)
        answer = client.post("/v1/cases", json=case_body(escrow="none", reason="x" * 2_000), headers=headers)
        if answer.status_code != 201:
            return answer, before
    raise AssertionError("the database was never full")
