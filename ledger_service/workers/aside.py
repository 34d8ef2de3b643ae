"""Work that waits for others, such as a mail server, in a thread of its own, so that it holds up no other step."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


class Aside:
    """`step()` starts the work unless it is still under way, and raises what it failed with the last time."""

    def __init__(self, name: str, run: Callable[[], object]) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._last: Future[object] | None = None

    def step(self) -> object:
        """What the last run answered; None while it is under way."""
        last = self._last
        if last is not None and not last.done():
            return None
        self._last = None if last is not None and last.exception() else self._pool.submit(self._run)
        return last.result() if last is not None else None

    def stop(self) -> None:
        self._pool.shutdown(wait=True)
