"""Whether the service can do its work now, component by component, in words for whoever operates it.

What is needed (`NEEDED`) makes the service not ready: a load balancer sends no more requests. Everything else that is
not well leaves it degraded: records are accepted and kept, but something lags behind.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from ..errors import LedgerError
from ..store.health import QueueState, Told, queue_state, read_cursor, told_by_mail, told_by_webhook
from ..store.leases import held
from ..store.privacy import RESTORED, hold
from .app import App
from .chain_watch import ChainSeen, ChainWatch

NEEDED = ("database", "index", "identity", "halt", "start", "erasures")
# What keeps records from being written to the chain.
_DELAYS = ("database", "chain", "identity", "halt", "workers", "queue")
_REMEMBERED_SECONDS = 0.5  # a probe a second, or a hundred, asks the database twice a second at most
_FIRST_ANSWER_SECONDS = 1.0  # that the first probe waits for the chain
_SLOW_SECONDS = 300
_UNTOLD_SECONDS = 900
_BLOCK_TOO_OLD, _BLOCK_AHEAD = 900, 30  # seconds between the newest block and this machine's clock
_TRANSACTIONS_LEFT = 10  # full ones, for which an account should have gas money
_GAS_OF_FULL = 16_000_000

Part = dict[str, Any]  # `ok`, `detail` in words, and numbers


class Workers(Protocol):
    """What the process that runs the workers knows of them."""

    @property
    def accounts(self) -> Mapping[str, str]:
        """The addresses that send transactions, by name."""

    def health(self) -> Mapping[str, Part]:
        """By component (`chain`, `indexer`, …): `ok`, and in words what is wrong or how far it is."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database says."""

    queue: QueueState
    block: int | None
    halted: str | None
    restored: bool  # and the chain has not said yet what was erased since the backup
    mail: Told
    webhooks: Told
    alive: Mapping[str, bool]  # by the lease's name


@dataclass(frozen=True, slots=True)
class Look:
    components: Mapping[str, Part]
    stored: Stored | None
    chain: ChainSeen | None
    free_bytes: int
    at: float = field(default_factory=time.monotonic)

    def is_ok(self, name: str) -> bool:
        part = self.components.get(name)
        return part is None or bool(part["ok"])

    @property
    def ready(self) -> bool:
        return all(self.is_ok(name) for name in NEEDED)

    @property
    def degraded(self) -> list[str]:
        return [name for name in self.components if not self.is_ok(name) and name not in NEEDED]

    @property
    def delayed(self) -> bool:
        """Whether what is accepted now reaches the chain late."""
        return not all(self.is_ok(name) for name in _DELAYS)


