"""How much and how often one may ask."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.testclient import TestClient

from ledger_service.config import Settings
from ledger_service.errors import InvalidInput, LimitExceeded
from ledger_service.services.app import App
from ledger_service.services.rate_limits import RateLimits

from .conftest import Headers, Keys, Open, as_consumer, assert_problem, bearer, case_body, count_rows

LIMIT = 262_144


def test_body_over_the_limit_is_refused(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    before = count_rows(ledger)
    answer = client.post("/v1/cases", json=case_body(reason="x" * LIMIT), headers=as_merchant)
    assert_problem(answer, 413, "too-large", field="body", remedy=str(LIMIT))
    assert count_rows(ledger) == before


def test_body_without_length_is_counted_as_it_comes(server: str, ledger: App, as_merchant: Headers) -> None:
    before = count_rows(ledger)

    def endless() -> Iterator[bytes]:
        yield b'{"reference": "'
        for _ in range(LIMIT // 1_000 + 1):
            yield b"x" * 1_000

    headers = {**as_merchant, "Content-Type": "application/json"}
    answer = httpx.post(f"{server}/v1/cases", content=endless(), headers=headers)
    assert_problem(answer, 413, "too-large", field="body", remedy=str(LIMIT))
    assert count_rows(ledger) == before


def test_announced_length_is_refused_before_the_body_comes(server: str) -> None:
    address = urlsplit(server)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        request = f"POST /v1/cases HTTP/1.1\r\nHost: ledger\r\nContent-Length: {LIMIT + 1}\r\n\r\n"
        connection.sendall(request.encode())
        assert connection.recv(4_096).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("header", ["", "Authorization: Bearer lk_none\r\n", "Authorization: Bearer a.b.c\r\n"])
def test_long_body_of_somebody_unknown_is_not_waited_for(server: str, header: str) -> None:
    """Whatever it is: no more of it is kept than of a short one, and nothing of it is looked at."""
    address = urlsplit(server)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        request = f"POST /v1/cases HTTP/1.1\r\nHost: ledger\r\nContent-Length: {LIMIT}\r\n{header}\r\n"
        connection.sendall(request.encode() + b"[" * 20_000)
        answer = connection.recv(4_096)
    assert answer.startswith(b"HTTP/1.1 401 ")
    assert b"www-authenticate: Bearer" in answer
    assert b"connection: close" in answer


def test_long_body_of_who_has_a_key_or_a_link_is_read(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    link = as_consumer(ledger, open_case()["case_id"])
    for path, headers in (("/v1/cases", as_merchant), ("/v1/status/acts", link)):
        body = {"Content-Type": "application/json", **headers}
        answer = client.post(path, content=b" " * (LIMIT - 2) + b"{}", headers=body)
        assert (path, answer.status_code) == (path, 422)


def test_body_at_the_limit_is_read(client: TestClient, as_merchant: Headers) -> None:
    headers = {**as_merchant, "Content-Type": "application/json"}
    answer = client.post("/v1/cases", content=b" " * (LIMIT - 2) + b"{}", headers=headers)
    assert answer.status_code == 422
    assert answer.json()["field"] == "reference"


# --- rates -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data=tmp_path, rate_limit="5/hour", rate_limit_failures="3/hour")


def test_too_many_requests_of_one_key_are_refused(client: TestClient, account: Keys) -> None:
    one, other = bearer(account("auditor", "One")["api_key"]), bearer(account("auditor", "Other")["api_key"])
    for _ in range(5):
        assert client.get("/v1/cases", headers=one).status_code == 200
    answer = client.get("/v1/cases", headers=one)
    assert_problem(answer, 429, "limit-exceeded", remedy="Wait")
    assert 0 < int(answer.headers["retry-after"]) <= 3_600
    assert client.get("/v1/cases", headers=other).status_code == 200


def test_refused_request_writes_nothing(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    for _ in range(5):
        client.get("/v1/cases", headers=as_merchant)
    before = count_rows(ledger)
    assert_problem(client.post("/v1/cases", json=case_body(), headers=as_merchant), 429, "limit-exceeded")
    assert count_rows(ledger) == before


def test_too_many_failures_of_one_address_are_refused(client: TestClient, account: Keys) -> None:
    valid = bearer(account("auditor")["api_key"])
    for path, headers in (("/v1/cases", {}), ("/v1/cases", bearer("lk_guess")), ("/v1/status", bearer("a.b.c"))):
        assert client.get(path, headers=headers).status_code == 401
    answer = client.get("/v1/cases", headers=bearer("lk_guess"))
    assert_problem(answer, 429, "limit-exceeded", remedy="Wait")
    assert client.get("/v1/cases", headers=valid).status_code == 200, "a valid key is not shut out by its neighbours"


def test_unsigned_webhooks_count_as_failures(client: TestClient) -> None:
    for _ in range(3):
        assert client.post("/v1/webhooks/easypost", json={}).status_code == 401
    assert_problem(client.post("/v1/webhooks/easypost", json={}), 429, "limit-exceeded")


def test_health_is_never_limited(client: TestClient) -> None:
    assert {client.get("/healthz").status_code for _ in range(20)} == {200}


def test_limit_that_cannot_be_read_names_its_setting(settings: Settings) -> None:
    with pytest.raises(InvalidInput) as caught:
        RateLimits(settings.model_copy(update={"rate_limit": "often"}))
    assert caught.value.field == "LEDGER_RATE_LIMIT"


def test_callers_whose_window_is_over_are_forgotten(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_000.0
    monkeypatch.setattr("ledger_service.services.rate_limits.time.time", lambda: now)
    limits = RateLimits(settings.model_copy(update={"rate_limit": "1/minute"}))
    for number in range(1_500):
        limits.count_request(f"caller {number}")
    with pytest.raises(LimitExceeded):
        limits.count_request("caller 7")
    now += 60
    for number in range(1_000):
        limits.count_request(f"later caller {number}")
    assert len(limits._windows) <= 2_000
    limits.count_request("caller 7")
