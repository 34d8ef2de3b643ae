"""What is sent for one account when the other's is refused, and how much goes into one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rlp
from sqlmodel import select

from ledger_service.chain.abi import ESCROW, LEDGER
from ledger_service.chain.deployments import Contract, Deployment
from ledger_service.chain.rpc import Rpc, RpcRefused
from ledger_service.chain.transactions import intrinsic_gas
from ledger_service.clock import FixedClock
from ledger_service.domain.hashing import from_hex, hex0x, word
from ledger_service.domain.vocabulary import Kind
from ledger_service.errors import IntegrityFailure, Unavailable
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services.policies import shipped_policies
from ledger_service.store.cases import enqueue
from ledger_service.store.database import Database
from ledger_service.store.judged import Ending, clear_leftovers, set_done_by_subject
from ledger_service.store.tables import Account, CaseRow, ChainCase, OutboxRow, RecordRow, TransactionRow
from ledger_service.workers.batches import Batches, Item
from ledger_service.workers.gas import AWARD, WALLET, GasPlan
from ledger_service.workers.submitter import Submitter

_ADDRESS = "0x" + "11" * 20
_LARGEST = 2**24  # gas of one transaction, by EIP-7825


class Chain(Rpc):
    """Takes every transaction but those that `refuses` names, and mines none."""

    def __init__(self, block_gas: int = 60_000_000) -> None:
        super().__init__("http://127.0.0.1:9")
        self.block_gas = block_gas
        self.taken: list[bytes] = []
        self.refuses: set[bytes] = set()
        self.wallets: set[str] = set()

    def batch(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        return [self._answer(*call) for call in calls]

    def _answer(self, method: str, *params: Any) -> Any:
        if method == "eth_sendRawTransaction":
            raw = from_hex(params[0])
            if rlp.decode(raw)[3] in self.refuses:
                return RpcRefused(method, {"code": -32000, "message": "insufficient funds"})
            self.taken.append(raw)
            return "0x"
        if method == "eth_getCode":
            return "0xfe" if params[0] in self.wallets else "0x"
        answers = {
            "eth_gasPrice": "0x1",
            "eth_getTransactionCount": "0x0",
            "eth_call": hex0x(word(400_000)),
            "web3_clientVersion": "Geth",
        }
        block = {"number": "0x1", "timestamp": "0x1", "gasLimit": hex(self.block_gas), "hash": "", "parentHash": ""}
        return answers.get(method, block)


@pytest.fixture
def chain() -> Iterator[Chain]:
    chain = Chain()
    yield chain
    chain.close()


def _submitter(database: Database, chain: Chain, clock: FixedClock | None = None) -> Submitter:
    ledger, escrow = Contract("0x" + "22" * 20, "0x", "0x"), Contract("0x" + "33" * 20, "0x", "0x")
    return Submitter(
        database,
        chain,
        Deployment(1337, "0x", 0, _ADDRESS, _ADDRESS, {LEDGER: ledger, ESCROW: escrow}),
        writers=[LocalSigner(new_key())],
        operator=LocalSigner(new_key()),
        clock=clock or FixedClock(datetime(2026, 3, 1, tzinfo=UTC)),
        policy_by_id=shipped_policies().by_id,
    )


def _batches(database: Database, chain: Chain) -> Batches:
    """Of the writer, who has just looked at the chain."""
    batches = _submitter(database, chain).writers[0]._batches
    list(batches.make(set(), 1, chain.block_gas))
    return batches


def _ask(database: Database, *, withdrawals: int, policy: str) -> None:
    with database.write() as session:
        enqueue(session, "register_policy", policy, 0)
        for number in range(withdrawals):
            enqueue(session, "withdraw", f"0x{number:064x}", 0)


def test_an_operator_that_cannot_send_leaves_the_writer_alone(database: Database, chain: Chain) -> None:
    submitter = _submitter(database, chain)
    chain.refuses = {b"\x22" * 20}  # what goes to the ledger: here, the policies alone
    _ask(database, withdrawals=1, policy=hex0x(shipped_policies().all()[0].id()))
    for _ in range(2):  # when it is made, and when it is sent again
        with pytest.raises(Unavailable, match="insufficient funds"):
            submitter.step_operator()
        submitter.step_writer()
    assert {rlp.decode(raw)[3] for raw in chain.taken} == {b"\x33" * 20}
    assert submitter.in_flight == 1
    with database.read() as session:
        assert len(session.exec(select(TransactionRow)).all()) == 2


def test_a_policy_that_nobody_knows_leaves_the_writer_alone(database: Database, chain: Chain) -> None:
    submitter = _submitter(database, chain)
    _ask(database, withdrawals=1, policy="0x" + "99" * 32)
    with pytest.raises(IntegrityFailure):
        submitter.step_operator()
    assert submitter.step_writer() == 1


@pytest.mark.parametrize("block_gas", [6_721_975, 30_000_000, 60_000_000, 2**53])
def test_no_transaction_asks_for_more_gas_than_a_chain_takes(database: Database, chain: Chain, block_gas: int) -> None:
    chain.block_gas = block_gas
    submitter = _submitter(database, chain)
    _ask(database, withdrawals=100, policy="0x" + "99" * 32)
    submitter.step_writer()
    asked = [int.from_bytes(rlp.decode(raw)[2], "big") for raw in chain.taken]
    assert len(asked) > 2
    assert max(asked) <= min(block_gas, _LARGEST)


@pytest.mark.parametrize("block_gas", [6_721_975, 30_000_000, 60_000_000, 2**53])
def test_a_batch_takes_as_many_items_as_there_is_room_for(database: Database, chain: Chain, block_gas: int) -> None:
    chain.block_gas = block_gas
    items = [Item(1, b"\xff" * (24 * 32), 120_000, 24) for _ in range(1_000)]
    (batch,) = _batches(database, chain)._batch(_ADDRESS, items, b"".join, 1)
    most = min(block_gas, _LARGEST)
    asked = intrinsic_gas(batch.data) + batch.gas
    assert 0.85 * most < asked <= most or block_gas > _LARGEST
    assert asked <= most


def test_an_item_that_passes_the_room_is_sent_alone(database: Database, chain: Chain) -> None:
    made = _batches(database, chain)._batch(_ADDRESS, [Item(1, b"", 10**8, 1)] * 3, b"".join, 2)
    assert [batch.rows for batch in made] == [[1], [1]]


def test_a_hundred_acts_of_held_keys_fit_one_transaction() -> None:
    plan = GasPlan({}, frozenset())
    kinds = [Kind.INSPECTED, Kind.ACCEPTED, Kind.CANCELLED, Kind.DISPUTED]
    assert max(plan.act(kind.wire, 0, _ADDRESS) for kind in kinds) * 100 < 16_000_000 * 0.95


def test_wallets_and_fees_are_planned_for() -> None:
    panels = {
        1: {"threshold": 3, "fallback_panel": 2, "appeal_panel": 3},
        2: {"threshold": 1, "fallback_panel": 0, "appeal_panel": 0},
        3: {"threshold": 5, "fallback_panel": 0, "appeal_panel": 0},
    }
    plan = GasPlan(panels, frozenset({_ADDRESS}))
    plain = GasPlan({}, frozenset())
    for accounts in ((_ADDRESS,), ("0x" + "55" * 20, _ADDRESS)):  # who signed, and who holds the role now
        assert plan.act("evidence", 1, *accounts) == plain.act("evidence", 1, *accounts) + WALLET
    assert plan.poke(1) == plain.poke(1) + AWARD * (3 + 3 + 5)
    assert plan.poke(2) == plain.poke(2) + AWARD * 2


# --- what was undone whole -------------------------------------------------------------------------------------------


def _accept(database: Database, *case_ids: str) -> list[str]:
    """An act of the consumer's in each of these cases, in this order; their ids."""
    record_ids = []
    with database.write() as session:
        if session.get(Account, 1) is None:
            session.add(Account(name="Shop", role="merchant", address=_ADDRESS, api_key_hash="x", created_at=0))
            session.flush()
        for case_id in case_ids:
            if session.get(CaseRow, case_id) is None:
                session.add(_case(case_id))
                session.flush()
            count = len(session.exec(select(RecordRow)).all())
            record = _record(f"rec_{count}", case_id, count)
            session.add(record)
            session.flush()
            enqueue(session, "act", record.record_id, 0, case_id=case_id, record_id=record.record_id)
            record_ids.append(record.record_id)
    return record_ids


