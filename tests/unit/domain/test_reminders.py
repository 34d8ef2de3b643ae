"""When consumers are reminded, and when webhooks are tried again."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.domain.reminders import reminders
from ledger_service.domain.retries import DELAYS, next_delay, pause_after

HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (HOUR, []),
        (23 * HOUR, []),
        (24 * HOUR, [("halfway", 12 * HOUR)]),
        (36 * HOUR, [("last_day", 12 * HOUR)]),
        (48 * HOUR, [("last_day", 24 * HOUR)]),  # halfway is the same moment
        (72 * HOUR, [("halfway", 36 * HOUR), ("last_day", 48 * HOUR)]),
        (14 * DAY, [("halfway", 7 * DAY), ("last_day", 13 * DAY)]),
    ],
)
def test_reminders_of_a_window(length: int, expected: list[tuple[str, int]]) -> None:
    assert reminders(0, length, 0) == expected


def test_reminders_that_the_start_came_too_late_for_are_left_out() -> None:
    assert reminders(0, 14 * DAY, 8 * DAY) == [("last_day", 13 * DAY)]
    assert reminders(0, 14 * DAY, 13 * DAY) == []


@given(st.integers(0, 200 * DAY), st.integers(0, 200 * DAY))
def test_reminders_lie_in_the_window_and_apart(length: int, told: int) -> None:
    moments = [max(0, told), *(moment for _, moment in reminders(0, length, told)), length]
    if len(moments) > 2:
        assert all(later - earlier >= 12 * HOUR for earlier, later in itertools.pairwise(moments))


def test_retries_last_about_three_days_and_then_end() -> None:
    delays = [next_delay(attempt, 0.0) for attempt in range(1, len(DELAYS) + 1)]
    assert delays == list(DELAYS)
    assert 3 * DAY <= sum(DELAYS) <= 3.5 * DAY
    assert next_delay(len(DELAYS) + 1, 0.0) is None


def test_chance_spreads_retries_upwards_by_a_fifth() -> None:
    assert next_delay(3, 1.0) == 1_800 + 360


@pytest.mark.parametrize(("wished", "delay"), [(0, 5), (3, 5), (60, 60), (10**9, DAY), (None, 5)])
def test_retry_after_is_honoured_within_bounds(wished: int | None, delay: int) -> None:
    assert next_delay(1, 0.0, wished) == delay


def test_endpoint_that_fails_is_left_alone_for_ever_longer_up_to_a_bound() -> None:
    assert [pause_after(failures) for failures in (1, 2, 3, 100)] == [5, 10, 20, 600]
