"""RFC 8785: known answers from outside, and what the form has to keep whatever it is given."""

import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.records import canonical_bytes, record_of
from ledger_service.errors import InvalidInput

VECTORS = Path(__file__).parents[2] / "vectors" / "jcs"
NAMES = sorted(path.name.removesuffix(".input.json") for path in VECTORS.glob("*.input.json"))
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | WHOLE | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        2**53,
        -(2**53),
        "\ud800",
        {"\ud800": 1},
        {1: 2},
        {"a": {1, 2}},
        b"bytes",
        object(),
        {"deep": ["\udfff"]},
    ],
    ids=repr,
)
def test_canonical_bytes_of_what_json_cannot_hold_are_refused(value):
    with pytest.raises(InvalidInput) as raised:
        canonical_bytes(value)
    assert raised.value.field == "data"
    assert raised.value.remedy


def test_canonical_bytes_of_endless_nesting_are_refused():
    nested: list = []
    nested.append(nested)
    with pytest.raises(InvalidInput):
        canonical_bytes(nested)


def test_vectors_are_all_here():
    assert NAMES == ["arrays", "french", "structures"]


@pytest.mark.parametrize("name", NAMES)
def test_canonical_bytes_are_those_of_the_known_answers(name):
    value = json.loads((VECTORS / f"{name}.input.json").read_bytes())
    assert canonical_bytes(value) == (VECTORS / f"{name}.output.json").read_bytes().strip()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        ({"\u20ac": 1, "\r": 2, "1": 3}, b'{"\\r":2,"1":3,"\xe2\x82\xac":1}'),
        (1.0, b"1"),
        (-0.0, b"0"),
        (1e21, b"1e+21"),
        (1e-7, b"1e-7"),
        (0.1, b"0.1"),
        (333333333.33333329, b"333333333.3333333"),
        ('\x0f\n\t"\\/', b'"\\u000f\\n\\t\\"\\\\/"'),
        ("ö", '"ö"'.encode()),
        ({"\U0001f600": 1, "\ufb33": 2}, '{"\U0001f600":1,"\ufb33":2}'.encode()),  # UTF-16 order, not code points
        ([], b"[]"),
        (None, b"null"),
        (True, b"true"),
    ],
    ids=repr,
)
def test_canonical_bytes_follow_the_rfc(value, expected):
    assert canonical_bytes(value) == expected


@given(JSON)
def test_canonical_bytes_read_back_and_written_again_are_the_same(value):
    once = canonical_bytes({"value": value})
    assert record_of(once).canonical == canonical_bytes(record_of(once).body) == once


@given(st.dictionaries(st.text(), WHOLE, min_size=1))
def test_canonical_bytes_do_not_depend_on_the_order_of_keys(value):
    assert canonical_bytes(dict(reversed(value.items()))) == canonical_bytes(value)


@given(JSON)
def test_canonical_bytes_are_those_of_the_reference_library(value):
    assert canonical_bytes(value) == rfc8785.dumps(value)


@pytest.mark.parametrize("code", [*range(0x30), 0x7F, 0x80, 0x9F, 0xA0, 0xAD, 0x2028, 0x2029, 0xFEFF, 0xFFFF, 0x10FFFF])
def test_every_character_is_written_as_the_reference_library_does(code):
    assert canonical_bytes([chr(code)]) == rfc8785.dumps([chr(code)])
    assert canonical_bytes({chr(code): 1}) == rfc8785.dumps({chr(code): 1})
