"""Sessions: opened by an API key or a signature, used as a bearer, over when they are over."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.clock import FixedClock
from ledger_service.domain.hashing import hex0x, keccak
from ledger_service.domain.sign_in import read_sign_in
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services import accounts, sessions
from ledger_service.services.app import App
from ledger_service.services.housekeeping import tidy
from ledger_service.store.tables import SessionRow, UsedNonce

from .conftest import ON_BOTH, Headers, Keys, Open, as_consumer, assert_problem, bearer, case_body, count_rows


def personal_sign(key: LocalSigner, message: str) -> str:
    """As wallets sign messages (ERC-191)."""
    raw = message.encode()
    return hex0x(key.sign(keccak(b"\x19Ethereum Signed Message:\n" + str(len(raw)).encode() + raw)))


def open_session(client: TestClient, api_key: str) -> dict[str, Any]:
    answer = client.post("/v1/sessions", headers=bearer(api_key))
    assert answer.status_code == 201, answer.text
    opened: dict[str, Any] = answer.json()
    return opened


def challenge(client: TestClient, address: str) -> str:
    answer = client.post("/v1/sessions/challenge", json={"address": address})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["message"])


def sign_in(client: TestClient, key: LocalSigner, message: str, **more: str) -> httpx.Response:
    body = {"message": message, "signature": personal_sign(key, message), **more}
    return client.post("/v1/sessions/sign-in", json=body)


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


# --- opened by a signature -------------------------------------------------------------------------------------------


def test_signature_of_the_account_s_own_key_opens_a_session(
    client: TestClient, arbitrator: dict[str, Any], key: LocalSigner
) -> None:
    message = challenge(client, key.address)
    asked = read_sign_in(message)
    assert (asked.scheme, asked.domain, asked.uri) == ("http", "127.0.0.1:8000", "http://127.0.0.1:8000")
    assert (asked.address, asked.chain_id) == (key.address, 1337)
    assert (asked.issued_at, asked.expiration_time) == ("2026-03-01T12:00:00Z", "2026-03-01T12:05:00Z")
    answer = sign_in(client, key, message)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["role"], answer.json()["opened_by"]) == ("arbitrator", "signature")
    assert client.get("/v1/disputes", headers=bearer(answer.json()["token"])).status_code == 200


def test_challenge_of_an_https_service_has_its_domain_alone(ledger: App, key: LocalSigner) -> None:
    public = ledger.settings.model_copy(update={"public_url": "https://returns.example/"})
    message = sessions.challenge(App(**{**ledger.__dict__, "settings": public}), key.address)["message"]
    assert message.startswith("returns.example wants you to sign in with your Ethereum account:\n")


def test_challenge_keeps_nothing_and_tells_nothing(
    client: TestClient, ledger: App, arbitrator: dict[str, Any], key: LocalSigner
) -> None:
    before = count_rows(ledger)
    known, unknown = (challenge(client, address) for address in (key.address, LocalSigner(new_key()).address))
    assert [len(line) for line in known.split("\n")] == [len(line) for line in unknown.split("\n")]
    assert count_rows(ledger) == before


@ON_BOTH
def test_message_counts_once(client: TestClient, arbitrator: dict[str, Any], key: LocalSigner) -> None:
    message = challenge(client, key.address)
    assert sign_in(client, key, message).status_code == 201
    answer = sign_in(client, key, message)
    problem = assert_problem(answer, 401, "unauthenticated", field="message", remedy="challenge")
    assert "used already" in problem["detail"]


def test_message_counts_for_five_minutes(
    client: TestClient, clock: FixedClock, arbitrator: dict[str, Any], key: LocalSigner
) -> None:
    message = challenge(client, key.address)
    clock.move(timedelta(minutes=5))
    assert "over" in assert_problem(sign_in(client, key, message), 401, "unauthenticated", field="message")["detail"]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("http://127.0.0.1:8000 wants", "http://127.0.0.1:8001 wants", "domain"),
        ("http://127.0.0.1:8000 wants", "http://returns.example wants", "domain"),
        ("http://127.0.0.1:8000 wants", "127.0.0.1:8000 wants", "scheme"),
        ("URI: http://127.0.0.1:8000", "URI: http://127.0.0.1:8000/evil", "uri"),
        ("Chain ID: 1337", "Chain ID: 1", "chain id"),
        ("Sign in to", "Sign in at", "changed"),
        ("Issued At: 2026-03-01T12:00:00Z", "Issued At: 2026-03-01T12:00:01Z", "changed"),
        ("Expiration Time: 2026-03-01T12:05:00Z", "Expiration Time: 2036-03-01T12:05:00Z", "changed"),
        ("\nExpiration Time: 2026-03-01T12:05:00Z", "", "changed"),
        ("12:05:00Z", "12:05:00Z\nRequest ID: 7", "changed"),
        ("Nonce: ", "Nonce: 0", "changed"),
    ],
)
def test_message_that_is_not_ours_does_not_count(
    client: TestClient, ledger: App, arbitrator: dict[str, Any], key: LocalSigner, old: str, new: str, what: str
) -> None:
    message = challenge(client, key.address)
    assert old in message
    before = count_rows(ledger)
    problem = assert_problem(
        sign_in(client, key, message.replace(old, new, 1)), 401, "unauthenticated", field="message"
    )
    assert what in problem["detail"]
    assert count_rows(ledger) == before


def test_message_of_another_address_does_not_count(
    client: TestClient, arbitrator: dict[str, Any], key: LocalSigner
) -> None:
    """Signed by one who knows the account's address, and by the account over what was made for another."""
    other = LocalSigner(new_key())
    assert_problem(sign_in(client, other, challenge(client, key.address)), 401, "unauthenticated", field="signature")
    assert_problem(sign_in(client, key, challenge(client, other.address)), 401, "unauthenticated", field="signature")


