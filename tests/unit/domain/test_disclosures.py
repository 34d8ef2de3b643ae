import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.disclosures import base64url, from_base64url, make_disclosure, read_disclosure
from ledger_service.errors import InvalidInput

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def encoded(value) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    ["a", "ab=c", "ab+/", "a b", "YQ==", "YQ=", "YR", "é", "abc\n", "YWJj ", "a-_*", "="],
)
def test_from_base64url_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match=r"base64url|ascii|padding|base64"):
        from_base64url(text)


@given(st.binary(max_size=64))
def test_base64url_comes_back(data):
    assert from_base64url(base64url(data)) == data
    assert "=" not in base64url(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not base64!",
        encoded(b"{"),
        encoded({}),
        encoded([]),
        encoded(["salt", "name"]),
        encoded(["salt", "name", "value", "more"]),
        encoded(["salt", 1, "value"]),
        encoded([1, "name", "value"]),
        encoded([None, "name", "value"]),
        encoded(b'["s","n",NaN]'),
        encoded(b'["s","n",Infinity]'),
        encoded(b'["s","n","\xff"]'),
        encoded('["s","n","v"]'.encode("utf-16")),
        encoded(b"[" * 50_000),
    ],
)
def test_read_disclosure_of_another_shape_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_disclosure(text)


@pytest.mark.parametrize("value", ["\ud800", float("nan"), float("inf"), {"a": float("nan")}, object()], ids=repr)
def test_make_disclosure_of_what_json_cannot_hold_is_refused(value):
    with pytest.raises(InvalidInput) as raised:
        make_disclosure(bytes(16), "name", value)
    assert raised.value.field == "name"


def test_disclosure_of_the_standard_has_its_digest():
    # RFC 9901, section 4.2.3: the digest is over the encoded text, however it was written.
    text = "WyI2cU1RdlJMNWhhaiIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    disclosure = read_disclosure(text)
    assert (disclosure.name, disclosure.value) == ("family_name", "Möbius")
    assert disclosure.digest == "uutlBuYeMDyjLLTpf6Jxi7yNkEF35jdyWMn9U7b_RYY"


@given(st.binary(min_size=16, max_size=16), st.text(min_size=1), VALUES)
def test_disclosure_comes_back_with_its_digest(salt, name, value):
    made = make_disclosure(salt, name, value)
    assert read_disclosure(made.encoded) == made
    assert made.digest == base64url(hashlib.sha256(made.encoded.encode()).digest())


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=16, max_size=16))
def test_digest_depends_on_the_salt(one, other):
    same = one == other
    assert (make_disclosure(one, "name", "Ada").digest == make_disclosure(other, "name", "Ada").digest) is same
