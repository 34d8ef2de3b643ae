"""Sessions opened by a signature of the account's own key (ERC-4361), and what guessing comes to."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.clock import FixedClock
from ledger_service.domain.sign_in import read_sign_in
from ledger_service.errors import LedgerError
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services import accounts, sessions
from ledger_service.services.app import App
from ledger_service.store import sessions as sql
from ledger_service.store.tables import Account

from .conftest import ON_BOTH, Keys, assert_problem, bearer, count_rows
from .signing import challenge, personal_sign, sign_in


@pytest.fixture
def key() -> LocalSigner:
    return LocalSigner(new_key())


@pytest.fixture
def arbitrator(account: Keys, key: LocalSigner) -> dict[str, Any]:
    return account("arbitrator", "Ines Ferrari", key.address)


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


@ON_BOTH
def test_message_counts_once_at_the_same_moment_too(
    client: TestClient,
    ledger: App,
    arbitrator: dict[str, Any],
    key: LocalSigner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = sql.accounts_signing_at

    def find_slowly(session: Session, address: str) -> Sequence[Account]:
        time.sleep(0.3)
        return find(session, address)

    monkeypatch.setattr(sql, "accounts_signing_at", find_slowly)
    message = challenge(client, key.address)
    request = sessions.SignInInput(message=message, signature=personal_sign(key, message))

    def outcome(_number: int) -> str:
        try:
            return str(sessions.sign_in(ledger, request)["opened_by"])
        except LedgerError as error:
            return f"{type(error).__name__}: {error.detail}"

    with ThreadPoolExecutor(3) as threads:
        outcomes = sorted(threads.map(outcome, range(3)))
    assert outcomes == ["Unauthenticated: This message was used already."] * 2 + ["signature"]


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
