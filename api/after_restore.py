"""While a restored backup holds what was erased since it was made."""

from __future__ import annotations

from collections.abc import Callable

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from ledger_service.errors import Unavailable

from . import errors
from .load import require_hands

_CLOSED = "/v1/"  # how the service is, and its public keys, anybody may know meanwhile


class AfterRestore:
    """Answers nothing about cases until `is_open`: until the chain has said which of them were erased."""

    def __init__(self, app: ASGIApp, is_open: Callable[[], bool]) -> None:
        self._app = app
        self._is_open = is_open
        self._was_open = False  # for good: only a restore closes it, and that needs an empty database

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not self._was_open and scope["path"].startswith(_CLOSED):
            try:
                await self._require_open()
            except Unavailable as error:
                await errors.problem_of(scope["state"]["request_id"], error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    async def _require_open(self) -> None:
        """Raises Unavailable; Overloaded, which is one, where nobody is free to look."""
        require_hands()
        self._was_open = await to_thread.run_sync(self._is_open)
        if not self._was_open:
            raise _closed()


def _closed() -> Unavailable:
    return Unavailable(
        "A backup was restored, and the chain has not said yet which cases were erased since it was made.",
        remedy="Try again in a minute; /readyz says when it is over.",
    )
