"""What is asked for when there is more of it than fits a step."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete
from sqlmodel import select

from ledger_service.clock import FixedClock
from ledger_service.store.cases import enqueue
from ledger_service.store.database import Database
from ledger_service.store.outbox import credits_due
from ledger_service.store.tables import ChainBalance, OutboxRow
from ledger_service.workers.deadlines import DeadlineWorker

_TOKEN = "0x" + "22" * 20


def _credit(database: Database, count: int) -> list[str]:
    """Credits of so many arbitrators, as subjects."""
    accounts = [f"0x{number:040x}" for number in range(count)]
    with database.write() as session:
        session.add_all(ChainBalance(account=one, token=_TOKEN, credit=5, credited=7) for one in accounts)
    return [f"{account}:{_TOKEN}:7" for account in accounts]


def test_credits_that_were_asked_for_take_nobodys_place(database: Database) -> None:
    *asked, last = _credit(database, 4)
    with database.write() as session:
        for subject in asked:
            enqueue(session, "withdraw_credit", subject, 0)
    with database.read() as session:
        assert credits_due(session, 3) == [last]


def test_credits_that_cannot_be_paid_starve_no_other(database: Database) -> None:
    subjects = _credit(database, 501)
    worker = DeadlineWorker(database, FixedClock(datetime(2026, 3, 1, tzinfo=UTC)))
    seen = set()
    for _ in range(2):
        worker.step()
        with database.write() as session:
            seen |= set(session.exec(select(OutboxRow.subject)).all())
            session.execute(delete(OutboxRow))  # undone, as when their token is paused
    assert seen == set(subjects)
