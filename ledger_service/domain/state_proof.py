"""State proofs in evidence: what `eth_getProof` (EIP-1186) gave for a case at the evidence's head block.

    {"ledger": ["0x…", …], "case_word": […], "case_head": […], "escrow": […], "lock": […]}    or    {"reason": "…"}

Each is the nodes of a Merkle-Patricia proof: of the two contracts' accounts under the block's state root, of the two
slots of the case under the ledger's storage root, and of its lock under the escrow's. A `reason` says why there is
none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from .hashing import hex0x, keccak
from .headers import Header
from .strict_fields import dictionary, hex_bytes, items, members, text
from .tries import prove_account, prove_slot

Nodes = tuple[bytes, ...]
# Where the contracts keep their cases and locks: the compiler's storage layout, to which a test holds these numbers.
CASES_SLOT, LOCKS_SLOT = 17_180_065_798, 7
MOST_REASON = 500  # characters


@dataclass(frozen=True, slots=True)
class StateProof:
    ledger: Nodes
    case_word: Nodes
    case_head: Nodes
    escrow: Nodes
    lock: Nodes

    def as_json(self) -> dict[str, Any]:
        return {name: [hex0x(node) for node in nodes] for name, nodes in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class NoProof:
    """Why the maker of the evidence could not prove the state."""

    reason: str

    def as_json(self) -> dict[str, Any]:
        return {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class ProvenState:
    """What the contracts hold of a case, if the block that the proof rests on is the chain's."""

    word: int
    head: bytes
    lock: int
    ledger_code: bytes  # keccak-256
    escrow_code: bytes


def parse_state_proof(value: Any, path: str) -> StateProof | NoProof | None:
    """Raises InvalidInput with the path of what is wrong."""
    if value is None:
        return None
    if "reason" in dictionary(value, path):
        reason = text(members(value, path, ("reason",))["reason"], f"{path}.reason", MOST_REASON)
        return NoProof(reason)
    body = members(value, path, tuple(StateProof.__slots__))
    return StateProof(**{name: _nodes(body[name], f"{path}.{name}") for name in StateProof.__slots__})


def case_slot(case_id: bytes) -> int:
    """Of the case's word; that of its head follows."""
    return _in_mapping(case_id, CASES_SLOT)


def lock_slot(case_id: bytes) -> int:
    return _in_mapping(case_id, LOCKS_SLOT)


def prove_state(proof: StateProof, header: Header, case_id: bytes, ledger: str, escrow: str) -> ProvenState:
    """What the proof proves under a block's state root. Raises ValueError if it does not hold."""
    at, root = case_slot(case_id), header.state_root
    ours = prove_account(root, bytes.fromhex(ledger[2:]), proof.ledger)
    theirs = prove_account(root, bytes.fromhex(escrow[2:]), proof.escrow)
    head = prove_slot(ours.storage_root, at + 1, proof.case_head)
    return ProvenState(
        word=prove_slot(ours.storage_root, at, proof.case_word),
        head=head.to_bytes(32, "big"),
        lock=prove_slot(theirs.storage_root, lock_slot(case_id), proof.lock),
        ledger_code=ours.code_hash,
        escrow_code=theirs.code_hash,
    )


def _nodes(value: Any, path: str) -> Nodes:
    return tuple(hex_bytes(node, f"{path}[{i}]") for i, node in items(value, path))


def _in_mapping(key: bytes, slot: int) -> int:
    """Solidity's place of a mapping's value."""
    return int.from_bytes(keccak(key + slot.to_bytes(32, "big")), "big")
