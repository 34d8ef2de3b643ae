"""The contract that anchors the log of observations: what is sent to it, and what it says."""

from __future__ import annotations

from typing import Any

from ..domain.hashing import from_hex, hex0x, keccak, word
from ..domain.observations import AnchoredCheckpoint, AnchorFacts
from .abi import ANCHOR, checksum, function
from .code import is_our_code
from .codec import Event, decode_log
from .rpc import Rpc

_ANCHORED = hex0x(keccak(b"Anchored(uint64,bytes32)"))


def encode_anchor(size: int, root: bytes) -> bytes:
    """`anchor` of a checkpoint."""
    return function(ANCHOR, "anchor").encode(size, root)


def latest_anchor(rpc: Rpc, contract: str) -> tuple[int, bytes]:
    """Size and root of the newest checkpoint that the contract holds; size 0 before the first."""
    view = function(ANCHOR, "latest")
    size, root = view.decode(rpc.read(contract, view.encode()))
    return size, root


def most_growth(rpc: Rpc, contract: str) -> int:
    """How much larger than the one before a checkpoint may be."""
    view = function(ANCHOR, "mostGrowth")
    (most,) = view.decode(rpc.read(contract, view.encode()))
    return int(most)


def anchor_places(rpc: Rpc, contract: str, size: int, first: int) -> tuple[int, str] | None:
    """Block and transaction in which the contract anchored this size, looked for from the block `first` on."""
    topics = [_ANCHORED, hex0x(word(size))]
    wanted = {"address": contract, "topics": topics, "fromBlock": hex(first), "toBlock": "latest"}
    logs = rpc.call("eth_getLogs", wanted)
    return (int(logs[0]["blockNumber"], 16), str(logs[0]["transactionHash"])) if logs else None


def anchored_in(receipt: dict[str, Any], contract: str) -> list[Event]:
    """The events `Anchored` of the contract in a transaction's receipt."""
    logs = [log for log in receipt["logs"] if log["topics"] and checksum(log["address"]) == contract]
    found = (decode_log(log, ANCHOR) for log in logs)
    return [event for event in found if event is not None and event.name == "Anchored"]


def anchor_facts(rpc: Rpc, checkpoint: AnchoredCheckpoint | None, *, code: bool = False) -> AnchorFacts | None:
    """What the chain has at a bundle's anchor; None where the bundle names none. `code` compares the contract's too.

    Raises Unavailable if the chain does not answer.
    """
    if checkpoint is None or checkpoint.anchor is None:
        return None
    place = checkpoint.anchor
    is_ours = is_our_code(ANCHOR, rpc.code(checkpoint.contract)) if code else None
    receipt = rpc.receipt(place.tx_hash)
    events = anchored_in(receipt, checkpoint.contract) if receipt else []
    here = [event for event in events if (event.block_number, event.log_index) == (place.block, place.log_index)]
    return AnchorFacts((here[0].args["size"], from_hex(here[0].args["root"])) if here else None, is_ours)
