"""Sessions: opened by an API key or a signature, used as a bearer, over when they are over."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.clock import FixedClock
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services import accounts, sessions
from ledger_service.services.app import App
from ledger_service.services.housekeeping import tidy
from ledger_service.store.tables import SessionRow, UsedNonce

from .conftest import ON_BOTH, Headers, Keys, Open, as_consumer, assert_problem, bearer, case_body
from .signing import challenge, open_session, sign_in


@pytest.fixture
def key() -> LocalSigner:
    return LocalSigner(new_key())


@pytest.fixture
def arbitrator(account: Keys, key: LocalSigner) -> dict[str, Any]:
    return account("arbitrator", "Ines Ferrari", key.address)


# --- opened by an API key --------------------------------------------------------------------------------------------


@ON_BOTH
def test_session_acts_as_its_account(client: TestClient, merchant: dict[str, Any]) -> None:
    opened = open_session(client, merchant["api_key"])
    assert opened["token"].startswith("ses_")
    assert {name: opened[name] for name in ("role", "name", "address", "opened_by", "expires_at")} == {
        "role": "merchant",
        "name": "The merchant",
        "address": merchant["address"],
        "opened_by": "api_key",
        "expires_at": "2026-03-02T00:00:00Z",
    }
    headers = bearer(opened["token"])
    made = client.post("/v1/cases", json=case_body(), headers=headers)
    assert made.status_code == 201, made.text
    case_id = made.json()["case_id"]
    path = f"/v1/cases/{case_id}"
    stated = client.post(f"{path}/milestones", json={"kind": "authorised"}, headers=headers)
    assert stated.status_code == 202, stated.text
    assert client.get(path, headers=bearer(merchant["api_key"])).json() == client.get(path, headers=headers).json()


def test_session_is_one_caller_with_its_key(client: TestClient, merchant: dict[str, Any]) -> None:
    """The same Idempotency-Key through both is the same request."""
    token = open_session(client, merchant["api_key"])["token"]
    once = {"Idempotency-Key": "open-1"}
    first = client.post("/v1/cases", json=case_body(), headers={**bearer(merchant["api_key"]), **once})
    again = client.post("/v1/cases", json=case_body(), headers={**bearer(token), **once})
    assert again.json()["case_id"] == first.json()["case_id"]
    assert again.headers["idempotent-replayed"] == "true"


def test_nothing_of_a_token_is_kept(client: TestClient, ledger: App, merchant: dict[str, Any]) -> None:
    token = open_session(client, merchant["api_key"])["token"]
    with ledger.database.read() as session:
        kept = session.exec(select(SessionRow)).one()
    assert kept.token_hash == sessions.hash_of(token)
    assert token[4:] not in repr(kept)


def test_session_opens_no_other(client: TestClient, merchant: dict[str, Any]) -> None:
    token = open_session(client, merchant["api_key"])["token"]
    answer = client.post("/v1/sessions", headers=bearer(token))
    assert_problem(answer, 403, "forbidden", field="Authorization", remedy="API key")


def test_link_opens_no_session(client: TestClient, ledger: App, open_case: Open) -> None:
    answer = client.post("/v1/sessions", headers=as_consumer(ledger, open_case()["case_id"]))
    assert_problem(answer, 401, "unauthenticated", field="Authorization")


def test_session_at_a_link_s_address_says_so(client: TestClient, merchant: dict[str, Any]) -> None:
    token = open_session(client, merchant["api_key"])["token"]
    assert_problem(client.get("/v1/status", headers=bearer(token)), 401, "unauthenticated", field="Authorization")


# --- how long it counts ----------------------------------------------------------------------------------------------


def test_current_session_is_shown_and_ended(client: TestClient, merchant: dict[str, Any]) -> None:
    opened = open_session(client, merchant["api_key"])
    token = opened.pop("token")
    assert client.get("/v1/sessions/current", headers=bearer(token)).json() == opened
    assert client.delete("/v1/sessions/current", headers=bearer(token)).status_code == 204
    for method, path in (("GET", "/v1/sessions/current"), ("DELETE", "/v1/sessions/current"), ("GET", "/v1/cases")):
        answer = client.request(method, path, headers=bearer(token))
        assert_problem(answer, 401, "session-over", field="Authorization", remedy="Sign in again")


def test_api_key_is_no_session(client: TestClient, as_merchant: Headers) -> None:
    for method in ("GET", "DELETE"):
        answer = client.request(method, "/v1/sessions/current", headers=as_merchant)
        assert_problem(answer, 403, "forbidden", field="Authorization", remedy="POST /v1/sessions")


@pytest.mark.parametrize("token", ["ses_", "ses_unknown", "ses_" + "x" * 43])
def test_unknown_session_is_over(client: TestClient, token: str) -> None:
    assert_problem(client.get("/v1/cases", headers=bearer(token)), 401, "session-over", field="Authorization")


@ON_BOTH
def test_session_ends_after_twelve_hours_of_use(
    client: TestClient, ledger: App, clock: FixedClock, merchant: dict[str, Any]
) -> None:
    headers = bearer(open_session(client, merchant["api_key"])["token"])
    for _ in range(12 * 60 // 20 - 1):
        clock.move(timedelta(minutes=20))
        assert client.get("/v1/cases", headers=headers).status_code == 200
        ledger.uses.flush(ledger.database)  # as the service does by itself
    clock.move(timedelta(minutes=20))
    assert_problem(client.get("/v1/cases", headers=headers), 401, "session-over", field="Authorization")


def test_use_is_written_down_when_the_service_stops(ledger: App, clock: FixedClock, merchant: dict[str, Any]) -> None:
    with TestClient(create_app(ledger)) as client:
        headers = bearer(open_session(client, merchant["api_key"])["token"])
        clock.move(timedelta(minutes=20))
        assert client.get("/v1/cases", headers=headers).status_code == 200
    [listed] = sessions.list_sessions(ledger, "merchant", "The merchant")
    assert listed["last_used_at"] == "2026-03-01T12:20:00Z"


def test_session_that_is_not_used_ends_after_half_an_hour(
    client: TestClient, clock: FixedClock, merchant: dict[str, Any]
) -> None:
    used, idle = (bearer(open_session(client, merchant["api_key"])["token"]) for _ in range(2))
    clock.move(timedelta(minutes=29, seconds=59))
    assert client.get("/v1/cases", headers=idle).status_code == 200
    clock.move(timedelta(seconds=1))
    assert_problem(client.get("/v1/cases", headers=used), 401, "session-over", field="Authorization")


def test_disabled_account_has_no_sessions(client: TestClient, ledger: App, account: Keys) -> None:
    token = open_session(client, account("auditor")["api_key"])["token"]
    accounts.disable_account(ledger, "auditor", "The auditor")
    assert_problem(client.get("/v1/cases", headers=bearer(token)), 401, "session-over", field="Authorization")


@ON_BOTH
def test_new_api_key_ends_the_one_before_and_all_sessions(
    client: TestClient, ledger: App, arbitrator: dict[str, Any], key: LocalSigner
) -> None:
    by_key = open_session(client, arbitrator["api_key"])["token"]
    by_signature = sign_in(client, key, challenge(client, key.address)).json()["token"]
    renewed = accounts.renew_api_key(ledger, "arbitrator", "Ines Ferrari")
    for over in (arbitrator["api_key"], by_key, by_signature):
        assert client.get("/v1/cases", headers=bearer(over)).status_code == 401
    assert client.get("/v1/cases", headers=bearer(renewed["api_key"])).status_code == 200


def test_key_that_ended_by_any_way_takes_its_sessions_along(client: TestClient, ledger: App, account: Keys) -> None:
    """Also where no row of a session was touched."""
    token = open_session(client, account("auditor")["api_key"])["token"]
    with ledger.database.write() as session:
        row = accounts._named(session, "auditor", "The auditor")
        row.api_key_hash = "of another key"
        session.add(row)
    assert_problem(client.get("/v1/cases", headers=bearer(token)), 401, "session-over", field="Authorization")


@ON_BOTH
def test_operator_lists_and_ends_sessions(client: TestClient, ledger: App, account: Keys) -> None:
    api_key = account("auditor")["api_key"]
    tokens = [open_session(client, api_key)["token"] for _ in range(3)]
    listed = sessions.list_sessions(ledger, "auditor", "The auditor")
    assert [each["opened_by"] for each in listed] == ["api_key"] * 3
    first = client.get("/v1/sessions/current", headers=bearer(tokens[0])).json()["session_id"]
    assert sessions.end_sessions(ledger, "auditor", "The auditor", first) == 1
    assert [client.get("/v1/cases", headers=bearer(each)).status_code for each in tokens] == [401, 200, 200]
    assert sessions.end_sessions(ledger, "auditor", "The auditor") == 2
    assert sessions.list_sessions(ledger, "auditor", "The auditor") == []


def test_account_has_so_many_sessions_and_the_oldest_gives_way(
    client: TestClient, ledger: App, clock: FixedClock, account: Keys
) -> None:
    api_key = account("auditor")["api_key"]
    first = open_session(client, api_key)["token"]
    clock.move(timedelta(seconds=1))
    second = open_session(client, api_key)["token"]
    clock.move(timedelta(seconds=1))
    for _ in range(49):
        open_session(client, api_key)
    assert client.get("/v1/cases", headers=bearer(first)).status_code == 401
    assert client.get("/v1/cases", headers=bearer(second)).status_code == 200
    assert len(sessions.list_sessions(ledger, "auditor", "The auditor")) == 50


@ON_BOTH
def test_what_is_over_is_tidied_away(
    client: TestClient, ledger: App, clock: FixedClock, arbitrator: dict[str, Any], key: LocalSigner
) -> None:
    assert sign_in(client, key, challenge(client, key.address)).status_code == 201
    clock.move(timedelta(hours=12))
    tidy(ledger)
    with ledger.database.read() as session:
        assert session.exec(select(SessionRow)).all() == []
        assert session.exec(select(UsedNonce)).all() == []


# --- no ambient credential -------------------------------------------------------------------------------------------


def test_there_is_no_cookie(client: TestClient, merchant: dict[str, Any]) -> None:
    """So no other site can make a browser act: nothing is sent that a script of ours did not put there."""
    opened = client.post("/v1/sessions", headers=bearer(merchant["api_key"]))
    token = opened.json()["token"]
    for answer in (opened, client.get("/"), client.get("/v1/cases", headers=bearer(token))):
        assert "set-cookie" not in answer.headers
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    for cookie in (f"session={token}", f"Authorization=Bearer {token}", f"ses={token}"):
        assert client.get("/v1/cases", headers={"Cookie": cookie}).status_code == 401
    assert client.get("/v1/cases", params={"token": token, "access_token": token}).status_code == 401
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert client.options("/v1/cases", headers=asked).status_code == 405
