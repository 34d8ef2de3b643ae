"""The indexer against a chain that limits what it answers, and beside another indexer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlmodel import select

from ledger_service.chain.abi import ESCROW, LEDGER, events
from ledger_service.chain.deployments import Contract, Deployment
from ledger_service.chain.rpc import Block, Rpc, RpcRefused
from ledger_service.errors import Conflict, Unavailable
from ledger_service.services.policies import shipped_policies
from ledger_service.store.chain_facts import known_blocks, read_cursor
from ledger_service.store.database import Database
from ledger_service.store.judged import Ending
from ledger_service.store.tables import OutboxRow, TransactionRow
from ledger_service.workers import indexer as module
from ledger_service.workers.indexer import FINALITY, Indexer

_ADDRESS = "0x" + "11" * 20


class Chain(Rpc):
    """Blocks without events, of which no more than `limit` may be asked for logs at once."""

    def __init__(self, head: int, limit: int) -> None:
        super().__init__("http://127.0.0.1:9")
        self.head, self.limit, self.id = head, limit, 1337
        self.asked: list[int] = []
        self.receipt_of: dict[str, Any] | None = None
        self.knows = False
        self.logs: list[dict[str, Any]] = []
        self.hides = ""  # logs from those who ask for "many" blocks, or "all" logs
        self.forked_at: int | None = None  # the first block that is another by now

    def batch(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        return [self._answer(*call) for call in calls]

    def _answer(self, method: str, wanted: Any = None, *_: Any) -> Any:
        if method == "eth_chainId":
            return hex(self.id)
        if method == "eth_getLogs":
            first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
            span = last - first + 1
            self.asked.append(span)
            logs = [log for log in self.logs if first <= int(log["blockNumber"], 16) <= last]
            if self.hides == "all" or (self.hides == "many" and span > 1):
                logs = []
            return logs if span <= self.limit else RpcRefused(method, {"code": -32005, "message": "too many blocks"})
        if method == "eth_getTransactionCount":
            return "0x1"
        if method == "eth_getTransactionReceipt":
            return self.receipt_of
        if method == "eth_getTransactionByHash":
            return {"hash": wanted} if self.knows or self.receipt_of else None
        assert method == "eth_getBlockByNumber"
        return self._block(self.head if wanted == "latest" else int(wanted, 16))

    def _block(self, number: int) -> dict[str, Any]:
        numbers = {"number": number, "timestamp": number, "gasLimit": 30_000_000}
        hashes = {"hash": self._hash(number), "parentHash": self._hash(number - 1)}
        return {**hashes, **{name: hex(value) for name, value in numbers.items()}}

    def _hash(self, number: int) -> str:
        is_other = self.forked_at is not None and number >= self.forked_at
        return f"0x{'f' if is_other else '0'}{number:063x}"


def _indexer(database: Database, chain: Chain) -> Indexer:
    at = Contract(_ADDRESS, "0x", "0x")
    deployment = Deployment(1337, "0x", 0, _ADDRESS, _ADDRESS, {LEDGER: at, ESCROW: at})
    return Indexer(database, chain, deployment, shipped_policies().by_id)


def _cursor(database: Database) -> int | None:
    with database.read() as session:
        cursor = read_cursor(session)
    return cursor.block_number if cursor else None


def test_a_second_indexer_that_begins_at_once_loses(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    chain = Chain(head=10, limit=100)
    first, second = _indexer(database, chain), _indexer(database, chain)
    block = chain.block

    def meanwhile(number: int | str) -> Block | None:
        monkeypatch.setattr(chain, "block", block)
        first.step()
        return block(number)

    monkeypatch.setattr(chain, "block", meanwhile)
    with pytest.raises(Conflict, match="Another indexer"):
        second.step()
    assert _cursor(database) == 10
    assert second.step().behind == 0
    chain.close()


@pytest.mark.parametrize(("limit", "refused"), [(1, [60, 30, 15, 7, 3]), (10, [60, 30, 15]), (59, [60]), (60, [])])
def test_a_node_that_limits_the_range_is_read_in_smaller_parts(
    database: Database, limit: int, refused: list[int]
) -> None:
    chain = Chain(head=60, limit=limit)
    indexer = _indexer(database, chain)
    while indexer.step().behind:
        assert len(chain.asked) < 100
    assert _cursor(database) == 60
    assert sum(span for span in chain.asked if span <= limit) == 60
    later = [span for span in chain.asked if span > limit]
    assert later[: len(refused)] == refused
    assert later[len(refused) :] == [2] * (3 if limit == 1 else 0)  # now and then it is asked for more
    chain.close()


def test_a_node_that_limits_no_more_is_asked_for_as_much_as_before(database: Database) -> None:
    chain = Chain(head=2_000, limit=3)
    indexer = _indexer(database, chain)
    indexer.step()
    chain.limit = 10_000
    while indexer.step().behind:
        pass
    assert max(chain.asked[-5:]) >= 48


@pytest.mark.parametrize(("receipt", "alone"), [("0x0", True), ("0x1", False), (None, False)])
def test_rows_go_alone_once_the_chain_has_undone_their_transaction(
    database: Database, receipt: str | None, alone: bool
) -> None:
    """Not when it was overtaken by another with its nonce, which says nothing of what it carried."""
    chain = Chain(head=5, limit=100)
    indexer = _indexer(database, chain)
    indexer.step()
    chain.receipt_of = {"blockNumber": "0x5", "status": receipt, "logs": []} if receipt else None
    with database.write() as session:
        row: dict[str, Any] = {"writer": _ADDRESS, "nonce": 0, "raw": b"", "gas_price": 1, "created_at": 9}
        session.add(TransactionRow(tx_hash="0x01", root="0x01", **row))
        session.add(OutboxRow(action="act", subject="x", created_at=0, tx_hash="0x01", record_id="x"))
    assert indexer.step().requeued.total() == 1
    with database.read() as session:
        kept = session.exec(select(OutboxRow)).one()
    assert (kept.tx_hash, kept.alone_from, kept.done) == (None, 9 if alone else 0, False)
    chain.close()


def test_a_nonce_that_counts_before_the_receipt_is_there_overtakes_nobody(database: Database) -> None:
    """As of anvil while it makes a block: what it carries would all be sent once more."""
    chain = Chain(head=5, limit=100)
    indexer = _indexer(database, chain)
    indexer.step()
    chain.knows = True
    with database.write() as session:
        row: dict[str, Any] = {"writer": _ADDRESS, "nonce": 0, "raw": b"", "gas_price": 1, "created_at": 9}
        session.add(TransactionRow(tx_hash="0x01", root="0x01", **row))
        session.add(OutboxRow(action="act", subject="x", created_at=0, tx_hash="0x01", record_id="x"))
    assert indexer.step().requeued.total() == 0
    with database.read() as session:
        assert not session.exec(select(TransactionRow)).one().settled
    chain.knows = False  # another one with its nonce was mined
    assert indexer.step().requeued.total() == 1
    chain.close()


def test_a_refusal_of_a_single_block_is_an_error_and_changes_no_span(database: Database) -> None:
    chain = Chain(head=250, limit=0)
    indexer = _indexer(database, chain)
    with pytest.raises(RpcRefused, match="too many blocks"):
        indexer.step()
    assert chain.asked == [100, 50, 25, 12, 6, 3, 1]
    chain.limit = 1_000
    assert indexer.step().block == 100
    chain.close()


def _log(block: int, index: int) -> dict[str, Any]:
    topic = next(topic for (_, topic), kind in events().items() if kind.name == "TokenAllowed")
    currency, exponent, unit = b"EUR".hex().ljust(64, "0"), f"{2:064x}", f"{10_000:064x}"
    return {
        "address": _ADDRESS,
        "topics": [topic, "0x" + "00" * 12 + "22" * 20],
        "data": f"0x{currency}{exponent}{unit}",
        "blockNumber": hex(block),
        "blockHash": f"0x{block:064x}",
        "logIndex": hex(index),
        "transactionHash": "0x" + "33" * 32,
    }


def test_a_block_with_an_event_is_kept_however_old_it_is_when_it_is_read(database: Database) -> None:
    """Idle ones that no reorg can remove any more are not."""
    chain = Chain(head=90, limit=1_000)
    chain.logs = [_log(5, 0)]
    indexer = _indexer(database, chain)
    while indexer.step().behind:
        pass
    with database.read() as session:
        known = [block.number for block in known_blocks(session, up_to=90, limit=100)]
    assert known == [*range(90, 90 - FINALITY - 1, -1), 5]
    chain.close()


def test_the_attempts_of_one_writer_hide_nobody_else_s(database: Database) -> None:
    """However often what it sends was sent again for more."""
    chain = Chain(head=5, limit=100)
    indexer = _indexer(database, chain)
    indexer.step()
    more: dict[str, Any] = {"nonce": 0, "raw": b"", "created_at": 9}
    with database.write() as session:
        for price in range(250):
            stuck = f"0x{price:03x}"
            session.add(TransactionRow(tx_hash=stuck, root="0x000", writer="0x01", gas_price=price, **more))
        session.add(TransactionRow(tx_hash="0xother", root="0xother", writer="0x02", gas_price=1, **more))
        session.add(OutboxRow(action="act", subject="x", created_at=0, tx_hash="0xother", record_id="x"))
    assert indexer.step().requeued.total() == 1
    with database.read() as session:
        assert session.exec(select(OutboxRow.tx_hash)).one() is None
    chain.close()


@pytest.mark.parametrize(("told", "is_believed"), [(1, True), (2, False), (None, True)])
def test_a_part_of_what_a_transaction_of_ours_did_is_not_believed_however_far_behind(
    database: Database, told: int | None, is_believed: bool
) -> None:
    """Unless the node has forgotten the receipt, which old ones it may."""
    chain = Chain(head=FINALITY + 26, limit=1_000)
    chain.logs = [_log(5, 0)]
    receipt = {"blockNumber": "0x5", "blockHash": f"0x{5:064x}", "status": "0x1"}
    chain.receipt_of = None if told is None else {**receipt, "logs": [_log(5, index) for index in range(told)]}
    sent: dict[str, Any] = {"writer": _ADDRESS, "nonce": 0, "raw": b"", "gas_price": 1, "created_at": 9}
    with database.write() as session:
        session.add(TransactionRow(tx_hash="0x" + "33" * 32, root="0x" + "33" * 32, **sent))
    indexer = _indexer(database, chain)
    if is_believed:
        assert indexer.step().events == 1
    else:
        with pytest.raises(Unavailable, match="were left out"):
            indexer.step()
        assert _cursor(database) == 0
    chain.close()


def test_what_a_node_withheld_is_read_again_once_it_shows_it(database: Database) -> None:
    """As long as only a receipt tells of it, nothing is given up for it."""
    chain = Chain(head=9, limit=1_000)
    indexer = _indexer(database, chain)
    indexer.step()
    ours = "0x" + "33" * 32
    chain.receipt_of = {"transactionHash": ours, "blockNumber": "0x5", "blockHash": f"0x{5:064x}", "status": "0x1"}
    chain.receipt_of["logs"] = [_log(5, 0)]
    sent: dict[str, Any] = {"writer": _ADDRESS, "nonce": 0, "raw": b"", "gas_price": 1, "created_at": 9}
    with database.write() as session:
        session.add(TransactionRow(tx_hash=ours, root=ours, **sent))
    for logs, back_to in (([], 9), ([_log(5, 0)], 4)):
        chain.logs = logs
        with pytest.raises(Unavailable, match="left out events of block 5"):
            indexer.step()
        assert _cursor(database) == back_to
    assert indexer.step().events == 1
    while indexer.step().behind:
        pass
    assert _cursor(database) == 9
    chain.close()


# --- nodes that leave out something of what they are asked for -------------------------------------------------------

_OURS = "0x" + "33" * 32


def _hiding(database: Database, hides: str, head: int) -> tuple[Chain, Indexer]:
    """A node with one event, of a transaction of ours in block 5, and its receipt."""
    chain = Chain(head=head, limit=1_000)
    chain.hides, chain.logs = hides, [_log(5, 0)]
    chain.receipt_of = {"transactionHash": _OURS, "blockNumber": "0x5", "blockHash": f"0x{5:064x}", "status": "0x1"}
    chain.receipt_of["logs"] = chain.logs
    sent: dict[str, Any] = {"writer": _ADDRESS, "nonce": 0, "raw": b"", "gas_price": 1, "created_at": 9}
    with database.write() as session:
        session.add(TransactionRow(tx_hash=_OURS, root=_OURS, **sent))
    return chain, _indexer(database, chain)


def _steps(indexer: Indexer, most: int) -> tuple[int, list[str]]:
    """Events that were read in so many steps, and what some of them complained of."""
    read, complaints = 0, []
    for _ in range(most):
        try:
            read += indexer.step().events
        except Unavailable as error:
            complaints.append(str(error))
    return read, complaints


@pytest.mark.parametrize("head", [20, FINALITY + 26])
def test_what_a_node_leaves_out_of_many_blocks_is_read_block_by_block(database: Database, head: int) -> None:
    """However far behind: old blocks are read without receipts at first."""
    chain, indexer = _hiding(database, "many", head)
    read, complaints = _steps(indexer, 15)
    assert read == 1
    assert complaints
    assert _cursor(database) == head
    with database.read() as session:
        assert session.exec(select(TransactionRow.settled)).one()
    chain.close()


def test_going_back_to_what_was_left_out_forgets_nothing_before_it(database: Database) -> None:
    """Also where no block before it is known any more, since nothing happened in it."""
    chain, indexer = _hiding(database, "many", FINALITY + 26)
    while _cursor(database) != 4:
        _, complaints = _steps(indexer, 1)
    assert "left out events of block 5" in complaints[0]
    with database.read() as session:
        assert [block.number for block in known_blocks(session, up_to=100, limit=100)] == [4]
    chain.close()


def test_a_block_is_not_read_again_for_ever(database: Database) -> None:
    """The node shows to whoever looks twice what it hides from whoever reads."""
    chain, indexer = _hiding(database, "all", FINALITY + 26)
    for _ in range(60):
        _, complaints = _steps(indexer, 1)
        chain.hides = "" if _cursor(database) == chain.head else "all"
    assert ["also when that was read for the 4th time" in each for each in complaints] == [True]
    assert _cursor(database) == chain.head
    chain.close()


def test_what_left_no_event_is_over_also_while_there_is_always_a_new_block(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = Chain(head=5, limit=100)
    indexer = _indexer(database, chain)
    indexer.step()
    chain.receipt_of = {"blockNumber": "0x5", "status": "0x0", "logs": []}
    with database.write() as session:
        row: dict[str, Any] = {"writer": _ADDRESS, "nonce": 0, "raw": b"", "gas_price": 1, "created_at": 9}
        session.add(TransactionRow(tx_hash="0x01", root="0x01", **row))
        session.add(OutboxRow(action="act", subject="x", created_at=0, tx_hash="0x01", record_id="x"))
    chain.head += 1
    assert indexer.step().requeued == {Ending.UNDONE: 1}
    assert indexer.step().requeued.total() == 0
    chain.close()


def test_what_another_indexer_went_back_behind_meanwhile_is_not_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The block that held the transaction is gone by the time that it is to be settled."""
    chain = Chain(head=5, limit=100)
    indexer, other = _indexer(database, chain), _indexer(database, chain)
    indexer.step()
    chain.receipt_of = {"blockNumber": "0x5", "status": "0x0", "logs": []}
    with database.write() as session:
        row: dict[str, Any] = {"writer": _ADDRESS, "nonce": 0, "raw": b"", "gas_price": 1, "created_at": 9}
        session.add(TransactionRow(tx_hash="0x01", root="0x01", **row))
        session.add(OutboxRow(action="act", subject="x", created_at=0, tx_hash="0x01", record_id="x"))
    look = module.look_for_silent

    def look_slowly(*asked: Any) -> Any:
        found = look(*asked)
        chain.forked_at, chain.receipt_of, chain.knows = 4, None, True  # it waits again
        monkeypatch.setattr(module, "look_for_silent", look)
        other.step()
        return found

    monkeypatch.setattr(module, "look_for_silent", look_slowly)
    with pytest.raises(Conflict, match="moved the cursor"):
        indexer.step()
    with database.read() as session:
        assert not session.exec(select(TransactionRow.settled)).one()
        assert session.exec(select(OutboxRow.tx_hash)).one() == "0x01"
    chain.close()
