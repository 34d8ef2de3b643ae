"""What comes before and behind the body of a request: bounded, whatever a caller sends."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from http.client import HTTPResponse
from urllib.parse import urlsplit

import pytest

from .conftest import Headers

LIMIT = 65_536
CHUNKED = b"POST /v1/cases HTTP/1.1\r\nHost: ledger\r\nTransfer-Encoding: chunked\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: ledger\r\n"
STEP = 1_024

Connect = Callable[[], socket.socket]


@pytest.fixture
def connect(server: str) -> Iterator[Connect]:
    address = urlsplit(server)
    made: list[socket.socket] = []

    def connect() -> socket.socket:
        made.append(socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def _all_of(connection: socket.socket) -> bytes:
    """What comes until the other side closes."""
    came = b""
    while part := connection.recv(65_536):
        came += part
    return came


def _status_of(connection: socket.socket) -> int:
    """Of the one answer that is on its way; the connection stays open."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def _send_until_answered(connection: socket.socket, begin: bytes, more: bytes) -> int:
    """Bytes sent before something came back: `begin`, then `more` again and again, 4 MB at most."""
    connection.sendall(begin)
    sent = len(begin)
    while sent < 4_000_000:
        connection.sendall(more)
        sent += len(more)
        wait = 0.2 if sent > LIMIT else 0.0
        if select.select([connection], [], [], wait if sent < 2 * LIMIT else 0)[0]:
            break
    return sent


