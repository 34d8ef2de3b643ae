"""Asks for what is due by itself: pokes of cases whose deadline or notice has passed, payments to consumers and to
arbitrators.

It goes by the clock, since a chain without traffic stands still, and lets the contract judge. What the contract refused
is asked for again after a while, and after ever longer whiles.
"""

from __future__ import annotations

from .. import telemetry
from ..clock import Clock
from ..store.cases import enqueue
from ..store.database import Database
from ..store.outbox import cases_with_dues, credits_due, overdue_cases

_AT_ONCE = 500  # rows in a step
_FIRST_PAUSE = 5  # seconds before the same is asked for again, doubled each time
_LONGEST_PAUSE = 600


class DeadlineWorker:
    """Anyone may poke and withdraw: the contract fixes who is paid, so the service does both for everybody."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._asked: dict[tuple[str, str], tuple[int, int]] = {}  # by action and subject: again from when, last pause

    def step(self) -> int:
        """How many pokes and withdrawals were asked for."""
        now = self._clock.seconds()
        most = _AT_ONCE + len(self._asked)  # what must not be asked for again yet takes nobody's place
        with self._database.read() as session:
            pokes = [(case_id, f"{case_id}:{length}") for case_id, length in overdue_cases(session, now, most)]
            dues = cases_with_dues(session, now, most)
            earned = credits_due(session, most)
        wanted: list[tuple[str, str | None, str]] = [("poke", *poke) for poke in pokes]
        wanted += [("withdraw", case_id, case_id) for case_id in dues]
        wanted += [("withdraw_credit", None, subject) for subject in earned]
        self._asked = {key: kept for key, kept in self._asked.items() if now < kept[0] + _LONGEST_PAUSE}
        wanted = [(action, case_id, subject) for action, case_id, subject in wanted if self._may(action, subject, now)]
        if not wanted:
            return 0
        with self._database.write() as session:
            for action, case_id, subject in wanted:
                enqueue(session, action, subject, now, case_id=case_id)
                telemetry.DUES.labels(action).inc()
        return len(wanted)

    def _may(self, action: str, subject: str, now: int) -> bool:
        again, pause = self._asked.get((action, subject), (now, 0))
        if now < again:
            return False
        pause = min(max(2 * pause, _FIRST_PAUSE), _LONGEST_PAUSE)
        self._asked[action, subject] = (now + pause, pause)
        return True
