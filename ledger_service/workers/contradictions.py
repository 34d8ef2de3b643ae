"""What a node says, held against itself: nothing is written of an answer that another answer contradicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..chain.abi import checksum
from ..chain.rpc import Block
from ..errors import ReorgTooDeep, Unavailable
from ..store.judged import Ending

Log = dict[str, Any]
Receipt = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Range:
    """The blocks after `before` up to `last`, as a node described them. `blocks` are headers by number, `expected` the
    hashes that some of them must have; `mined` the receipts of those of our transactions, `sent`, that have one."""

    before: int
    last: int
    blocks: Mapping[int, Block]
    expected: Mapping[int, str]
    sent: set[str]
    mined: Mapping[str, Receipt]


def check_range(read: Range, logs: list[Log], contracts: set[str]) -> None:
    """Raises Unavailable unless headers, logs and receipts fit each other."""
    _check_headers(read)
    for log in logs:
        number = int(log["blockNumber"], 16)
        block = read.blocks.get(number)
        if block is None or block.hash != log["blockHash"] or not read.before < number <= read.last:
            raise _changed()
    _check_receipts(read, logs, contracts)


def _check_headers(read: Range) -> None:
    for number, block in read.blocks.items():
        if block.number != number or read.expected.get(number, block.hash) != block.hash:
            raise _changed()
        before = read.blocks.get(number - 1)
        if before is not None and block.parent_hash != before.hash:
            raise _contradiction(f"block {number} does not follow block {number - 1}")


def _check_receipts(read: Range, logs: list[Log], contracts: set[str]) -> None:
    """Logs of our own transactions are those of their receipts, neither fewer nor more."""
    shown: dict[str, set[tuple[int, int]]] = {tx_hash: set() for tx_hash in read.sent}
    for log in logs:
        if log["transactionHash"] in shown:
            shown[log["transactionHash"]].add((int(log["blockNumber"], 16), int(log["logIndex"], 16)))
    for tx_hash, places in shown.items():
        receipt = read.mined.get(tx_hash)
        number = int(receipt["blockNumber"], 16) if receipt else None
        told = set(_places(receipt, contracts)) if receipt and read.before < (number or 0) <= read.last else set()
        if not places <= told:
            raise _contradiction(f"there are events of {tx_hash} that its receipt does not tell of")
        if told and receipt is not None:
            block = read.blocks.get(int(receipt["blockNumber"], 16))
            if block is not None and block.hash != receipt["blockHash"]:
                raise _changed()
            if len(told) > len(places):
                raise _contradiction(f"events of {tx_hash} were left out")


def first_hidden(receipts: Iterable[Receipt], contracts: set[str], up_to: int) -> tuple[int, str] | None:
    """The first block, of those that were read, from which a receipt tells of events of ours; and its transaction."""
    told = ((place[0], receipt["transactionHash"]) for receipt in receipts for place in _places(receipt, contracts))
    return min((one for one in told if one[0] <= up_to), default=None)


def ending_of(receipt: Receipt | None) -> Ending:
    """How a transaction ended whose number is used, by its receipt."""
    if receipt is None:
        return Ending.OVERTAKEN
    return Ending.MINED if int(receipt["status"], 16) else Ending.UNDONE


def split_at(most: int, logs: list[Log], last: int) -> tuple[int, list[Log]]:
    """The logs of as many whole blocks as have `most` of them, at least one block, and the last of these blocks."""
    if len(logs) <= most:
        return last, logs
    first = int(logs[0]["blockNumber"], 16)
    end = int(logs[most]["blockNumber"], 16) - 1  # the block that passes the limit is for the next time
    end = max(end, first)
    return end, [log for log in logs if int(log["blockNumber"], 16) <= end]


def _places(receipt: Receipt, contracts: set[str]) -> Iterable[tuple[int, int]]:
    for log in receipt["logs"]:
        if checksum(log["address"]) in contracts:
            yield int(receipt["blockNumber"], 16), int(log["logIndex"], 16)


def _changed() -> Unavailable:
    return Unavailable("The chain changed while it was read.", remedy="It is read again in a moment.")


def _contradiction(what: str) -> Unavailable:
    return Unavailable(
        f"The chain contradicts itself: {what}. Nothing of it was kept.",
        remedy="It is read again in a moment. If it stays, use another node.",
    )


def too_deep(why: str) -> ReorgTooDeep:
    return ReorgTooDeep(
        why,
        remedy="Look at the chain. It goes on by itself where the node was wrong; where the chain is right, run "
        "`ledger rebuild`.",
    )
