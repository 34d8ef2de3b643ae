"""Working days by a calendar of one's own."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from ledger_service.domain.breaches import level_deadline
from ledger_service.domain.working_days import MONDAY_TO_FRIDAY, Calendar


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("calendar", "since", "days", "deadline"),
    [
        (MONDAY_TO_FRIDAY, "2026-03-06T23:59:59", 1, "2026-03-09T23:59:59"),  # from Friday to Monday's end
        (MONDAY_TO_FRIDAY, "2026-03-02T00:00:00", 7, "2026-03-11T23:59:59"),
        (Calendar("Gulf", frozenset({5, 6})), "2026-03-05T10:00:00", 1, "2026-03-08T23:59:59"),
        (Calendar("six days", frozenset({7})), "2026-03-06T10:00:00", 1, "2026-03-07T23:59:59"),
        (
            Calendar("DE", frozenset({6, 7}), frozenset({date(2026, 12, 25)})),
            "2026-12-24T10:00:00",
            1,
            "2026-12-28T23:59:59",
        ),
    ],
)
def test_deadline_is_the_end_of_the_last_working_day(calendar: Calendar, since: str, days: int, deadline: str) -> None:
    assert calendar.deadline(at(since), days) == at(deadline)


def test_default_calendar_is_the_one_that_certificates_go_by() -> None:
    for since in range(at("2026-03-01T00:00:00"), at("2026-03-09T00:00:00"), 40_000):
        assert MONDAY_TO_FRIDAY.deadline(since, 15) == level_deadline("15wd", since)


def test_calendar_without_working_days_has_no_deadline() -> None:
    with pytest.raises(ValueError, match="no working days"):
        Calendar("never", frozenset(range(1, 8))).deadline(0, 1)
