"""The log's worker: appends what was observed, signs a checkpoint of it, and asks for one to be anchored now and then.

Each batch is one transaction: the entries' places, the tiles that grew, the checkpoint. Killed between two of them,
the next one goes on where the tree ends. Anchors go the way of all that is written to the chain, through the outbox, so
each is sent once, and again if a reorg takes it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlmodel import Session

from ..chain.deploy import MOST_GROWTH
from ..domain.checkpoint import Checkpoint, sign_checkpoint
from ..domain.hashing import from_hex, hex0x
from ..domain.merkle import leaf_hash
from ..domain.tiles import Tile, TiledTree, append, open_tiles
from ..errors import IntegrityFailure
from ..services.app import App
from ..services.log import origin
from ..store import observation_log as sql
from ..store.privacy import RESTORED, hold
from ..store.stages import head_block
from ..store.tables import LogCheckpoint

_log = structlog.get_logger(__name__)
LEASE = "log"
_AT_ONCE = 5_000  # entries of one batch
_BATCHES = 10  # of one turn, so that the other steps get theirs


@dataclass(frozen=True, slots=True)
class Pace:
    """When a checkpoint is due to be anchored: after so many entries, and at the latest after so many seconds, since
    the last one was asked for. `growth` is the most that the contract lets it be larger than the one before."""

    entries: int
    seconds: int
    growth: int = MOST_GROWTH

    def is_due(self, new_entries: int, waited: int | None) -> bool:
        """`waited` is None where none was ever asked for."""
        return new_entries > 0 and (new_entries >= self.entries or waited is None or waited >= self.seconds)


class LogKeeper:
    """One for a database, under the lease `log`; of two at once, the database refuses one. `head` is the number of the
    chain's newest block, -1 where there is none to be waited for."""

    def __init__(
        self, app: App, pace: Pace | None = None, at_once: int = _AT_ONCE, head: Callable[[], int] = lambda: -1
    ) -> None:
        settings = app.settings
        self._app = app
        self._pace = pace or Pace(settings.anchor_entries, settings.anchor_seconds)
        self._at_once = at_once
        self._head = head
        self._begin_at: int | None = None  # the block that the index is to have reached
        self._has_begun = False

    def step(self) -> int:
        """Appends what waits, and asks for an anchor if one is due; how many entries were appended. Raises
        IntegrityFailure, and appends nothing, where the chain has a checkpoint that this log does not lead to."""
        if not self._may_begin():
            return 0
        appended = 0
        for _ in range(_BATCHES):
            grown = self._append()
            appended += grown
            if grown < self._at_once:
                break
        self._ask()
        return appended

    # --- inside ------------------------------------------------------------------------------------------------------

    def _may_begin(self) -> bool:
        """Not before the index has read which checkpoints the chain has: this may be a backup's database."""
        if not self._has_begun:
            if self._begin_at is None:
                self._begin_at = self._head()
            with self._app.database.read() as session:
                self._has_begun = hold(session, RESTORED) is None and head_block(session) >= self._begin_at
        return self._has_begun

    def _append(self) -> int:
        with self._app.database.read() as session:
            if not sql.pending(session, 1):
                return 0
        with self._app.database.write() as session:
            size = sql.locked_size(session)
            _require_same_log(session, size)
            entries = sql.pending(session, self._at_once)
            if not entries:  # somebody else was faster
                return 0
            known = {tile: sql.tile(session, *tile) for tile in open_tiles(size)}
            leaves = [leaf_hash(from_hex(entry.commitment)) for entry in entries]
            changed = append(size, known, leaves)
            sql.append(session, size, entries, changed, self._checkpoint(size + len(entries), {**known, **changed}))
        _log.info("log_grown", entries=len(entries), size=size + len(entries))
        return len(entries)

    def _checkpoint(self, size: int, tiles: dict[Tile, bytes]) -> LogCheckpoint:
        """The open tiles are all that the root takes."""
        root = TiledTree(size, lambda level, number: tiles[level, number]).root()
        note = sign_checkpoint(Checkpoint(origin(self._app), size, root), self._app.tokens)
        return LogCheckpoint(size=size, root=hex0x(root), note=note, created_at=self._app.clock.seconds())

    def _ask(self) -> None:
        now = self._app.clock.seconds()
        with self._app.database.read() as session:
            due = self._due(session, now)
        if due is not None:
            with self._app.database.write() as session:
                sql.ask_for_anchor(session, due, now)
            self._app.wake.set()

    def _due(self, session: Session, now: int) -> int | None:
        """The size to be anchored now. While one is on its way, the next one waits: it will cover more."""
        last, anchored = sql.last_asked(session), sql.newest_anchor(session)
        newest = sql.newest_checkpoint(session, (anchored.size if anchored else 0) + self._pace.growth)
        if newest is None or sql.anchor_under_way(session):
            return None
        behind = newest.size - (anchored.size if anchored else 0)
        waited = None if last is None or last.anchor_asked_at is None else now - last.anchor_asked_at
        return newest.size if self._pace.is_due(behind, waited) else None


def _require_same_log(session: Session, size: int) -> None:
    """Raises IntegrityFailure where the newest checkpoint on the chain is not one of this log: the database is older
    than the chain, and to go on would be a second log under the same name."""
    anchored = sql.newest_anchor(session)
    if anchored is None:
        return
    ours = sql.checkpoint_of(session, anchored.size)
    if anchored.size > size or ours is None or ours.root != anchored.root:
        raise IntegrityFailure(
            f"The chain has a checkpoint of {anchored.size} observations that this log of {size} does not lead to.",
            remedy="Restore a newer backup of the database. Nothing is appended to the log meanwhile.",
        )
