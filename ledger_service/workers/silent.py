"""Transactions of ours that left no event: undone whole, or overtaken by another with their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..chain.rpc import Rpc
from ..store import chain_facts
from ..store.database import Database
from ..store.judged import Ending
from ..store.tables import TransactionRow
from .contradictions import ending_of, first_hidden


@dataclass(frozen=True, slots=True)
class Silent:
    """`over` are the roots of those that are over, by how they ended. `hidden` is a block that was read and a
    transaction whose receipt tells of events there, which nobody showed; then nothing is over yet."""

    over: dict[Ending, list[str]]
    hidden: tuple[int, str] | None = None


def look_for_silent(
    database: Database, rpc: Rpc, contracts: set[str], up_to: int, sent: Sequence[TransactionRow]
) -> Silent:
    """What the node knows of transactions whose number is used; of those in blocks up to `up_to`, which were read."""
    writers = sorted({row.writer for row in sent})
    answers = rpc.batch_all([("eth_getTransactionCount", writer, "latest") for writer in writers])
    used = {writer: int(answer, 16) for writer, answer in zip(writers, answers, strict=True)}
    past = [row for row in sent if row.nonce < used[row.writer]]
    receipts = rpc.batch_all([("eth_getTransactionReceipt", row.tx_hash) for row in past])
    known = _still_known(rpc, [row for row, receipt in zip(past, receipts, strict=True) if receipt is None])
    mined = {row.root: receipt for row, receipt in zip(past, receipts, strict=True) if receipt is not None}
    with database.read() as session:
        read = chain_facts.transactions_read(session, [row.tx_hash for row in past])
    unseen = (receipt for row, receipt in zip(past, receipts, strict=True) if receipt and row.tx_hash not in read)
    over: dict[Ending, list[str]] = {ending: [] for ending in Ending}
    hidden = first_hidden(unseen, contracts, up_to)
    if hidden is not None:
        return Silent(over, hidden)
    for root in dict.fromkeys(row.root for row in past):
        receipt = mined.get(root)
        if receipt is None and root in known:
            continue
        if receipt is None or int(receipt["blockNumber"], 16) <= up_to:
            over[ending_of(receipt)].append(root)
    return Silent(over)


def _still_known(rpc: Rpc, rows: Sequence[TransactionRow]) -> set[str]:
    """The roots of those that the node still has. One that is about to show a block can count a nonce before it has
    the receipt; what was overtaken it has no more."""
    answers = rpc.batch_all([("eth_getTransactionByHash", row.tx_hash) for row in rows])
    return {row.root for row, answer in zip(rows, answers, strict=True) if answer is not None}
