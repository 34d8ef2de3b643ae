"""The oracle itself: it finds nothing where nothing is wrong, and each of its checks can fail."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlmodel import select

from ledger_service.domain.hashing import hex0x
from ledger_service.store.database import Database
from ledger_service.store.tables import TransactionRow

from . import oracle
from .oracle import after_each, problems
from .site import Site
from .traffic import Acknowledged, Traffic


@pytest.fixture
def played(site: Site, traffic: Traffic) -> Site:
    """With something of everything: cases at every step, one of them paid."""
    if len(traffic.acknowledged) < 15:
        traffic.some(12)
        traffic.finish(2)
    assert not traffic.refused
    site.settle()
    return site


def test_oracle_of_undisturbed_life_is_content(played: Site, traffic: Traffic) -> None:
    assert any(one.kind == "accepted" for one in traffic.acknowledged)
    after_each(played, traffic.acknowledged, strangers=traffic.strangers)


# --- planted in the database ------------------------------------------------------------------------------------------

_NEWEST = "block_number = (SELECT max(block_number) FROM chain_records WHERE commitment NOT LIKE '0x00000000%')"
PLANTED: tuple[tuple[str, str, str], ...] = (  # which check sees it, what is done, and how it is undone
    (
        "audit_is_clean",
        "UPDATE chain_cases SET share = share + 1 WHERE case_id = (SELECT min(case_id) FROM chain_cases)",
        "UPDATE chain_cases SET share = share - 1 WHERE case_id = (SELECT min(case_id) FROM chain_cases)",
    ),
    (
        "acknowledged_has_one_record",
        "UPDATE outbox SET record_id = 'x' || record_id WHERE record_id = (SELECT min(record_id) FROM records)",
        "UPDATE outbox SET record_id = substr(record_id, 2) WHERE record_id LIKE 'xrec%'",
    ),
    (
        "final_record_has_one_event",
        f"UPDATE chain_records SET block_hash = '0x1' || substr(block_hash, 3) WHERE {_NEWEST}",
        f"UPDATE chain_records SET block_hash = '0x' || substr(block_hash, 4) WHERE {_NEWEST}",
    ),
    (
        "nonces_are_contiguous",
        "UPDATE transactions SET tx_hash = '0x1' || substr(tx_hash, 3) WHERE nonce = 1",
        "UPDATE transactions SET tx_hash = '0x' || substr(tx_hash, 4) WHERE nonce = 1",
    ),
    (
        "rebuild_equals_live_tables",
        "UPDATE chain_balances SET deposited = deposited + 1",
        "UPDATE chain_balances SET deposited = deposited - 1",
    ),
    (
        "rebuild_equals_live_tables",
        f"UPDATE chain_records SET kind = 'x' || kind WHERE {_NEWEST}",
        f"UPDATE chain_records SET kind = substr(kind, 2) WHERE {_NEWEST}",
    ),
)


@pytest.mark.by_seed(1.0)
@pytest.mark.parametrize(("seen_by", "plant", "heal"), PLANTED)
def test_oracle_sees_what_is_planted_in_the_database(
    played: Site, traffic: Traffic, seen_by: str, plant: str, heal: str
) -> None:
    _execute(played.database, plant)
    try:
        found = problems(played, traffic.acknowledged, strangers=traffic.strangers)
    finally:
        _execute(played.database, heal)
    assert seen_by in {problem.partition(":")[0] for problem in found}
    after_each(played, traffic.acknowledged, strangers=traffic.strangers)


def _execute(database: Database, statement: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica" if not database.is_sqlite else "SELECT 1"))
        assert connection.execute(text(statement)).rowcount > 0


@pytest.mark.by_seed(1.0)
def test_oracle_sees_a_lost_and_a_doubled_request(played: Site, traffic: Traffic) -> None:
    lost = Acknowledged("rec_lost", "0x00", "0x00", "authorised")
    assert any("is lost" in problem for problem in problems(played, [*traffic.acknowledged, lost]))
    assert any("nobody's request" in problem for problem in problems(played, traffic.acknowledged[1:]))
    other = replace(traffic.acknowledged[0], commitment="0x00")
    assert any("another commitment" in p for p in problems(played, [other, *traffic.acknowledged[1:]]))


# --- planted in what the chain says -----------------------------------------------------------------------------------


def _double(name: str) -> Callable[[list[oracle.Event]], list[oracle.Event]]:
    return lambda events: [*events, next(event for event in events if event.name == name)]


@pytest.mark.by_seed(1.0)
@pytest.mark.parametrize(
    ("seen_by", "change"),
    [
        ("case_is_paid_once", _double("Settled")),
        ("case_is_paid_once", _double("Withdrawn")),
        ("escrow_covers_what_it_owes", _double("Withdrawn")),
        ("escrow_covers_what_it_owes", lambda events: [event for event in events if event.name != "Deposited"]),
        ("final_record_has_one_event", _double("Recorded")),
        ("final_record_has_one_event", lambda events: [event for event in events if event.name != "Recorded"]),
    ],
)
def test_oracle_sees_what_the_chain_has_too_much_or_too_little_of(
    played: Site,
    traffic: Traffic,
    monkeypatch: pytest.MonkeyPatch,
    seen_by: str,
    change: Callable[[list[oracle.Event]], list[oracle.Event]],
) -> None:
    read = oracle.read_events
    monkeypatch.setattr(oracle, "read_events", lambda *asked: change(read(*asked)))
    found = problems(played, traffic.acknowledged, strangers=traffic.strangers)
    assert seen_by in {problem.partition(":")[0] for problem in found}


@pytest.mark.by_seed(1.0)
def test_oracle_sees_a_transaction_that_is_not_ours(played: Site, traffic: Traffic) -> None:
    """Sent with our key by somebody else: seen, unless the test says that it knows of it."""
    stranger = played.send_as_somebody_else()
    played.settle()
    assert any("not one that we saved" in problem for problem in problems(played, traffic.acknowledged))
    traffic.strangers.add(stranger)
    after_each(played, traffic.acknowledged, strangers=traffic.strangers)


@pytest.mark.by_seed(1.0)
def test_oracle_sees_a_number_that_nobody_uses(played: Site, traffic: Traffic) -> None:
    with played.database.write() as session:
        last = session.exec(select(TransactionRow).order_by(TransactionRow.nonce.desc()).limit(1)).one()  # type: ignore[attr-defined]
        beyond = max(last.nonce + 1, played.rpc.nonce(last.writer)) + 1  # strangers may have used more of them
        values = {**last.model_dump(), "tx_hash": hex0x(os.urandom(32)), "nonce": beyond, "settled": False}
        values |= {"root": values["tx_hash"]} if "root" in values else {}
        session.add(TransactionRow(**values))
    found = problems(played, traffic.acknowledged, strangers=traffic.strangers)
    with played.database.write() as session:
        session.delete(session.get_one(TransactionRow, values["tx_hash"]))
    assert any("wait with the numbers" in problem for problem in found)
