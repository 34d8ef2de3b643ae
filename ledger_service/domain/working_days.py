"""Working days by a calendar of one's own.

As in Regulation (EEC, Euratom) No 1182/71, article 3: the day of the event is not counted, and the last day counts to
its end. Days are those of UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from .times import from_chain, to_chain

_LONGEST_BREAK = 366  # days without a working day, after which a calendar has none


@dataclass(frozen=True, slots=True)
class Calendar:
    """`weekend` are weekdays of ISO 8601 (1 is Monday)."""

    name: str
    weekend: frozenset[int]
    holidays: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        return day.isoweekday() not in self.weekend and day not in self.holidays

    def deadline(self, since: int, days: int) -> int:
        """The last second, since 1970, that is in time. Raises ValueError for a calendar without working days."""
        day, idle = from_chain(since).date(), 0
        while days:
            day += timedelta(days=1)
            idle = 0 if self.is_working(day) else idle + 1
            days -= self.is_working(day)
            if idle > _LONGEST_BREAK:
                raise ValueError("this calendar has no working days")
        return to_chain(datetime.combine(day, time(23, 59, 59), from_chain(since).tzinfo))


MONDAY_TO_FRIDAY: Final = Calendar("Monday to Friday", frozenset({6, 7}))
