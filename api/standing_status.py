"""The status page's fast path: an answer that still stands is given again, before anything else looks at the request.

The route makes every answer; here they are kept, by the SHA-256 of the token that they were given for, together with
how things stood before they were made (`services.standing`). Any commit and any block ends them all, so a link that was
revoked, a case that was erased, a new milestone shows at once. Whatever is not plain goes on to the route.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from anyio import to_thread
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_service.clock import Clock
from ledger_service.domain.times import rfc3339
from ledger_service.errors import LedgerError, LimitExceeded
from ledger_service.services.links import LinkClaims
from ledger_service.services.rate_limits import RateLimits
from ledger_service.services.standing import Standing, StandingWatch

from .dependencies import link_principal

PATH = "/v1/status"
_PATIENCE = 1.0  # seconds
_KEPT = 1_000  # answers, of some 5 KB each
_LARGEST = 64 * 1024
_AS_OF = b'"as_of":"'
_TAIL = len(_AS_OF) + len('2026-01-01T00:00:00Z"}')

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Kept:
    """`begins` is the body up to its last field, `as_of`, which is said anew each time."""

    standing: Standing
    link: LinkClaims
    headers: Headers
    begins: bytes


class Standings:
    """How things stand for those who ask: read after they asked, and once for all who wait for the same reading."""

    def __init__(self, watch: StandingWatch) -> None:
        self._watch = watch
        self._running: asyncio.Future[tuple[Standing, bool] | None] | None = None
        self._next: asyncio.Future[tuple[Standing, bool] | None] | None = None

    async def now(self) -> tuple[Standing, bool] | None:
        """None while the database does not answer."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._read())
        return await asyncio.shield(self._next)

    async def _read(self) -> tuple[Standing, bool] | None:
        if self._running is not None:
            await asyncio.wait([self._running])
        mine, self._next = self._next, None  # who asks from here on waits for another
        self._running = mine
        try:
            return await to_thread.run_sync(self._watch.read)
        except LedgerError:
            return None
        finally:
            if self._running is mine:
                self._running = None


class StandingStatus:
    """`route` is the one that makes the answers, for whoever counts requests by route."""

    def __init__(self, app: ASGIApp, watch: StandingWatch, limits: RateLimits, clock: Clock, route: BaseRoute) -> None:
        self._app, self._standings = app, Standings(watch)
        self._limits, self._clock, self._route = limits, clock, route
        self._kept: OrderedDict[bytes, Kept] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _token_of(scope)
        stands = await self._how_things_stand() if token else None
        if token is None or stands is None:
            await self._app(scope, receive, send)
            return
        standing, settled = stands
        key = hashlib.sha256(token).digest()
        kept = self._kept.get(key)
        if kept is not None and self._is_good(kept, standing):
            scope["route"], scope["state"]["link"] = self._route, kept.link
            await self._give(kept, send)
        elif settled:
            await self._app(scope, receive, self._keeping(key, standing, scope, send))
        else:
            await self._app(scope, receive, send)

    async def _how_things_stand(self) -> tuple[Standing, bool] | None:
        """None where that takes long: the route answers without it."""
        try:
            return await asyncio.wait_for(self._standings.now(), _PATIENCE)
        except TimeoutError:
            return None

    def _is_good(self, kept: Kept, standing: Standing) -> bool:
        if kept.standing != standing or self._clock.seconds() >= kept.link.expires_at:
            return False
        try:
            self._limits.count_request(link_principal(kept.link))
        except LimitExceeded:
            return False  # the route refuses it, and says so
        return True

    async def _give(self, kept: Kept, send: Send) -> None:
        as_of = rfc3339(self._clock.now().replace(microsecond=0)).encode("ascii")
        await send({"type": "http.response.start", "status": 200, "headers": list(kept.headers)})
        await send({"type": "http.response.body", "body": kept.begins + _AS_OF + as_of + b'"}'})

    def _keeping(self, key: bytes, standing: Standing, scope: Scope, send: Send) -> Send:
        """A `send` that also keeps the answer, if it is one that can be given again."""
        started: list[Message] = []

        async def send_and_keep(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                started.append({**message, "headers": list(message["headers"])})
            elif started and message["type"] == "http.response.body" and not message.get("more_body", False):
                self._keep(key, standing, scope["state"].get("link"), started[0]["headers"], message["body"])
            await send(message)

        return send_and_keep

    def _keep(self, key: bytes, standing: Standing, link: LinkClaims | None, headers: Headers, body: bytes) -> None:
        if link is None or len(body) > _LARGEST or body[-_TAIL:][: len(_AS_OF)] != _AS_OF:
            return
        self._kept[key] = Kept(standing, link, headers, body[:-_TAIL])
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)


def _token_of(scope: Scope) -> bytes | None:
    """The bearer token of a plain request for the status; None for every other request."""
    if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "GET":
        return None
    found = [value for name, value in scope["headers"] if name == b"authorization"]
    scheme, _, token = found[0].partition(b" ") if len(found) == 1 else (b"", b"", b"")
    return token if scheme == b"Bearer" and token else None
