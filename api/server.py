"""Serving the API. Requests are logged by `observability`: the server's own log would hold paths and addresses."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

from ledger_service.config import Settings

_GRACE_SECONDS = 3  # open live views never end by themselves


def make_server(api: FastAPI, settings: Settings) -> uvicorn.Server:
    """A server to `run()`, or to run in a thread and stop with `should_exit`."""
    return uvicorn.Server(
        uvicorn.Config(
            api,
            host=settings.host,
            port=settings.port,
            access_log=False,
            log_config=None,  # what it has to say goes the way of all logs
            server_header=False,
            log_level="warning",
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
    )
