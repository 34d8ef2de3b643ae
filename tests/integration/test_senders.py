"""Several senders on one database, and an account that somebody else uses too: nothing is sent twice or lost."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from ledger_service.chain.transactions import sign_transaction
from ledger_service.domain.vocabulary import Kind, Role
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.store.tables import ChainRecord, Lease, TransactionRow
from ledger_service.workers.loop import Limits, Workers

from .cases import Case
from .conftest import Ledger
from .test_faults import Undo, _is_read

FIRST, SECOND = Kind.AUTHORISED, Kind.PICKED_UP


@pytest.fixture
def reorg(ledger: Ledger) -> Undo:
    return Undo(ledger.world)


def _workers(ledger: Ledger, **more: Any) -> Workers:
    return Workers(ledger, ledger.rpc, writer=ledger.world.writer, operator=ledger.world.operator, **more)


def _transactions(ledger: Ledger) -> list[TransactionRow]:
    with ledger.database.read() as session:
        return list(session.exec(select(TransactionRow)))


def _assert_once(ledger: Ledger, cases: list[Case], *kinds: str) -> None:
    """Each case has these links, each nonce one first attempt, and nothing was refused."""
    for case in cases:
        assert ledger.book.timeline(case) == ["requested", *kinds]
        assert {stage for _, stage, _ in ledger.book.stages(case)} == {"final"}
    rows = _transactions(ledger)
    roots = Counter((row.writer, row.nonce) for row in rows if row.tx_hash == row.root)
    assert set(roots.values()) == {1}
    with ledger.database.read() as session:
        ours = col(ChainRecord.case_id).in_([case.id for case in cases])
        carried = session.exec(select(ChainRecord.tx_hash).where(ours)).all()
    assert set(carried) <= {row.tx_hash for row in rows}


def test_two_processes_on_one_database_send_everything_once(ledger: Ledger) -> None:
    ledger.run_until(ledger.book.settled)
    other = _workers(ledger)
    cases = [ledger.book.open() for _ in range(20)]
    for case in cases:
        ledger.book.state(case, FIRST, Role.MERCHANT)

    def both() -> bool:
        other.round()
        return ledger.book.settled()

    ledger.run_until(both)
    assert not other.health().failures
    assert other.health().ready
    with ledger.database.read() as session:
        assert len({lease.holder for lease in session.exec(select(Lease))}) == 1

    ledger.workers.stop()  # gives its leases back: the other goes on without waiting for their end
    for case in cases:
        ledger.book.state(case, SECOND, Role.CARRIER)
    ledger.workers = other
    ledger.run_until(ledger.book.settled, seconds=12)
    _assert_once(ledger, cases, "authorised", "picked_up")


def test_a_holder_that_stalls_and_wakes_up_after_its_lease_can_keep_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.run_until(ledger.book.settled)
    cases = [ledger.book.open() for _ in range(3)]
    stalled, other = ledger.workers, _workers(ledger)
    sender = stalled._submitter.writers[0]
    keep = sender._keep

    def stall(rows: Any) -> None:
        """Everything was read and signed. Meanwhile its leases end, and the other does the same work."""
        monkeypatch.setattr(sender, "_keep", keep)
        with ledger.database.write() as session:
            session.execute(text("UPDATE leases SET expires_at = 0"))
        ledger.workers = other
        ledger.run_until(ledger.book.settled)
        keep(rows)

    monkeypatch.setattr(sender, "_keep", stall)
    stalled.round()
    assert "Somebody else does send" in stalled.health().failures["submit"]
    ledger.run_until(lambda: _is_read(ledger))
    _assert_once(ledger, cases)


def test_several_writers_keep_the_order_within_each_case(ledger: Ledger) -> None:
    ledger.run_until(ledger.book.settled)
    keys = [LocalSigner(new_key()) for _ in range(3)]
    rich = ledger.rpc.call("eth_accounts")[2]
    for key in keys:
        money = {"from": rich, "to": key.address, "value": hex(10**19)}
        ledger.rpc.wait_for_receipt(ledger.rpc.call("eth_sendTransaction", money))
    ledger.workers.stop()
    ledger.workers = _workers(ledger, more_writers=keys, limits=Limits(batch_size=5))
    cases = [ledger.book.open() for _ in range(24)]
    for case in cases:
        ledger.book.state(case, FIRST, Role.MERCHANT)
        ledger.book.state(case, SECOND, Role.CARRIER)
    ledger.run_until(ledger.book.settled, seconds=60)
    assert {row.writer for row in _transactions(ledger)} >= {key.address for key in (ledger.world.writer, *keys)}
    _assert_once(ledger, cases, "authorised", "picked_up")


# --- nonces and prices -----------------------------------------------------------------------------------------------


def _burn(ledger: Ledger, count: int) -> None:
    """Somebody else sends with the writer's key."""
    writer = ledger.world.writer
    first = ledger.rpc.nonce(writer.address)
    price = int(ledger.rpc.call("eth_gasPrice"), 16) * 2
    for nonce in range(first, first + count):
        signed = sign_transaction(
            writer,
            chain_id=ledger.deployment.chain_id,
            nonce=nonce,
            gas_price=price,
            gas=21_000,
            to=writer.address,
            data=b"",
        )
        ledger.rpc.wait_for_receipt(ledger.rpc.send_raw(signed.raw))


@pytest.mark.parametrize("burnt", [1, 20])
def test_a_gap_that_a_reorg_leaves_is_filled(ledger: Ledger, reorg: Undo, burnt: int) -> None:
    case = ledger.book.open()
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    reorg.mark()
    _burn(ledger, burnt)
    ledger.book.state(case, FIRST, Role.MERCHANT)
    ledger.run_until(ledger.book.settled)
    reorg.undo()
    ledger.run_until(lambda: ledger.book.timeline(case) == ["requested", "authorised"] and _is_read(ledger))
    _assert_once(ledger, [case], "authorised")


def test_nonces_that_somebody_else_uses_up_hold_up_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    case = ledger.book.open()
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    sender = ledger.workers._submitter.writers[0]
    monkeypatch.setattr(sender, "broadcast", lambda _rows: None)  # lost on the way
    ledger.book.state(case, FIRST, Role.MERCHANT)
    ledger.workers.round()
    monkeypatch.undo()
    _burn(ledger, 1)
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    _assert_once(ledger, [case], "authorised")


def test_what_pays_too_little_is_replaced_and_the_dearer_one_settles_it(ledger: Ledger) -> None:
    if ledger.world.chain.name != "anvil":
        pytest.skip("ganache mines whatever is sent at once")
    case = ledger.book.open()
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    ledger.workers.stop()
    ledger.workers = _workers(ledger, limits=Limits(patience=0))
    ledger.rpc.call("evm_setAutomine", False)
    try:
        ledger.book.state(case, FIRST, Role.MERCHANT)
        ledger.workers.round()
        (waiting,) = [row for row in _transactions(ledger) if not row.settled]

        def replaced() -> bool:
            ledger.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(waiting.gas_price + 1))
            ledger.rpc.call("evm_mine")  # a block without it
            return len(_transactions(ledger)) > count

        count = len(_transactions(ledger))
        ledger.run_until(replaced, seconds=30)
    finally:
        ledger.rpc.call("evm_setAutomine", True)
        ledger.rpc.call("evm_mine")
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    _assert_once(ledger, [case], "authorised")
    attempts = [row for row in _transactions(ledger) if row.root == waiting.root]
    mined = [row for row in attempts if ledger.rpc.receipt(row.tx_hash)]
    assert len(mined) == 1
    assert mined[0].gas_price * 10 >= waiting.gas_price * 11
