"""What requests left to be written down, written together by and by, and once more when the service stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

import structlog
from anyio import to_thread
from fastapi import FastAPI

from ledger_service.traces import calls_of

log = structlog.get_logger("ledger.api")

_EVERY = 30.0  # seconds: each commit ends the status answers that are kept to be given again

Write = Callable[[], None]


def writing_afterwards(writes: Sequence[Write]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan of an API that does these. None of them holds up another, or ends them."""

    @asynccontextmanager
    async def lifespan(_api: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_again_and_again(writes))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await to_thread.run_sync(_write_all, writes)

    return lifespan


async def _again_and_again(writes: Sequence[Write]) -> None:
    while True:
        await asyncio.sleep(_EVERY)
        await to_thread.run_sync(_write_all, writes)


def _write_all(writes: Sequence[Write]) -> None:
    for write in writes:
        try:
            write()
        except Exception as error:  # noqa: BLE001 - what it is, the log says; the next time comes all the same
            log.warning("not_written_afterwards", error=type(error).__name__, where=calls_of(error))
