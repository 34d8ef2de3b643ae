"""Asking a node for block headers and for proofs of its state (`eth_getProof`, EIP-1186), and judging what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..domain.evidence import Block
from ..domain.hashing import from_hex, hex0x, keccak
from ..domain.headers import read_header
from ..domain.rlp import encode, encode_number
from ..domain.state_proof import MOST_REASON, NoProof, StateProof, case_slot, lock_slot, prove_state
from ..errors import Unavailable
from .rpc import Rpc, tag_of

_BYTES, _NUMBER = False, True
# In the order of the header; a fork's fields are there from the fork on.
_FIELDS = (
    *(("parentHash", _BYTES), ("sha3Uncles", _BYTES), ("miner", _BYTES), ("stateRoot", _BYTES)),
    *(("transactionsRoot", _BYTES), ("receiptsRoot", _BYTES), ("logsBloom", _BYTES), ("difficulty", _NUMBER)),
    *(("number", _NUMBER), ("gasLimit", _NUMBER), ("gasUsed", _NUMBER), ("timestamp", _NUMBER)),
    *(("extraData", _BYTES), ("mixHash", _BYTES), ("nonce", _BYTES)),
)
_BY_FORKS = (
    *(("baseFeePerGas", _NUMBER), ("withdrawalsRoot", _BYTES), ("blobGasUsed", _NUMBER), ("excessBlobGas", _NUMBER)),
    *(("parentBeaconBlockRoot", _BYTES), ("requestsHash", _BYTES), ("blockAccessListHash", _BYTES)),
)

Proven = tuple[tuple[bytes, ...], StateProof | NoProof]


def ask_proofs(rpc: Rpc, blocks: Sequence[Block], head_block: int, case_id: bytes, ledger: str, escrow: str) -> Proven:
    """The headers of these blocks, and a proof of the case's state at one of them. What the node cannot give, or gives
    wrongly, is no header and no proof, with the reason."""
    try:
        headers = _headers(rpc, blocks)
    except (Unavailable, ValueError) as error:
        return (), _none(rpc, "The chain's node gives no headers that hash to its blocks", error)
    try:
        return headers, _prove(rpc, dict(zip(blocks, headers, strict=True)), head_block, case_id, ledger, escrow)
    except (Unavailable, ValueError) as error:
        return headers, _none(rpc, f"The chain's node gives no proof of its state at block {head_block}", error)


def header_of(value: dict[str, Any]) -> bytes:
    """The RLP of a block's header from the block in JSON. Raises ValueError where it does not hash to the block's."""
    try:
        named = [*_FIELDS, *(field for field in _BY_FORKS if value.get(field[0]) is not None)]
        fields = [encode_number(int(value[name], 16)) if kind else from_hex(value[name]) for name, kind in named]
        header = encode(fields)
    except (KeyError, TypeError) as error:
        raise ValueError(f"the block has no {error}") from error
    if hex0x(keccak(header)) != value.get("hash"):
        raise ValueError(f"the header of block {int(value['number'], 16)} does not hash to {value.get('hash')}")
    return header


def _headers(rpc: Rpc, blocks: Sequence[Block]) -> tuple[bytes, ...]:
    answers = rpc.batch_all([("eth_getBlockByHash", block.hash, False) for block in blocks])
    for block, answer in zip(blocks, answers, strict=True):
        if not isinstance(answer, dict) or answer.get("hash") != block.hash:
            raise Unavailable(f"it has no block {block.hash}")
    return tuple(header_of(answer) for answer in answers)


def _prove(
    rpc: Rpc, headers: dict[Block, bytes], head_block: int, case_id: bytes, ledger: str, escrow: str
) -> StateProof:
    header = next((one for block, one in headers.items() if block.number == head_block), None)
    if header is None:
        raise ValueError("it is not among the blocks")
    first = case_slot(case_id)
    ours, theirs = rpc.batch_all(
        [
            ("eth_getProof", ledger, [_slot(first), _slot(first + 1)], tag_of(head_block)),
            ("eth_getProof", escrow, [_slot(lock_slot(case_id))], tag_of(head_block)),
        ]
    )
    try:
        word, head = (_nodes(one["proof"]) for one in ours["storageProof"])
        (lock,) = (_nodes(one["proof"]) for one in theirs["storageProof"])
        proof = StateProof(_nodes(ours["accountProof"]), word, head, _nodes(theirs["accountProof"]), lock)
    except (KeyError, TypeError) as error:
        raise ValueError("its answer is not in the form of EIP-1186") from error
    prove_state(proof, read_header(header), case_id, ledger, escrow)
    return proof


def _nodes(values: list[str]) -> tuple[bytes, ...]:
    return tuple(from_hex(value) for value in values)


def _slot(number: int) -> str:
    return hex0x(number.to_bytes(32, "big"))


def _none(rpc: Rpc, what: str, error: Exception) -> NoProof:
    said = error.detail if isinstance(error, Unavailable) else str(error)
    return NoProof(f"{what}: {rpc.hide(said)}"[:MOST_REASON])
