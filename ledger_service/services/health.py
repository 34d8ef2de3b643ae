"""Whether the service can do its work now, component by component."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from ..errors import LedgerError
from ..store.health import QueueState, queue_state, read_up_to
from .app import App
from .evidence import own_rpc

_REMEMBERED_SECONDS = 0.5  # a probe a second, or a hundred, asks the database twice a second at most
_SLOW_SECONDS = 300


class Workers(Protocol):
    """What the process that runs the workers knows of them."""

    def health(self) -> Mapping[str, Any]:
        """By component (`chain`, `indexer`, …): `ok`, and in words what is wrong or how far it is."""


@dataclass(frozen=True, slots=True)
class Look:
    components: dict[str, dict[str, Any]]
    queue: QueueState | None
    block: int | None
    at: float


class Readiness:
    """`workers` is None where they run in another process; their effects in the database then speak for them."""

    def __init__(self, app: App, workers: Workers | None) -> None:
        self._app = app
        self._workers = workers
        self._lock = threading.Lock()
        self._last: Look | None = None

    def look(self) -> dict[str, Any]:
        components = self.details().components
        return {"ready": all(part["ok"] for part in components.values()), "components": components}

    def details(self) -> Look:
        with self._lock:
            if self._last is None or time.monotonic() - self._last.at > _REMEMBERED_SECONDS:
                self._last = self._take()
            return self._last

    def _take(self) -> Look:
        components: dict[str, dict[str, Any]] = {}
        queue: QueueState | None = None
        block: int | None = None
        try:
            with self._app.database.read() as session:
                queue, block = queue_state(session), read_up_to(session)
            components["database"] = _part(True, "answers")
            components["index"] = _part(block is not None, "no block read yet" if block is None else f"block {block}")
            components["queue"] = self._queue(queue)
        except (SQLAlchemyError, LedgerError) as error:
            components["database"] = _part(False, f"does not answer ({type(error).__name__})")
        if self._workers is not None:
            components.update({name: dict(part) for name, part in self._workers.health().items()})
        else:
            components["chain"] = self._chain()
        return Look(components, queue, block, time.monotonic())

    def _chain(self) -> dict[str, Any]:
        """Asked for here where no worker of ours asks all the time."""
        rpc = own_rpc(self._app)
        try:
            reached = rpc is not None and rpc.chain_id() == self._app.deployment.chain_id
        except LedgerError:
            reached = False
        return _part(reached, "reachable" if reached else "not reached")

    def _queue(self, queue: QueueState) -> dict[str, Any]:
        """A long queue is no reason to turn requests away; an old one says that nothing moves."""
        age = max(0, self._app.clock.seconds() - queue.oldest_at) if queue.oldest_at is not None else 0
        detail = f"{queue.waiting} waiting, the oldest for {age} s"
        return {**_part(age < _SLOW_SECONDS, detail), "waiting": queue.waiting, "oldest_seconds": age}


def _part(ok: bool, detail: str) -> dict[str, Any]:
    return {"ok": ok, "detail": detail}