class Readiness:
    """`workers` is None where they run in another process; their effects in the database then speak for them."""

    def __init__(self, app: App, workers: Workers | None) -> None:
        self._app = app
        self._workers = workers
        self._chain = ChainWatch(app, workers.accounts if workers else {})
        self._lock = threading.Lock()
        self._last: Look | None = None

    def look(self) -> dict[str, Any]:
        self._chain.seen(wait=_FIRST_ANSWER_SECONDS)
        look = self.details()
        return {"ready": look.ready, "degraded": look.degraded, "components": look.components}

    def details(self) -> Look:
        """Never waits for the chain."""
        with self._lock:
            if self._last is None or time.monotonic() - self._last.at > _REMEMBERED_SECONDS:
                self._last = self._take()
            return self._last

    def _take(self) -> Look:
        seen, free = self._chain.seen(), shutil.disk_usage(self._app.settings.data).free
        parts: dict[str, Part] = {}
        stored: Stored | None = None
        try:
            with self._app.database.read() as session:
                stored = _read(session)
        except (SQLAlchemyError, LedgerError) as error:
            parts["database"] = part(False, f"does not answer ({type(error).__name__})")
        if stored is not None:
            parts |= self._of_database(stored)
        parts |= _of_chain(seen) | self._of_machine(seen, free)
        if self._workers is not None:
            parts |= {name: dict(found) for name, found in self._workers.health().items()}
        return Look(parts, stored, seen, free)

    def _of_database(self, stored: Stored) -> dict[str, Part]:
        block, halted = stored.block, stored.halted
        return {
            "database": part(True, "answers"),
            "index": part(block is not None, "no block read yet" if block is None else f"block {block}"),
            "halt": part(halted is None, halted or "none"),
            "erasures": _erasures(stored.restored),
            "queue": self._queue(stored.queue),
            "workers": _workers(stored.alive),
            "mail": self._told(stored.mail),
            "webhooks": self._told(stored.webhooks),
        }

    def _queue(self, queue: QueueState) -> Part:
        """A long queue is no reason to worry; an old one says that nothing moves."""
        age = self._age(queue.oldest_at)
        full = queue.waiting >= self._app.settings.max_queue
        detail = f"{queue.waiting} waiting, the oldest for {age} s{'; no more are taken' if full else ''}"
        return part(age < _SLOW_SECONDS and not full, detail, waiting=queue.waiting, oldest_seconds=age)

    def _told(self, told: Told) -> Part:
        late = self._age(told.oldest_due_at)
        if told.last_error is not None:
            return part(False, f"the newest could not be sent ({told.last_error}); {told.waiting} waiting")
        return part(late < _UNTOLD_SECONDS, f"{told.waiting} waiting, the oldest due for {late} s")

    def _age(self, since: int | None) -> int:
        return max(0, self._app.clock.seconds() - since) if since is not None else 0

    def _of_machine(self, seen: ChainSeen | None, free: int) -> dict[str, Part]:
        floor = self._app.settings.min_free_disk
        low = f"{free} bytes free, fewer than {floor}; nothing more is taken"
        parts = {"disk": part(free >= floor, low if free < floor else f"{free} bytes free")}
        if seen is not None and seen.time is not None and not self._app.settings.is_local_chain:
            behind = self._app.clock.seconds() - seen.time
            detail = f"this machine is {behind} s ahead of the newest block"
            parts["clock"] = part(-_BLOCK_AHEAD <= behind <= _BLOCK_TOO_OLD, detail)
        return parts


def _read(session: Session) -> Stored:
    cursor = read_cursor(session)
    return Stored(
        queue=queue_state(session),
        block=cursor.block_number if cursor else None,
        halted=cursor.halted if cursor else None,
        restored=hold(session, RESTORED) is not None,
        mail=told_by_mail(session),
        webhooks=told_by_webhook(session),
        alive=held(session),
    )


def _erasures(restored: bool) -> Part:
    return part(not restored, "the chain is read for what was erased since the backup" if restored else "none awaited")


def _workers(alive: Mapping[str, bool]) -> Part:
    """Of all processes: what is done by one at a time is done by whoever holds the lease."""
    if not any(alive.values()):
        return part(False, "none runs; start one with `ledger worker`")
    return part(True, f"at work: {', '.join(name for name, is_held in alive.items() if is_held)}")


def _of_chain(seen: ChainSeen | None) -> dict[str, Part]:
    if seen is None:
        return {}
    if not seen.reached:
        return {"chain": part(False, "not reached")}
    other = "another chain than the one that was deployed to; see LEDGER_CHAIN"
    parts = {
        "chain": part(True, "reachable"),
        "identity": part(bool(seen.is_ours), "the chain that was deployed to" if seen.is_ours else other),
    }
    if seen.balances:
        poor = sorted(name for name, wei in seen.balances.items() if wei < low_balance(seen))
        parts["funds"] = part(not poor, f"send gas money to {', '.join(poor)}" if poor else "enough gas money")
    return parts


def low_balance(seen: ChainSeen) -> int:
    """Wei below which an account has too little for what it sends at the present price."""
    return (seen.gas_price or 0) * _GAS_OF_FULL * _TRANSACTIONS_LEFT


def part(ok: bool, detail: str, **numbers: int) -> Part:
    return {"ok": ok, "detail": detail, **numbers}
