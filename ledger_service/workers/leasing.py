"""Which of the workers' steps this process may run: those whose leases it holds.

A lease outlives its holder by a few seconds at the most. Where the holder is a process of this very machine that is
known to be gone, nobody waits for that: a restart goes on at once.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

from sqlmodel import Session

from ..errors import LedgerError
from ..store import leases
from ..store.database import Database

SECONDS = 15.0
_ASKED_AGAIN_AFTER = 1.0  # seconds, while somebody else holds it


class Leases:
    """One for a set of workers; safe to use from several threads. `require` is to be called inside the transaction that
    keeps what the lease is for."""

    def __init__(self, database: Database, seconds: float = SECONDS) -> None:
        self._database = database
        self._seconds = seconds
        self._holder = f"{_process(os.getpid())} {uuid.uuid4().hex}"
        self._renew_at: dict[str, float] = {}  # monotonic; of those that are held
        self._ask_at: dict[str, float] = {}  # of those that are not
        self._lock = threading.Lock()

    def hold(self, name: str) -> bool:
        """Whether it is ours now; takes it if it is free, and renews it in good time."""
        with self._lock:
            now = time.monotonic()
            if now < self._renew_at.get(name, 0.0):
                return True
            if name not in self._renew_at and now < self._ask_at.get(name, 0.0):
                return False
            self._renew_at.pop(name, None)
            with self._database.write() as session:
                held = self._take(session, name)
            if held:
                self._renew_at[name] = now + self._seconds / 3
            else:
                self._ask_at[name] = now + _ASKED_AGAIN_AFTER
            return held

    def require(self, session: Session, name: str) -> None:
        """Raises LeaseLost if somebody else may have taken over."""
        try:
            leases.require(session, name, self._holder)
        except leases.LeaseLost:
            self._renew_at.pop(name, None)
            raise

    def release(self) -> None:
        """Gives all of them back, as far as the database can be reached."""
        with self._lock, suppress(LedgerError):
            names = list(self._renew_at)
            self._renew_at.clear()
            if names:
                with self._database.write() as session:
                    leases.release(session, names, self._holder)

    def _take(self, session: Session, name: str) -> bool:
        if leases.acquire(session, name, self._holder, self._seconds):
            return True
        other = leases.holder_of(session, name) or ""
        return _is_gone(other) and leases.take_over(session, name, other, self._holder, self._seconds)


def _process(number: int) -> str:
    """Machine and boot, the machine's part that counts processes, number and start: no two processes share it. Empty
    where the system does not tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        counted = Path("/proc/self/ns/pid").readlink()
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    ended = state[0] in "ZX"
    return "" if ended else f"{boot}/{counted}/{number}/{state[19]}"


def _is_gone(holder: str) -> bool:
    """Whether a holder was a process of this machine, and is none any more."""
    named = holder.partition(" ")[0]
    mine = _process(os.getpid())
    if not named or not mine or named.split("/")[:2] != mine.split("/")[:2]:
        return False
    return _process(int(named.split("/")[2])) != named
