"""RLP: the known answers of the Yellow Paper's examples, and every other way to write the same is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.rlp import MAX_DEPTH, decode, encode, encode_number, number

LOREM = b"Lorem ipsum dolor sit amet, consectetur adipisicing elit"
KNOWN = [
    (b"dog", "83646f67"),
    ([b"cat", b"dog"], "c88363617483646f67"),
    (b"", "80"),
    ([], "c0"),
    (b"\x00", "00"),
    (b"\x0f", "0f"),
    (b"\x04\x00", "820400"),
    ([[], [[]], [[], [[]]]], "c7c0c1c0c3c0c1c0"),
    (LOREM, "b838" + LOREM.hex()),
    ([LOREM], "f83a" + "b838" + LOREM.hex()),
]
REFUSED = {
    "nothing": "",
    "a byte more": "83646f6700",
    "cut off": "83646f",
    "a list cut off": "c883636174",
    "a small byte with a length": "8105",
    "a long form for a short string": "b803646f67",
    "a long form for a short list": "f80483646f67",
    "a length with a zero before": "b90038" + LOREM.hex(),
    "a length cut off": "b9",
    "a length beyond all": "bfffffffffffffffff",
    "an item that leaves its list": "c483646f6767"[:8] + "67" * 4,
    "an item longer than its list": "c283646f67",
}
ITEMS = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=5), max_leaves=20)


@pytest.mark.parametrize(("item", "written"), KNOWN)
def test_known_answers(item: object, written: str) -> None:
    assert encode(item).hex() == written  # type: ignore[arg-type]
    assert decode(bytes.fromhex(written)) == item


@pytest.mark.parametrize("written", REFUSED.values(), ids=REFUSED)
def test_decode_any_other_form_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="RLP"):
        decode(bytes.fromhex(written))


@given(ITEMS)
def test_decode_gives_what_was_encoded(item: object) -> None:
    assert decode(encode(item)) == item  # type: ignore[arg-type]


@given(st.binary(max_size=80))
def test_decode_anything_is_refused_or_written_the_same_again(data: bytes) -> None:
    try:
        item = decode(data)
    except ValueError:
        return
    assert encode(item) == data


def test_decode_lists_within_lists_without_end_is_refused() -> None:
    data = b"\xc0"
    for _ in range(MAX_DEPTH):
        data = encode([decode(data)]) if len(data) < 10 else bytes([0xC0 + len(data)]) + data
    with pytest.raises(ValueError, match="deep"):
        decode(data)


def test_numbers_have_no_leading_zeros() -> None:
    assert [number(encode_number(value)) for value in (0, 1, 255, 256, 2**255)] == [0, 1, 255, 256, 2**255]
    for item in (b"\0", b"\0\1", []):
        with pytest.raises(ValueError, match="number"):
            number(item)  # type: ignore[arg-type]
