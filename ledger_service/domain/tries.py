"""Proofs of Merkle-Patricia tries (Ethereum Yellow Paper, appendix D), as `eth_getProof` gives them (EIP-1186).

A proof is the nodes from the root down to where the key ends, each as its RLP. A node of less than 32 bytes stands
inside the one above it, any other is named there by its keccak-256. Nothing may be missing, and nothing be beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .hashing import keccak
from .rlp import Item, decode, encode, number

MAX_NODES = 65  # a key has 64 nibbles
MAX_NODE_BYTES = 1_024  # a branch has 532 and its value


@dataclass(frozen=True, slots=True)
class AccountLeaf:
    """What the state holds of an account."""

    storage_root: bytes
    code_hash: bytes


def prove_account(state_root: bytes, address: bytes, nodes: Sequence[bytes]) -> AccountLeaf:
    """The account at an address. Raises ValueError for a proof that does not hold, or one that there is none."""
    value = prove(state_root, keccak(address), nodes)
    if value is None:
        raise ValueError("the state has no such account")
    leaf = decode(value, 1)
    if not isinstance(leaf, list) or len(leaf) != 4:
        raise ValueError("an account is nonce, balance, storage root and code hash")
    number(leaf[0]), number(leaf[1])
    root, code = leaf[2], leaf[3]
    if not isinstance(root, bytes) or not isinstance(code, bytes) or len(root) != 32 or len(code) != 32:
        raise ValueError("an account's storage root and code hash are 32 bytes")
    return AccountLeaf(root, code)


def prove_slot(storage_root: bytes, slot: int, nodes: Sequence[bytes]) -> int:
    """What a storage slot holds; 0 where the proof shows that it holds nothing. Raises ValueError as above."""
    value = prove(storage_root, keccak(slot.to_bytes(32, "big")), nodes)
    if value is None:
        return 0
    held = number(decode(value, 0))
    if not 0 < held < 1 << 256:
        raise ValueError("a slot holds a word that is not zero, or nothing")
    return held


def prove(root: bytes, key: bytes, nodes: Sequence[bytes]) -> bytes | None:
    """The value under a key, None where the proof shows that there is none. Raises ValueError if it does not hold."""
    if len(nodes) > MAX_NODES or any(len(node) > MAX_NODE_BYTES for node in nodes):
        raise ValueError("the proof is larger than any")
    path = key.hex()
    left = list(nodes)
    node: Item = root
    while True:
        if isinstance(node, bytes):
            node = _named(node, left)
        found, node, path = _step(node, path)
        if found:
            break
    if left:
        raise ValueError("the proof has nodes that its path does not need")
    if isinstance(node, list):
        raise ValueError("a value is bytes")  # noqa: TRY004 - of what came from outside
    return node or None


_EMPTY = keccak(b"\x80")  # the root of a trie with nothing in it


def _named(reference: bytes, left: list[bytes]) -> Item:
    """The node that a hash names, which has to be the next of the proof."""
    if not left and reference == _EMPTY:
        return b""
    if not left:
        raise ValueError("the proof ends before its path does")
    data = left.pop(0)
    if len(reference) != 32 or keccak(data) != reference:
        raise ValueError("a node of the proof is not the one that is named above it")
    return decode(data)


def _step(node: Item, path: str) -> tuple[bool, Item, str]:
    """Whether the search is over, with the value (empty for none); else the node below, and the path from there."""
    if node == b"":
        return True, b"", path
    if isinstance(node, list) and len(node) == 17:
        return _branch(node, path)
    if isinstance(node, list) and len(node) == 2:
        return _short(node, path)
    raise ValueError("a node of the proof is neither a branch nor a leaf nor an extension")


def _branch(node: list[Item], path: str) -> tuple[bool, Item, str]:
    if not path:
        return True, node[16], path
    below = node[int(path[0], 16)]
    return (True, b"", path) if below == b"" else (False, _below(below), path[1:])


def _short(node: list[Item], path: str) -> tuple[bool, Item, str]:
    """A leaf, or an extension."""
    nibbles, is_leaf = _nibbles(node[0])
    if is_leaf:
        if node[1] == b"":
            raise ValueError("a leaf holds something")
        return True, node[1] if path == nibbles else b"", path
    if not nibbles or node[1] == b"":
        raise ValueError("an extension leads somewhere")
    if not path.startswith(nibbles):
        return True, b"", path
    return False, _below(node[1]), path[len(nibbles) :]


def _below(node: Item) -> Item:
    """A node that stands inside another is shorter than the hash that would name it."""
    if isinstance(node, list) and len(encode(node)) >= 32:
        raise ValueError("a node of 32 bytes or more stands inside another")
    if isinstance(node, bytes) and len(node) != 32:
        raise ValueError("a node is named by 32 bytes")
    return node


def _nibbles(item: Item) -> tuple[str, bool]:
    """A hex-prefix encoded path (appendix C), and whether it is a leaf's."""
    if isinstance(item, list) or not item:
        raise ValueError("a path is bytes")
    text = item.hex()
    flag = int(text[0], 16)
    if flag > 3 or (flag % 2 == 0 and text[1] != "0"):
        raise ValueError("a path does not begin as paths do")
    return text[1:] if flag % 2 else text[2:], flag >= 2