@pytest.mark.parametrize(
    "message", ["", "Sign in, please.", "x" * 2_001, "\ud800", "a.b wants you to sign in with your Ethereum account:\n"]
)
def test_message_of_another_form_is_refused(client: TestClient, key: LocalSigner, message: str) -> None:
    body = json.dumps({"message": message, "signature": "0x" + "11" * 65})
    headers = {"Content-Type": "application/json"}
    answer = client.post("/v1/sessions/sign-in", content=body, headers=headers)
    assert_problem(answer, 422, "invalid-input", field="message")


@pytest.mark.parametrize("signature", ["0x", "0x11", "11" * 65, "0x" + "zz" * 65, "0x" + "11" * 66])
def test_signature_of_another_form_is_refused(client: TestClient, key: LocalSigner, signature: str) -> None:
    body = {"message": challenge(client, key.address), "signature": signature}
    assert_problem(client.post("/v1/sessions/sign-in", json=body), 422, "invalid-input", field="signature")


def test_address_without_an_account_has_no_session(client: TestClient, key: LocalSigner) -> None:
    answer = sign_in(client, key, challenge(client, key.address))
    assert_problem(answer, 401, "unauthenticated", field="message", remedy="API key")


def test_account_whose_key_the_service_holds_has_no_sign_in(client: TestClient, ledger: App, account: Keys) -> None:
    held = account("auditor")
    with ledger.database.read() as session:
        signer = ledger.keys.signer(session, held["address"])
    assert isinstance(signer, LocalSigner)
    answer = sign_in(client, signer, challenge(client, held["address"]))
    assert_problem(answer, 401, "unauthenticated", field="message", remedy="API key")


def test_address_of_several_accounts_needs_the_role(
    client: TestClient, account: Keys, arbitrator: dict[str, Any], key: LocalSigner
) -> None:
    account("auditor", "The same office", key.address)
    message = challenge(client, key.address)
    assert_problem(sign_in(client, key, message), 409, "conflict", field="role")
    answer = sign_in(client, key, message, role="auditor")
    assert (answer.status_code, answer.json().get("role")) == (201, "auditor")


def test_disabled_account_does_not_sign_in(
    client: TestClient, ledger: App, arbitrator: dict[str, Any], key: LocalSigner
) -> None:
    accounts.disable_account(ledger, "arbitrator", "Ines Ferrari")
    assert sign_in(client, key, challenge(client, key.address)).status_code == 401


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


# --- guessing --------------------------------------------------------------------------------------------------------


@pytest.fixture
def strict(ledger: App) -> App:
    limits = {"rate_limit_failures": "3/hour"}
    return App(**{**ledger.__dict__, "settings": ledger.settings.model_copy(update=limits)})


def test_guesses_are_limited_by_network_address(strict: App, arbitrator: dict[str, Any], key: LocalSigner) -> None:
    with TestClient(create_app(strict)) as client:
        for number in range(3):
            assert client.get("/v1/cases", headers=bearer(f"ses_{number}")).status_code == 401
        assert_problem(client.get("/v1/cases", headers=bearer("ses_4")), 429, "limit-exceeded")
        assert sign_in(client, key, challenge(client, key.address)).status_code == 201, "the right one is not shut out"


def test_guesses_are_limited_by_the_address_they_are_for(
    strict: App, arbitrator: dict[str, Any], key: LocalSigner
) -> None:
    api, other = create_app(strict), LocalSigner(new_key())
    for number in range(4):
        with TestClient(api, client=(f"192.0.2.{number}", 50_000)) as client:
            answer = sign_in(client, other, challenge(client, key.address))
            assert answer.status_code == (401 if number < 3 else 429), answer.text
    with TestClient(api) as client:
        assert sign_in(client, key, challenge(client, key.address)).status_code == 201, "the right one is not shut out"
