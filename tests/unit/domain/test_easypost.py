import hashlib
import hmac
import json
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.easypost import SIGNATURE_HEADER, check_signature, read_tracker
from ledger_service.errors import InvalidInput, Unauthenticated

RAW = (Path(__file__).parents[2] / "vectors" / "easypost_tracker_updated.json").read_bytes()
SECRET = "s\u00e9cret"
DIGITS = "38f3f53c103713df81616a0a186d77141957323ec21d5fe9363db93840f527db"
HEADER = f"hmac-sha256-hex={DIGITS}"


def event(**changes):
    return json.dumps({**json.loads(RAW), **changes}).encode()


def tracker(**changes):
    return event(result={**json.loads(RAW)["result"], **changes})


def scan(status="in_transit", moment="2024-07-31T19:27:00Z", **more):
    return {"status": status, "datetime": moment, "message": "Picked up", "tracking_location": None, **more}


def pickup(*scans):
    return read_tracker(tracker(tracking_details=list(scans))).pickup


# --- the signature ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        " ",
        DIGITS,
        "hmac-sha256-hex=",
        f"hmac-sha256-hex={DIGITS[:-1]}",
        f"hmac-sha256-hex={DIGITS}0",
        f"hmac-sha256-hex={DIGITS.upper()}",
        f"hmac-sha1-hex={DIGITS}",
        f"hmac-sha256-hex= {DIGITS}",
        f"{HEADER},{HEADER}",
        f"hmac-sha256-hex={'0' * 64}",
        HEADER.replace("3", "\uff13"),
        "\ud800",
        "ü" * 64,
    ],
    ids=repr,
)
def test_check_signature_with_another_header_is_refused(header):
    with pytest.raises(Unauthenticated) as raised:
        check_signature(RAW, header, SECRET)
    assert raised.value.field == SIGNATURE_HEADER == "X-Hmac-Signature"
    assert raised.value.remedy
    assert DIGITS not in str(raised.value)


