"""One account that sends: what is stuck pays more up to a limit, gaps are filled, nobody sends for somebody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rlp
from eth_account import Account as EthAccount
from sqlmodel import Session, select

from ledger_service.chain.abi import ESCROW, LEDGER
from ledger_service.chain.deployments import Contract, Deployment
from ledger_service.chain.rpc import Rpc, RpcRefused
from ledger_service.clock import FixedClock
from ledger_service.domain.hashing import from_hex, hex0x, word
from ledger_service.errors import ReorgTooDeep, Unavailable
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services.policies import shipped_policies
from ledger_service.store.cases import enqueue
from ledger_service.store.database import Database
from ledger_service.store.leases import LeaseLost
from ledger_service.store.tables import ChainCursor, OutboxRow, TransactionRow
from ledger_service.store.transactions import roots_of, settle
from ledger_service.workers.submitter import Submitter

_ADDRESS = "0x" + "11" * 20
_GWEI = 10**9


class Chain(Rpc):
    """Takes what is sent and mines nothing by itself: a test says what its blocks, prices and nonces are."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9")
        self.price, self.base_fee, self.number, self.nonce = 2 * _GWEI, 0, 1, 0
        self.taken: list[bytes] = []
        self.refuses: dict[int, str] = {}  # by nonce

    def batch(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        return [self._answer(*call) for call in calls]

    def _answer(self, method: str, *params: Any) -> Any:
        if method == "eth_sendRawTransaction":
            raw = from_hex(params[0])
            why = self.refuses.get(_int(rlp.decode(raw)[0]))
            if why:
                return RpcRefused(method, {"code": -32000, "message": why})
            self.taken.append(raw)
            return "0x"
        return {
            "eth_gasPrice": hex(self.price),
            "eth_getTransactionCount": hex(self.nonce),
            "eth_call": hex0x(word(400_000)),
            "web3_clientVersion": "Geth",
            "eth_getBlockByNumber": {
                "number": hex(self.number),
                "timestamp": "0x1",
                "gasLimit": hex(60_000_000),
                "baseFeePerGas": hex(self.base_fee),
                "hash": "",
                "parentHash": "",
            },
        }[method]


@pytest.fixture
def chain() -> Iterator[Chain]:
    chain = Chain()
    yield chain
    chain.close()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 3, 1, tzinfo=UTC))


def _submitter(database: Database, chain: Chain, clock: FixedClock, **more: Any) -> Submitter:
    ledger, escrow = Contract("0x" + "22" * 20, "0x", "0x"), Contract("0x" + "33" * 20, "0x", "0x")
    more.setdefault("writers", [LocalSigner(new_key())])
    return Submitter(
        database,
        chain,
        Deployment(1337, "0x", 0, _ADDRESS, _ADDRESS, {LEDGER: ledger, ESCROW: escrow}),
        operator=LocalSigner(new_key()),
        clock=clock,
        policy_by_id=shipped_policies().by_id,
        batch_size=1,
        patience=60,
        **more,
    )


def _ask(database: Database, *numbers: int) -> None:
    """A withdrawal in each of these cases."""
    with database.write() as session:
        for number in numbers:
            enqueue(session, "withdraw", hex0x(word(number)), 0, case_id=hex0x(word(number)))


def _attempts(database: Database) -> dict[int, list[int]]:
    """Prices by nonce, rising."""
    with database.read() as session:
        rows = session.exec(select(TransactionRow)).all()
    return {nonce: sorted(row.gas_price for row in rows if row.nonce == nonce) for nonce in {row.nonce for row in rows}}