def _case(case_id: str) -> CaseRow:
    roles: dict[str, Any] = dict.fromkeys(
        ("merchant", "carrier", "warehouse", "inspector", "consumer", "token"), _ADDRESS
    )
    words: dict[str, Any] = {
        "reference": "RMA-1",
        "policy": "eu-14",
        "policy_id": "0x",
        "mode": "none",
        "currency": "GBP",
    }
    sums: dict[str, Any] = {"refund_minor": 1, "freight_minor": 0, "reserve_minor": 0, "opened_at": 0}
    return CaseRow(case_id=case_id, account_id=1, language="en", terms='{"panel": 0}', **roles, **words, **sums)


def _record(record_id: str, case_id: str, number: int) -> RecordRow:
    return RecordRow(
        record_id=record_id,
        case_id=case_id,
        kind="cancelled",
        role="consumer",
        signer=_ADDRESS,
        key_holder="service",
        canonical=b"{}",
        commitment=hex0x(word(number + 1)),
        nonce=0,
        valid_until=2**31,
        signature=bytes(64) + b"\x1b",
        occurred_at=0,
        accepted_at=0,
        receipt="",
    )


def _sent(database: Database) -> list[list[str]]:
    """The subjects of each transaction that is on its way."""
    with database.read() as session:
        hashes = session.exec(select(TransactionRow.tx_hash)).all()
        rows = session.exec(select(OutboxRow)).all()
    carried = [[row.subject for row in rows if row.tx_hash == one and not row.done] for one in hashes]
    return sorted(subjects for subjects in carried if subjects)


