"""Request ids, metrics, and what happens to an error that nobody expected.

Neither a log line nor a metric holds a path, a query, a body or a token: the route's template says enough, and the
request id in the answer leads to the line.
"""

from __future__ import annotations

import secrets
import time
import traceback
from collections.abc import Iterator

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_service.services.health import Readiness

from . import errors

log = structlog.get_logger("ledger.api")


class Metrics:
    """The request metrics of one API; `registry` is what `/metrics` shows."""

    def __init__(self, readiness: Readiness) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(WorkGauges(readiness))
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


class WorkGauges(Collector):
    """Queue depth and index position, read when `/metrics` is asked for."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    def collect(self) -> Iterator[GaugeMetricFamily]:
        look = self._readiness.details()
        ready = all(part["ok"] for part in look.components.values())
        yield GaugeMetricFamily("ledger_ready", "1 if every component is there.", value=int(ready))
        if look.queue is not None:
            yield GaugeMetricFamily("ledger_queue_depth", "Work waiting for the chain.", value=look.queue.waiting)
            age = look.components["queue"]["oldest_seconds"]
            yield GaugeMetricFamily("ledger_queue_oldest_seconds", "Age of the oldest of it.", value=age)
        if look.block is not None:
            yield GaugeMetricFamily("ledger_index_block", "The last block that was read.", value=look.block)
        lag = look.components.get("indexer", {}).get("lag")
        if lag is not None:
            yield GaugeMetricFamily("ledger_index_lag_blocks", "Blocks of the chain not read yet.", value=lag)


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
        began = time.perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
                self._note(scope, status, time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            _log_unexpected(request_id, _route(scope), error)
            if status:
                raise  # half an answer is out: only closing the connection says so
            await errors.unexpected(request_id)(scope, receive, send_and_note)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        method, route = _method(scope), _route(scope)
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(seconds)
        log.debug("answered", method=method, route=route, status=status, milliseconds=round(seconds * 1000, 1))


def _route(scope: Scope) -> str:
    """The template, such as `/v1/cases/{case_id}`; one name for all that has no route, so that nobody adds labels."""
    return getattr(scope.get("route"), "path", None) or "unknown"


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    return method if method in ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH", "OPTIONS") else "other"


def _log_unexpected(request_id: str, route: str, error: Exception) -> None:
    """Where it happened and what class it was. The message is left out: it may quote what somebody sent."""
    frames = traceback.extract_tb(error.__traceback__)[-12:]
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    log.error("unexpected", request_id=request_id, route=route, error=type(error).__name__, where=where)
