"""What a kill, a reorg and a wrong chain do: nothing is lost, nothing is doubled, and the reason is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlmodel import SQLModel, select

from ledger_service.chain.deploy import deploy
from ledger_service.chain.deployments import check_chain, deployment_path, read_deployment, write_deployment
from ledger_service.chain.rpc import wait_until
from ledger_service.domain.vocabulary import Grade, Kind, Mode, Role
from ledger_service.errors import ChainMismatch, LedgerError, ReorgTooDeep, Unavailable
from ledger_service.store.tables import ChainBalance, ChainBlock, ChainCursor, ChainEvent, TransactionRow
from ledger_service.workers.indexer import Indexer
from ledger_service.workers.loop import Limits, Workers
from ledger_service.workers.rewinding import forget_everything
from ledger_service.workers.submitter import Submitter

from .conftest import Ledger, World
from .test_pipeline import fund, head_on_chain

# --- kills -----------------------------------------------------------------------------------------------------------


class Killed(Exception):
    """Stands for the end of the process at this point."""


def _die(_rows: object) -> None:
    """The end of the process between keeping a transaction and sending it."""
    raise Killed


def _submitter(ledger: Ledger) -> Submitter:
    return Submitter(
        ledger.database,
        ledger.rpc,
        ledger.deployment,
        writers=[ledger.world.writer],
        operator=ledger.world.operator,
        clock=ledger.clock,
        policy_by_id=ledger.policies.by_id,
    )


def _transactions(ledger: Ledger) -> list[TransactionRow]:
    with ledger.database.read() as session:
        return list(session.exec(select(TransactionRow)))


def test_submit_killed_between_keeping_and_sending_loses_and_doubles_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.run_until(ledger.book.settled)  # the policies
    before = {row.tx_hash for row in _transactions(ledger)}
    case = ledger.book.open()
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    dying = _submitter(ledger)
    monkeypatch.setattr(dying.writers[0], "broadcast", _die)
    with pytest.raises(Killed):
        dying.step()
    kept = [row for row in _transactions(ledger) if row.tx_hash not in before]
    assert kept
    for row in kept:
        assert row.broadcast_at is None
        assert ledger.rpc.call("eth_getTransactionByHash", row.tx_hash) is None

    ledger.start_workers()
    ledger.run_until(ledger.book.settled)
    assert all(ledger.rpc.receipt(row.tx_hash) for row in kept)
    assert ledger.book.timeline(case) == ["requested", "authorised"]


def test_submit_killed_after_sending_sends_the_same_again_and_it_is_harmless(ledger: Ledger) -> None:
    case = ledger.book.open()
    submitter = _submitter(ledger)
    submitter.step()
    submitter.step()
    submitter.writers[0].broadcast([row for row in _transactions(ledger) if row.writer == ledger.world.writer.address])
    ledger.start_workers()
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested"]


def test_index_with_two_indexers_lets_one_win(ledger: Ledger) -> None:
    ledger.book.open()
    ledger.run_until(ledger.book.settled)
    second = Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id)
    assert second.step().events == 0


# --- reorgs ----------------------------------------------------------------------------------------------------------


def _cursor(ledger: Ledger) -> ChainCursor:
    with ledger.database.read() as session:
        found = session.get(ChainCursor, 1)
        assert found is not None
        return found


def _is_read(ledger: Ledger) -> bool:
    """Whether the newest block is read and nothing of ours is on its way."""
    with ledger.database.read() as session:
        cursor = session.get(ChainCursor, 1)
    at_head = cursor is not None and cursor.block_hash == ledger.rpc.latest().hash
    return at_head and ledger.book.settled() and all(row.settled for row in _transactions(ledger))


class Undo:
    """Takes the blocks since `mark` back and puts others in their place: by `anvil_reorg`, or on ganache by going back
    to a snapshot and making blocks with nothing in them."""

    def __init__(self, world: World) -> None:
        self._chain, self._rpc = world.chain, world.chain.rpc

    def mark(self) -> None:
        self._first = self._rpc.latest().number
        if self._chain.name == "ganache":
            self._snapshot = self._rpc.call("evm_snapshot")

    def undo(self) -> None:
        last = self._rpc.latest()
        assert last.number > self._first
        if self._chain.name == "anvil":
            self._rpc.call("anvil_reorg", last.number - self._first, [])
        else:
            assert self._rpc.call("evm_revert", self._snapshot)
            self._chain.advance(1)  # without it, blocks of the same second could be the same
            while self._rpc.latest().number < last.number:
                self._rpc.call("evm_mine")
        now = self._rpc.block(last.number)
        assert now is not None
        assert now.hash != last.hash


@pytest.fixture
def reorg(world: World) -> Undo:
    return Undo(world)


def test_reorg_of_acts_brings_them_back(ledger: Ledger, reorg: Undo) -> None:
    case = ledger.book.open()
    ledger.run_until(ledger.book.settled)
    reorg.mark()
    for kind, role in ((Kind.AUTHORISED, Role.MERCHANT), (Kind.PICKED_UP, Role.CARRIER), (Kind.RECEIVED, Role.CARRIER)):
        ledger.book.state(case, kind, role)
        ledger.run_until(ledger.book.settled)
    reorg.undo()

    Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id).step()
    assert ledger.book.timeline(case) == ["requested"]
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested", "authorised", "picked_up", "received"]
    found = ledger.book.chain_case(case)
    assert found is not None
    assert found.head == head_on_chain(ledger, case.case_id)
    _assert_replayed(ledger)


def test_reorg_of_an_opening_brings_it_back_with_its_registrations(ledger: Ledger, reorg: Undo) -> None:
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    reorg.mark()
    case = ledger.book.open()
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    ledger.run_until(ledger.book.settled)
    reorg.undo()

    Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id).step()
    assert ledger.book.chain_case(case) is None
    assert [stage for _, stage, _ in ledger.book.stages(case)] == ["submitted", "submitted"]
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested", "authorised"]
    _assert_replayed(ledger)


def test_reorg_of_money_leaves_the_balances_right(ledger: Ledger, reorg: Undo) -> None:
    token = fund(ledger, 10_000)
    reorg.mark()
    case = ledger.book.open(Mode.REFUND, refund=2_000)
    ledger.book.advance_to_inspected(case)
    ledger.run_until(ledger.book.settled)
    reorg.undo()

    Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id).step()
    assert _balance(ledger, token) == 10_000
    ledger.run_until(lambda: _is_read(ledger))
    assert _balance(ledger, token) == 8_000
    _assert_replayed(ledger)


def _balance(ledger: Ledger, token: str) -> int:
    with ledger.database.read() as session:
        found = session.get(ChainBalance, (ledger.book.address(Role.MERCHANT), token))
        return found.minor if found else 0


def _assert_replayed(ledger: Ledger) -> None:
    """The facts are what reading the chain from its first block on gives."""
    facts = _facts(ledger)
    with ledger.database.write() as session:
        forget_everything(session)
    ledger.run_until(lambda: _is_read(ledger))
    assert _facts(ledger) == facts


def _facts(ledger: Ledger) -> dict[str, list[str]]:
    """Every table of the chain, and what the outbox says is done."""
    names = [*(table for table in SQLModel.metadata.tables if table.startswith("chain_")), "outbox"]
    with ledger.database.read() as session:
        return {name: sorted(map(repr, session.execute(text(f"SELECT * FROM {name}")))) for name in names}


def test_index_keeps_blocks_where_something_happened_and_those_that_a_reorg_can_reach(ledger: Ledger) -> None:
    ledger.book.open()
    ledger.run_until(ledger.book.settled)
    indexer = Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id, finality=3)
    for _ in range(6):
        ledger.rpc.call("evm_mine")
        while indexer.step().behind:
            pass
    with ledger.database.read() as session:
        busy = set(session.exec(select(ChainEvent.block_number)).all())
        kept = set(session.exec(select(ChainBlock.number)).all())
    newest = _cursor(ledger).block_number
    assert {number for number in kept if number > newest - 6} == {newest, newest - 1, newest - 2, newest - 3}
    assert busy <= kept


# --- the wrong chain -------------------------------------------------------------------------------------------------


def test_check_chain_accepts_its_own(world: World) -> None:
    check_chain(world.chain.rpc, world.deployment)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"chain_id": 5}, "has id"),
        ({"genesis_hash": "0x" + "00" * 32}, "another first block"),
    ],
)
def test_check_chain_of_another_is_refused(world: World, change: dict[str, object], said: str) -> None:
    with pytest.raises(ChainMismatch, match=said) as caught:
        check_chain(world.chain.rpc, replace(world.deployment, **change))  # type: ignore[arg-type]
    assert caught.value.remedy


def test_check_chain_with_other_code_is_refused(world: World) -> None:
    contracts = dict(world.deployment.contracts)
    contracts["ReturnLedger"] = replace(contracts["ReturnLedger"], code_hash="0x" + "11" * 32)
    with pytest.raises(ChainMismatch, match="other code"):
        check_chain(world.chain.rpc, replace(world.deployment, contracts=contracts))
    contracts["ReturnLedger"] = replace(contracts["ReturnLedger"], address=world.writer.address)
    with pytest.raises(ChainMismatch, match="no code"):
        check_chain(world.chain.rpc, replace(world.deployment, contracts=contracts))


def test_index_of_another_chain_keeps_what_was_read(ledger: Ledger) -> None:
    case = ledger.book.open()
    ledger.run_until(ledger.book.settled)
    with ledger.database.write() as session:
        session.execute(text("UPDATE chain_blocks SET hash = '0x' || substr(hash, 4) || '0'"))
        session.execute(text("UPDATE chain_cursor SET block_hash = '0x' || substr(block_hash, 4) || '0'"))
    other = replace(ledger.deployment, genesis_hash="0x" + "00" * 32)
    with pytest.raises(ChainMismatch, match="another first block"):
        Indexer(ledger.database, ledger.rpc, other, ledger.policies.by_id).step()
    assert ledger.book.timeline(case) == ["requested"]

    believer = Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id, finality=10**9)
    with suppress(Unavailable):
        believer.step()  # its own chain, with nothing in common: all is read anew
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested"]


def test_deploy_again_finds_what_stands_there(world: World) -> None:
    nonce = world.chain.rpc.nonce(world.operator.address)
    assert deploy(world.chain.rpc, world.data, world.operator, world.roles) == world.deployment
    assert world.chain.rpc.nonce(world.operator.address) == nonce


def test_deploy_killed_half_way_is_done_by_the_next(world: World) -> None:
    path = deployment_path(world.data, world.deployment.chain_id)
    path.unlink()  # it is written last: a kill before leaves contracts and no file
    again = deploy(world.chain.rpc, world.data, world.operator, world.roles)
    try:
        assert again.ledger != world.deployment.ledger
        check_chain(world.chain.rpc, again)
        assert read_deployment(world.data, again.chain_id) == again
    finally:
        write_deployment(world.data, world.deployment)


# --- deeper than is believed, and answers that contradict each other -------------------------------------------------


def test_a_reorg_deeper_than_finality_halts_everybody_until_a_rebuild(ledger: Ledger, reorg: Undo) -> None:
    case = ledger.book.open()
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    reorg.mark()
    for kind, role in ((Kind.AUTHORISED, Role.MERCHANT), (Kind.PICKED_UP, Role.CARRIER), (Kind.RECEIVED, Role.CARRIER)):
        ledger.book.state(case, kind, role)
        ledger.run_until(ledger.book.settled)
    cursor = _cursor(ledger)
    reorg.undo()
    ledger.workers.stop()
    ledger.workers = Workers(
        ledger, ledger.rpc, writer=ledger.world.writer, operator=ledger.world.operator, limits=Limits(finality=2)
    )
    sent = len(_transactions(ledger))
    ledger.book.state(case, Kind.INSPECTED, Role.INSPECTOR, grade=Grade.USED, share=9_000)
    for _ in range(2):
        ledger.workers.round()
    failures = ledger.workers.health().failures
    assert "took back its blocks" in failures["index"]
    assert "took back its blocks" in failures["submit"]
    assert not ledger.workers.health().ready
    assert (_cursor(ledger).block_hash, len(_transactions(ledger))) == (cursor.block_hash, sent)
    assert ledger.book.timeline(case)[1:] == ["authorised", "picked_up", "received"]

    with ledger.database.write() as session:
        forget_everything(session)  # what `ledger rebuild` begins with
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested", "authorised", "picked_up", "received", "inspected"]
    _assert_replayed(ledger)


def test_a_halt_is_over_when_the_node_shows_what_was_read_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.book.open()
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    indexer = Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id, finality=0)
    newest = hex(_cursor(ledger).block_number)
    other = {"hash": "0x" + "ab" * 32}
    _lie(ledger, monkeypatch, "eth_getBlockByNumber", lambda one: {**one, **other} if one["number"] == newest else one)
    with pytest.raises(ReorgTooDeep):
        indexer.step()
    assert _cursor(ledger).halted
    monkeypatch.undo()
    indexer.step()
    assert _cursor(ledger).halted is None


def _lie(ledger: Ledger, monkeypatch: pytest.MonkeyPatch, method: str, change: Callable[[Any], Any]) -> None:
    """Changes what the node answers to a method."""
    batch = ledger.rpc.batch

    def lying(calls: Sequence[Any]) -> list[Any]:
        return [
            change(answer) if call[0] == method else answer for call, answer in zip(calls, batch(calls), strict=True)
        ]

    monkeypatch.setattr(ledger.rpc, "batch", lying)


_LIES: list[tuple[str, Callable[[Any], Any]]] = [
    ("eth_getLogs", lambda _: []),
    ("eth_getLogs", lambda logs: logs[:-1]),
    ("eth_getLogs", lambda logs: [{**log, "blockHash": "0x" + "ab" * 32} for log in logs]),
    ("eth_getTransactionReceipt", lambda receipt: receipt and {**receipt, "logs": []}),
    ("eth_getTransactionReceipt", lambda _: None),
    ("eth_getBlockByNumber", lambda block: block and {**block, "parentHash": "0x" + "ab" * 32}),
    ("eth_chainId", lambda _: "0x5"),
]


@pytest.mark.parametrize(("method", "lie"), _LIES)
def test_nothing_of_a_lie_that_shows_is_kept_and_it_heals(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, method: str, lie: Callable[[Any], Any]
) -> None:
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    case = ledger.book.open()
    _submitter(ledger).step()
    wait_until(lambda: ledger.rpc.nonce(ledger.world.writer.address) == _next_nonce(ledger), seconds=10)
    before = _cursor(ledger).block_hash
    _lie(ledger, monkeypatch, method, lie)
    indexer = Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id)
    with pytest.raises(LedgerError, match=r"contradicts itself|changed while|has id 5"):
        indexer.step()
    assert _cursor(ledger).block_hash == before
    assert ledger.book.timeline(case) == []

    monkeypatch.undo()
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested"]


def _next_nonce(ledger: Ledger) -> int:
    return 1 + max(row.nonce for row in _transactions(ledger) if row.writer == ledger.world.writer.address)


# --- the disk --------------------------------------------------------------------------------------------------------


def test_a_full_disk_loses_nothing(ledger: Ledger) -> None:
    if not ledger.database.is_sqlite:
        pytest.skip("filled by a limit that SQLite has")
    case = ledger.book.open()
    others = [ledger.book.open() for _ in range(60)]
    ledger.run_until(ledger.book.settled)
    for one in (case, *others):
        ledger.book.state(one, Kind.AUTHORISED, Role.MERCHANT)

    def limit(pages: int) -> None:
        ledger.database.engine.dispose()
        limits[:] = [pages]

    limits = [0]
    event.listen(ledger.database.engine, "connect", lambda one, _: one.execute(f"PRAGMA max_page_count={limits[0]}"))
    limit(1)  # no page more than there are
    for _ in range(3):
        ledger.workers.round()
    assert ledger.workers.health().failures
    limit(2**30)
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested", "authorised"]
    _assert_replayed(ledger)
