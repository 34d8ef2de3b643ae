"""One signed POST, to a real server: where it connects to, what it sends, and how long it lets itself be kept."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from certificates import make_certificate
from receiver import Receiver, Reply, closed_port
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from ledger_service import webhook_sending
from ledger_service.domain.public_addresses import Address, read_target
from ledger_service.errors import InvalidInput
from ledger_service.webhook_sending import WebhookSender, allowed_addresses, new_secret, signed_headers

BODY = '{"type":"endpoint.test"}'


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def post(receiver: Receiver, sender: WebhookSender | None = None, url: str | None = None) -> webhook_sending.Sent:
    headers = signed_headers("evt_1", int(time.time()), BODY, [new_secret()])
    return (sender or WebhookSender(private=True)).post(url or receiver.url, headers, BODY)


def test_signature_is_what_the_receivers_library_verifies() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers("evt_1", int(time.time()), BODY, [new, old])
    for secret in (old, new):
        assert Webhook(secret).verify(BODY, headers) == {"type": "endpoint.test"}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(BODY.replace("test", "best"), headers)
    late = signed_headers("evt_1", int(time.time()) - 600, BODY, [new])
    with pytest.raises(WebhookVerificationError):
        Webhook(new).verify(BODY, late)


def test_post_carries_body_and_signature_and_nothing_of_ours(receiver: Receiver) -> None:
    assert post(receiver).ok
    (got,) = receiver.got
    assert (got.path, got.body) == ("/hook", BODY)
    assert got.headers["content-type"] == "application/json"
    assert got.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert set(got.headers) == {
        *("host", "user-agent", "content-type", "connection", "content-length"),
        *("webhook-id", "webhook-timestamp", "webhook-signature"),
    }


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_a_failure_and_not_followed(receiver: Receiver, status: int) -> None:
    receiver.reply = lambda _: Reply(status, {"location": f"http://127.0.0.1:{receiver.port}/elsewhere"})
    sent = post(receiver)
    assert (sent.status, sent.ok) == (status, False)
    assert [got.path for got in receiver.got] == ["/hook"]


@pytest.mark.parametrize(
    ("header", "wished"),
    [("120", 120), ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("soon", None), ("-1", None), ("9" * 40, 999_999_999)],
)
def test_retry_after_is_read(receiver: Receiver, header: str, wished: int | None) -> None:
    receiver.reply = lambda _: Reply(503, {"retry-after": header})
    sent = post(receiver)
    assert (sent.status, sent.wished) == (503, wished)


def test_name_is_looked_up_once_and_the_checked_address_is_used(receiver: Receiver) -> None:
    """A name that leads elsewhere the second time leads nowhere: there is no second time."""
    asked: list[str] = []

    def look_up(host: str) -> Sequence[Address]:
        asked.append(host)
        return [ipaddress.ip_address("127.0.0.1" if len(asked) == 1 else "192.0.2.1")]

    sender = WebhookSender(private=True, look_up=look_up)
    assert post(receiver, sender, f"http://shop.example:{receiver.port}/hook").ok
    assert asked == ["shop.example"]
    assert receiver.got[0].headers["host"] == f"shop.example:{receiver.port}"


def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    assert post(receiver).ok


def test_second_address_is_tried_where_the_first_does_not_answer(receiver: Receiver) -> None:
    found = [ipaddress.ip_address("127.0.0.9"), ipaddress.ip_address("127.0.0.1")]
    sender = WebhookSender(private=True, look_up=lambda _: found)
    assert post(receiver, sender, f"http://shop.example:{receiver.port}/hook").ok


@contextlib.contextmanager
def silent(host: str, port: int) -> Iterator[None]:
    """A machine that drops what asks for a connection: its queue is full, and nobody takes from it."""
    with contextlib.ExitStack() as opened:
        server = opened.enter_context(contextlib.closing(socket.socket()))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((host, port))
        server.listen(0)
        for _ in range(4):
            waiting = opened.enter_context(contextlib.closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex((host, port))
        yield


@pytest.mark.parametrize("addresses", [["127.0.0.9", "127.0.0.1"], ["127.0.0.9", "127.0.0.10", "127.0.0.1"]])
def test_address_that_stays_silent_leaves_time_for_the_others(
    receiver: Receiver, addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_sending, "TIMEOUT", 3.0)
    found = [ipaddress.ip_address(each) for each in addresses]
    sender = WebhookSender(private=True, look_up=lambda _: found)
    began = time.monotonic()
    with silent("127.0.0.9", receiver.port), silent("127.0.0.10", receiver.port):
        assert post(receiver, sender, f"http://shop.example:{receiver.port}/hook").ok
    assert time.monotonic() - began < 3


def test_addresses_that_all_stay_silent_end_with_the_time(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook_sending, "TIMEOUT", 0.6)
    found = [ipaddress.ip_address("127.0.0.9"), ipaddress.ip_address("127.0.0.10")]
    sender = WebhookSender(private=True, look_up=lambda _: found)
    began = time.monotonic()
    with silent("127.0.0.9", receiver.port), silent("127.0.0.10", receiver.port):
        assert post(receiver, sender, f"http://shop.example:{receiver.port}/hook").error == "timeout"
    assert time.monotonic() - began < 2


def test_name_that_nobody_looks_up_in_time_is_refused(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one whose name server takes what is asked and says nothing."""
    answers = threading.Event()

    def look_up(_host: str) -> Sequence[Address]:
        answers.wait(30)
        return [ipaddress.ip_address("127.0.0.1")]

    monkeypatch.setattr(webhook_sending, "LOOK_UP", 0.3)
    began = time.monotonic()
    target = read_target("https://shop.example/hook")
    with pytest.raises(InvalidInput, match="did not answer in time") as raised:
        allowed_addresses(target, private=False, look_up=look_up)
    assert raised.value.field == "url"
    sender = WebhookSender(private=True, look_up=look_up)
    assert post(receiver, sender, f"http://shop.example:{receiver.port}/hook").error == "address_refused"
    assert time.monotonic() - began < 2
    answers.set()
    assert post(receiver, sender, f"http://shop.example:{receiver.port}/hook").ok


