"""Going back after a reorg looks at what it undoes, however much there was before."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlmodel import select

from ledger_service.services.policies import shipped_policies
from ledger_service.store.database import Database
from ledger_service.store.tables import ChainBalance, ChainBlock, ChainCursor, ChainEvent
from ledger_service.workers.rewinding import rewind

_SHOP, _OTHER, _TOKEN = "0x" + "22" * 20, "0x" + "33" * 20, "0x" + "44" * 20
_BEFORE = {"minor": 900, "deposited": 1_000, "withdrawn": 100, "credit": 0, "credited": 0}


def _moves(block: int, *moves: tuple[str, dict[str, Any]], first: int = 0) -> list[ChainEvent]:
    place = {"block_number": block, "block_hash": f"0x{block}", "tx_hash": "0x"}
    return [
        ChainEvent(
            contract="RefundEscrow", name=name, args=json.dumps({"token": _TOKEN, **args}), log_index=index, **place
        )
        for index, (name, args) in enumerate(moves, start=first)
    ]


def _rewind(database: Database, events: list[ChainEvent], **sums: int) -> dict[str, dict[str, int]]:
    """The balances by account after the events' block, 2, was undone, in which somebody else got a first credit."""
    with database.write() as session:
        for number in (1, 2):
            session.add(ChainBlock(number=number, hash=f"0x{number}", parent_hash=f"0x{number - 1}", time=0))
        session.add(ChainCursor(block_number=2, block_hash="0x2"))
        session.add(ChainBalance(account=_SHOP, token=_TOKEN, **sums))
        session.add(ChainBalance(account=_OTHER, token=_TOKEN, credit=5, credited=5))
        session.add_all([*events, *_moves(2, ("Credited", {"arbitrator": _OTHER, "amount": 5}), first=9)])
    with database.write() as session:
        cursor, block = session.get(ChainCursor, 1), session.get(ChainBlock, 1)
        assert cursor is not None
        moved = rewind(session, cursor, block, {}, shipped_policies().by_id)
        assert moved is not None
    with database.read() as session:
        assert session.exec(select(ChainEvent)).all() == []
        rows = session.exec(select(ChainBalance)).all()
    return {row.account: {name: getattr(row, name) for name in _BEFORE} for row in rows}


def test_moves_of_blocks_that_were_undone_are_taken_back(database: Database) -> None:
    """The events before them are not asked for."""
    events = _moves(
        2,
        ("Deposited", {"merchant": _SHOP, "amount": 70}),
        ("BalanceWithdrawn", {"merchant": _SHOP, "amount": 30}),
    )
    after = {**_BEFORE, "minor": 940, "deposited": 1_070, "withdrawn": 130}
    assert _rewind(database, events, **after) == {_SHOP: _BEFORE}


@pytest.mark.parametrize("amount", [0, 70])
def test_an_account_that_nothing_has_moved_is_none(database: Database, amount: int) -> None:
    events = _moves(2, ("Deposited", {"merchant": _SHOP, "amount": amount}))
    assert _rewind(database, events, minor=amount, deposited=amount) == {}
