"""Headers and proofs of real nodes, a trie whose nodes stand inside others, and nodes that lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.hashing import from_hex, hex0x, keccak
from ledger_service.domain.headers import Header, read_header
from ledger_service.domain.rlp import decode, encode
from ledger_service.domain.tries import prove, prove_account, prove_slot

VECTORS = Path(__file__).parents[2] / "vectors" / "proofs"
NODES = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(VECTORS.glob("*.json"))}
NOBODY = b"\xaa".rjust(20, b"\0")


def proof_of(value: list[str]) -> list[bytes]:
    return [from_hex(node) for node in value]


@pytest.fixture(params=sorted(NODES))
def node(request: pytest.FixtureRequest) -> Any:
    return NODES[request.param]


@pytest.fixture
def header(node: Any) -> Header:
    return read_header(from_hex(node["header"]))


# --- what real nodes gave --------------------------------------------------------------------------------------------


def test_header_of_a_real_node_hashes_to_its_block(node: Any, header: Header) -> None:
    assert (header.hash, header.number, header.time) == (node["hash"], node["number"], node["time"])


def test_accounts_and_slots_of_a_real_node_are_proven(node: Any, header: Header) -> None:
    escrow, operator, _ = node["accounts"]
    for given_ in (escrow, operator):
        leaf = prove_account(header.state_root, from_hex(given_["address"]), proof_of(given_["proof"]))
        assert hex0x(leaf.code_hash) == given_["code_hash"]
        for slot in given_["slots"]:
            assert prove_slot(leaf.storage_root, slot["slot"], proof_of(slot["proof"])) == slot["value"]
    assert [slot["value"] for slot in escrow["slots"]] == [0, 0, 1, 10, 0]


def test_account_that_is_not_there_is_proven_to_be_none(node: Any, header: Header) -> None:
    nobody = proof_of(node["accounts"][2]["proof"])
    assert prove(header.state_root, keccak(NOBODY), nobody) is None
    with pytest.raises(ValueError, match="no such account"):
        prove_account(header.state_root, NOBODY, nobody)


def test_proof_of_one_slot_proves_no_other(node: Any, header: Header) -> None:
    escrow = node["accounts"][0]
    leaf = prove_account(header.state_root, from_hex(escrow["address"]), proof_of(escrow["proof"]))
    wrong = [
        (slot["slot"], other["slot"])
        for slot in escrow["slots"]
        for other in escrow["slots"]
        if slot is not other and _proven(leaf.storage_root, slot["slot"], other["proof"]) not in (None, slot["value"])
    ]
    assert wrong == []


def _proven(root: bytes, slot: int, proof: list[str]) -> int | None:
    try:
        return prove_slot(root, slot, proof_of(proof))
    except ValueError:
        return None


def test_any_bit_of_a_real_proof_flipped_is_refused(node: Any, header: Header) -> None:
    address, nodes = from_hex(node["accounts"][0]["address"]), proof_of(node["accounts"][0]["proof"])
    for at, given_ in enumerate(nodes):
        for bit in range(len(given_) * 8):
            changed = bytearray(given_)
            changed[bit // 8] ^= 1 << (bit % 8)
            with pytest.raises(ValueError, match="named above"):
                prove_account(header.state_root, address, [*nodes[:at], bytes(changed), *nodes[at + 1 :]])


def test_nodes_too_many_too_few_or_in_another_order_are_refused(node: Any, header: Header) -> None:
    address, nodes = from_hex(node["accounts"][0]["address"]), proof_of(node["accounts"][0]["proof"])
    hostile = {
        "does not need": [*nodes, nodes[-1]],
        "named above it": [nodes[0], *nodes],
        "ends before": nodes[:-1],
        "ends before ": [],
        "named above": nodes[::-1],
        "larger": nodes * 40,
        "larger ": [*nodes[:-1], nodes[-1] + bytes(1_100)],
    }
    for said, proof in hostile.items():
        with pytest.raises(ValueError, match=said.strip()):
            prove_account(header.state_root, address, proof)


@pytest.mark.parametrize("field", range(15))
def test_header_without_one_of_its_fields_is_refused(node: Any, field: int) -> None:
    fields = decode(from_hex(node["header"]))
    assert isinstance(fields, list)
    for changed in ([*fields[:field], *fields[field + 1 :]][:14], [*fields[:field], [], *fields[field + 1 :]]):
        with pytest.raises(ValueError, match=r"header|RLP"):
            read_header(encode(changed))


def test_header_that_is_none_is_refused() -> None:
    for data in (b"", b"\xc0", b"\x80", encode([b""] * 15), encode([b""] * 40), bytes(5_000)):
        with pytest.raises(ValueError, match=r"header|RLP"):
            read_header(data)


# --- a trie of our own, whose small nodes stand inside others --------------------------------------------------------

Pairs = dict[str, bytes]  # by nibbles


def built(pairs: Pairs) -> Any:
    """The root node of a trie, as Yellow Paper's appendix D composes it: c(J, i)."""
    if len(pairs) == 1:
        ((path, value),) = pairs.items()
        return [packed(path, is_leaf=True), value]
    common = _common(list(pairs))
    if common:
        return [packed(common, is_leaf=False), named(built({path[len(common) :]: v for path, v in pairs.items()}))]
    below = [{path[1:]: v for path, v in pairs.items() if path[:1] == f"{digit:x}"} for digit in range(16)]
    return [*(named(built(one)) if one else b"" for one in below), pairs.get("", b"")]


