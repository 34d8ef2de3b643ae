"""How much is done at once. What is beyond that is turned away at once, so that what was taken is answered in time.

Requests that write have threads of their own, and so have those for documents, which take seconds each: while they are
kept waiting, pages are read all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger_service import telemetry
from ledger_service.errors import Overloaded

from . import errors

P = ParamSpec("P")
T = TypeVar("T")

_WRITING = 8  # at once; the database takes one after the other anyway
_WAITING_TO_WRITE = 100
_WAITING_TO_READ = 100  # for one of the threads that starlette shares out
_DOCUMENTS = 2  # as many as are typeset at once
_WAITING_FOR_A_DOCUMENT = 10
_ASKING_TO_WAIT = 100  # requests with `Prefer: wait` that are waited for
_RETRY_AFTER = 2
_RETRY_AFTER_A_DOCUMENT = 5
_ALWAYS = ("/healthz", "/readyz", "/metrics")  # how it is, while it is too much


class Load:
    """The bounds of one process."""

    def __init__(self) -> None:
        self._writing = CapacityLimiter(_WRITING)
        self._watching = CapacityLimiter(2)
        self._setting = CapacityLimiter(_DOCUMENTS)
        self._writers = 0  # counted here: whoever asks for a thread stands in its line only a moment later
        self._patient = 0
        self._readers = 0

    async def write(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Raises Overloaded instead of letting a line grow."""
        if self._writers >= self._writing.total_tokens + _WAITING_TO_WRITE:
            telemetry.SHED.labels("write").inc()
            raise Overloaded("Too many requests are being written now.", retry_after=_RETRY_AFTER)
        self._writers += 1
        try:
            return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self._writing)
        finally:
            self._writers -= 1

    async def document(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """For a document that is made. Raises Overloaded instead of letting a line grow."""
        if self._readers >= self._setting.total_tokens + _WAITING_FOR_A_DOCUMENT:
            telemetry.SHED.labels("document").inc()
            raise Overloaded("Many documents are being made just now.", retry_after=_RETRY_AFTER_A_DOCUMENT)
        self._readers += 1
        try:
            return await to_thread.run_sync(lambda: work(*args, **kwargs), limiter=self._setting)
        finally:
            self._readers -= 1

    @contextmanager
    def patience(self) -> Iterator[bool]:
        """Whether one more may be kept waiting for the chain; a preference need not be met."""
        self._patient += 1
        try:
            yield self._patient <= _ASKING_TO_WAIT
        finally:
            self._patient -= 1

    async def watch(self, work: Callable[[], T]) -> T:
        """For whoever looks after the service: never behind its users."""
        return await to_thread.run_sync(work, limiter=self._watching)


class Shedding:
    """Turns requests away while too many wait for a thread to read with."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["type"] == "http" and scope["path"] not in _ALWAYS:
                require_hands()
        except Overloaded as error:
            await errors.problem_of(scope["state"]["request_id"], error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def require_hands() -> None:
    """Raises Overloaded while too many wait for a thread to read with. To be asked again by whoever was kept waiting
    for something else before: many may have been."""
    if to_thread.current_default_thread_limiter().statistics().tasks_waiting >= _WAITING_TO_READ:
        telemetry.SHED.labels("read").inc()
        raise Overloaded("Too many requests wait for an answer.", retry_after=_RETRY_AFTER)
