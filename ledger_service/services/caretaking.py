"""What erasures leave to be done: mails in a folder, bytes in the database's files, and cases of a restored backup that
were erased since it was made."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import structlog

from ..errors import Conflict
from ..mail_sending import remove_mails
from ..store import privacy as sql
from ..store.cases import find_case
from ..store.chain_facts import read_cursor
from ..store.scrubbing import scrub
from ..store.stages import head_block
from .app import App
from .erasing import destroy, require_ready

log = structlog.get_logger("ledger.privacy")

_EVERY = 2.0  # seconds between two looks
_REST = 600.0  # between two clearings of PostgreSQL's files, for which everybody waits a little
_LONGEST = 60.0  # while somebody is in the way of clearing, who should not be kept waiting all the time
_REREAD = 1_000  # blocks that are looked at again, since a reorg may have put another record there


class Caretaker:
    """`step()` does what is to be done, a few seconds after it came up; how much that was. `head` is the number of the
    chain's newest block."""

    def __init__(self, app: App, head: Callable[[], int]) -> None:
        self._app = app
        self._head = head
        self._not_before = float("-inf")  # monotonic
        self._pause = _EVERY
        self._clear_from = float("-inf")  # monotonic
        self._since = 0  # the block from which on records were not looked at; at the start all are
        self._read_up_to: int | None = None  # the block from which on a hold ends

    def step(self) -> int:
        if time.monotonic() < self._not_before:
            return 0
        try:
            return self._care()
        finally:
            self._not_before = time.monotonic() + self._pause

    def _care(self) -> int:
        with self._app.database.read() as session:
            at = read_cursor(session)  # before all else: what the indexer reads meanwhile is for the next time
        erased, put_off = erase_again(self._app, self._since)
        cleared = clear(self._app) if time.monotonic() >= self._clear_from else ()
        if cleared and not self._app.database.is_sqlite:
            self._clear_from = time.monotonic() + _REST
        self._pause = _EVERY if cleared is not None else min(2 * self._pause, _LONGEST)
        self._since = max(0, at.block_number - _REREAD) if at is not None else 0
        if put_off is not None:
            self._since = min(self._since, put_off)
        self._end_hold()
        return len(erased) + len(cleared or ())

    def _end_hold(self) -> None:
        with self._app.database.read() as session:
            held, at = sql.hold(session, sql.RESTORED), read_cursor(session)
        if held is None:
            return
        if self._read_up_to is None:
            self._read_up_to = self._head()
        if at is not None and at.block_number >= self._read_up_to:
            release(self._app)


def erase_again(app: App, since: int = 0) -> tuple[Sequence[str], int | None]:
    """Destroys what is kept of cases that the chain says were erased, for good, in blocks from `since` on: after a
    backup was restored, and where a merchant wrote the record itself. Answers the cases, and the first block of those
    that were put off.

    Of a case that the contract refused to open, the chain takes no such record. A restored backup keeps nothing of any
    of them, since nobody can tell which were erased; none can be gone on with."""
    with app.database.read() as session:
        is_restored = sql.hold(session, sql.RESTORED) is not None
        found = [*sql.erased_on_chain(session, since), *(sql.refused_openings(session) if is_restored else ())]
        final = head_block(session) - app.settings.confirmations_needed
    erased = {case_id for case_id, block in found if block <= final and _erase(app, case_id, is_restored)}
    return sorted(erased), min((block for case_id, block in found if case_id not in erased), default=None)


def _erase(app: App, case_id: str, is_restored: bool) -> bool:
    """Whether nothing stood in its way. Of what came back by a restore, nothing does: it did not when it was erased."""
    try:
        with app.database.write() as session:
            case = find_case(session, case_id, for_update=True)
            if case is not None:
                if not is_restored:
                    require_ready(app, session, case)
                destroy(app, session, case, None)
                app.keys.forget(case.consumer)
    except Conflict:
        return False
    log.info("erased", case_id=case_id, asked_by="chain")
    return True


def release(app: App) -> None:
    """Lets personal fields be opened again, once the chain was read to its end and what it says was done. An erasure
    that is not final yet is waited for: then the workers try again."""
    _, put_off = erase_again(app)
    if put_off is not None:
        return
    with app.database.write() as session:
        sql.end_hold(session, sql.RESTORED)


def clear(app: App) -> Sequence[str] | None:
    """Removes what stands outside of the tables, of the cases that it is known to be left of. Answers those of which
    all is gone; None where somebody is in the way, which puts it off."""
    with app.database.read() as session:
        left = sql.uncleared(session)
        mails = sql.mails_of(session, left) if left else []
    if not left:
        return []
    remove_mails(app.settings.data, mails)
    if not scrub(app.database):
        return None
    with app.database.write() as session:
        sql.mark_cleared(session, left, app.clock.seconds())
    return left