@pytest.mark.parametrize("bit", range(256))
def test_check_signature_with_one_bit_of_it_changed_is_refused(bit):
    changed = bytearray.fromhex(DIGITS)
    changed[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(Unauthenticated):
        check_signature(RAW, f"hmac-sha256-hex={changed.hex()}", SECRET)


@given(st.integers(0, len(RAW) * 8 - 1))
def test_check_signature_of_a_body_with_one_bit_changed_is_refused(bit):
    changed = bytearray(RAW)
    changed[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(Unauthenticated):
        check_signature(bytes(changed), HEADER, SECRET)


@pytest.mark.parametrize("raw", [b"", RAW + b"\n", RAW[:-1], RAW + RAW], ids=["empty", "longer", "shorter", "twice"])
def test_check_signature_of_another_body_is_refused(raw):
    with pytest.raises(Unauthenticated):
        check_signature(raw, HEADER, SECRET)


@pytest.mark.parametrize("secret", ["secret", "S\u00e9cret", "s\u00e8cret", "s\u00e9cret ", "x"])
def test_check_signature_under_another_secret_is_refused(secret):
    with pytest.raises(Unauthenticated):
        check_signature(RAW, HEADER, secret)


def test_check_signature_under_an_empty_secret_is_refused_even_if_it_fits():
    header = "hmac-sha256-hex=" + hmac.new(b"", RAW, hashlib.sha256).hexdigest()
    with pytest.raises(Unauthenticated):
        check_signature(RAW, header, "")


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_check_signature_takes_the_known_answer_in_every_form_of_the_secret(form):
    check_signature(RAW, HEADER, unicodedata.normalize(form, SECRET))


def test_check_signature_takes_spaces_around_the_header():
    check_signature(RAW, f" {HEADER} ", SECRET)


@given(st.binary(max_size=200), st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_check_signature_takes_what_the_secret_signed(raw, secret):
    key = unicodedata.normalize("NFKD", secret).encode()
    check_signature(raw, "hmac-sha256-hex=" + hmac.new(key, raw, hashlib.sha256).hexdigest(), secret)


# --- the event -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        RAW[:-1],
        RAW.decode().encode("utf-16"),
        b"[" * 99_000,
        b'{"a":' * 500 + b"1" + b"}" * 500,
    ],
    ids=["empty", "open", "no UTF-8", "NaN", "cut", "UTF-16", "deep", "deep objects"],
)
def test_read_tracker_of_what_is_no_json_is_refused(raw):
    with pytest.raises(InvalidInput) as raised:
        read_tracker(raw)
    assert raised.value.field == "body"


@pytest.mark.parametrize("raw", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_read_tracker_of_another_json_value_is_refused(raw):
    with pytest.raises(InvalidInput) as raised:
        read_tracker(raw)
    assert raised.value.field == "body"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"description": "batch.created"}, "description"),
        ({"description": None}, "description"),
        ({"description": 5}, "description"),
        ({"id": None}, "id"),
        ({"id": ""}, "id"),
        ({"id": 7}, "id"),
        ({"mode": None}, "mode"),
        ({"result": None}, "result"),
        ({"result": []}, "result"),
        ({"result": "trk_1"}, "result"),
        ({"result": {}}, "result.object"),
        ({"result": {"object": "Shipment"}}, "result.object"),
    ],
    ids=str,
)
def test_read_tracker_of_another_event_is_refused(changes, field):
    with pytest.raises(InvalidInput) as raised:
        read_tracker(event(**changes))
    assert raised.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"carrier": None}, "result.carrier"),
        ({"carrier": ""}, "result.carrier"),
        ({"carrier": "  "}, "result.carrier"),
        ({"carrier": 5}, "result.carrier"),
        ({"carrier": "x" * 501}, "result.carrier"),
        ({"carrier": "Fed\x00Ex"}, "result.carrier"),
        ({"carrier": "\ud800"}, "result.carrier"),
        ({"tracking_code": None}, "result.tracking_code"),
        ({"tracking_code": 1}, "result.tracking_code"),
        ({"tracking_code": ["1"]}, "result.tracking_code"),
        ({"tracking_details": {}}, "result.tracking_details"),
        ({"tracking_details": "none"}, "result.tracking_details"),
        ({"tracking_details": [None]}, "result.tracking_details[0]"),
        ({"tracking_details": [scan(), "scan"]}, "result.tracking_details[1]"),
        ({"tracking_details": [scan(status=None)]}, "result.tracking_details[0].status"),
        ({"tracking_details": [scan(status=1)]}, "result.tracking_details[0].status"),
        ({"tracking_details": [scan(moment=None)]}, "result.tracking_details[0].datetime"),
        ({"tracking_details": [scan(moment="yesterday")]}, "result.tracking_details[0].datetime"),
        ({"tracking_details": [scan(moment="2024-07-31T19:27:00")]}, "result.tracking_details[0].datetime"),
        ({"tracking_details": [scan(moment=1722454020)]}, "result.tracking_details[0].datetime"),
        ({"tracking_details": [scan(message=5)]}, "result.tracking_details[0].message"),
        ({"tracking_details": [scan(tracking_location="Orlando")]}, "result.tracking_details[0].tracking_location"),
        (
            {"tracking_details": [scan(tracking_location={"city": 5})]},
            "result.tracking_details[0].tracking_location.city",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_read_tracker_of_a_malformed_tracker_is_refused_with_the_path(changes, field):
    with pytest.raises(InvalidInput) as raised:
        read_tracker(tracker(**changes))
    assert raised.value.field == field


def test_read_tracker_finds_the_pick_up_of_the_real_event():
    update = read_tracker(RAW)
    assert (update.event_id, update.mode, update.carrier, update.tracking_code) == ("evt_1", "production", "FedEx", "1")
    assert update.pickup.occurred_at == datetime(2024, 7, 31, 19, 27, tzinfo=UTC)
    assert update.pickup.message == "Picked up"
    assert update.pickup.location == {"city": "ORLANDO", "state": "FL", "country": "US", "zip": "32809"}


@pytest.mark.parametrize(
    "status", ["in_transit", "out_for_delivery", "available_for_pickup", "delivered", "return_to_sender"]
)
def test_read_tracker_takes_a_scan_with_the_carrier_for_the_pick_up(status):
    assert pickup(scan(status=status)).occurred_at == datetime(2024, 7, 31, 19, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    "status", ["pre_transit", "unknown", "failure", "cancelled", "error", "IN_TRANSIT", "invented"]
)
def test_read_tracker_takes_no_other_scan_for_the_pick_up(status):
    assert pickup(scan(status=status, carrier_code="PU")) is None


@pytest.mark.parametrize("details", [None, []])
def test_read_tracker_without_scans_finds_no_pick_up(details):
    assert read_tracker(tracker(tracking_details=details)).pickup is None


def test_read_tracker_asks_nothing_of_a_scan_before_the_pick_up():
    assert pickup(scan(status="pre_transit", moment=None), scan()) is not None


def test_read_tracker_takes_the_earliest_scan_whatever_their_order():
    late, early = (
        scan(moment="2024-08-02T00:00:00Z", message="late"),
        scan(moment="2024-08-01T00:00:00Z", message="early"),
    )
    assert pickup(late, early).message == pickup(early, late).message == "early"


def test_read_tracker_compares_moments_and_not_their_text():
    east = scan(moment="2024-08-01T08:00:00+09:00", message="Tokyo")
    assert pickup(scan(moment="2024-08-01T00:00:00Z", message="London"), east).message == "Tokyo"


def test_read_tracker_takes_the_first_of_two_scans_at_one_time():
    assert pickup(scan(message="first"), scan(message="second")).message == "first"


@pytest.mark.parametrize(
    ("location", "expected"),
    [(None, {}), ({}, {}), ({"city": None, "zip": ""}, {}), ({"city": " ORLANDO ", "more": 1}, {"city": "ORLANDO"})],
)
def test_read_tracker_keeps_what_is_known_of_the_place(location, expected):
    assert pickup(scan(tracking_location=location)).location == expected


@pytest.mark.parametrize("message", [None, ""])
def test_read_tracker_takes_a_scan_without_words(message):
    assert pickup(scan(message=message)).message == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["carrier", "tracking_code", "tracking_details", "object"]), JSON)
def test_read_tracker_answers_or_refuses_whatever_stands_in_a_field(name, value):
    with suppress(InvalidInput):  # and nothing else
        assert read_tracker(tracker(**{name: value})).event_id == "evt_1"


@given(st.binary(max_size=100))
def test_read_tracker_refuses_any_bytes_as_invalid_input(raw):
    with pytest.raises(InvalidInput):
        read_tracker(raw)
