"""Leases: one holder at a time, by the database's clock, on either database."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import text

from ledger_service.store import leases
from ledger_service.store.database import Database
from ledger_service.store.leases import LeaseLost


def _acquire(database: Database, holder: str, seconds: float = 15) -> bool:
    with database.write() as session:
        return leases.acquire(session, "index", holder, seconds)


def _end(database: Database) -> None:
    with database.write() as session:
        session.execute(text("UPDATE leases SET expires_at = expires_at - 20000"))


def test_a_lease_is_one_holders_until_it_ends_or_is_given_back(database: Database) -> None:
    assert _acquire(database, "one")
    assert not _acquire(database, "other")
    assert _acquire(database, "one")
    _end(database)
    assert _acquire(database, "other")
    assert not _acquire(database, "one")
    with database.write() as session:
        leases.release(session, ["index"], "one")  # not its own any more
        leases.release(session, ["index"], "other")
    assert _acquire(database, "one")


def test_a_lease_lasts_as_long_as_it_was_asked_for(database: Database) -> None:
    assert _acquire(database, "one", 0.3)
    assert not _acquire(database, "other")
    time.sleep(0.4)
    assert _acquire(database, "other")


def test_what_a_holder_keeps_after_its_lease_ended_is_refused(database: Database) -> None:
    _acquire(database, "one")
    with database.write() as session:
        leases.require(session, "index", "one")
    _end(database)
    with pytest.raises(LeaseLost), database.write() as session:
        leases.require(session, "index", "one")
    _acquire(database, "other")
    with pytest.raises(LeaseLost), database.write() as session:
        leases.require(session, "index", "one")


def test_nobody_takes_over_while_a_holder_is_keeping_something(database: Database) -> None:
    """The row stays locked, so that the next holder sees what the last one kept."""
    _acquire(database, "one", 0.2)
    taken: list[bool] = []
    other = threading.Thread(target=lambda: taken.append(_acquire(database, "other")))
    with database.write() as session:
        leases.require(session, "index", "one")
        time.sleep(0.3)
        other.start()
        other.join(0.3)
        assert taken == []
    other.join(10)
    assert taken == [True]


def test_the_lease_of_a_holder_known_to_be_gone_is_taken_over_at_once(database: Database) -> None:
    _acquire(database, "one")
    with database.write() as session:
        assert leases.holder_of(session, "index") == "one"
        assert not leases.take_over(session, "index", "somebody", "other", 15)
        assert leases.take_over(session, "index", "one", "other", 15)
    assert not _acquire(database, "one")
