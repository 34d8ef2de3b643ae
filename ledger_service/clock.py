"""Time comes in through a clock, so that tests and the sample run can set it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, in UTC."""

    def seconds(self) -> int:
        """The same in whole seconds since 1970."""


class SystemClock:
    """The machine's clock, moved by an offset: zero but while sample cases live through past weeks."""

    def __init__(self, offset: timedelta = timedelta(0)) -> None:
        self.offset = offset

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def seconds(self) -> int:
        return int(self.now().timestamp())


class FixedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def seconds(self) -> int:
        return int(self.moment.timestamp())

    def move(self, by: timedelta) -> None:
        self.moment += by
