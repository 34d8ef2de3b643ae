import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.strict_json import MAX_DEPTH, load_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='[]{}"\\,: ab\n') | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + closing * depth


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 1_000, 99_000, 1_000_000])
@pytest.mark.parametrize("closing", [b"]", b""])
def test_load_json_nested_too_deep_is_refused(depth, closing):
    with pytest.raises(ValueError, match="deep"):
        load_json(nested(depth, closing=closing))


@pytest.mark.parametrize(
    "data", [b'{"a":' * 65 + b"1" + b"}" * 65, b'"' + b"[" * 100, b'"\\"' + b"[" * 100, b"]" * 70 + b"[" * 140]
)
def test_load_json_of_confused_nesting_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        load_json(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"nothing", b"NaN", b"-Infinity", b"[1,]", b"{'a':1}", b'"\xff"', '"a"'.encode("utf-16"), b"\xef\xbb\xbf1"],
)
def test_load_json_of_what_is_no_json_is_refused(data):
    with pytest.raises(ValueError, match=r"."):
        load_json(data)


def test_load_json_at_the_limit_is_taken():
    assert load_json(nested(MAX_DEPTH)) is not None


def test_load_json_takes_any_number_of_brackets_side_by_side_and_in_text():
    value = [["[" * 1_000, {"{": "}" * 1_000}]] * 1_000
    assert load_json(json.dumps(value).encode()) == value


@given(JSON)
def test_load_json_reads_what_the_standard_library_reads(value):
    assert load_json(json.dumps(value).encode()) == value
    assert load_json(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")) is not ...
