"""Serving the API. Requests are logged by `observability`: the server's own log would hold paths and addresses."""

from __future__ import annotations

import asyncio
from typing import Any

import httptools
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ledger_service.config import Settings

from .security import HEADERS

_GRACE_SECONDS = 3  # open live views never end by themselves
_LONGEST_HEAD = 65_536  # address and headers of a request, or the trailers behind its body
_PIECE = 4_096
# Seconds for a head, from the connection or its first byte on, and for a body: whoever sends a byte now and then holds
# a connection for no longer. The largest body takes 5 KB a second.
_HEAD_SECONDS = 20
_BODY_SECONDS = 60
_TOO_SLOW = "This request took too long to come."
_REASONS = {400: "Bad Request", 408: "Request Timeout"}


class StayingParser(httptools.HttpRequestParser):
    """Requests that ask for another protocol are read as they would be if they had not (RFC 9110, section 7.8): the
    parser would take what follows their head, which may be a body, for the other protocol's."""

    def __init__(self, protocol: BoundedProtocol) -> None:
        super().__init__(protocol)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as its base has it
        self._protocol = protocol

    def feed_data(self, data: Any) -> None:
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            behind = data[upgrade.args[0] :]
            self._protocol.read_anew(self.get_method(), self.get_http_version(), behind)


class BoundedProtocol(HttpToolsProtocol):
    """Requests whose address, headers or trailers have no end are refused: the parser would keep all that comes. So are
    those that take too long to come.

    Bytes are counted as they come, for the parser tells of no header before it is whole. Long data is parsed in pieces,
    so that what follows a head in the same data is not taken for a part of it.
    """

    _outside = 0  # bytes since the last that was more than a part of a head
    _got_on = False
    _late: asyncio.TimerHandle | None = None  # until what is coming has come

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.parser = StayingParser(self)
        self._wait(_HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._wait(_HEAD_SECONDS)

    def read_anew(self, method: bytes, version: str, behind: bytes) -> None:
        """Reads a head that asked for another protocol without that wish, and what came behind it. A tunnel is another
        matter: who asks for one sends nothing that is for us."""
        if method == b"CONNECT":
            self._refuse("There are no tunnels here.")
            return
        lines = [b" ".join((method, self.url, b"HTTP/" + version.encode()))]
        lines += [name + b": " + value for name, value in self.headers if name != b"upgrade"]
        self.parser = StayingParser(self)
        self.parser.feed_data(b"\r\n".join((*lines, b"", behind)))

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            self._got_on = False
            super().data_received(piece)
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            self._outside = 0 if self._got_on else self._outside + len(piece)
            if self._outside > _LONGEST_HEAD:
                self._refuse("The address, the headers or the trailers of this request are too long.")
                return

    def on_headers_complete(self) -> None:
        self._got_on = True
        self._wait(_BODY_SECONDS)
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            self.headers = []  # what trailers go to: they are no headers of the request

    def on_body(self, body: bytes) -> None:
        self._got_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._got_on = True
        self._wait(None)
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._answer(400, msg)

    def _wait(self, seconds: float | None) -> None:
        if self._late is not None:
            self._late.cancel()
        self._late = None if seconds is None else self.loop.call_later(seconds, self._refuse, _TOO_SLOW, 408)

    def _answer(self, status: int, why: str) -> None:
        """What the application never saw, with the headers of every answer."""
        headers = {
            **HEADERS,
            "Cache-Control": "no-store",
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(why)),
            "Connection": "close",
        }
        lines = [f"HTTP/1.1 {status} {_REASONS[status]}", *(f"{name}: {value}" for name, value in headers.items())]
        self.transport.write("\r\n".join((*lines, "", why)).encode("ascii"))
        self.transport.close()

    def _refuse(self, why: str, status: int = 400) -> None:
        """An answer is sent only where it cannot be taken for that of a request before this one."""
        cycle = self.cycle
        is_ours = cycle is None or cycle.response_complete
        if is_ours or (cycle.more_body and not cycle.response_started and not self.pipeline):
            self._answer(status, why)
        else:
            self.transport.close()


def make_server(api: FastAPI, settings: Settings) -> uvicorn.Server:
    """A server to `run()`, or to run in a thread and stop with `should_exit`."""
    return uvicorn.Server(
        uvicorn.Config(
            api,
            host=settings.host,
            port=settings.port,
            http=BoundedProtocol,
            ws="none",
            access_log=False,
            log_config=None,  # what it has to say goes the way of all logs
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
