"""Request ids, metrics, one log line a request, and what happens to an error that nobody expected.

Neither a log line nor a metric holds a path, a query, a body or a token: the route's template says enough, and the
request id in the answer leads to the line. A log line names the case, metrics never do. Ids are our own, whatever a
caller sends, since a caller could send anything; a UUID in the caller's `X-Request-Id` is named beside.
"""

from __future__ import annotations

import re
import secrets
import time

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, clear_contextvars

from ledger_service.traces import calls_of

from . import errors

log = structlog.get_logger("ledger.api")
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_CASE_ID = re.compile(r"0x[0-9a-fA-F]{64}")
_QUIET = ("/healthz", "/readyz", "/metrics")  # asked for by machines all the time


class Metrics:
    """The request metrics of one API, added to what the process shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter(
            "ledger_http_requests_total",
            "Requests answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "ledger_http_request_seconds",
            "Time until the answer began.",
            ("method", "route"),
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self.registry,
        )
        self._known: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """To look a metric up by its labels takes longer than to count; there are as many as routes have answers."""
        labels = method, route, status
        if labels not in self._known:
            self._known[labels] = (
                self.requests.labels(method, route, str(status)),
                self.seconds.labels(method, route),
            )
        requests, taken = self._known[labels]
        requests.inc()
        taken.observe(seconds)


class Observed:
    """Gives the request its id, counts it, and turns an unexpected error into a problem with that id."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        clear_contextvars()
        bind_contextvars(request_id=request_id, **_caller_id(scope))
        began = time.perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", request_id.encode())]
                self._note(scope, status, time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            _log_unexpected(_route(scope), error)
            if status:
                raise  # half an answer is out: only closing the connection says so
            await errors.unexpected(request_id)(scope, receive, send_and_note)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = _method(scope), _route(scope)
        self._metrics.count(method, route, status, seconds)
        if route not in _QUIET:
            log.info(
                "answered", method=method, route=route, status=status, ms=round(seconds * 1000, 1), **_case_of(scope)
            )


def _route(scope: Scope) -> str:
    """The template, such as `/v1/cases/{case_id}`; one name for all that has no route, so that nobody adds labels."""
    return getattr(scope.get("route"), "path", None) or "unknown"


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS") else "other"


def _caller_id(scope: Scope) -> dict[str, str]:
    sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
    return {"caller_request_id": sent} if _UUID.fullmatch(sent) else {}


def _case_of(scope: Scope) -> dict[str, str]:
    """The case in the path, if it is one. Others are bound to the request by whoever comes to know them."""
    case_id = scope.get("path_params", {}).get("case_id", "")
    return {"case_id": case_id.lower()} if _CASE_ID.fullmatch(case_id) else {}


def _log_unexpected(route: str, error: Exception) -> None:
    """Where it happened and what class it was. The message is left out: it may quote what somebody sent."""
    log.error("unexpected", route=route, error=type(error).__name__, where=calls_of(error))
