"""Status answers that are given again while they stand, and not a moment longer."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.clock import FixedClock
from ledger_service.services import status
from ledger_service.services.app import App
from ledger_service.store.changes import Changes

from .conftest import Headers, Open, bearer, token_of


@pytest.fixture
def opened(open_case: Open) -> dict[str, Any]:
    return open_case()


@pytest.fixture
def link(opened: dict[str, Any]) -> Headers:
    return bearer(token_of(opened["status_link"]))


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cases of the answers that the route made."""
    cases: list[str] = []
    make = status.status_view

    def note(app: App, claims: Any, **options: Any) -> dict[str, Any]:
        cases.append(claims.case_id)
        return make(app, claims, **options)

    monkeypatch.setattr(status, "status_view", note)
    return cases


def test_answer_is_made_once_while_nothing_changes(client: TestClient, link: Headers, made: list[str]) -> None:
    answers = [client.get("/v1/status", headers=link) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert answers[0].json() == answers[1].json() == answers[2].json()
    assert len(made) == 1


def test_answer_given_again_has_its_own_request_id_and_all_headers(client: TestClient, link: Headers) -> None:
    first, again = (client.get("/v1/status", headers=link).headers for _ in range(2))
    assert first["x-request-id"] != again["x-request-id"]
    assert {**first, "x-request-id": ""} == {**again, "x-request-id": ""}


def test_answer_given_again_says_as_of_when(
    client: TestClient, link: Headers, clock: FixedClock, made: list[str]
) -> None:
    first = client.get("/v1/status", headers=link).json()
    clock.move(timedelta(minutes=5))
    again = client.get("/v1/status", headers=link).json()
    assert (first["as_of"], again["as_of"]) == ("2026-03-01T12:00:00Z", "2026-03-01T12:05:00Z")
    assert len(made) == 1


def test_new_milestone_shows_at_once(
    client: TestClient, opened: dict[str, Any], link: Headers, as_merchant: Headers
) -> None:
    assert client.get("/v1/status", headers=link).json()["state"] == "requested"
    url = f"/v1/cases/{opened['case_id']}/milestones"
    assert client.post(url, json={"kind": "authorised"}, headers=as_merchant).status_code == 202
    assert client.get("/v1/status", headers=link).json()["state"] == "authorised"


def test_link_revoked_by_another_process_is_refused_at_once(
    client: TestClient, ledger: App, link: Headers, made: list[str]
) -> None:
    for _ in range(2):
        assert client.get("/v1/status", headers=link).status_code == 200
    assert len(made) == 1
    with sqlite3.connect(_file_of(ledger)) as other:
        other.execute("UPDATE status_links SET revoked_at = 1")
    other.close()
    assert client.get("/v1/status", headers=link).status_code == 401


def test_link_that_ends_is_refused_though_its_answer_was_kept(
    client: TestClient, link: Headers, clock: FixedClock
) -> None:
    assert client.get("/v1/status", headers=link).status_code == 200
    clock.move(timedelta(days=3 * 365))
    assert client.get("/v1/status", headers=link).status_code == 401


def test_altered_token_finds_no_answer(client: TestClient, opened: dict[str, Any], link: Headers) -> None:
    assert client.get("/v1/status", headers=link).status_code == 200
    token = token_of(opened["status_link"])
    altered = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
    assert client.get("/v1/status", headers=bearer(altered)).status_code == 401


def test_refusal_is_not_kept(client: TestClient, ledger: App, opened: dict[str, Any], link: Headers) -> None:
    ledger.database.close()
    hidden = _file_of(ledger)
    away = hidden.rename(hidden.with_suffix(".away"))
    refused = client.get("/v1/status", headers=link).status_code
    ledger.database.close()
    for left in hidden.parent.glob(f"{hidden.name}*"):
        left.unlink()
    away.rename(hidden)
    assert (refused, client.get("/v1/status", headers=link).status_code) == (503, 200)


def test_answers_given_again_count_against_the_limit(ledger: App, link: Headers) -> None:
    few = App(**{**vars(ledger), "settings": ledger.settings.model_copy(update={"rate_limit": "3/minute"})})
    with TestClient(create_app(few)) as client:
        codes = [client.get("/v1/status", headers=link).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]


def test_mark_changes_with_every_commit_and_with_nothing_else(ledger: App, account: Any) -> None:
    changes = Changes(ledger.database)
    before = changes.mark()
    with ledger.database.read() as session:
        session.connection().exec_driver_sql("SELECT COUNT(*) FROM accounts")
    assert changes.mark() == before
    account("carrier")
    assert changes.mark() != before


def _file_of(ledger: App) -> Path:
    return Path(ledger.database.url.removeprefix("sqlite:///"))
