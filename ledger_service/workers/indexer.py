"""Reads the contracts' events and writes what follows from them. It alone says what the chain has.

Facts and cursor move together, in one database transaction, by compare-and-set. A block whose hash is no longer the
chain's shows a reorg: everything above the last common block is deleted, what it touched is replayed, and the chain is
read again from there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from .. import telemetry
from ..chain.abi import checksum
from ..chain.codec import Event, decode_log
from ..chain.deployments import Deployment, check_chain
from ..chain.rpc import Block, Rpc, RpcRefused, block_call
from ..errors import ChainMismatch, Conflict, ReorgTooDeep, Unavailable
from ..store import chain_facts, judged, transactions
from ..store.database import Database
from ..store.judged import Ending
from ..store.tables import ChainBlock, ChainCursor, TransactionRow
from .contradictions import Log, Range, check_range, split_at, too_deep
from .folding import Fold, Row, accounts_of, cases_of, event_row
from .holding import Held, PolicyById
from .outcomes import mark_done, refusals_of
from .rewinding import rewind
from .silent import look_for_silent

_log = structlog.get_logger(__name__)
FINALITY = 64  # blocks after which a reorg is not believed
_SPAN = 100  # blocks asked for at once, to begin with
_WIDEST = 5_000
_FEW, _MANY = 1_000, 10_000  # events of one request: below, ask for more blocks the next time; above, for fewer
_GROW_AFTER = 16  # ranges that a node answered since it last refused one, until it is asked for more again
_SILENT = 5.0  # seconds between two looks for transactions without events, while there is always something to read
_AGAIN = 3  # times that a block is read once more since the node left something out
_BACK = 100  # known blocks compared at once while the last common one is looked for


@dataclass(frozen=True, slots=True)
class Progress:
    """`events` were read; up to `block` of a chain whose newest is `head`. `requeued` counts what is sent once more,
    by how its transaction ended."""

    events: int
    block: int
    head: int
    requeued: Counter[Ending] = field(default_factory=Counter)

    @property
    def behind(self) -> int:
        return self.head - self.block


class Indexer:
    """One for a database; a second one does no harm, it loses every race for the cursor."""

    def __init__(
        self,
        database: Database,
        rpc: Rpc,
        deployment: Deployment,
        policy_by_id: PolicyById,
        finality: int = FINALITY,
    ) -> None:
        self._database = database
        self._rpc = rpc
        self._deployment = deployment
        self._policy_by_id = policy_by_id
        self._finality = finality
        self._span = _SPAN
        self._widest = _WIDEST
        self._answered = 0  # ranges since the last refusal
        self._settled_at = 0.0  # monotonic; when transactions without events were looked for
        self._again: Counter[int] = Counter()  # how often a block was read once more
        self._contracts = deployment.name_of

    def step(self) -> Progress:
        """Reads the next blocks. Raises Unavailable if the chain does not answer, contradicts itself or changed
        meanwhile, Conflict if another indexer was faster, ReorgTooDeep if it took back what was final,
        IntegrityFailure if events are missing."""
        with self._database.read() as session:
            cursor = chain_facts.read_cursor(session)
            sent = transactions.unsettled_of_each(session)
        if cursor is None:
            cursor = self._begin()
        head, same = self._look(cursor)
        if same is None or same.hash != cursor.block_hash:
            cursor = self._go_back(cursor)
            head = self._rpc.latest()
        elif cursor.halted:
            self._go_on(cursor)
        if head.number > cursor.block_number:
            progress = self._read(cursor, head, sent)
            if progress.behind or time.monotonic() < self._settled_at + _SILENT:
                return progress
            with self._database.read() as session:  # on a busy chain there is always a new block
                cursor = chain_facts.read_cursor(session) or cursor
                sent = transactions.unsettled_of_each(session)
        else:
            progress = Progress(0, cursor.block_number, head.number)
        return replace(progress, requeued=progress.requeued + self._settle_silent(cursor, sent)) if sent else progress

    def look(self) -> Progress | None:
        """How far whoever reads has come; None before the first block."""
        with self._database.read() as session:
            cursor = chain_facts.read_cursor(session)
        if cursor is None:
            return None
        if cursor.halted:
            raise too_deep(cursor.halted)
        return Progress(0, cursor.block_number, max(self._rpc.latest().number, cursor.block_number))

    # --- forward -----------------------------------------------------------------------------------------------------

    def _begin(self) -> ChainCursor:
        before = max(self._deployment.deployed_at_block - 1, 0)
        block = self._rpc.block(before)
        if block is None:
            raise ChainMismatch(
                f"The chain has no block {before}, after which the ledger was deployed.",
                remedy="Bring back the chain's own data, or start anew with an empty --data folder.",
            )
        with self._database.write() as session:
            made = chain_facts.create_cursor(session, _block_row(block))
        if not made:
            raise Conflict("Another indexer has set the cursor.", remedy="Run one worker for one database.")
        return ChainCursor(id=1, block_number=block.number, block_hash=block.hash)

    def _look(self, cursor: ChainCursor) -> tuple[Block, Block | None]:
        """The newest block, and the one that the chain has at the cursor. Raises ChainMismatch where the node turned
        into one of another chain."""
        chain_id, newest, same = self._rpc.batch_all(
            [("eth_chainId",), block_call("latest"), block_call(cursor.block_number)]
        )
        if int(chain_id, 16) != self._deployment.chain_id:
            raise ChainMismatch(
                f"The chain at {self._rpc.place} has id {int(chain_id, 16)} by now, not {self._deployment.chain_id}.",
                remedy="Bring back the node, or set LEDGER_CHAIN to one of the right chain.",
            )
        if newest is None:
            raise Unavailable("The chain has no newest block.", remedy="Try again in a moment.")
        return Block.from_json(newest), Block.from_json(same) if same else None

    def _read(self, cursor: ChainCursor, head: Block, sent: Sequence[TransactionRow]) -> Progress:
        last, logs = self._next_logs(cursor, head)
        hashes = [row.tx_hash for row in sent]
        is_far = head.number - cursor.block_number > self._finality
        if is_far:  # all of what we ever sent can be on its way: `_settle_silent` looks later at what shows nothing
            hashes = self._ours_in(logs)
        read = self._fetch(cursor, head, last, logs, hashes)
        if is_far:
            read = replace(read, sent=set(read.mined))  # a node may have forgotten old receipts
        try:
            check_range(read, logs, set(self._contracts))
        except Unavailable:
            self._span = 1  # a node can leave out of many blocks what it shows of one
            raise
        events = [event for event in map(self._decode, logs) if event is not None]
        requeued = self._write(cursor, events, read.blocks, last)
        self._adjust(len(events))
        return Progress(len(events), last, head.number, requeued)

    def _next_logs(self, cursor: ChainCursor, head: Block) -> tuple[int, list[Log]]:
        """The last block of the next range, and its logs in the chain's order. Nodes limit for how many blocks, or
        logs, they may be asked at once, each in words of its own: whatever is refused is asked for half as many."""
        span = min(head.number - cursor.block_number, self._span)
        wanted = span
        while True:
            last = cursor.block_number + span
            try:
                logs = self._logs(cursor.block_number + 1, last)
            except RpcRefused:
                if span == 1:
                    raise  # the number of blocks is not what it is about
                span //= 2
            else:
                break
        if span < wanted:
            self._span = self._widest = span
            self._answered = 0
            _log.info("fewer_blocks_at_once", refused=wanted, blocks=span)
        return split_at(_MANY, logs, last)

    def _logs(self, first: int, last: int) -> list[Log]:
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(self._contracts)}
        logs: list[Log] = self._rpc.call("eth_getLogs", wanted)
        return sorted(logs, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))

    def _ours_in(self, logs: list[Log]) -> list[str]:
        with self._database.read() as session:
            return sorted(transactions.roots_of(session, sorted({log["transactionHash"] for log in logs})))

    def _decode(self, log: Log) -> Event | None:
        return decode_log(log, self._contracts[checksum(log["address"])])

    def _fetch(self, cursor: ChainCursor, head: Block, last: int, logs: list[Log], hashes: Sequence[str]) -> Range:
        """What a range's logs are held against: headers of every block that a reorg can still remove, and elsewhere of
        those with events; the receipts of these transactions of ours."""
        young = range(max(cursor.block_number + 1, head.number - self._finality), last + 1)
        numbers = sorted({cursor.block_number, last, *young, *(int(log["blockNumber"], 16) for log in logs)})
        answers = self._rpc.batch_all(
            [*map(block_call, numbers), *(("eth_getTransactionReceipt", tx_hash) for tx_hash in hashes)]
        )
        found, receipts = answers[: len(numbers)], answers[len(numbers) :]
        if not all(found):
            raise Unavailable("The chain changed while it was read.", remedy="It is read again in a moment.")
        blocks = {number: Block.from_json(answer) for number, answer in zip(numbers, found, strict=True)}
        expected = {cursor.block_number: cursor.block_hash}
        if last == head.number:
            expected[last] = head.hash
        mined = {tx_hash: receipt for tx_hash, receipt in zip(hashes, receipts, strict=True) if receipt}
        return Range(cursor.block_number, last, blocks, expected, set(hashes), mined)

    def _write(
        self, cursor: ChainCursor, events: list[Event], blocks: Mapping[int, Block], last: int
    ) -> Counter[Ending]:
        """All of it or nothing; how many items have to be sent again."""
        fold, rows = self._fold(cursor, events) if events else None, [event_row(event) for event in events]
        with self._database.write() as session:
            if not chain_facts.move_cursor(session, cursor.block_hash, last, blocks[last].hash):
                raise _moved()
            chain_facts.add_blocks(
                session, [_block_row(block) for number, block in blocks.items() if number > cursor.block_number]
            )
            chain_facts.add_events(session, rows)
            chain_facts.forget_idle_blocks(session, cursor.block_number - self._finality, last - self._finality)
            if fold is None:
                return Counter()
            chain_facts.add_panels(session, fold.new_panels)
            chain_facts.add_records(session, fold.records)
            chain_facts.add_votes(session, fold.votes)
            chain_facts.add_anchors(session, fold.anchors)
            chain_facts.put_cases(session, list(fold.cases.values()))
            chain_facts.put_balances(session, list(fold.balances.values()))

            ours = transactions.roots_of(session, sorted({event.tx_hash for event in events}))
            refusals = refusals_of(events, set(ours))
            chain_facts.add_refusals(session, refusals)
            mark_done(session, events, fold, refusals)
            roots = sorted(set(ours.values()))
            transactions.settle(session, roots)
            telemetry.RECORDS.labels("recorded").inc(len(fold.records))
            telemetry.RECORDS.labels("refused").inc(len(refusals))
            _log.info("indexed", block=last, events=len(events), records=len(fold.records), tx_hashes=sorted(ours))
            for row in refusals:
                _log.warning("entry_refused", case_id=row["case_id"], tx_hash=row["tx_hash"], reason=row["reason"])
            return self._clear(session, roots)

    def _fold(self, cursor: ChainCursor, events: list[Event]) -> Fold:
        """What follows from events. It is found before anything is written, since nobody else writes to SQLite
        meanwhile: what it builds on changes with the cursor alone, and was signed before it was sent."""
        with self._database.read() as session:
            found = chain_facts.read_cursor(session)
            if found is None or found.block_hash != cursor.block_hash:
                raise _moved()
            fold = Fold(
                Held(session, events, self._policy_by_id),
                chain_facts.cases_by_id(session, cases_of(events)),
                chain_facts.balances_by_account(session, accounts_of(events)),
                chain_facts.panels_by_version(session),
            )
        for event in events:
            fold.apply(event)
        return fold

    def _settle_silent(self, cursor: ChainCursor, sent: Sequence[TransactionRow]) -> Counter[Ending]:
        """Of transactions that left no event, those that are over; how many items have to be sent again."""
        self._settled_at = time.monotonic()
        found = look_for_silent(self._database, self._rpc, set(self._contracts), cursor.block_number, sent)
        if found.hidden is not None:
            raise self._read_again(cursor, *found.hidden)
        if not any(found.over.values()):
            return Counter()
        with self._database.write() as session:
            at = cursor.block_number, cursor.block_hash
            if not chain_facts.move_cursor(session, cursor.block_hash, *at):  # else its block may be gone meanwhile
                raise _moved()
            transactions.settle(session, [root for roots in found.over.values() for root in roots])
            return sum((self._clear(session, roots, ending) for ending, roots in found.over.items()), Counter())

    def _read_again(self, cursor: ChainCursor, number: int, tx_hash: str) -> Unavailable:
        """The node withheld the events of a block that was read, however long ago: it is read once more, by itself, as
        a node can leave out of many blocks what it shows of one. Only if it shows them by now: a receipt alone that is
        wrong costs no rewind. And not for ever."""
        if self._again[number] == _AGAIN:
            return Unavailable(
                f"The chain left out events of block {number}, also when that was read for the {_AGAIN + 1}th time.",
                remedy="Use another node. When the service is started again, the block is read once more.",
            )
        before = self._rpc.block(number - 1)
        if before is not None and any(log["transactionHash"] == tx_hash for log in self._logs(number, number)):
            self._again[number] += 1
            self._rewind(cursor, ChainBlock(**_block_row(before)))
            self._span = 1
        return Unavailable(
            f"The chain left out events of block {number}, which a receipt of ours tells of.",
            remedy="It is read again in a moment. If it stays, use another node.",
        )

    def _clear(self, session: Any, hashes: list[str], ending: Ending = Ending.MINED) -> Counter[Ending]:
        left = judged.clear_leftovers(session, hashes, ending)
        telemetry.REQUEUED.inc(left.requeued)
        if left.requeued or left.dropped:
            _log.warning("outbox_leftovers", why=ending.name.lower(), requeued=left.requeued, dropped=left.dropped)
        return Counter({ending: left.requeued})

    def _adjust(self, events: int) -> None:
        self._answered += 1
        if self._answered % _GROW_AFTER == 0:
            self._widest = min(_WIDEST, self._widest * 2)
        if events >= _MANY:
            self._span = max(1, self._span // 2)
        elif events < _FEW:
            self._span = min(self._widest, self._span * 2)

    # --- back --------------------------------------------------------------------------------------------------------

    def _go_back(self, cursor: ChainCursor) -> ChainCursor:
        """Forgets what the chain no longer has; the cursor at the last block that both know. Raises ReorgTooDeep, and
        keeps that for everybody to see, where that is further back than is believed."""
        ancestor = self._common_block(cursor.block_number)
        if ancestor is None:
            check_chain(self._rpc, self._deployment)  # nothing in common: rather another chain than a reorg
        common = ancestor.number if ancestor is not None else max(self._deployment.deployed_at_block - 1, 0)
        if cursor.block_number - common > self._finality:
            raise self._halt(cursor, common)
        return self._rewind(cursor, ancestor)

    def _rewind(self, cursor: ChainCursor, ancestor: ChainBlock | None) -> ChainCursor:
        with self._database.read() as session:
            writers = transactions.writers(session)
        nonces = {writer: self._rpc.nonce(writer) for writer in writers}
        _log.warning("reorg", cursor=cursor.block_number, back_to=ancestor.number if ancestor else None)
        with self._database.write() as session:
            moved = rewind(session, cursor, ancestor, nonces, self._policy_by_id)
            if ancestor is not None:  # its own was forgotten where nothing happened in it
                chain_facts.add_blocks(session, [ancestor.model_dump()])
        telemetry.REORG_BLOCKS.observe(cursor.block_number - (ancestor.number if ancestor else 0))
        return moved if moved is not None else self._begin()

    def _halt(self, cursor: ChainCursor, common: int) -> ReorgTooDeep:
        why = (
            f"The chain took back its blocks after {common}; {cursor.block_number} was read, and a reorg of more than "
            f"{self._finality} blocks is not believed."
        )
        if cursor.halted != why:
            telemetry.HALTS.inc()
            _log.error("halted", cursor=cursor.block_number, common=common)
            with self._database.write() as session:
                chain_facts.set_halted(session, cursor.block_hash, why)
        return too_deep(why)

    def _go_on(self, cursor: ChainCursor) -> None:
        """The chain is again what was read."""
        _log.warning("halt_is_over", cursor=cursor.block_number)
        with self._database.write() as session:
            chain_facts.set_halted(session, cursor.block_hash, None)

    def _common_block(self, newest: int) -> ChainBlock | None:
        """The newest known block that the chain still has; None where it has none of them."""
        while True:
            with self._database.read() as session:
                known = chain_facts.known_blocks(session, up_to=newest, limit=_BACK)
            if not known:
                return None
            answers = self._rpc.batch_all([block_call(block.number) for block in known])
            for block, answer in zip(known, answers, strict=True):
                if answer is not None and answer["hash"] == block.hash:
                    return block
            newest = known[-1].number - 1


def _moved() -> Conflict:
    return Conflict("Another indexer has moved the cursor.", remedy="Run one worker for one database.")


def _block_row(block: Block) -> Row:
    return {"number": block.number, "hash": block.hash, "parent_hash": block.parent_hash, "time": block.time}
