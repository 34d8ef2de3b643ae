"""What goes wrong once a record is kept: it is answered as taken all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from api import writing
from api.app import create_app
from ledger_service.config import Settings
from ledger_service.services.app import App

from .conftest import Headers, Open, case_body, count_rows


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The database is not in the folder of the data."""
    (tmp_path / "data").mkdir()
    limit = "100000/minute"
    return Settings(_env_file=None, data=tmp_path / "data", rate_limit=limit, rate_limit_failures=limit)


@pytest.fixture
def api(ledger: App) -> FastAPI:
    return create_app(ledger)


@pytest.fixture
def client(api: FastAPI) -> Iterator[TestClient]:
    with TestClient(api, base_url="http://127.0.0.1:8000", raise_server_exceptions=False) as client:
        yield client


def _lose_the_disk_with_the_next_commit(ledger: App, api: FastAPI) -> None:
    """The folder is gone, and so is what is remembered of it for half a second."""

    def lose(_connection: Any) -> None:
        data = ledger.settings.data
        if data.exists():
            data.rename(data.with_name("gone"))
        api.state.readiness._last = None

    event.listen(ledger.database.engine, "commit", lose)


@pytest.mark.parametrize("kind", ["case", "milestone"])
def test_nobody_can_say_whether_it_is_late(
    ledger: App, api: FastAPI, client: TestClient, as_merchant: Headers, open_case: Open, kind: str
) -> None:
    case_id = open_case()["case_id"]
    before = count_rows(ledger)["records"]
    _lose_the_disk_with_the_next_commit(ledger, api)
    if kind == "case":
        answer = client.post("/v1/cases", json=case_body(reference="R-2"), headers=as_merchant)
    else:
        answer = client.post(f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}, headers=as_merchant)
    assert not ledger.settings.data.exists()
    assert count_rows(ledger)["records"] == before + 1
    assert answer.status_code in (201, 202), answer.text
    assert answer.json()["delayed"] is True


def test_stage_that_cannot_be_looked_up_is_the_one_it_was_kept_with(
    ledger: App, client: TestClient, as_merchant: Headers, open_case: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = open_case()["case_id"]

    def fail(*_: Any) -> str:
        raise OSError("the connection is gone")

    monkeypatch.setattr(writing.queries, "record_stage", fail)
    answer = client.post(
        f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}, headers={**as_merchant, "Prefer": "wait=1"}
    )
    assert (answer.status_code, answer.json()["stage"]) == (202, "accepted")
