"""What /readyz says, from outside: when requests must go elsewhere, and what merely lags behind."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, update
from sqlmodel import Session, col, select
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.clock import FixedClock
from ledger_service.config import Settings
from ledger_service.services.app import App
from ledger_service.services.health import Readiness
from ledger_service.store.leases import acquire
from ledger_service.store.tables import (
    Account,
    ChainCursor,
    Lease,
    Mail,
    OutboxRow,
    WebhookDelivery,
    WebhookEndpoint,
    WebhookEvent,
)

from .conftest import ON_BOTH, Headers, Keys, Open, case_body

PASSWORD = "canary-in-an-error"


class Idle:
    """Workers in the same process that have nothing to do."""

    accounts: ClassVar[dict[str, str]] = {}

    def health(self) -> dict[str, Any]:
        return {"chain": {"ok": True, "detail": "reachable"}, "start": {"ok": True, "detail": "done"}}


def _has_read(ledger: App, **changes: Any) -> None:
    with ledger.database.write() as session:
        session.add(ChainCursor(id=1, block_number=7, block_hash="0x" + "77" * 32, **changes))


def _look(api: FastAPI) -> tuple[int, dict[str, Any]]:
    """What it says now, not half a second ago."""
    readiness: Readiness = api.state.readiness
    readiness._last = None
    answer = TestClient(api).get("/readyz")
    body: dict[str, Any] = answer.json()
    assert body["ready"] is (answer.status_code == 200)
    assert all(part["detail"] for part in body["components"].values())
    return answer.status_code, body


@pytest.fixture
def api(ledger: App) -> FastAPI:
    return create_app(ledger, Idle())


def test_before_the_first_block_nothing_is_ready(ledger: App) -> None:
    status, body = _look(create_app(ledger))
    assert status == 503
    assert body["components"]["database"]["ok"] is True
    assert body["components"]["index"] == {"ok": False, "detail": "no block read yet"}
    assert body["components"]["chain"] == {"ok": False, "detail": "not reached"}
    assert "chain" in body["degraded"]
    assert "index" not in body["degraded"], "it is why nothing is ready"


def test_with_everything_there_nothing_is_degraded(ledger: App, api: FastAPI) -> None:
    _has_read(ledger)
    with ledger.database.write() as session:
        assert acquire(session, "index", "somebody", 15)
    status, body = _look(api)
    assert (status, body["degraded"]) == (200, [])
    assert body["components"]["disk"]["ok"] is True


def test_chain_away_after_it_was_there_degrades(ledger: App) -> None:
    _has_read(ledger)
    status, body = _look(create_app(ledger))
    assert status == 200
    assert body["degraded"] == ["workers", "chain"]


def test_halt_is_seen_by_a_process_without_workers(ledger: App) -> None:
    _has_read(ledger, halted="A reorg of 70 blocks. Look, then run `ledger rebuild`.")
    status, body = _look(create_app(ledger))
    assert status == 503
    assert body["components"]["halt"]["detail"] == "A reorg of 70 blocks. Look, then run `ledger rebuild`."


def test_workers_elsewhere_are_alive_while_they_hold_leases(ledger: App) -> None:
    _has_read(ledger)
    api = create_app(ledger)
    assert _look(api)[1]["components"]["workers"]["ok"] is False
    with ledger.database.write() as session:
        assert acquire(session, "index", "elsewhere", 15)
    part = _look(api)[1]["components"]["workers"]
    assert part == {"ok": True, "detail": "at work: index"}
    with ledger.database.write() as session:
        session.execute(update(Lease).values(expires_at=1))
    assert "ledger worker" in _look(api)[1]["components"]["workers"]["detail"]


def test_failing_step_is_named_and_degrades(ledger: App) -> None:
    class Failing(Idle):
        def health(self) -> dict[str, Any]:
            found = {"ok": False, "detail": "3 blocks behind", "lag": 3}
            return {**super().health(), "indexer": found, "deadlines": {"ok": False, "detail": "OperationalError"}}

    _has_read(ledger)
    api = create_app(ledger, Failing())
    status, body = _look(api)
    assert status == 200
    assert {"indexer", "deadlines"} <= set(body["degraded"])
    assert "ledger_index_lag_blocks 3.0" in TestClient(api).get("/metrics").text


def test_start_that_goes_on_is_not_ready(ledger: App) -> None:
    class Starting(Idle):
        def health(self) -> dict[str, Any]:
            return {**super().health(), "start": {"ok": False, "detail": "loading sample returns"}}

    _has_read(ledger)
    assert _look(create_app(ledger, Starting()))[0] == 503


def test_old_queue_degrades(ledger: App, api: FastAPI) -> None:
    _has_read(ledger)
    with ledger.database.write() as session:
        session.add(OutboxRow(action="poke", subject="0x1:1", created_at=ledger.clock.seconds() - 301))
    status, body = _look(api)
    assert status == 200
    assert body["components"]["queue"] == {
        "ok": False,
        "detail": "1 waiting, the oldest for 301 s",
        "waiting": 1,
        "oldest_seconds": 301,
    }


def test_mail_that_cannot_be_sent_degrades_until_one_is(ledger: App, api: FastAPI, open_case: Open) -> None:
    _has_read(ledger)
    case_id = open_case()["case_id"]
    with ledger.database.write() as session:
        session.execute(delete(Mail))
        failed = Mail(case_id=case_id, position=1, template="ruled", due_at=0, attempts=1, last_error="SMTPException")
        session.add(failed)
    part = _look(api)[1]["components"]["mail"]
    assert part["ok"] is False
    assert "SMTPException" in part["detail"]
    with ledger.database.write() as session:
        sent = Mail(case_id=case_id, position=2, template="ruled", due_at=0, attempts=1, state="sent", sent_at=1)
        session.add(sent)
        session.execute(update(Mail).where(col(Mail.position) == 1).values(due_at=ledger.clock.seconds() + 60))
    assert _look(api)[1]["components"]["mail"]["ok"] is True, "one odd address is no outage"


@ON_BOTH
def test_dead_endpoint_of_a_merchant_is_not_our_degradation(ledger: App, api: FastAPI, account: Keys) -> None:
    _has_read(ledger)
    now = ledger.clock.seconds()
    endpoint = _endpoint(ledger, account, failures=30, paused_until=now + 60, served_at=now - 500)
    with ledger.database.write() as session:
        for number in range(3):
            tried = {"attempts": 3, "last_error": "not_reached", "state": "failed" if number else "due"}
            session.add(_delivery(session, endpoint, number, now - 5_000, **tried))
        session.add(_delivery(session, endpoint, 4, now - 90_000))  # it never got its turn
    assert _look(api)[1]["components"]["webhooks"] == {"ok": True, "detail": "2 waiting, the oldest due for 0 s"}
    assert "ledger_deliveries_failing 1.0" in TestClient(api).get("/metrics").text


@ON_BOTH
def test_webhooks_that_nobody_sends_degrade(ledger: App, api: FastAPI, account: Keys) -> None:
    _has_read(ledger)
    now = ledger.clock.seconds()
    endpoint = _endpoint(ledger, account, served_at=now - 5_000)
    with ledger.database.write() as session:
        session.add(_delivery(session, endpoint, 1, now - 901))
    part = _look(api)[1]["components"]["webhooks"]
    assert part == {"ok": False, "detail": "1 waiting, the oldest due for 901 s"}
    with ledger.database.write() as session:
        session.get_one(WebhookEndpoint, endpoint).served_at = now - 5  # a long queue that moves
    assert _look(api)[1]["components"]["webhooks"]["ok"] is True


def _endpoint(ledger: App, account: Keys, **columns: Any) -> str:
    account("auditor")
    with ledger.database.write() as session:
        owner = session.exec(select(Account)).first()
        assert owner is not None
        row = WebhookEndpoint(id="ep_1", account_id=owner.id, url="https://x/", since_block=0, created_at=0, **columns)
        session.add(row)
    return "ep_1"


def _delivery(session: Session, endpoint: str, number: int, due_at: int, **columns: Any) -> WebhookDelivery:
    event = {"id": f"evt_{number}", "type": "milestone.recorded", "about": str(number), "payload": "{}"}
    session.add(WebhookEvent(**event, created_at=due_at))
    session.flush()
    return WebhookDelivery(endpoint_id=endpoint, event_id=event["id"], created_at=due_at, due_at=due_at, **columns)


def test_full_disk_degrades(ledger: App, settings: Settings) -> None:
    _has_read(ledger)
    floor = settings.model_copy(update={"min_free_disk": 10**18})
    api = create_app(App(**{**vars(ledger), "settings": floor}), Idle())
    status, body = _look(api)
    assert status == 200
    assert "disk" in body["degraded"]


def test_database_gone_is_not_ready(ledger: App, api: FastAPI) -> None:
    _has_read(ledger)
    assert _look(api)[0] == 200
    ledger.database.close()
    file = Path(ledger.database.url.removeprefix("sqlite:///"))
    file.rename(file.with_suffix(".elsewhere"))
    file.write_bytes(b"no database " * 1000)
    status, body = _look(api)
    assert status == 503
    assert body["components"]["database"]["ok"] is False
    assert TestClient(api).get("/metrics").status_code == 200
    file.with_suffix(".elsewhere").replace(file)


# --- a node of our own making ----------------------------------------------------------------------------------------


class Node(BaseHTTPRequestHandler):
    """A node at the other end of a URL, which says of itself what a test wants."""

    chain_id, genesis, newest = 1337, "0x" + "22" * 32, 0
    waits = False

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.waits:
            time.sleep(5)
        answers = [{"jsonrpc": "2.0", "id": call["id"], "result": self._result(call)} for call in asked]
        body = json.dumps(answers).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _result(self, call: dict[str, Any]) -> Any:
        if call["method"] != "eth_getBlockByNumber":
            return {"eth_chainId": hex(self.chain_id), "eth_getBalance": hex(10**18)}.get(call["method"], hex(10**9))
        return {"number": "0x9", "hash": self.genesis, "timestamp": hex(self.newest)}

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def node(clock: FixedClock) -> Iterator[type[Node]]:
    made = type("OneNode", (Node,), {"newest": clock.seconds()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), made)
    made.url = f"http://127.0.0.1:{server.server_port}/v3/{PASSWORD}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def with_node(ledger: App, node: Any) -> FastAPI:
    """An API without workers, on a chain that is not embedded."""
    _has_read(ledger)
    with ledger.database.write() as session:
        acquire(session, "index", "elsewhere", 3_600)
    settings = ledger.settings.model_copy(update={"chain": node.url})
    return create_app(App(**{**vars(ledger), "settings": settings}))


def test_chain_that_answers_is_well_and_its_url_stays_hidden(with_node: FastAPI) -> None:
    status, body = _look(with_node)
    assert (status, body["degraded"]) == (200, [])
    assert body["components"]["identity"]["ok"] is True
    assert PASSWORD not in str(body) + TestClient(with_node).get("/metrics").text


@pytest.mark.parametrize("other", [{"chain_id": 5}, {"genesis": "0x" + "23" * 32}])
def test_another_chain_at_the_same_address_is_not_ready(with_node: FastAPI, node: Any, other: dict[str, Any]) -> None:
    for name, value in other.items():
        setattr(node, name, value)
    status, body = _look(with_node)
    assert status == 503
    assert "LEDGER_CHAIN" in body["components"]["identity"]["detail"]


@pytest.mark.parametrize("seconds", [-3_600, 86_400])
def test_clock_far_from_the_newest_block_degrades(with_node: FastAPI, node: Any, seconds: int) -> None:
    node.newest -= seconds
    status, body = _look(with_node)
    assert (status, body["degraded"]) == (200, ["clock"])
    assert str(seconds) in body["components"]["clock"]["detail"]


def test_account_without_gas_money_degrades(ledger: App, node: Any) -> None:
    class Sending(Idle):
        accounts: ClassVar[dict[str, str]] = {"writer": "0x" + "99" * 20}

    _has_read(ledger)
    with ledger.database.write() as session:
        acquire(session, "index", "elsewhere", 3_600)
    settings = ledger.settings.model_copy(update={"chain": node.url})
    api = create_app(App(**{**vars(ledger), "settings": settings}), Sending())
    assert _look(api)[1]["components"]["funds"]["ok"] is True
    metrics = TestClient(api).get("/metrics").text.splitlines()
    (balance,) = [line for line in metrics if line.startswith('ledger_account_balance_wei{account="writer"}')]
    assert float(balance.split()[1]) == 10**18
    node._result = lambda self, call: hex(10**15) if call["method"] == "eth_getBalance" else Node._result(self, call)
    api.state.readiness._chain._asked_at = None
    api.state.readiness._chain._seen = None
    api.state.readiness._chain._answered.clear()
    part = _look(api)[1]["components"]["funds"]
    assert part == {"ok": False, "detail": "send gas money to writer"}


def test_node_that_hangs_keeps_nobody_waiting(with_node: FastAPI, node: Any, as_merchant: Headers) -> None:
    node.waits = True
    with TestClient(with_node) as client:
        for ask in (
            lambda: client.get("/readyz"),
            lambda: client.post("/v1/cases", json=case_body(), headers=as_merchant),
            lambda: client.get("/metrics"),
        ):
            began = time.monotonic()
            assert ask().status_code in (200, 201)
            assert time.monotonic() - began < 3