@pytest.mark.parametrize(
    ("begin", "more"),
    [
        (b"GET /", b"x" * STEP),
        (HEALTH + b"X-Long: ", b"x" * STEP),
        (HEALTH, b"X-Many: " + b"x" * (STEP - 10) + b"\r\n"),
        (HEALTH + b"X", b"x" * STEP),
        (b"", b"\r\n" * (STEP // 2)),
        (CHUNKED + b"\r\n2;long=", b"x" * STEP),
        (CHUNKED + b"\r\n2\r\n{}\r\n0\r\nX-Behind: ", b"x" * STEP),
        (CHUNKED + b"\r\n2\r\n{}\r\n0\r\n", b"X-Many: " + b"x" * (STEP - 10) + b"\r\n"),
    ],
    ids=["address", "header", "headers", "name", "empty lines", "extension", "trailer", "trailers"],
)
def test_what_has_no_end_is_refused(connect: Connect, begin: bytes, more: bytes) -> None:
    connection = connect()
    sent = _send_until_answered(connection, begin, more)
    assert LIMIT < sent <= LIMIT + 16 * STEP
    answer = _all_of(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"too long" in answer


def test_long_head_in_one_piece_is_refused(connect: Connect) -> None:
    """Whole when it comes, so that nothing is unfinished when it is counted."""
    connection = connect()
    connection.sendall(HEALTH + b"X-Long: " + b"x" * 150_000 + b"\r\n\r\n")
    try:
        answer = _all_of(connection)
    except ConnectionResetError:  # what was not read of it can cost the answer
        return
    assert b" 200 " not in answer


def test_head_below_the_limit_is_read_again_and_again(connect: Connect) -> None:
    """What is counted for one request is not the next one's."""
    connection = connect()
    for _ in range(4):
        connection.sendall(HEALTH + b"X-Long: " + b"x" * (LIMIT - 8_192) + b"\r\n\r\n")
        assert _status_of(connection) == 200


def test_bodies_do_not_count(connect: Connect, as_merchant: Headers) -> None:
    """A body of 200,000 bytes in chunks of 100, which have frames of their own, and then another one in one piece."""
    connection = connect()
    bearer = f"Authorization: {as_merchant['Authorization']}\r\nContent-Type: application/json\r\n".encode()
    chunks = (b"64\r\n" + b" " * 100 + b"\r\n") * 2_000
    connection.sendall(CHUNKED + bearer + b"\r\n" + chunks + b"2\r\n{}\r\n0\r\nX-Behind: x\r\n\r\n")
    assert _status_of(connection) == 422
    head = b"POST /v1/cases HTTP/1.1\r\nHost: ledger\r\nContent-Length: 200000\r\nConnection: close\r\n"
    connection.sendall(head + bearer + b"\r\n" + b"{}".rjust(200_000))
    assert _all_of(connection).startswith(b"HTTP/1.1 422 ")


def test_trailers_are_no_headers(connect: Connect, as_merchant: Headers) -> None:
    """Whoever stands before the service and looks at headers has not seen them."""
    connection = connect()
    behind = f"Authorization: {as_merchant['Authorization']}\r\nConnection: close\r\n\r\n".encode()
    connection.sendall(CHUNKED + b"Content-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\n" + behind)
    assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_refusal_is_not_taken_for_the_answer_of_a_request_before(connect: Connect, as_merchant: Headers) -> None:
    """Two requests behind each other: the first one is still being done when the second is refused."""
    connection = connect()
    first = f"GET /v1/cases HTTP/1.1\r\nHost: ledger\r\nAuthorization: {as_merchant['Authorization']}\r\n\r\n"
    connection.sendall(first.encode() + HEALTH + b"X-Long: " + b"x" * 80_000)
    try:
        answer = _all_of(connection)
    except ConnectionResetError:
        return
    assert not answer.startswith(b"HTTP/1.1 400 ")


# --- requests that ask for another protocol, which we need not speak -------------------------------------------------

UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
BAD_CASE = b'{"reference": "R-1", "surprise": 1}'


def _post(bearer: Headers, framing: bytes, body: bytes) -> bytes:
    head = b"POST /v1/cases HTTP/1.1\r\nHost: ledger\r\nContent-Type: application/json\r\n" + UPGRADE
    return head + f"Authorization: {bearer['Authorization']}\r\n".encode() + framing + b"\r\n" + body


@pytest.mark.parametrize("step", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("framing", "body"),
    [
        (b"Content-Length: %d\r\n" % len(BAD_CASE), BAD_CASE),
        (b"Transfer-Encoding: chunked\r\n", b"%x\r\n%s\r\n0\r\n\r\n" % (len(BAD_CASE), BAD_CASE)),
    ],
    ids=["length", "chunks"],
)
def test_body_behind_an_upgrade_is_read(
    connect: Connect, as_merchant: Headers, framing: bytes, body: bytes, step: int
) -> None:
    """Java's client asks for HTTP/2 with the first request of a connection; and the connection goes on."""
    connection = connect()
    request = _post(as_merchant, framing, body)
    for start in range(0, len(request), step):
        connection.sendall(request[start : start + step])
    answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"surprise" in answer
    connection.sendall(HEALTH + b"Connection: close\r\n\r\n")
    assert _all_of(connection).startswith(b"HTTP/1.1 200 ")


def test_body_behind_an_upgrade_is_no_request(connect: Connect, as_merchant: Headers) -> None:
    """Whoever stands before the service took it for a body."""
    connection = connect()
    body = HEALTH + b"\r\n"
    connection.sendall(_post(as_merchant, b"Content-Length: %d\r\n" % len(body), b""))
    connection.sendall(body)
    answer = connection.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"field":"body"' in answer
    connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: ledger\r\nConnection: close\r\n\r\n")
    assert _all_of(connection).startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0"])
def test_wish_for_another_protocol_is_no_matter(connect: Connect, protocol: bytes) -> None:
    """Several at once, as well: each has its answer."""
    connection = connect()
    wish = b"Connection: upgrade\r\nUpgrade: " + protocol + b"\r\n"
    connection.sendall(2 * (HEALTH + wish + b"\r\n") + HEALTH + b"Connection: close, upgrade\r\nUpgrade: x\r\n\r\n")
    assert _all_of(connection).count(b"HTTP/1.1 200 ") == 3


def test_upgrade_does_not_hide_a_head_without_end(connect: Connect) -> None:
    connection = connect()
    sent = _send_until_answered(connection, HEALTH + UPGRADE + b"X-Long: ", b"x" * STEP)
    assert LIMIT < sent <= LIMIT + 16 * STEP
    assert _all_of(connection).startswith(b"HTTP/1.1 400 ")


def test_tunnel_is_refused(connect: Connect) -> None:
    connection = connect()
    connection.sendall(b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n" + HEALTH + b"\r\n")
    answer = _all_of(connection)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b" 200 " not in answer
