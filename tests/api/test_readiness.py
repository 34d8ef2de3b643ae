"""What /readyz says, from outside: when requests must go elsewhere, and what merely lags behind."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
from fastapi import FastAPI
from sqlalchemy import delete, update
from sqlmodel import col
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.config import Settings
from ledger_service.services.app import App
from ledger_service.services.health import Readiness
from ledger_service.store.leases import acquire
from ledger_service.store.tables import ChainCursor, Lease, Mail, OutboxRow

from .conftest import Open
from .panels import record_case  # noqa: F401 - the chain's tables, as an indexer fills them

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


def test_full_disk_degrades(ledger: App, settings: Settings) -> None:
    _has_read(ledger)
    floor = settings.model_copy(update={"min_free_disk": 10**18})
    api = create_app(App(**{**vars(ledger), "settings": floor}), Idle())
    status, body = _look(api)
    assert status == 200
    assert "disk" in body["degraded"]


def test_database_gone_is_not_ready(ledger: App, settings: Settings, api: FastAPI) -> None:
    _has_read(ledger)
    assert _look(api)[0] == 200
    ledger.database.close()
    (settings.data / "ledger.db").rename(settings.data / "elsewhere.db")
    (settings.data / "ledger.db").write_bytes(b"no database " * 1000)
    status, body = _look(api)
    assert status == 503
    assert body["components"]["database"]["ok"] is False
    assert TestClient(api).get("/metrics").status_code == 200
    (settings.data / "elsewhere.db").replace(settings.data / "ledger.db")


# --- a node of our own making ----------------------------------------------------------------------------------------