def _common(paths: list[str]) -> str:
    first, last = min(paths), max(paths)
    return first[: next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]


def named(node_: Any) -> Any:
    return node_ if len(encode(node_)) < 32 else keccak(encode(node_))


def packed(path: str, *, is_leaf: bool) -> bytes:
    flag = 2 * is_leaf + len(path) % 2
    return bytes.fromhex(f"{flag:x}" + ("" if len(path) % 2 else "0") + path)


def proof_in(pairs: Pairs, path: str) -> list[bytes]:
    """The nodes on the way to a path, without those that stand inside others."""
    nodes = [encode(built(pairs))]
    node_ = built(pairs)
    inner = pairs
    while len(inner) > 1:
        common = _common(list(inner))
        step = common or path[:1]
        if not path.startswith(step) or not step:
            break
        inner = {key[len(step) :]: value for key, value in inner.items() if key.startswith(step)}
        path = path[len(step) :]
        if not inner:
            break
        node_ = built(inner)
        if len(encode(node_)) >= 32:
            nodes.append(encode(node_))
    return nodes


DOGS = {"do": b"verb", "dog": b"puppy", "doge": b"coin", "horse": b"stallion"}
DOGS_ROOT = "0x5991bb8c6514148a29db676a14ac506cd2cd5775ace63c30a4fe457715e9ac84"  # as Ethereum's own trie tests have it


def test_small_nodes_inside_others_are_followed() -> None:
    pairs = {key.encode().hex(): value for key, value in DOGS.items()}
    root = keccak(encode(built(pairs)))
    assert hex0x(root) == DOGS_ROOT
    for key in (*DOGS, "d", "dot", "doges", "cat", "house"):
        assert prove(root, key.encode(), proof_in(pairs, key.encode().hex())) == DOGS.get(key)


KEYS = st.dictionaries(st.binary(min_size=2, max_size=2), st.binary(min_size=1, max_size=40), min_size=1, max_size=30)


@given(KEYS, st.binary(min_size=2, max_size=2))
def test_whatever_a_trie_holds_is_proven_and_nothing_else(content: dict[bytes, bytes], asked: bytes) -> None:
    pairs = {key.hex(): value for key, value in content.items()}
    root = keccak(encode(built(pairs)))
    for key in (*content, asked):
        assert prove(root, key, proof_in(pairs, key.hex())) == content.get(key)


# Nodes that no honest trie has: each is the root itself, so that its hash is right.
LEAF = [packed("12" * 8, is_leaf=True), b"value"]
BIG = [packed("34" * 32, is_leaf=True), b"value"]
HOSTILE = {
    "text": b"\x83abc",
    "three items": encode([b"1", b"2", b"3"]),
    "a path that is a list": encode([[], b"x"]),
    "no path": encode([b"", b"x"]),
    "a flag that is none": encode([b"\x40", b"x"]),
    "an even path with a nibble": encode([b"\x25\x05", b"x"]),
    "an extension that leads nowhere": encode([packed("ab", is_leaf=False), b""]),
    "an extension without a path": encode([packed("", is_leaf=False), bytes(32)]),
    "a leaf of nothing": encode([packed("ab", is_leaf=True), b""]),
    "a large node inside": encode([packed("ab", is_leaf=False), BIG]),
    "a name of 31 bytes": encode([packed("ab", is_leaf=False), bytes(31)]),
    "a value that is a list": encode([packed("ab", is_leaf=True), [b"x"]]),
    "bytes after it": encode(LEAF) + b"\0",
    "an item not in its one form": b"\xc4" + b"\x81\x20" + b"\x81\x05",
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_node_that_no_trie_has_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        prove(keccak(data), b"\xab", [data])


def test_leaf_that_is_another_keys_proves_that_there_is_none() -> None:
    data = encode(LEAF)
    assert prove(keccak(data), b"\xab" * 8, [data]) is None
    assert prove(keccak(data), b"\x12" * 8, [data]) == b"value"


def test_slot_that_holds_no_word_is_refused() -> None:
    for value in (b"\x80", b"\xc0", b"\x82\x00\x01", b"\xa1" + b"\x01" * 33, b"\x05\x05"):
        node_ = encode([packed(keccak(bytes(32)).hex(), is_leaf=True), value])
        with pytest.raises(ValueError, match=r"\w"):
            prove_slot(keccak(node_), 0, [node_])


def test_account_that_is_none_is_refused() -> None:
    good = [b"\x01", b"", bytes(32), bytes(32)]
    for leaf in (good[:3], [*good, b""], [b"\0", *good[1:]], [*good[:2], bytes(31), good[3]], [*good[:3], [b""]]):
        node_ = encode([packed(keccak(NOBODY).hex(), is_leaf=True), encode(leaf)])
        with pytest.raises(ValueError, match=r"\w"):
            prove_account(keccak(node_), NOBODY, [node_])
    node_ = encode([packed(keccak(NOBODY).hex(), is_leaf=True), encode(good)])
    assert prove_account(keccak(node_), NOBODY, [node_]).code_hash == bytes(32)
