"""What holds for every answer (headers) and every request (the size of its body), whichever route it belongs to."""

from __future__ import annotations

import codecs
import re
from collections.abc import Awaitable, Callable
from itertools import accumulate

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger_service.errors import InvalidInput, LedgerError, Malformed, TooLarge

from . import errors


def content_security_policy(
    *, scripts: str = "'self'", connections: str = "'self'", images: str = "'self' data:"
) -> str:
    """Our own files alone, but for what a page needs besides."""
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src {images}; connect-src {connections}; "
        "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


HEADERS = {
    "Content-Security-Policy": content_security_policy(),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
}

_ON_THE_WIRE = [
    (name.lower().encode(), value.encode()) for name, value in (*HEADERS.items(), ("Cache-Control", "no-store"))
]


class SecurityHeaders:
    """Adds `HEADERS` to every answer and keeps answers out of caches; of the policy and of caches a route may say
    otherwise."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                said = list(message.get("headers", ()))
                names = {name for name, _ in said}
                message["headers"] = said + [header for header in _ON_THE_WIRE if header[0] not in names]
            await send(message)

        await self._app(scope, receive, send_with_headers)


SHORT = 16_384  # bytes that are read of anybody's body
_UNKNOWN = ("/v1/webhooks/",)  # who sends these shows it by the body alone


class BodyLimit:
    """Reads the body before anything else does, counting what really comes; more than the limit is answered with 413.

    `Content-Length` is a claim: it only lets us refuse earlier. The limit is small, so that holding a body is cheap. Of
    more than a short one, the rest is read once `require_known` has not raised: whoever asks has a credential.
    """

    def __init__(self, app: ASGIApp, limit: int, require_known: Callable[[Scope], Awaitable[None]]) -> None:
        self._app = app
        self._limit = limit
        self._require_known = require_known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
            check_encoding(body or b"")
            check_depth(body or b"")
        except LedgerError as error:
            answer = errors.problem_of(scope["state"]["request_id"], error)
            answer.headers["Connection"] = "close"  # what is left of the body is not read
            await answer(scope, receive, send)
            return
        if body is None:
            return
        message = {"type": "http.request", "body": body, "more_body": False}
        await self._app(scope, read_again(message, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The whole body, or None if the caller went away half way. Raises TooLarge, or what stands against a caller
        who is not known."""
        claimed = dict(scope["headers"]).get(b"content-length", b"")
        self._check(int(claimed) if claimed.isdigit() else 0)
        body, is_known = bytearray(), scope["path"].startswith(_UNKNOWN)
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            self._check(len(body))
            if not is_known and len(body) > SHORT:
                await self._require_known(scope)
                is_known = True
            if not message.get("more_body", False):
                return bytes(body)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise TooLarge(
                f"The body has more than {self._limit} bytes.",
                field="body",
                remedy=f"Send at most {self._limit} bytes in one request.",
            )


def read_again(message: Message, receive: Receive) -> Receive:
    """A `receive` that begins with a message that was read."""
    unread = [message]

    async def receive_again() -> Message:
        return unread.pop() if unread else await receive()

    return receive_again


_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # UTF-32's have NUL bytes


def check_encoding(body: bytes) -> None:
    """Raises Malformed for JSON in UTF-16 or UTF-32, which Python's parser would guess, and for a byte order mark
    (RFC 8259, section 8.1). No JSON in UTF-8 has a NUL byte, and JSON in the others has one for every bracket."""
    if b"\0" in body or body.startswith(_MARKS):
        raise Malformed(
            "The body is not plain UTF-8.", field="body", remedy="Send JSON in UTF-8 without a byte order mark."
        )


MAX_DEPTH = 64
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_STEPS = dict(zip(b"[{]}", (1, 1, -1, -1), strict=True))
_NO_BRACKETS = bytes(set(range(256)) - set(_STEPS))


def check_depth(body: bytes) -> None:
    """Raises InvalidInput for JSON nested deeper than any of ours, before a parser sees it.

    Parsers recurse, and a library among ours (py_ecc) raises Python's recursion limit to where the stack overflows
    first: a body of nothing but brackets would end the process.
    """
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    brackets = _TEXTS.sub(b"", body).translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > MAX_DEPTH:
        raise InvalidInput(
            f"The body is nested more than {MAX_DEPTH} deep.", field="body", remedy="Send JSON that is flatter."
        )