def _int(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _later(submitter: Submitter, chain: Chain, clock: FixedClock, *, blocks: int = 1) -> None:
    """A step after somebody's patience, with blocks that took nothing of ours; the one before notices who is first."""
    clock.move(timedelta(seconds=6))
    submitter.step_writer()
    clock.move(timedelta(seconds=61))
    chain.number += blocks
    submitter.step_writer()


def test_what_waits_too_long_is_sent_again_for_more_with_nothing_else_changed(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, 1, 2, 3)
    submitter.step_writer()
    first = [rlp.decode(raw) for raw in chain.taken]
    _later(submitter, chain, clock)

    last = {_int(rlp.decode(raw)[0]): raw for raw in chain.taken}
    for old in first:
        raw = last[_int(old[0])]
        new = rlp.decode(raw)
        assert [*new[:1], *new[2:6]] == [*old[:1], *old[2:6]]  # nonce, gas, to, value, data
        assert _int(new[1]) * 10 >= _int(old[1]) * 11
        assert EthAccount.recover_transaction(raw) == submitter.writers[0].address
    assert _attempts(database) == {nonce: [2 * _GWEI, 2 * _GWEI * 9 // 8] for nonce in range(3)}


def test_the_price_follows_the_chain_s_where_that_rose_by_more(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, 1)
    submitter.step_writer()
    chain.price = 100 * _GWEI
    _later(submitter, chain, clock)
    assert _attempts(database) == {0: [2 * _GWEI, 100 * _GWEI]}


def test_nothing_pays_more_while_the_chain_stands_still(database: Database, chain: Chain, clock: FixedClock) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, 1)
    submitter.step_writer()
    _later(submitter, chain, clock, blocks=0)
    assert _attempts(database) == {0: [2 * _GWEI]}


def test_what_the_node_refuses_does_not_become_dearer_while_it_does(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, 1)
    chain.refuses[0] = "insufficient funds for gas * price + value"
    for _ in range(5):
        with pytest.raises(Unavailable, match="insufficient funds"):
            submitter.step()
        chain.number += 1
        clock.move(timedelta(seconds=61))
    assert len(_attempts(database)[0]) == 1


def test_who_sends_again_after_a_pause_has_not_waited_yet(database: Database, chain: Chain, clock: FixedClock) -> None:
    submitter = _submitter(database, chain, clock)
    submitter.step()
    clock.move(timedelta(seconds=300))
    chain.number += 20
    _ask(database, 1)
    submitter.step()
    chain.number += 1
    clock.move(timedelta(seconds=10))
    submitter.step()
    assert [len(prices) for prices in _attempts(database).values()] == [1]


def test_any_number_of_attempts_can_be_raised_once_more(database: Database, chain: Chain, clock: FixedClock) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, *range(1, 17))
    for _ in range(2):
        submitter.step()
    for _ in range(20):
        chain.number += 1
        clock.move(timedelta(seconds=61))
        submitter.step()
    assert {len(prices) for prices in _attempts(database).values()} == {21}


def test_a_nonce_far_beyond_ours_is_asked_for_twice(database: Database, chain: Chain, clock: FixedClock) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, 1)
    submitter.step()
    _ask(database, 2)
    chain.nonce = 1_000_000
    with pytest.raises(Unavailable, match="1000000 comes next"):
        submitter.step()
    chain.nonce = 1
    submitter.step()
    assert set(_attempts(database)) == {0, 1}
    _ask(database, 3)
    chain.nonce = 500
    with pytest.raises(Unavailable, match="500 comes next"):
        submitter.step()
    submitter.step()
    assert set(_attempts(database)) == {0, 1, 500}


def test_a_node_that_is_behind_what_was_read_changes_nothing(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, 1)
    submitter.step()
    with database.write() as session:
        session.add(ChainCursor(id=1, block_number=9, block_hash="0x"))
        settle(session, [row.root for row in session.exec(select(TransactionRow))])
    _ask(database, 2)
    with pytest.raises(Unavailable, match="9 was read"):
        submitter.step()
    with database.read() as session:
        assert [row.settled for row in session.exec(select(TransactionRow))] == [True]


def test_one_that_was_mined_settles_every_attempt(database: Database, chain: Chain, clock: FixedClock) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, 1)
    submitter.step_writer()
    _later(submitter, chain, clock)
    with database.write() as session:
        rows = session.exec(select(TransactionRow)).all()
        dearer = max(rows, key=lambda row: row.gas_price)
        roots = roots_of(session, [dearer.tx_hash])
        settle(session, list(roots.values()))
    with database.read() as session:
        assert [row.settled for row in session.exec(select(TransactionRow))] == [True, True]
        assert session.exec(select(OutboxRow.tx_hash)).one() == roots[dearer.tx_hash]


