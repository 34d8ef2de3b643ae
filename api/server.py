"""Serving the API. Requests are logged by `observability`: the server's own log would hold paths and addresses."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ledger_service.config import Settings

_GRACE_SECONDS = 3  # open live views never end by themselves
_LONGEST_HEAD = 65_536  # address and headers of a request, or the trailers behind its body
_PIECE = 4_096


class BoundedProtocol(HttpToolsProtocol):
    """Requests whose address, headers or trailers have no end are refused: the parser would keep all that comes.

    Bytes are counted as they come, for the parser tells of no header before it is whole. Long data is parsed in pieces,
    so that what follows a head in the same data is not taken for a part of it.
    """

    _outside = 0  # bytes since the last that was more than a part of a head
    _got_on = False

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), _PIECE):
            piece = data[start : start + _PIECE]
            self._got_on = False
            super().data_received(piece)
            if self.transport.is_closing() or self.transport.get_protocol() is not self:
                return
            self._outside = 0 if self._got_on else self._outside + len(piece)
            if self._outside > _LONGEST_HEAD:
                self._refuse()
                return

    def on_headers_complete(self) -> None:
        self._got_on = True
        super().on_headers_complete()
        if not self.parser.should_upgrade():
            self.headers = []  # what trailers go to: they are no headers of the request

    def on_body(self, body: bytes) -> None:
        self._got_on = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._got_on = True
        super().on_message_complete()

    def _refuse(self) -> None:
        """An answer is sent only where it cannot be taken for that of a request before this one."""
        cycle = self.cycle
        is_ours = cycle is None or cycle.response_complete
        if is_ours or (cycle.more_body and not cycle.response_started and not self.pipeline):
            self.send_400_response("The address, the headers or the trailers of this request are too long.")
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
            access_log=False,
            log_config=None,  # what it has to say goes the way of all logs
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
