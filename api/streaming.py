"""Live updates of a status link as server-sent events."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import anyio
from starlette.concurrency import run_in_threadpool

from ledger_service.errors import LedgerError, LimitExceeded
from ledger_service.services import links, status
from ledger_service.services.app import App
from ledger_service.services.intake import Intake
from ledger_service.services.links import LinkClaims

from .errors import type_of

_LOOK_SECONDS = 1.0
_KEEP_ALIVE_SECONDS = 15.0
_MOST_OF_ONE_LINK = 10
_MOST = 500


class Streams:
    """The open streams of one process, counted so that no link can take them all."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._open: Counter[str] = Counter()

    def check(self, link: LinkClaims) -> None:
        """Raises LimitExceeded if there are too many already."""
        if self._open[link.jti] >= _MOST_OF_ONE_LINK or self._open.total() >= _MOST:
            raise LimitExceeded(
                "Too many live views are open.", retry_after=15, remedy="Close one, or ask again later."
            )

    async def events(self, app: App, link: LinkClaims, token: str) -> AsyncIterator[str]:
        """A `status` event now and at every change, comments in between, and `end` once the link no longer counts."""
        self._open[link.jti] += 1
        try:
            async for event in _changes(app, self._intake, token):
                yield event
        finally:
            self._open[link.jti] -= 1
            if not self._open[link.jti]:
                del self._open[link.jti]


async def _changes(app: App, intake: Intake, token: str) -> AsyncIterator[str]:
    version: str | None = None
    said = time.monotonic()
    while True:
        try:
            seen, view = await run_in_threadpool(_look, app, intake, token, version)
        except LedgerError as error:
            yield _event("end", {"type": type_of(error), "detail": error.detail, "remedy": error.remedy})
            return
        if view is not None:
            version = seen
            yield _event("status", view)
            said = time.monotonic()
        elif time.monotonic() - said >= _KEEP_ALIVE_SECONDS:
            yield ": keep-alive\n\n"
            said = time.monotonic()
        await anyio.sleep(_LOOK_SECONDS)


def _look(app: App, intake: Intake, token: str, version: str | None) -> tuple[str, dict[str, Any] | None]:
    """The version, and the view where it is another one. The link is checked each time: it may end meanwhile."""
    link = links.authenticate_link(app, token)
    delayed = intake.is_delayed()
    seen = f"{status.status_version(app, link.case_id)}|{delayed}"  # before the view, so that no change is missed
    return seen, status.status_view(app, link, delayed=delayed) if seen != version else None


def _event(name: str, data: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(data, separators=(',', ':'))}\n\n"
