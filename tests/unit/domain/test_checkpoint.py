"""Checkpoints: the form of C2SP's specifications, and nothing but the service's own signature."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.checkpoint import (
    Checkpoint,
    growth_problem,
    key_id,
    keys_of,
    origin_of,
    read_checkpoint,
    sign_checkpoint,
    verifier_key,
)
from ledger_service.domain.merkle import MerkleTree, leaf_hash
from ledger_service.errors import IntegrityFailure
from ledger_service.tokens import TokenService

CONTRACT = "0x" + "11" * 20
ORIGIN = f"ledger.example/{CONTRACT}"
TOKENS = TokenService([Ed25519PrivateKey.from_private_bytes(bytes(32))])
OTHER = TokenService([Ed25519PrivateKey.from_private_bytes(bytes([1]) * 32)])
CHECKPOINT = Checkpoint(ORIGIN, 1234, bytes(range(32)))
NOTE = sign_checkpoint(CHECKPOINT, TOKENS)
KEYS = keys_of(TOKENS.jwks())


def tree(size):
    return MerkleTree(leaf_hash(number.to_bytes(4, "big")) for number in range(size))


def test_note_has_the_specified_form():
    text, _, signature = NOTE.partition("\n\n")
    assert text == f"{ORIGIN}\n1234\n{base64.b64encode(bytes(range(32))).decode()}"
    dash, name, signed = signature.removesuffix("\n").split(" ")
    assert (dash, name) == ("\N{EM DASH}", ORIGIN)
    raw = base64.b64decode(signed)
    assert len(raw) == 4 + 64
    assert raw[:4] == key_id(ORIGIN, TOKENS.public_key)


def test_key_is_named_as_the_specification_has_it():
    """The example of C2SP signed-note: PeterNeumann+c74f20a3+AR…, whose id follows from its name and key."""
    name, number, key = ["PeterNeumann", "c74f20a3", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"]
    public = base64.b64decode(key)[1:]
    assert key_id(name, public).hex() == number
    assert verifier_key(name, public) == f"{name}+{number}+{key}"


def test_note_is_read_again():
    assert [TOKENS.public_key] == KEYS
    assert read_checkpoint(NOTE, KEYS) == CHECKPOINT
    assert read_checkpoint(NOTE, [OTHER.public_key, *KEYS]) == CHECKPOINT


def test_cosignatures_of_others_do_not_count():
    by_other = sign_checkpoint(CHECKPOINT, OTHER).rpartition("\n\n")[2]
    assert read_checkpoint(NOTE + by_other, KEYS) == CHECKPOINT
    with pytest.raises(IntegrityFailure, match="not signed"):
        read_checkpoint(NOTE.partition("\n\n")[0] + "\n\n" + by_other, KEYS)


@given(st.integers(0, len(NOTE) - 1), st.characters(codec="utf-8"))
def test_note_with_another_character_is_refused(at, character):
    changed = NOTE[:at] + character + NOTE[at + 1 :]
    if changed == NOTE:
        return
    with pytest.raises(IntegrityFailure):
        read_checkpoint(changed, KEYS)


@given(st.integers(0, len(NOTE) - 1))
def test_note_that_was_cut_is_refused(at):
    with pytest.raises(IntegrityFailure):
        read_checkpoint(NOTE[:at], KEYS)


@pytest.mark.parametrize(
    "note",
    [
        NOTE + "\n",
        NOTE + "x\n",
        NOTE.replace("1234", "01234"),
        NOTE.replace("\n", "\r\n"),
        "\n" + NOTE,
        NOTE + "\N{EM DASH} other !!\n",
        NOTE.replace("\n\n", "\nextension\n\n"),
        NOTE * 200,
    ],
)
def test_note_of_another_form_is_refused(note):
    with pytest.raises(IntegrityFailure):
        read_checkpoint(note, KEYS)


@pytest.mark.parametrize(
    "jwks", [{}, {"keys": 3}, {"keys": [3]}, {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A"}]}]
)
def test_what_is_no_key_set_has_no_keys(jwks):
    assert keys_of(jwks) == []


@pytest.mark.parametrize(
    "url", ["https://ledger.example", "https://ledger.example/", "http://ledger.example", "ledger.example"]
)
def test_origin_has_no_scheme(url):
    assert origin_of(url, CONTRACT) == ORIGIN


# --- two checkpoints of one log --------------------------------------------------------------------------------------


@given(st.integers(0, 40), st.integers(0, 40))
def test_log_that_grew_is_the_same(first, more):
    later = tree(first + more)
    proof = later.consistency_proof(first) if first else []
    earlier = Checkpoint(ORIGIN, first, tree(first).root())
    assert growth_problem(earlier, Checkpoint(ORIGIN, first + more, later.root()), proof) is None


@given(st.integers(1, 40), st.integers(0, 40))
def test_log_that_was_rewritten_is_told(first, more):
    later = tree(first + more)
    rewritten = MerkleTree([leaf_hash(b"another"), *(leaf_hash(bytes([n])) for n in range(first - 1))])
    earlier = Checkpoint(ORIGIN, first, rewritten.root())
    problem = growth_problem(earlier, Checkpoint(ORIGIN, first + more, later.root()), later.consistency_proof(first))
    assert problem is not None
    assert "not shown" in problem


def test_log_that_shrank_or_has_another_name_is_told():
    small, large = Checkpoint(ORIGIN, 3, tree(3).root()), Checkpoint(ORIGIN, 7, tree(7).root())
    assert "shrank" in str(growth_problem(large, small, []))
    assert "two logs" in str(growth_problem(small, Checkpoint("x", 7, large.root), tree(7).consistency_proof(3)))
    assert growth_problem(Checkpoint(ORIGIN, 0, tree(0).root()), large, [bytes(32)]) is not None