def _undo(database: Database, *subjects: str) -> None:
    """As if the transaction with these was mined, and undone whole."""
    with database.write() as session:
        rows = session.exec(select(OutboxRow)).all()
        clear_leftovers(session, [str(row.tx_hash) for row in rows if row.subject in subjects][:1], Ending.UNDONE)


def _done(database: Database, *subjects: str) -> None:
    with database.write() as session:
        set_done_by_subject(session, "act", subjects)


def _gas(raw: bytes) -> int:
    return int.from_bytes(rlp.decode(raw)[2], "big")


_CASES = [hex0x(word(number)) for number in range(1, 5)]


def test_what_was_undone_whole_goes_one_at_a_time_with_gas_for_a_wallet(database: Database, chain: Chain) -> None:
    submitter = _submitter(database, chain)
    acts = _accept(database, *_CASES[:3])
    submitter.step_writer()
    assert _sent(database) == [acts]
    _undo(database, *acts)
    (new,) = _accept(database, _CASES[3])
    submitter.step_writer()

    assert _sent(database) == [[one] for one in (*acts, new)]
    assert rlp.decode(chain.taken[1])[5] != rlp.decode(chain.taken[2])[5]
    together, first, *alone = (_gas(raw) for raw in chain.taken)
    assert together > first  # the new one, with no wallet on top, and ahead of the others
    assert all(gas > first + WALLET * 9 // 10 for gas in alone)


def test_one_that_is_undone_alone_waits_a_while_and_holds_up_its_own_case_only(
    database: Database, chain: Chain
) -> None:
    clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
    submitter = _submitter(database, chain, clock)
    bad, good = _accept(database, *_CASES[:2])
    submitter.step_writer()
    _undo(database, bad, good)
    submitter.step_writer()
    _done(database, good)
    (after,) = _accept(database, _CASES[0])
    submitter.step_writer()
    assert _sent(database) == [[bad]]  # what comes after it would be refused if it is undone again

    _undo(database, bad)
    (other,) = _accept(database, _CASES[2])
    submitter.step_writer()
    assert _sent(database) == [[other]]
    clock.move(timedelta(seconds=60))
    submitter.step_writer()
    assert sorted(_sent(database)) == sorted([[bad], [other]])
    _done(database, bad)
    submitter.step_writer()
    assert sorted(_sent(database)) == sorted([[after], [other]])


def test_an_act_is_planned_for_whoever_is_the_consumer_by_now(database: Database, chain: Chain) -> None:
    wallet = "0x" + "77" * 20
    chain.wallets = {wallet}
    _accept(database, _CASES[0])
    submitter = _submitter(database, chain)
    with database.write() as session:
        session.add(_chain_case(_CASES[0], wallet))
    submitter.step_writer()
    _accept(database, _CASES[1])
    submitter.step_writer()
    with_wallet, without = (_gas(raw) for raw in chain.taken)
    assert with_wallet > without + WALLET * 9 // 10


def _chain_case(case_id: str, consumer: str) -> ChainCase:
    words: dict[str, Any] = dict.fromkeys(
        ("state", "mode", "grade", "nonces", "head", "merchant", "token", "policy"), ""
    )
    numbers: dict[str, Any] = dict.fromkeys(("flags", "deadline", "due", "length", "share", "fee", "block_number"), 0)
    return ChainCase(case_id=case_id, consumer=consumer, **words, **numbers)
