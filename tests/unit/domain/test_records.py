from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.disclosures import make_disclosure
from ledger_service.domain.hashing import hex0x, keccak
from ledger_service.domain.records import MAX_BYTES, SCHEMA, canonical_bytes, make_record, record_of
from ledger_service.domain.vocabulary import Kind, Role
from ledger_service.errors import InvalidInput

CASE = bytes(range(32))
SIGNER = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


def record(**changes):
    fields = {
        "case_id": CASE,
        "kind": "picked_up",
        "role": Role.CARRIER,
        "signer": SIGNER,
        "key": "service",
        "occurred_at": datetime(2024, 7, 31, 19, 27, tzinfo=UTC),
        "data": {"tracking_code": "1"},
        "disclosures": [],
        "salt": bytes(16),
    }
    return make_record(**{**fields, **changes})


@pytest.mark.parametrize(
    ("canonical", "why"),
    [
        (b"", "empty"),
        (b"nonsense", "no JSON"),
        (b"[]", "a list"),
        (b'"text"', "a string"),
        (b"null", "null"),
        (b'{"b":1,"a":2}', "keys out of order"),
        (b'{"a":1, "b":2}', "white space"),
        (b'{"a":1,"a":1}', "a key twice"),
        (b'{"a":1.0}', "a number in another form"),
        (b'{"a":"\\u0041"}', "a needless escape"),
        (b'{"a":9007199254740993}', "an integer that is not exact"),
        (b'{"a":NaN}', "no number"),
        (b'{"a":Infinity}', "no number"),
        (b'{"a":"\\ud800"}', "half a character"),
        (b'\xef\xbb\xbf{"a":1}', "a byte order mark"),
        ('{"a":1}'.encode("utf-16"), "UTF-16"),
        (b'{"a":"\xff"}', "no UTF-8"),
        (b'{"a":' + b"[" * 20_000 + b"]" * 20_000 + b"}", "deep nesting"),
        (b'{"a":1}\n', "a line end"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_record_of_bytes_that_are_not_canonical_is_refused(canonical, why):
    with pytest.raises(InvalidInput) as raised:
        record_of(canonical)
    assert raised.value.field == "record", why


def test_record_of_too_many_bytes_is_refused():
    with pytest.raises(InvalidInput) as raised:
        record(data={"text": "x" * MAX_BYTES})
    assert raised.value.field == "data"


def test_record_within_the_limit_is_taken():
    room = MAX_BYTES - len(record(data={"text": ""}).canonical)
    assert len(record(data={"text": "x" * room}).canonical) == MAX_BYTES


@pytest.mark.parametrize("value", [float("nan"), 2**53, "\ud800", {1: 1}])
def test_make_record_of_data_that_json_cannot_hold_is_refused(value):
    with pytest.raises(InvalidInput) as raised:
        record(data={"value": value})
    assert raised.value.field == "data"


def test_make_record_has_the_documented_shape():
    body = record().body
    assert body == {
        "_sd": [],
        "_sd_alg": "sha-256",
        "case_id": hex0x(CASE),
        "data": {"tracking_code": "1"},
        "key": "service",
        "kind": "picked_up",
        "occurred_at": "2024-07-31T19:27:00Z",
        "role": "carrier",
        "salt": "AAAAAAAAAAAAAAAAAAAAAA",
        "schema": SCHEMA,
        "signer": SIGNER,
    }


def test_commitment_is_keccak_of_the_canonical_bytes():
    made = record()
    assert made.commitment == keccak(made.canonical)
    assert made.canonical == canonical_bytes(made.body)


def test_record_of_its_own_bytes_is_the_same_record():
    made = record()
    assert record_of(made.canonical) == made
    assert (made.kind, made.role) == (Kind.PICKED_UP, Role.CARRIER)


@pytest.mark.parametrize(
    "changes",
    [
        {"case_id": bytes(32)},
        {"kind": Kind.RECEIVED},
        {"role": Role.CONSUMER},
        {"signer": SIGNER.lower()},
        {"key": "own"},
        {"occurred_at": datetime(2024, 7, 31, 19, 27, 0, 1, tzinfo=UTC)},
        {"data": {"tracking_code": "2"}},
        {"data": {}},
        {"disclosures": [make_disclosure(bytes(16), "name", "Ada")]},
        {"salt": b"\x01" + bytes(15)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_commitment_changes_with_every_field(changes):
    assert record(**changes).commitment != record().commitment


def test_disclosed_values_are_not_in_the_record():
    made = record(disclosures=[make_disclosure(b"s" * 16, "email", "ada@example.org")])
    assert b"ada@example.org" not in made.canonical
    assert b"email" not in made.canonical


def test_digests_are_sorted_so_that_their_order_tells_nothing():
    disclosures = [make_disclosure(bytes([i]) * 16, f"f{i}", i) for i in range(8)]
    assert record(disclosures=disclosures).commitment == record(disclosures=disclosures[::-1]).commitment


def test_moments_in_another_zone_make_the_same_record():
    moment = datetime(2024, 7, 31, 19, 27, tzinfo=UTC).astimezone(timezone(timedelta(hours=8)))
    assert record(occurred_at=moment).commitment == record().commitment


@pytest.mark.parametrize(("name", "value"), [("kind", "invented"), ("role", "king"), ("kind", "PICKED_UP")])
def test_words_that_are_none_of_ours_are_refused_when_asked_for(name, value):
    made = record_of(canonical_bytes({**record().body, name: value}))
    with pytest.raises(KeyError):
        getattr(made, name)


@given(st.data())
def test_one_bit_of_a_record_changed_is_noticed(data):
    made = record()
    position = data.draw(st.integers(0, len(made.canonical) * 8 - 1))
    changed = bytearray(made.canonical)
    changed[position // 8] ^= 1 << (position % 8)
    with suppress(InvalidInput):
        assert record_of(bytes(changed)).commitment != made.commitment
