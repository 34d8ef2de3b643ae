from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.times import from_chain, parse_moment, rfc3339, to_chain
from ledger_service.errors import InvalidInput

MOMENTS = st.integers(0, 253_402_214_400 * 10**6).map(
    lambda n: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=n)
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "today",
        "2026-03-01",
        "2026-03-01T09:30:00",
        "2026-03-01T09:30Z",
        "20260301T093000Z",
        "2026-W09-7T09:30:00Z",
        "2026-03-01_09:30:00Z",
        "2026-03-01T09:30:00 Z",
        "2026-03-01T09:30:00,5Z",
        "2026-03-01T09:30:00.Z",
        "2026-02-29T09:30:00Z",
        "2026-13-01T09:30:00Z",
        "2026-03-01T24:00:00Z",
        "2026-03-01T09:60:00Z",
        "2026-03-01T09:30:61Z",
        "2026-03-01T09:30:00+25:00",
        "2026-03-01T09:30:00+0100",
        "2026-03-01T09:30:00+01",
        "2026-03-01T09:30:00+01:00:30",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
        "0000-01-01T00:00:00Z",
        "٢٠٢٦-03-01T09:30:00Z",
        "2026-03-01T09:30:00Z\n",
        "1772357400",
    ],
)
def test_parse_moment_of_what_is_no_rfc3339_is_refused(text):
    with pytest.raises(InvalidInput) as raised:
        parse_moment(text, field="occurred_at")
    assert raised.value.field == "occurred_at"
    assert raised.value.remedy


@pytest.mark.parametrize("value", [None, 1772357400, 1.5, ["2026-03-01T09:30:00Z"], datetime(2026, 3, 1, tzinfo=UTC)])
def test_parse_moment_of_what_is_no_text_is_refused(value):
    with pytest.raises(InvalidInput):
        parse_moment(value, field="occurred_at")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01t09:30:00z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01 09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00+08:00", datetime(2026, 3, 1, 1, 30, tzinfo=UTC)),
        ("2026-03-01T00:30:00-00:00", datetime(2026, 3, 1, 0, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00.5Z", datetime(2026, 3, 1, 9, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-03-01T09:30:00.123456789Z", datetime(2026, 3, 1, 9, 30, 0, 123_456, tzinfo=UTC)),
        ("2024-02-29T23:59:59-12:00", datetime(2024, 3, 1, 11, 59, 59, tzinfo=UTC)),
    ],
)
def test_parse_moment_answers_utc(text, expected):
    moment = parse_moment(text, field="at")
    assert moment == expected
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("function", [rfc3339, to_chain])
def test_moments_without_a_zone_are_refused(function):
    with pytest.raises(ValueError, match="no zone"):
        function(datetime(2026, 3, 1, 9, 30, tzinfo=UTC).replace(tzinfo=None))


@given(MOMENTS)
def test_rfc3339_comes_back(moment):
    assert parse_moment(rfc3339(moment), field="at") == moment


@given(MOMENTS, st.integers(-23, 23))
def test_rfc3339_is_the_same_in_every_zone(moment, hours):
    assert rfc3339(moment.astimezone(timezone(timedelta(hours=hours)))) == rfc3339(moment)


@given(st.integers(0, 253_402_300_799))
def test_chain_times_come_back(seconds):
    assert to_chain(from_chain(seconds)) == seconds


def test_rfc3339_shows_fractions_only_where_there_are_any():
    assert rfc3339(datetime(2026, 3, 1, 9, 30, tzinfo=UTC)) == "2026-03-01T09:30:00Z"
    assert rfc3339(datetime(2026, 3, 1, 9, 30, 0, 5, tzinfo=UTC)) == "2026-03-01T09:30:00.000005Z"


def test_to_chain_drops_fractions():
    assert to_chain(datetime(2026, 3, 1, 9, 30, 0, 999_999, tzinfo=UTC)) == 1_772_357_400
