"""A merchant's web server, as webhooks meet it: real HTTP on a port of this machine."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True, slots=True)
class Got:
    path: str
    headers: dict[str, str]
    body: str
    peer: tuple[str, int]

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    def verify(self, secret: str) -> Any:
        """What the library that receivers use makes of it, whatever the time is. Raises if the signature is wrong."""
        webhook = Webhook(secret)
        webhook._Webhook__verify_timestamp = _any_time  # type: ignore[attr-defined]
        return webhook.verify(self.body, self.headers)


def _any_time(header: str) -> Any:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(int(header), UTC)


@dataclass(slots=True)
class Reply:
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    seconds: float = 0.0  # before it answers
    drip: float = 0.0  # seconds between the bytes of a body without an end


class Receiver:
    """Keeps what was posted to it, and answers as `reply` says, which may look at the request."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.reply: Callable[[Got], Reply] = lambda _: Reply()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("content-length", "0"))
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Got(self.path, headers, self.rfile.read(length).decode(), self.client_address)
                receiver.got.append(got)
                receiver._answer(self, receiver.reply(got))

            do_GET = do_POST  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def _answer(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        time.sleep(reply.seconds)
        try:
            handler.send_response(reply.status)
            for name, value in reply.headers.items():
                handler.send_header(name, value)
            handler.send_header("content-length", str(10**6 if reply.drip else len(reply.body)))
            handler.end_headers()
            if not reply.drip:
                handler.wfile.write(reply.body)
            while reply.drip:
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(reply.drip)
        except OSError:
            handler.close_connection = True

    def bodies(self, secret: str) -> list[Any]:
        return [got.verify(secret) for got in self.got]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