def test_no_attempt_pays_more_than_the_limit_and_health_says_so(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    submitter = _submitter(database, chain, clock, max_gas_price=4 * _GWEI)
    _ask(database, 1)
    submitter.step_writer()
    chain.price = 100 * _GWEI
    with pytest.raises(Unavailable, match=r"LEDGER_MAX_GAS_PRICE allows 4\."):
        _later(submitter, chain, clock)
    assert _attempts(database) == {0: [2 * _GWEI, 4 * _GWEI]}

    chain.price = 2 * _GWEI  # it is cheaper again: what waited goes on
    chain.nonce = 1
    _ask(database, 2)
    clock.move(timedelta(seconds=6))
    assert submitter.step_writer() == 1


def test_a_first_attempt_pays_the_limit_while_that_suffices_and_nothing_is_signed_where_it_does_not(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    submitter = _submitter(database, chain, clock, max_gas_price=4 * _GWEI)
    _ask(database, 1)
    chain.price = 5 * _GWEI
    with pytest.raises(Unavailable, match="Gas costs 5 gwei"):
        submitter.step_writer()
    assert _attempts(database) == {}
    chain.price, chain.base_fee = 3 * _GWEI, int(2.5 * _GWEI)
    submitter.step_writer()
    assert _attempts(database) == {0: [4 * _GWEI]}


@pytest.mark.parametrize(
    "answer",
    ["replacement transaction underpriced", "transaction can't be replaced, mining has already started."],
)
def test_a_replacement_that_a_node_does_not_take_any_more_is_no_failure(
    database: Database, chain: Chain, clock: FixedClock, answer: str
) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, 1)
    submitter.step_writer()
    chain.refuses = {0: answer}
    _later(submitter, chain, clock)
    _later(submitter, chain, clock)
    assert len(_attempts(database)[0]) == 3


@pytest.mark.parametrize("gap", range(1, 21))
def test_nonces_that_nobody_was_saved_for_are_filled(
    database: Database, chain: Chain, clock: FixedClock, gap: int
) -> None:
    """Somebody else's transactions with our key were on the chain when ours was signed, and are no more."""
    submitter = _submitter(database, chain, clock)
    chain.nonce = 5 + gap
    _ask(database, 1)
    submitter.step_writer()
    chain.nonce = 5
    clock.move(timedelta(seconds=6))
    submitter.step_writer()
    sent = {_int(rlp.decode(raw)[0]): rlp.decode(raw) for raw in chain.taken}
    assert sorted(sent) == list(range(5, 6 + gap))
    for nonce in range(5, 5 + gap):
        assert hex0x(sent[nonce][3]).lower() == submitter.writers[0].address.lower()
        assert (sent[nonce][4], sent[nonce][5]) == (b"", b"")
    clock.move(timedelta(seconds=6))
    submitter.step_writer()
    assert sorted(_attempts(database)) == list(range(5, 6 + gap))


def test_what_was_said_to_be_over_is_sent_again_when_the_chain_waits_for_it(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    submitter = _submitter(database, chain, clock)
    _ask(database, 1, 2)
    submitter.step_writer()
    with database.write() as session:
        row = session.exec(select(TransactionRow).where(TransactionRow.nonce == 0)).one()
        settle(session, [row.root])
    for _ in range(2):
        clock.move(timedelta(seconds=6))
        submitter.step_writer()
    assert [_int(rlp.decode(raw)[0]) for raw in chain.taken].count(0) == 2


def test_a_sender_whose_lease_is_lost_keeps_and_sends_nothing(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    def lost(_session: Session, _address: str) -> None:
        raise LeaseLost("Somebody else does this now.")

    _ask(database, 1)
    with pytest.raises(LeaseLost):
        _submitter(database, chain, clock, fence=lost).step_writer()
    assert (_attempts(database), chain.taken) == ({}, [])


def test_nothing_is_sent_after_a_reorg_that_is_not_believed(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    with database.write() as session:
        session.add(ChainCursor(id=1, block_number=9, block_hash="0x09", halted="The chain took back its blocks."))
    _ask(database, 1)
    with pytest.raises(ReorgTooDeep, match="took back"):
        _submitter(database, chain, clock).step()
    assert chain.taken == []


# --- several writers -------------------------------------------------------------------------------------------------


def _by_writer(database: Database) -> dict[str, str]:
    """The account that sent for each case."""
    with database.read() as session:
        rows = session.exec(select(OutboxRow).where(OutboxRow.tx_hash != None)).all()  # noqa: E711
        writers = {row.root: row.writer for row in session.exec(select(TransactionRow))}
    sent: dict[str, set[str]] = {}
    for row in rows:
        sent.setdefault(str(row.case_id), set()).add(writers[str(row.tx_hash)])
        assert row.writer == writers[str(row.tx_hash)]
    assert all(len(accounts) == 1 for accounts in sent.values())
    return {case_id: accounts.pop() for case_id, accounts in sent.items()}


def _case_ids() -> list[str]:
    return ["0x" + f"{number:02x}" * 32 for number in range(6)]


def _enqueue(database: Database, case_id: str, length: int) -> None:
    with database.write() as session:
        enqueue(session, "poke", f"{case_id}:{length}", 0, case_id=case_id)


def test_writers_share_the_cases_and_a_case_stays_with_its_own_whatever_their_number(
    database: Database, chain: Chain, clock: FixedClock
) -> None:
    keys = [LocalSigner(new_key()) for _ in range(3)]
    for case_id in _case_ids():
        _enqueue(database, case_id, 1)
    _submitter(database, chain, clock, writers=keys).step_writer()
    at_first = _by_writer(database)
    assert sorted(at_first) == _case_ids()
    assert set(at_first.values()) == {key.address for key in keys}

    for case_id in _case_ids():
        _enqueue(database, case_id, 2)
    _submitter(database, chain, clock, writers=keys, active=1).step_writer()
    assert _by_writer(database) == at_first
    _enqueue(database, "0x" + "ff" * 32, 1)
    _submitter(database, chain, clock, writers=keys, active=1).step_writer()
    assert _by_writer(database)["0x" + "ff" * 32] == keys[0].address

    for case_id in _case_ids():
        _enqueue(database, case_id, 3)
    _submitter(database, chain, clock, writers=keys, active=2).step_writer()
    assert {case_id: who for case_id, who in _by_writer(database).items() if case_id in at_first} == at_first
    with database.read() as session:
        assert all(session.exec(select(OutboxRow.tx_hash)).all())
