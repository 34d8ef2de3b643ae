"""One commit for what several threads write at the same time: SQLite waits for the disk at each commit.

Threads stand in line for SQLite's one writer. Whoever has done its part lets the next one go on in the same transaction
and waits with those before it; the last in line commits for all of them. Each part is a savepoint of its own: one that
fails undoes itself alone, and none returns before the disk has it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from ..errors import Unavailable

_MOST = 32  # parts of one commit
_OLDEST = 0.02  # seconds after which a group takes nobody else, so that the first of it does not wait for ever
_LOOK = 0.05  # seconds until a part that waits looks whether the next in line has gone away


@dataclass(slots=True)
class _Group:
    """Parts that one transaction holds. `error` says why it was not kept."""

    connection: Connection
    began: float = field(default_factory=time.monotonic)
    parts: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    @property
    def is_whole(self) -> bool:
        """SQLite undoes a transaction by itself when the disk is full or fails: then nothing of it is there."""
        try:
            driver: Any = self.connection.connection.dbapi_connection
            return bool(driver.in_transaction)
        except Exception:  # noqa: BLE001 - a connection that cannot say holds no transaction
            return False


class GroupCommit:
    def __init__(self, engine: Engine, patience: float) -> None:
        self._engine = engine
        self._patience = patience
        self._turn = threading.Lock()  # held while a part is written, and for the commit
        self._counting = threading.Lock()
        self._in_line = 0
        self._group: _Group | None = None

    @contextmanager
    def part(self) -> Iterator[Session]:
        """A session whose work is on the disk when the block has ended. Raises Unavailable if its turn does not come,
        and the database's error if it could not be kept."""
        self._wait_for_turn()
        try:
            group = self._group or self._begin()
            try:
                with Session(
                    group.connection, join_transaction_mode="create_savepoint", expire_on_commit=False
                ) as session:
                    yield session
                    session.commit()
                group.parts += 1
            finally:
                if not group.is_whole:
                    self._end(group, kept=False)
                elif self._in_line == 0 or group.parts >= _MOST or time.monotonic() - group.began > _OLDEST:
                    self._end(group, kept=group.parts > 0)
        finally:
            self._turn.release()
        self._wait_for_disk(group)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _wait_for_turn(self) -> None:
        with self._counting:
            self._in_line += 1
        try:
            has_turn = self._turn.acquire(timeout=self._patience)
        finally:
            with self._counting:
                self._in_line -= 1
        if not has_turn:
            raise Unavailable("The database cannot be written right now.", remedy="Try again in a moment.")

    def _begin(self) -> _Group:
        connection = self._engine.connect()
        try:
            connection.begin()
        except BaseException:
            connection.close()
            raise
        self._group = _Group(connection)
        return self._group

    def _end(self, group: _Group, *, kept: bool) -> None:
        """Commits, or undoes what is not to be kept; by whoever has the turn."""
        self._group = None
        if group.parts:  # until it is known to be kept, whatever ends this
            group.error = Unavailable("The database could not keep it.", remedy="Try again in a moment.")
        try:
            if kept:
                group.connection.commit()
                group.error = None
        except SQLAlchemyError as error:
            group.error = error
        finally:
            with suppress(SQLAlchemyError):
                group.connection.close()
            group.over.set()

    def _wait_for_disk(self, group: _Group) -> None:
        while not group.over.wait(_LOOK):
            if self._turn.acquire(blocking=False):  # who was in line has given up
                try:
                    if self._group is group:
                        self._end(group, kept=group.is_whole)
                finally:
                    self._turn.release()
        if group.error is not None:
            raise group.error
