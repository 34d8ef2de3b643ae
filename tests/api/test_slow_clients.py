"""Whoever sends a byte now and then holds a connection for so long and no longer."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

import httpx
import pytest

from api.security import HEADERS

from .conftest import Headers, Open, token_of

LIMIT = 2  # seconds, here


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.server._HEAD_SECONDS", LIMIT)
    monkeypatch.setattr("api.server._BODY_SECONDS", LIMIT)


def _drip(server: str, begin: bytes, drop: bytes) -> tuple[bytes, float]:
    """What came back of a request that never ends, and after how many seconds the connection was over."""
    address = urlsplit(server)
    began = time.monotonic()
    came = b""
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=0.2) as connection:
        connection.sendall(begin)
        while time.monotonic() - began < 20:
            try:
                part = connection.recv(65_536)
                if not part:
                    return came, time.monotonic() - began
                came += part
            except TimeoutError:
                if not came and drop:
                    connection.sendall(drop)
            except ConnectionError:
                return came, time.monotonic() - began
    raise AssertionError("the connection is still open")


@pytest.mark.parametrize(
    ("begin", "drop"),
    [
        (b"", b""),
        (b"GET /", b"x"),
        (b"GET /healthz HTTP/1.1\r\nHost: ledger\r\n", b"X-Slow: 1\r\n"),
        (b"GET /healthz HTTP/1.1\r\nHost: ledger\r\nX-Slow: ", b"1"),
        (b"POST /v1/sessions/challenge HTTP/1.1\r\nHost: ledger\r\nContent-Length: 100\r\n\r\n", b" "),
        (b"POST /v1/sessions/challenge HTTP/1.1\r\nHost: ledger\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["nothing", "address", "headers", "header", "body", "chunks"],
)
def test_request_that_drips_is_cut_off(server: str, begin: bytes, drop: bytes) -> None:
    answer, seconds = _drip(server, begin, drop)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert LIMIT - 0.5 <= seconds < 15
    said = answer.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
    assert set(HEADERS.items()) <= {tuple(line.split(": ", 1)) for line in said}


def test_head_that_is_no_http_is_answered_with_the_headers_of_every_answer(server: str) -> None:
    answer, _ = _drip(server, b"\x00\x01\x02\r\n\r\n", b"")
    assert answer.startswith(b"HTTP/1.1 400 ")
    for name, value in HEADERS.items():
        assert f"\r\n{name}: {value}\r\n".encode() in answer


def test_connection_is_kept_for_the_next_request_in_time(server: str, as_merchant: Headers) -> None:
    """Longer than a head may take, in all."""
    with httpx.Client(base_url=server) as client:
        for _ in range(4):
            assert client.get("/v1/cases", headers=as_merchant, timeout=60).status_code == 200
            time.sleep(LIMIT / 3)


def test_answer_that_takes_longer_than_a_request_may_is_sent(server: str, open_case: Open) -> None:
    """The limits are for what comes in: an open stream, for one, goes on."""
    token = token_of(open_case()["status_link"])
    headers = {"Authorization": f"Bearer {token}"}
    began = time.monotonic()
    with httpx.stream("GET", f"{server}/v1/status/stream", headers=headers, timeout=60) as answer:
        for _ in answer.iter_raw():
            break
        time.sleep(LIMIT + 1)
        assert answer.status_code == 200
        assert not answer.is_closed
    assert time.monotonic() - began > LIMIT
