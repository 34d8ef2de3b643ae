"""What erasures leave to be done: mails in a folder, bytes in the database's files, and cases of a restored backup that
were erased since it was made."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from ..mail_sending import remove_mails
from ..store import privacy as sql
from ..store.cases import find_case
from ..store.chain_facts import read_cursor
from ..store.scrubbing import scrub
from .app import App
from .erasing import destroy

log = structlog.get_logger("ledger.privacy")

_EVERY = 2.0  # seconds between two looks
_REREAD = 1_000  # blocks that are looked at again, since a reorg may have put another record there


class Caretaker:
    """`step()` does what is to be done, a few seconds after it came up; how much that was. `head` is the number of the
    chain's newest block."""

    def __init__(self, app: App, head: Callable[[], int]) -> None:
        self._app = app
        self._head = head
        self._not_before = float("-inf")  # monotonic
        self._since = 0  # the block from which on records were not looked at; at the start all are
        self._read_up_to: int | None = None  # the block from which on a hold ends

    def step(self) -> int:
        if time.monotonic() < self._not_before:
            return 0
        self._not_before = time.monotonic() + _EVERY
        done = len(erase_again(self._app, self._since)) + len(clear(self._app))
        with self._app.database.read() as session:
            at = read_cursor(session)
        self._since = max(0, at.block_number - _REREAD) if at is not None else 0
        self._end_hold()
        return done

    def _end_hold(self) -> None:
        with self._app.database.read() as session:
            held, at = sql.hold(session, sql.RESTORED), read_cursor(session)
        if held is None:
            return
        if self._read_up_to is None:
            self._read_up_to = self._head()
        if at is not None and at.block_number >= self._read_up_to:
            release(self._app)


def erase_again(app: App, since: int = 0) -> Sequence[str]:
    """Destroys what is kept of cases that the chain says were erased, in blocks from `since` on: after a backup was
    restored, and where a merchant wrote the record itself. Answers the cases."""
    with app.database.read() as session:
        found = sql.erased_on_chain(session, since)
    for case_id in found:
        with app.database.write() as session:
            case = find_case(session, case_id, for_update=True)
            if case is not None:
                destroy(app, session, case, None)
                app.keys.forget(case.consumer)
        log.info("erased", case_id=case_id, asked_by="chain")
    return found


def release(app: App) -> None:
    """Lets personal fields be opened again, once the chain was read to its end and what it says was done."""
    erase_again(app)
    with app.database.write() as session:
        sql.end_hold(session, sql.RESTORED)


def clear(app: App) -> Sequence[str]:
    """Removes what stands outside of the tables, of the cases that it is known to be left of. Answers those of which
    all is gone; somebody in the way puts it off."""
    with app.database.read() as session:
        left = sql.uncleared(session)
        mails = sql.mails_of(session, left) if left else []
    if not left:
        return []
    remove_mails(app.settings.data, mails)
    if not scrub(app.database):
        return []
    with app.database.write() as session:
        sql.mark_cleared(session, left, app.clock.seconds())
    return left
