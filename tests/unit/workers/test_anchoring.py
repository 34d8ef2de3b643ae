"""When a checkpoint is due to be anchored, and how large it may be."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from ledger_service.clock import FixedClock
from ledger_service.services.app import App
from ledger_service.store.database import Database
from ledger_service.store.tables import ChainAnchor, LogCheckpoint, OutboxRow
from ledger_service.workers.anchoring import LogKeeper, Pace

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Book:
    """Checkpoints and anchors as they stand, and what the keeper then asks for."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = FixedClock(NOW)

    def checkpoint(self, size: int, asked_at: int | None = None) -> None:
        row = LogCheckpoint(size=size, root=f"0x{size:064x}", note="", created_at=0, anchor_asked_at=asked_at)
        with self.database.write() as session:
            session.add(row)

    def anchored(self, size: int) -> None:
        with self.database.write() as session:
            session.add(ChainAnchor(size=size, root="", block_number=1, block_hash="", log_index=0, tx_hash=""))

    def asked(self, pace: Pace) -> list[str]:
        parts = SimpleNamespace(
            database=self.database,
            clock=self.clock,
            wake=threading.Event(),
            settings=SimpleNamespace(anchor_entries=1, anchor_seconds=1),
        )
        LogKeeper(cast("App", parts), pace)._ask()
        with self.database.read() as session:
            return list(session.exec(select(OutboxRow.subject).where(OutboxRow.action == "anchor")))


@pytest.fixture
def book(database: Database) -> Book:
    return Book(database)


PACE = Pace(entries=100, seconds=60)
THEN = int(NOW.timestamp())


def test_first_checkpoint_is_asked_for_at_once(book: Book) -> None:
    book.checkpoint(1)
    assert book.asked(PACE) == ["1"]


def test_nothing_is_asked_for_without_entries_or_twice(book: Book) -> None:
    assert book.asked(PACE) == []
    book.checkpoint(3)
    assert book.asked(PACE) == ["3"]
    book.checkpoint(300)
    assert book.asked(PACE) == ["3"]  # which is on its way


@pytest.mark.parametrize(
    ("size", "waited", "is_due"), [(104, 59, False), (105, 0, True), (6, 60, True), (6, 59, False)]
)
def test_next_one_waits_for_time_or_entries(book: Book, size: int, waited: int, is_due: bool) -> None:
    book.checkpoint(5, asked_at=THEN - waited)
    book.anchored(5)
    book.checkpoint(size)
    assert book.asked(PACE) == ([str(size)] if is_due else [])


def test_anchor_grows_within_the_contracts_bound(book: Book) -> None:
    for size in (5, 12, 14, 30):
        book.checkpoint(size)
    book.anchored(5)
    assert book.asked(Pace(entries=1, seconds=60, growth=10)) == ["14"]


def test_what_the_chain_refused_is_asked_for_again(book: Book) -> None:
    book.checkpoint(5, asked_at=THEN - 61)  # and its row in the outbox is gone
    assert book.asked(PACE) == ["5"]


@given(st.integers(-5, 5_000), st.none() | st.integers(0, 5_000))
def test_nothing_new_is_never_due_and_much_always(entries: int, waited: int | None) -> None:
    is_due = PACE.is_due(entries, waited)
    if entries <= 0:
        assert not is_due
    if entries >= PACE.entries or (entries > 0 and (waited is None or waited >= PACE.seconds)):
        assert is_due
