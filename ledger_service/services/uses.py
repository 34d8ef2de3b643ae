"""When sessions were last used, until it is written down: a use costs its request no unit of work."""

from __future__ import annotations

import threading

from ..store.database import Database
from ..store.sessions import note_use
from ..store.tables import SessionRow

_STALE = 60  # seconds after which a use is written down anew


class Uses:
    """Filled by requests, emptied by `flush`."""

    def __init__(self) -> None:
        self._noted: dict[str, int] = {}
        self._lock = threading.Lock()

    def note(self, row: SessionRow, now: int) -> None:
        if now - row.last_used_at >= _STALE:
            with self._lock:
                self._noted[row.token_hash] = now

    def flush(self, database: Database) -> None:
        """Where the database does not answer, what was noted is lost: the next use of a session notes it again."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if noted:
            with database.write() as session:
                note_use(session, noted)
