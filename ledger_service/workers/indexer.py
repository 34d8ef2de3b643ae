"""Reads the contracts' events and writes what follows from them. It alone says what the chain has.

Facts and cursor move together, in one database transaction, by compare-and-set. A block whose hash is no longer the
chain's shows a reorg: everything above the last common block is deleted, what it touched is replayed, and the chain is
read again from there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from ..chain.abi import checksum
from ..chain.codec import Event, decode_log, explain_revert
from ..chain.deployments import Deployment, check_chain
from ..chain.rpc import Block, Rpc, RpcRefused, block_call
from ..domain.hashing import ZERO_WORD, from_hex, hex0x
from ..errors import ChainMismatch, Conflict, Unavailable
from ..store import chain_facts, outbox
from ..store.database import Database
from ..store.tables import ChainBlock, ChainCursor
from .folding import Fold, Row, accounts_of, cases_of
from .holding import Held, PolicyById
from .rewinding import DONE_BY_EVENT, rewind

_log = structlog.get_logger(__name__)
_SPAN = 100  # blocks asked for at once, to begin with
_WIDEST = 5_000
_FEW, _MANY = 1_000, 10_000  # events of one request: below, ask for more blocks the next time; above, for fewer
_BACK = 100  # known blocks compared at once while the last common one is looked for
_NO_COMMITMENT = hex0x(ZERO_WORD)


@dataclass(frozen=True, slots=True)
class Progress:
    """`events` were read; up to `block` of a chain whose newest is `head`. `requeued` items are sent once more."""

    events: int
    block: int
    head: int
    requeued: int = 0

    @property
    def behind(self) -> int:
        return self.head - self.block


class Indexer:
    """One for a database; a second one does no harm, it loses every race for the cursor."""

    def __init__(self, database: Database, rpc: Rpc, deployment: Deployment, policy_by_id: PolicyById) -> None:
        self._database = database
        self._rpc = rpc
        self._deployment = deployment
        self._policy_by_id = policy_by_id
        self._span = _SPAN
        self._widest = _WIDEST
        self._contracts = deployment.name_of

    def step(self) -> Progress:
        """Reads the next blocks. Raises Unavailable if the chain does not answer or changed meanwhile, Conflict if
        another indexer was faster, IntegrityFailure if events are missing."""
        with self._database.read() as session:
            cursor = chain_facts.read_cursor(session)
            in_flight = outbox.count_unsettled(session) > 0
        if cursor is None:
            cursor = self._begin()
        head, same = self._look(cursor)
        if same is None or same.hash != cursor.block_hash:
            cursor = self._go_back(cursor)
            head = self._rpc.latest()
        if head.number <= cursor.block_number:
            requeued = self._settle_silent(cursor) if in_flight else 0
            return Progress(0, cursor.block_number, head.number, requeued)
        return self._read(cursor, head)

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
        """The newest block, and the one that the chain has at the cursor."""
        newest, same = self._rpc.batch_all([block_call("latest"), block_call(cursor.block_number)])
        if newest is None:
            raise Unavailable("The chain has no newest block.", remedy="Try again in a moment.")
        return Block.from_json(newest), Block.from_json(same) if same else None

    def _read(self, cursor: ChainCursor, head: Block) -> Progress:
        last, events = self._next_events(cursor, head)
        end = head if last == head.number else self._rpc.block(last)
        blocks = self._blocks([cursor.block_number, *sorted({event.block_number for event in events}), last])
        unchanged = end is not None and blocks[last].hash == end.hash
        unchanged = unchanged and blocks[cursor.block_number].hash == cursor.block_hash
        if not unchanged or any(blocks[event.block_number].hash != event.block_hash for event in events):
            raise Unavailable("The chain changed while it was read.", remedy="It is read again in a moment.")
        del blocks[cursor.block_number]
        requeued = self._write(cursor, events, blocks, last)
        self._adjust(len(events))
        return Progress(len(events), last, head.number, requeued)

    def _next_events(self, cursor: ChainCursor, head: Block) -> tuple[int, list[Event]]:
        """The last block that was asked for, and the events up to it. Nodes limit for how many blocks, or logs, they
        may be asked at once, each in words of its own: whatever is refused is asked for half as many."""
        span = min(head.number - cursor.block_number, self._span)
        wanted = span
        while True:
            last = cursor.block_number + span
            try:
                events = self._events(cursor.block_number + 1, last)
            except RpcRefused:
                if span == 1:
                    raise  # the number of blocks is not what it is about
                span //= 2
            else:
                break
        if span < wanted:
            self._span = self._widest = span
            _log.info("fewer_blocks_at_once", refused=wanted, blocks=span)
        return last, events

    def _events(self, first: int, last: int) -> list[Event]:
        """In the chain's order."""
        wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": list(self._contracts)}
        logs: list[dict[str, Any]] = self._rpc.call("eth_getLogs", wanted)
        decoded = (decode_log(log, self._contracts[checksum(log["address"])]) for log in logs)
        return sorted((e for e in decoded if e is not None), key=lambda e: (e.block_number, e.log_index))

    def _blocks(self, numbers: Sequence[int]) -> dict[int, Block]:
        wanted = list(dict.fromkeys(numbers))
        answers = self._rpc.batch_all([block_call(number) for number in wanted])
        if not all(answers):
            raise Unavailable("The chain changed while it was read.", remedy="It is read again in a moment.")
        return {number: Block.from_json(answer) for number, answer in zip(wanted, answers, strict=True)}

    def _write(self, cursor: ChainCursor, events: list[Event], blocks: dict[int, Block], last: int) -> int:
        """All of it or nothing; how many items have to be sent again."""
        with self._database.write() as session:
            if not chain_facts.move_cursor(session, cursor.block_hash, last, blocks[last].hash):
                raise Conflict("Another indexer has moved the cursor.", remedy="Run one worker for one database.")
            chain_facts.add_blocks(session, [_block_row(block) for block in blocks.values()])
            chain_facts.forget_idle_block(session, cursor.block_number)
            if not events:
                return 0
            chain_facts.add_events(session, [_event_row(event) for event in events])
            fold = Fold(
                Held(session, events, self._policy_by_id),
                chain_facts.cases_by_id(session, cases_of(events)),
                chain_facts.balances_by_account(session, accounts_of(events)),
                chain_facts.panels_by_version(session),
            )
            for event in events:
                fold.apply(event)
            chain_facts.add_panels(session, fold.new_panels)
            chain_facts.add_records(session, fold.records)
            chain_facts.add_votes(session, fold.votes)
            chain_facts.put_cases(session, list(fold.cases.values()))
            chain_facts.put_balances(session, list(fold.balances.values()))

            ours = sorted(outbox.our_transactions(session, sorted({event.tx_hash for event in events})))
            refusals = _refusals(events, set(ours))
            recorded = chain_facts.recorded_commitments(session, {row["commitment"] for row in refusals})
            refusals = [row for row in refusals if row["commitment"] not in recorded]
            chain_facts.add_refusals(session, refusals)
            _mark_done(session, events, fold, refusals)
            outbox.settle(session, ours)
            return self._clear(session, ours)

    def _settle_silent(self, cursor: ChainCursor) -> int:
        """Transactions that left no event: reverted as a whole, or overtaken by another with their nonce."""
        with self._database.read() as session:
            rows = outbox.unsettled(session)
        writers = sorted({row.writer for row in rows})
        answers = self._rpc.batch_all([("eth_getTransactionCount", writer, "latest") for writer in writers])
        used = {writer: int(answer, 16) for writer, answer in zip(writers, answers, strict=True)}
        past = [row for row in rows if row.nonce < used[row.writer]]
        receipts = self._rpc.batch_all([("eth_getTransactionReceipt", row.tx_hash) for row in past])
        reverted: list[str] = []
        others: list[str] = []
        for row, receipt in zip(past, receipts, strict=True):
            if receipt is None or int(receipt["blockNumber"], 16) <= cursor.block_number:
                undone = receipt is not None and int(receipt["status"], 16) == 0
                (reverted if undone else others).append(row.tx_hash)
        if not reverted and not others:
            return 0
        with self._database.write() as session:
            outbox.settle(session, [*reverted, *others])
            return self._clear(session, others) + self._clear(session, reverted, reverted=True)

    def _clear(self, session: Any, hashes: list[str], *, reverted: bool = False) -> int:
        left = outbox.clear_leftovers(session, hashes, reverted=reverted)
        if left.requeued or left.dropped:
            _log.warning("outbox_leftovers", requeued=left.requeued, dropped=left.dropped)
        return left.requeued

    def _adjust(self, events: int) -> None:
        if events > _MANY:
            self._span = max(1, self._span // 2)
        elif events < _FEW:
            self._span = min(self._widest, self._span * 2)

    # --- back --------------------------------------------------------------------------------------------------------

    def _go_back(self, cursor: ChainCursor) -> ChainCursor:
        """Forgets what the chain no longer has; the cursor at the last block that both know."""
        ancestor = self._common_block(cursor.block_number)
        if ancestor is None:
            check_chain(self._rpc, self._deployment)  # nothing in common: rather another chain than a reorg
        with self._database.read() as session:
            writers = outbox.writers(session)
        nonces = {writer: self._rpc.nonce(writer) for writer in writers}
        _log.warning("reorg", cursor=cursor.block_number, back_to=ancestor.number if ancestor else None)
        with self._database.write() as session:
            moved = rewind(session, cursor, ancestor, nonces, self._policy_by_id)
        return moved if moved is not None else self._begin()

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


def _block_row(block: Block) -> Row:
    return {"number": block.number, "hash": block.hash, "parent_hash": block.parent_hash, "time": block.time}


def _event_row(event: Event) -> Row:
    return {
        "block_number": event.block_number,
        "log_index": event.log_index,
        "block_hash": event.block_hash,
        "tx_hash": event.tx_hash,
        "contract": event.contract,
        "name": event.name,
        "case_id": event.case_id,
        "args": json.dumps(event.args),
    }


def _refusals(events: list[Event], ours: set[str]) -> list[Row]:
    """What the contract refused of our own transactions: a stranger's batch can name our commitments and be refused
    for the stranger's own mistakes. A refused poke has no commitment, and nobody is told of it."""
    return [
        {
            "block_number": event.block_number,
            "log_index": event.log_index,
            "case_id": event.case_id,
            "commitment": event.args["commitment"],
            "reason": explain_revert(from_hex(event.args["reason"])),
            "tx_hash": event.tx_hash,
        }
        for event in events
        if event.name in ("Skipped", "VoteSkipped")
        and event.args["commitment"] != _NO_COMMITMENT
        and event.tx_hash in ours
    ]


def _mark_done(session: Any, events: list[Event], fold: Fold, refusals: list[Row]) -> None:
    signed = [row["commitment"] for row in [*fold.records, *fold.votes, *refusals]]
    outbox.set_judged(session, [commitment for commitment in signed if commitment != _NO_COMMITMENT])
    # A poke is meant for the record that comes next in its case, whoever wrote that.
    outbox.set_done_by_subject(session, "poke", [f"{row['case_id']}:{row['position']}" for row in fold.records])
    for action, name, subject in DONE_BY_EVENT:
        outbox.set_done_by_subject(session, action, [subject(event.args) for event in events if event.name == name])
    paid = [event.tx_hash for event in events if event.name == "CreditWithdrawn"]
    outbox.set_done_by_transaction(session, "withdraw_credit", paid)
