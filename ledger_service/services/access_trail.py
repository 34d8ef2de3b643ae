"""The trail of who was shown personal data: when, to whom, of which case and in which form. Never what it said.

A look is noted in memory and written down with others within half a minute, so that no answer waits for it. What was
noted last is lost if the process is killed; what comes faster than it can be written is left out, counted and logged.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import structlog

from .. import telemetry
from ..domain.times import from_chain, rfc3339
from ..errors import Forbidden, InvalidInput, LedgerError
from ..store.access_trail import Trail, access_rows
from ..store.tables import AccessRow, Account
from .app import App
from .cursors import read_number, write_number

log = structlog.get_logger("ledger.access")

MAX_PAGE = 200
_MOST = 20_000  # looks that wait to be written
_REMEMBERED = 20_000
_SAME = 60  # seconds in which the same look is noted once: pages ask again by themselves
_READERS = ("merchant", "operator")


@dataclass(frozen=True, slots=True)
class Look:
    """Somebody was shown something. One of `account_id` and `link_jti` is None."""

    kind: str
    case_id: str | None
    account_id: int | None
    link_jti: str | None
    through: str


class AccessTrail:
    """The looks of one process, until `flush` writes them down. Safe between threads."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._waiting: list[tuple[int, Look]] = []
        self._seen: OrderedDict[Look, int] = OrderedDict()
        self._left_out = 0
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    def note(self, look: Look) -> None:
        now = self._app.clock.seconds()
        with self._lock:
            if now - self._seen.get(look, now - _SAME) < _SAME:
                return
            if len(self._waiting) >= _MOST:
                self._left_out += 1
                return
            self._seen[look] = now
            self._seen.move_to_end(look)
            while len(self._seen) > _REMEMBERED:
                self._seen.popitem(last=False)
            self._waiting.append((now, look))

    def flush(self) -> None:
        """Writes down what waits; where the database does not take it, it waits for the next time."""
        with self._writing:
            with self._lock:
                noted, self._waiting = self._waiting, []
                left_out, self._left_out = self._left_out, 0
            if left_out:
                telemetry.LOOKS_LEFT_OUT.inc(left_out)
                log.error("looks_left_out", count=left_out)
            try:
                self._write(noted)
            except LedgerError as error:
                log.warning("looks_not_written", count=len(noted), error=type(error).__name__)
                with self._lock:
                    self._waiting = noted + self._waiting

    def _write(self, noted: list[tuple[int, Look]]) -> None:
        if not noted:
            return
        with self._app.database.write() as session:
            session.add_all(
                AccessRow(
                    at=at,
                    account_id=look.account_id,
                    link_jti=look.link_jti,
                    through=look.through,
                    kind=look.kind,
                    case_id=look.case_id,
                )
                for at, look in noted
            )


def access_trail(
    app: App, account: Account, case_id: str | None = None, cursor: str | None = None, limit: int = 50
) -> dict[str, Any]:
    """A page of looks, newest first. Operators see all; merchants those at the cases that they opened, and their own.

    Raises Forbidden for others, InvalidInput for a bad cursor or limit.
    """
    if account.role not in _READERS:
        raise Forbidden(
            "The access trail is for operators and merchants.",
            field="Authorization",
            remedy="Ask the case's merchant, or the operator of this service.",
        )
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"A page has 1 to {MAX_PAGE} items.", field="limit", remedy="Send such a number.")
    is_all = account.role == "operator"
    asked = Trail(
        merchant=None if is_all else account.address,
        own=None if is_all else account.id,
        case_id=case_id,
        before=read_number(cursor) or None,
        limit=limit + 1,
    )
    with app.database.read() as session:
        rows = access_rows(session, asked)
    last = rows[limit - 1][0].id if len(rows) > limit else None
    return {
        "items": [_answer(row, by) for row, by in rows[:limit]],
        "next_cursor": write_number(last) if last else None,
    }


def _answer(row: AccessRow, by: Account | None) -> dict[str, Any]:
    return {
        "at": rfc3339(from_chain(row.at)),
        "kind": row.kind,
        "case_id": row.case_id,
        "through": row.through,
        "account": {"role": by.role, "name": by.name, "address": by.address} if by else None,
        "link": row.link_jti,
    }
