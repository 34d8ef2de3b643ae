"""Whether personal fields may be opened: not from the restoring of a backup until the chain has said what was erased
since it was made."""

from __future__ import annotations

from ..store.database import Database
from ..store.privacy import RESTORED, hold


class Gate:
    """Asked before each case's key is unwrapped. Only a restore closes it, and that needs an empty database: once it
    was found open, it stays so."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._is_open = False

    def __call__(self) -> bool:
        if not self._is_open:
            with self._database.read() as session:
                self._is_open = hold(session, RESTORED) is None
        return self._is_open
