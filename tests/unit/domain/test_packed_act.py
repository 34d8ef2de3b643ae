import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.messages import Act
from ledger_service.domain.packed_act import LENGTH, pack_act, unpack_act
from ledger_service.domain.vocabulary import Grade, Kind, Role

SOURCE = Path(__file__).parents[3] / "contracts" / "libraries" / "PackedAct.sol"
SIGNATURE = bytes(range(64)) + b"\x1b"
WORDS = st.binary(min_size=32, max_size=32)
SIXTEEN = st.integers(0, 2**16 - 1)
ACTS = st.builds(
    Act,
    case_id=WORDS,
    kind=st.sampled_from(sorted(set(Kind) - {Kind.KEY_BOUND})),
    role=st.sampled_from(Role),
    nonce=SIXTEEN,
    valid_until=st.integers(0, 2**40 - 1),
    commitment=WORDS,
    grade=st.sampled_from(Grade),
    share=SIXTEEN,
    fee=SIXTEEN,
)


def act(**changes):
    fields = {
        "case_id": b"\xaa" * 32,
        "kind": Kind.INSPECTED,
        "role": Role.INSPECTOR,
        "nonce": 0x0102,
        "valid_until": 0x0A0B0C0D0E,
        "commitment": b"\xbb" * 32,
        "grade": Grade.USED,
        "share": 7_500,
        "fee": 150,
    }
    return Act(**{**fields, **changes})


@pytest.mark.parametrize("length", [0, 64, 66, 96])
def test_pack_act_with_a_signature_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="65 bytes"):
        pack_act(act(), bytes(length))


@pytest.mark.parametrize(
    "changes",
    [
        {"nonce": -1},
        {"nonce": 2**16},
        {"share": 2**16},
        {"fee": -1},
        {"valid_until": 2**40},
        {"valid_until": -1},
        {"case_id": bytes(31)},
        {"commitment": bytes(33)},
        {"case_id": bytes(31), "commitment": bytes(31)},
    ],
    ids=str,
)
def test_pack_act_of_a_value_that_its_field_cannot_hold_is_refused(changes):
    with pytest.raises(ValueError, match=r"field|32 bytes"):
        pack_act(act(**changes), SIGNATURE)


def test_pack_act_of_a_key_binding_has_the_key_behind_the_signature():
    key = "0x" + "11" * 20
    binding = act(kind=Kind.KEY_BOUND, role=Role.CONSUMER, grade=Grade.NONE, share=0, fee=0, key=key)
    item = pack_act(binding, SIGNATURE)
    assert item[LENGTH:] == b"\x11" * 20
    assert unpack_act(item) == (binding, SIGNATURE)
    with pytest.raises(ValueError, match="20 more"):
        unpack_act(item[:LENGTH])


def test_pack_act_does_not_let_two_wrong_lengths_make_up_for_each_other():
    with pytest.raises(ValueError, match="32 bytes"):
        pack_act(act(case_id=bytes(31), commitment=bytes(33)), SIGNATURE)


@pytest.mark.parametrize("length", [0, LENGTH - 1, LENGTH + 1, 2 * LENGTH])
def test_unpack_act_of_another_length_is_refused(length):
    with pytest.raises(ValueError, match="143"):
        unpack_act(bytes(length))


@pytest.mark.parametrize(("at", "number"), [(72, 24), (71, 7), (77, 6)])
def test_unpack_act_of_a_number_that_is_no_word_is_refused(at, number):
    item = bytearray(pack_act(act(), SIGNATURE))
    item[at] = number
    with pytest.raises(ValueError, match=str(number)):
        unpack_act(bytes(item))


def test_pack_act_has_the_layout_of_the_contract():
    expected = b"\xaa" * 32 + b"\xbb" * 32 + bytes.fromhex("0a0b0c0d0e0102050700961d4c03")
    assert pack_act(act(), SIGNATURE) == expected + SIGNATURE


def test_layout_is_the_one_that_the_contract_documents():
    source = SOURCE.read_text()
    text = " ".join(re.search(r"in this order: (.*?)\.", source, re.S)[1].replace("///", " ").split())
    assert text == (
        "caseId 32, commitment 32, validUntil 5, nonce 2, role 1, kind 1, fee 2, share 2, grade 1, "
        "signature r 32, s 32, v 1; behind that a KeyBound has the new key, 20"
    )
    assert int(re.search(r"LENGTH = (\d+)", source)[1]) == LENGTH


@given(ACTS, st.binary(min_size=65, max_size=65))
def test_packed_act_comes_back(step, signature):
    assert unpack_act(pack_act(step, signature)) == (step, signature)
