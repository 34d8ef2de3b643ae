"""The service-level board: how long each step took, against what is aimed at, by the merchant's own calendar.

What a policy promises, and a certificate proves, goes by the policy's own times (`domain/breaches.py`): a calendar here
changes the board, and no certificate.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from sqlmodel import Session

from ..domain.breaches import LEVELS
from ..domain.times import from_chain, rfc3339, to_chain
from ..domain.working_days import MONDAY_TO_FRIDAY, Calendar
from ..store import calendars
from ..store import statistics as sql
from ..store.tables import Account, BusinessCalendar
from .app import App
from .breaches import case_breaches
from .case_lists import CaseFilter
from .inputs import Input, Moment, Word
from .refunds_audit import books_of, require_bookkeeper
from .statistics import PERCENTS

Level = Literal["first_response", "inspection", "return", "dispute"]
_HOUR = 3_600
MAX_SHOWN = 50  # each is proven anew
_MOST_HOLIDAYS = 1_000


@dataclass(frozen=True, slots=True)
class Target:
    """What a step may take: hours, or working days."""

    hours: int = 0
    working_days: int = 0

    def deadline(self, since: int, calendar: Calendar) -> int:
        return calendar.deadline(since, self.working_days) if self.working_days else since + self.hours * _HOUR

    def __str__(self) -> str:
        return f"{self.working_days}wd" if self.working_days else f"{self.hours}h"


TARGETS: dict[Level, Target] = {
    "first_response": Target(hours=1),
    "inspection": Target(hours=24),
    "return": Target(working_days=7),
    "dispute": Target(working_days=15),
}


# --- the calendar ----------------------------------------------------------------------------------------------------


class CalendarInput(Input):
    name: Word
    weekend: Annotated[list[Annotated[int, Field(ge=1, le=7, strict=True)]], Field(max_length=6)] = Field(
        default=[6, 7], description="Weekdays of ISO 8601 that are no working days: 1 is Monday."
    )
    holidays: Annotated[list[date], Field(max_length=_MOST_HOLIDAYS)] = Field(
        default=[], description="Days that are no working days.", examples=[["2026-12-25", "2026-12-26"]]
    )

    @model_validator(mode="after")
    def _works(self) -> CalendarInput:
        self.weekend, self.holidays = sorted(set(self.weekend)), sorted(set(self.holidays))
        return self


def show_calendar(app: App, account: Account) -> dict[str, Any]:
    """An account's calendar: its own, or Monday to Friday without holidays."""
    with app.database.read() as session:
        return _calendar_answer(_calendar(session, account))


def set_calendar(app: App, account: Account, request: CalendarInput) -> dict[str, Any]:
    """Keeps a calendar in place of the one before."""
    row = BusinessCalendar(
        account_id=account.id or 0,
        name=request.name,
        weekend=json.dumps(request.weekend),
        holidays=json.dumps([day.isoformat() for day in request.holidays]),
    )
    with app.database.write() as session:
        calendars.keep_calendar(session, row)
    return _calendar_answer(_read(row))


def _calendar(session: Session, account: Account) -> Calendar:
    row = calendars.calendar_of(session, account.id or 0)
    return _read(row) if row is not None else MONDAY_TO_FRIDAY


def _read(row: BusinessCalendar) -> Calendar:
    holidays = (date.fromisoformat(day) for day in json.loads(row.holidays))
    return Calendar(row.name, frozenset(json.loads(row.weekend)), frozenset(holidays))


def _calendar_answer(calendar: Calendar) -> dict[str, Any]:
    holidays = [day.isoformat() for day in sorted(calendar.holidays)]
    return {"name": calendar.name, "weekend": sorted(calendar.weekend), "holidays": holidays}


# --- the board -------------------------------------------------------------------------------------------------------


class BoardQuery(CaseFilter):
    since: Moment | None = Field(default=None, description="Only steps that began then or later.")
    until: Moment | None = Field(default=None, description="Only steps that began before.")


class BreachQuery(BoardQuery):
    level: Level = Field(description="Which step.")
    limit: Annotated[int, Field(ge=1, le=MAX_SHOWN)] = 20


def board(app: App, account: Account, query: BoardQuery) -> dict[str, Any]:
    """Each step: how many, how long, how many came late. Raises Forbidden for other parties than bookkeepers."""
    require_bookkeeper(account)
    items = []
    with app.database.read() as session:
        which, calendar, now = books_of(app, session, account, query), _calendar(session, account), app.clock.seconds()
        between = (_seconds(query.since), _seconds(query.until))
        for level, target in TARGETS.items():
            took = sql.window_times(session, which, LEVELS[level], *between, PERCENTS)
            counted = {"done": 0, "open": 0, "late": 0}
            for _, since, done in sql.windows(session, which, LEVELS[level], *between):
                counted["open" if done is None else "done"] += 1
                counted["late"] += (done or now) > target.deadline(since, calendar)
            seconds = {"median": took[0], "p95": took[1]} if took else {"median": None, "p95": None}
            items.append({"level": level, "target": str(target), **counted, "seconds": seconds})
    return {"calendar": _calendar_answer(calendar), "items": items}


def breaches(app: App, account: Account, query: BreachQuery) -> dict[str, Any]:
    """The latest steps that came late by the board, each with what the case's evidence shows of it, and the certificate
    where its policy promises a time, too."""
    require_bookkeeper(account)
    with app.database.read() as session:
        which, calendar = books_of(app, session, account, query), _calendar(session, account)
        between = (_seconds(query.since), _seconds(query.until))
        stays = sql.windows(session, which, LEVELS[query.level], *between)
        late = list(_late(stays, TARGETS[query.level], calendar, app.clock.seconds(), query.limit))
    return {"level": query.level, "items": [_shown(app, query.level, *one) for one in late]}


_Late = tuple[str, int, int, int | None]


def _late(
    stays: Iterator[tuple[str, int, int | None]], target: Target, calendar: Calendar, now: int, limit: int
) -> Iterator[_Late]:
    for case_id, since, done in stays:
        deadline = target.deadline(since, calendar)
        if (done or now) > deadline:
            yield case_id, since, deadline, done
            limit -= 1
        if not limit:
            return


def _shown(app: App, level: Level, case_id: str, since: int, deadline: int, done: int | None) -> dict[str, Any]:
    state = LEVELS[level].wire
    proven = [one for one in case_breaches(app, case_id)["items"] if one["state"] == state]
    return {
        "case_id": case_id,
        "since": rfc3339(from_chain(since)),
        "deadline": rfc3339(from_chain(deadline)),
        "done_at": rfc3339(from_chain(done)) if done is not None else None,
        "seconds_late": (done if done is not None else app.clock.seconds()) - deadline,
        "breaches": [one for one in proven if one["since"] == rfc3339(from_chain(since))],
    }


def _seconds(moment: datetime | None) -> int | None:
    return to_chain(moment) if moment is not None else None
