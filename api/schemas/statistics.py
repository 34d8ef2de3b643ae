"""Statistics, and the service-level board."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .common import Amount, Answer, Hash, Time

Level = Literal["first_response", "inspection", "return", "dispute"]


class Seconds(Answer):
    """By nearest rank; null where nothing is over yet."""

    median: int | None
    p95: int | None


class MoneySum(Answer):
    currency: str
    cases: int
    requested: Amount
    paid_on_chain: Amount


class Group(Answer):
    key: str | None = Field(description="Null for cases without one.")
    cases: int
    ended: int
    money: list[MoneySum]
    seconds: Seconds = Field(description="From the opening to the end, of the cases that ended.")


class Statistics(Answer):
    group_by: str
    items: list[Group]


class BusinessCalendar(Answer):
    name: str
    weekend: list[int]
    holidays: list[str]


class LevelLine(Answer):
    level: Level
    target: str = Field(examples=["24h", "7wd"])
    done: int
    open: int
    late: int = Field(description="Of those that are done or open.")
    seconds: Seconds


class Board(Answer):
    calendar: BusinessCalendar
    items: list[LevelLine]


class LateStep(Answer):
    case_id: Hash
    since: Time
    deadline: Time
    done_at: Time | None
    seconds_late: int
    breaches: list[dict[str, Any]] = Field(description="As `GET /v1/cases/{case_id}/breaches` shows them.")


class LateSteps(Answer):
    level: Level
    items: list[LateStep]
