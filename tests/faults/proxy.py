"""A node that lies: it stands between the service and the chain, and does to chosen calls what a bad node does.

`with proxy.fault(a_fault): …` applies it to all that comes meanwhile. Without one it passes everything on as it is.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

Answer = dict[str, Any]  # one JSON-RPC answer: `result`, or `error`
Call = dict[str, Any]  # one JSON-RPC call: `method`, `params`
Lie = Callable[[Call, Answer], Answer]


@dataclass(frozen=True)
class Fault:
    """What is done to calls of these methods, an empty tuple for all: to the whole connection (`wire`), instead of
    passing the call on (`instead`), or to its answer (`lie`). After `times` calls it is over."""

    name: str
    methods: tuple[str, ...] = ()
    wire: Callable[[BaseHTTPRequestHandler, bytes], None] | None = None
    instead: Callable[[Call], Answer] | None = None
    lie: Lie | None = None
    times: int | None = None
    seconds: float = 0.0  # the answer is held back

    def concerns(self, call: Call) -> bool:
        return not self.methods or call.get("method") in self.methods


@dataclass
class Proxy:
    """`url` is what the service is to ask, `target` the honest node."""

    target: str
    seen: Counter[str] = field(default_factory=Counter)  # calls by method
    done: int = 0  # calls that a fault was done to

    def __post_init__(self) -> None:
        self._fault: Fault | None = None
        self._lock = threading.Lock()
        self._client = httpx.Client(timeout=60, limits=httpx.Limits(max_connections=64))
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, name="proxy", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._client.close()

    @contextlib.contextmanager
    def fault(self, fault: Fault) -> Iterator[None]:
        self.done, self._fault = 0, fault
        try:
            yield
        finally:
            self._fault = None

    # --- one request -------------------------------------------------------------------------------------------------

    def answer(self, handler: BaseHTTPRequestHandler, raw: bytes) -> None:
        body = json.loads(raw)
        calls = body if isinstance(body, list) else [body]
        fault = self._take(calls)
        for call in calls:
            self.seen[call["method"]] += 1
        if fault is not None and fault.seconds:
            time.sleep(fault.seconds)
        if fault is not None and fault.wire is not None:
            whole = self._pass_on(raw) if fault.name == "cuts its answer" else b""
            fault.wire(handler, whole)
            return
        answers = [self._one(call, fault) for call in calls] if fault else json.loads(self._pass_on(raw))
        if fault and not isinstance(body, list):
            (answers,) = answers
        reply(handler, 200, json.dumps(answers).encode())

    def _take(self, calls: list[Call]) -> Fault | None:
        """The fault of now, if it concerns one of these calls and is not used up."""
        with self._lock:
            fault = self._fault
            if fault is None or not any(fault.concerns(call) for call in calls):
                return None
            if fault.times is not None and self.done >= fault.times:
                return None
            self.done += 1
            return fault

    def _one(self, call: Call, fault: Fault) -> Answer:
        if not fault.concerns(call):
            return self._ask(call)
        if fault.instead is not None:
            return {"jsonrpc": "2.0", "id": call["id"], **fault.instead(call)}
        answer = self._ask(call)
        return fault.lie(call, answer) if fault.lie is not None else answer

    def _ask(self, call: Call) -> Answer:
        answer: Answer = json.loads(self._pass_on(json.dumps(call).encode()))
        return answer

    def _pass_on(self, raw: bytes) -> bytes:
        headers = {"content-type": "application/json"}
        return self._client.post(self.target, content=raw, headers=headers).content


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            try:
                proxy.answer(self, raw)
            except (OSError, httpx.HTTPError):
                self.close_connection = True  # the asker is gone, or the node is

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def reply(handler: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
