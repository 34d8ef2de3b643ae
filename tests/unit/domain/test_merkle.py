"""Merkle proofs: known answers from outside, and a twin that follows the RFC's words one by one."""

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.merkle import (
    EMPTY_ROOT,
    MerkleTree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "merkle"
SIZES = st.integers(1, 70)


def vectors(name):
    cases = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return [pytest.param(case, id=case["case"]) for case in cases]


def raw(text):
    return base64.b64decode(text or "")


def entries(size):
    return [number.to_bytes(4, "big") for number in range(size)]


def tree(size):
    return MerkleTree(map(leaf_hash, entries(size)))


# --- RFC 6962, section 2.1, word for word ----------------------------------------------------------------------------


def split(size):
    k = 1
    while k * 2 < size:
        k *= 2
    return k


def mth(d):
    if not d:
        return EMPTY_ROOT
    if len(d) == 1:
        return leaf_hash(d[0])
    k = split(len(d))
    return node_hash(mth(d[:k]), mth(d[k:]))


def path(m, d):
    if len(d) == 1:
        return []
    k = split(len(d))
    return [*path(m, d[:k]), mth(d[k:])] if m < k else [*path(m - k, d[k:]), mth(d[:k])]


def subproof(m, d, whole):
    if m == len(d):
        return [] if whole else [mth(d)]
    k = split(len(d))
    if m <= k:
        return [*subproof(m, d[:k], whole), mth(d[k:])]
    return [*subproof(m - k, d[k:], False), mth(d[:k])]


# --- known answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", vectors("inclusion.json"))
def test_verify_inclusion_known_answers(case):
    proof = [raw(node) for node in case["proof"] or []]
    holds = verify_inclusion(case["leafIdx"], case["treeSize"], raw(case["leafHash"]), proof, raw(case["root"]))
    assert holds is not case["wantErr"], case["desc"]


@pytest.mark.parametrize("case", vectors("consistency.json"))
def test_verify_consistency_known_answers(case):
    proof = [raw(node) for node in case["proof"] or []]
    holds = verify_consistency(case["size1"], case["size2"], raw(case["root1"]), raw(case["root2"]), proof)
    assert holds is not case["wantErr"], case["desc"]


def test_hashes_of_rfc_6962_reference_tree():
    """The eight entries and root that implementations of the RFC test each other with."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    grown = MerkleTree(leaf_hash(bytes.fromhex(text)) for text in inputs)
    assert grown.root().hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


# --- against the twin ------------------------------------------------------------------------------------------------


@given(size=SIZES, data=st.data())
def test_roots_and_proofs_are_the_rfcs(size, data):
    d, grown = entries(size), tree(size)
    some = data.draw(st.integers(1, size))
    index, first = data.draw(st.integers(0, some - 1)), data.draw(st.integers(1, some))
    assert grown.root(some) == mth(d[:some])
    assert grown.inclusion_proof(index, some) == path(index, d[:some])
    assert grown.consistency_proof(first, some) == subproof(first, d[:some], True)


@given(size=SIZES, data=st.data())
def test_proofs_made_are_verified(size, data):
    grown = tree(size)
    index, first = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    proof = grown.inclusion_proof(index)
    assert verify_inclusion(index, size, leaf_hash(entries(size)[index]), proof, grown.root())
    proof = grown.consistency_proof(first)
    assert verify_consistency(first, size, grown.root(first), grown.root(), proof)


@given(size=SIZES, data=st.data())
def test_verify_inclusion_of_anything_else_is_false(size, data):
    grown = tree(size)
    index = data.draw(st.integers(0, size - 1))
    leaf, proof, root = leaf_hash(entries(size)[index]), grown.inclusion_proof(index), grown.root()
    other = data.draw(st.integers(-1, size + 1).filter(lambda number: number != index))
    assert not verify_inclusion(other, size, leaf, proof, root)
    assert not verify_inclusion(index, size, leaf_hash(b"another"), proof, root)
    assert not verify_inclusion(index, size, leaf, proof, leaf_hash(b"another"))
    assert not verify_inclusion(index, size, leaf, [*proof, root], root)
    if proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        for wrong in (leaf_hash(b"another"), proof[at][:31], proof[at] + b"\0"):
            assert not verify_inclusion(index, size, leaf, [*proof[:at], wrong, *proof[at + 1 :]], root)
        assert not verify_inclusion(index, size, leaf, proof[:-1], root)


@given(size=st.integers(2, 70), data=st.data())
def test_verify_consistency_of_anything_else_is_false(size, data):
    grown = tree(size)
    first = data.draw(st.integers(1, size - 1))
    old, new, proof = grown.root(first), grown.root(), grown.consistency_proof(first)
    another = leaf_hash(b"another")
    assert not verify_consistency(first, size, another, new, proof)
    assert not verify_consistency(first, size, old, another, proof)
    assert not verify_consistency(first, size, old, new, [*proof, another])
    assert not verify_consistency(first, size, old, new, proof[:-1])
    assert not verify_consistency(size, first, new, old, proof)
    at = data.draw(st.integers(0, len(proof) - 1))
    for wrong in (another, proof[at][:31]):
        assert not verify_consistency(first, size, old, new, [*proof[:at], wrong, *proof[at + 1 :]])


# --- what there is not -----------------------------------------------------------------------------------------------


def test_tree_grows_one_by_one_into_the_same():
    grown = MerkleTree()
    for size, entry in enumerate(entries(40), 1):
        grown.append(leaf_hash(entry))
        assert (len(grown), grown.root()) == (size, mth(entries(size)))


def test_entry_is_no_node():
    """A node's two halves, given as an entry, have another hash: the first byte tells them apart."""
    left, right = leaf_hash(b"left"), leaf_hash(b"right")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_tree_without_entries_has_the_empty_root_and_no_proofs():
    assert MerkleTree().root() == EMPTY_ROOT
    with pytest.raises(ValueError, match="no entry 0 among 0"):
        MerkleTree().inclusion_proof(0)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (4, 3), (-1, 3), (1, 6)])
def test_consistency_proof_of_sizes_that_are_none_raises(first, second):
    with pytest.raises(ValueError, match="tree"):
        tree(5).consistency_proof(first, second)


@pytest.mark.parametrize("index", [-1, 5])
def test_inclusion_proof_of_entry_that_is_not_there_raises(index):
    with pytest.raises(ValueError, match="no entry"):
        tree(5).inclusion_proof(index)


def test_append_of_what_is_no_hash_raises():
    with pytest.raises(ValueError, match="32 bytes"):
        MerkleTree().append(b"entry")