def test_name_without_an_address_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has no address"):
        allowed_addresses(read_target("https://shop.invalid/hook"), private=False)


def test_nobody_listening(receiver: Receiver) -> None:
    assert post(receiver, url=f"http://127.0.0.1:{closed_port()}/").error == "not_reached"


@pytest.mark.parametrize("reply", [Reply(seconds=3), Reply(drip=0.05), Reply(seconds=0.2, drip=0.1)])
def test_slow_answer_ends_after_the_time_for_all_of_it(
    receiver: Receiver, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dripping bytes prolong nothing."""
    monkeypatch.setattr(webhook_sending, "TIMEOUT", 0.6)
    receiver.reply = lambda _: reply
    began = time.monotonic()
    assert post(receiver).error == "timeout"
    assert time.monotonic() - began < 2


def test_large_answer_is_read_a_little(receiver: Receiver) -> None:
    receiver.reply = lambda _: Reply(body=b"x" * 50_000_000)
    began = time.monotonic()
    assert post(receiver).ok
    assert time.monotonic() - began < 2


def test_answer_that_is_no_http(receiver: Receiver) -> None:
    class Odd(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.request.recv(10_000)
            self.request.sendall(b"220 mail.example ESMTP\r\n")

    server = HTTPServer(("127.0.0.1", 0), Odd)
    Thread(target=server.handle_request, daemon=True).start()
    assert post(receiver, url=f"http://127.0.0.1:{server.server_address[1]}/").error == "no_http_answer"
    server.server_close()


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"), "shop.example")


@pytest.fixture
def secure(certificate: Path) -> Iterator[int]:
    """The port of a server for shop.example."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield int(server.server_address[1])
    server.shutdown()
    server.server_close()


def _to_this_machine(_host: str) -> Sequence[Address]:
    return [ipaddress.ip_address("127.0.0.1")]


def test_certificate_is_checked_for_the_name_not_the_address(secure: int, certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate / "cert.pem"))
    sender = WebhookSender(private=True, look_up=_to_this_machine, verify=trusting)
    assert sender.post(f"https://shop.example:{secure}/", {}, BODY).status == 204
    assert sender.post(f"https://other.example:{secure}/", {}, BODY).error == "tls_failed"
    assert sender.post(f"https://127.0.0.1:{secure}/", {}, BODY).error == "tls_failed"


def test_certificate_of_nobody_known_is_refused(secure: int) -> None:
    sender = WebhookSender(private=True, look_up=_to_this_machine)
    assert sender.post(f"https://shop.example:{secure}/", {}, BODY).error == "tls_failed"
