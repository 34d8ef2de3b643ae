"""A stand-in for the service: the real pages, answers that a test chooses."""

from __future__ import annotations

import json
import mimetypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import segno

from api.routes.pages import status_policy
from api.security import content_security_policy

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJjYXNlIn0.c2lnbmF0dXJl"
PAGES = {"/": "index.html", "/s": "status.html", "/outbox": "outbox.html", "/worker.js": "status/worker.js"}
FOLDERS = {"static": ROOT / "frontend_static", "lib": ROOT / "node_modules"}
TYPES = {".js": "text/javascript", ".mjs": "text/javascript"}
POLICY = content_security_policy()
TICK = 0.1  # seconds between looks whether the server is to stop

Json = dict[str, Any]


def problem(status: int, slug: str, detail: str = "", remedy: str = "") -> Json:
    return {"type": f"urn:ledger:problem:{slug}", "status": status, "detail": detail, "remedy": remedy}


def reading_link(url: str) -> Json:
    link = f"{url}/s#{TOKEN}"
    return {"status_link": link, "qr": ["".join(map(str, row)) for row in segno.make(link, micro=False).matrix]}


class StubService:
    """What the page is told. `refusal` is a problem to answer every request with; `acts` keeps what was sent."""

    def __init__(self) -> None:
        self.view: Json = {}
        self.messages: list[Json] = []
        self.refusal: Json | None = None
        self.refusal_headers: dict[str, str] = {}
        self.act_refusal: Json | None = None
        self.bundle: Json = {}
        self.log_proof: list[str] = []
        self.offers_stream = True
        self.acts: list[tuple[Json, str | None]] = []
        self.prepare: Callable[[Json], Json] | None = None  # what a key of the consumer's own is to sign
        self.tokens: set[str | None] = set()
        self.streams = 0
        self._changed = threading.Condition()
        self._version = 0
        self._stopped = False
        self.url = ""

    def show(self, view: Json) -> None:
        """The new answer, sent to every open stream."""
        with self._changed:
            self.view = view
            self._version += 1
            self._changed.notify_all()

    def cut_streams(self) -> None:
        """Ends every open stream, as a restart would."""
        with self._changed:
            self._version = -1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self.streams == 0, timeout=5)
            self._version = 0

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def changes(self) -> Iterator[Json | None]:
        """The answer at each change; None from time to time; ends when the streams are cut."""
        with self._changed:
            seen = -1  # the first answer comes at once
            self.streams += 1
        try:
            while True:
                with self._changed:
                    if self._version == seen and not self._stopped:
                        self._changed.wait(TICK)
                    if self._stopped or self._version < 0:
                        return
                    view = self.view if self._version != seen else None
                    seen = self._version
                yield view
        finally:
            with self._changed:
                self.streams -= 1
                self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: StubService

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.startswith("/v1/"):
            self.service.tokens.add(self.headers["Authorization"])
        if path.startswith("/v1/") and self.service.refusal:
            self._refuse(self.service.refusal)
        elif path == "/v1/status":
            self._send(200, "application/json", json.dumps(self.service.view).encode())
        elif path == "/v1/status/bundle":
            self._send(200, "application/json", json.dumps(self.service.bundle).encode())
        elif path == "/v1/status/reading-link":
            self._send(200, "application/json", json.dumps(reading_link(self.service.url)).encode())
        elif path == "/v1/log/proof/consistency":
            self._send(200, "application/json", json.dumps({"proof": self.service.log_proof}).encode())
        elif path == "/v1/status/stream" and self.service.offers_stream:
            self._stream()
        elif path == "/outbox/messages":
            self._send(200, "application/json", json.dumps(self.service.messages).encode())
        else:
            self._send_file(path)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/v1/status/acts/prepare" and self.service.prepare:
            return self._send(200, "application/json", json.dumps(self.service.prepare(body)).encode())
        self.service.acts.append((body, self.headers["Idempotency-Key"]))
        if self.service.act_refusal:
            return self._refuse(self.service.act_refusal)
        answer = {"record_id": "rec_act", "kind": body["kind"], "stage": "accepted"}
        return self._send(202, "application/json", json.dumps(answer).encode())

    def _refuse(self, refusal: Json) -> None:
        body = json.dumps(refusal).encode()
        self._send(refusal["status"], "application/problem+json", body, **self.service.refusal_headers)

    def _send_file(self, path: str) -> None:
        folder, _, rest = path.lstrip("/").partition("/")
        name = FOLDERS["static"] / PAGES[path] if path in PAGES else FOLDERS.get(folder, ROOT) / rest
        if not (path in PAGES or folder in FOLDERS) or not name.is_file():
            return self._send(404, "text/plain", b"no such file")
        kind = TYPES.get(name.suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
        headers = {"Content-Security-Policy": status_policy()} if path == "/s" else {}
        return self._send(200, kind, name.read_bytes(), **headers)

    def _send(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in {"Content-Security-Policy": POLICY, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            for view in self.service.changes():
                text = ": keep-alive\n\n" if view is None else f"event: status\ndata: {json.dumps(view)}\n\n"
                self.wfile.write(text.encode())
                self.wfile.flush()
        except OSError:
            pass  # the page was closed
        self.close_connection = True


@contextmanager
def running_stub() -> Iterator[StubService]:
    service = StubService()
    handler = type("Handler", (_Handler,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": TICK}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.stop()
        server.shutdown()
        server.server_close()
