"""What a status answer rests on, in a form that is compared in no time: an answer stands as long as that is the same.

The database says whether anything was committed, the chain what its newest block is: everything that its contracts
hold follows from that block.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..store.changes import Changes
from .app import App
from .evidence import own_rpc

_FRESH = 0.5  # seconds for which the chain's newest block is remembered
# Facts of the chain are remembered as long (`own_chain`): an answer that was made sooner after a block could rest on
# what was before it, and is not kept.
_SETTLED = 2 * _FRESH


@dataclass(frozen=True, slots=True)
class Standing:
    """`head` is the hash of the newest block, empty while the chain is silent."""

    database: str
    head: str
    delayed: bool


class StandingWatch:
    """Reads how things stand. One thread at a time."""

    def __init__(self, app: App, is_delayed: Callable[[], bool]) -> None:
        self._app = app
        self._is_delayed = is_delayed
        self._changes = Changes(app.database)
        self._head = ""
        self._asked = self._since = float("-inf")  # monotonic: when the head was read, and when it was first seen

    def read(self) -> tuple[Standing, bool]:
        """How things stand, and whether answers that are made from here on may be kept. Raises Unavailable if the
        database does not answer."""
        now = time.monotonic()
        if now - self._asked >= _FRESH:
            head = self._newest()
            self._asked = time.monotonic()
            if head != self._head:
                self._head, self._since = head, self._asked
        delayed = self._is_delayed()
        return Standing(self._changes.mark(), self._head, delayed), now - self._since >= _SETTLED

    def _newest(self) -> str:
        rpc = own_rpc(self._app)
        try:
            return rpc.latest().hash if rpc is not None else ""
        except Exception:  # noqa: BLE001 - whatever a node or its proxy answers, it named no block
            return ""
