"""Statistics for charts: how many cases, how much money, how long, by what."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from ..domain.money import to_decimal
from ..store import statistics as sql
from ..store.tables import Account
from .app import App
from .case_lists import CaseFilter
from .refunds_audit import books_of, require_bookkeeper

PERCENTS = (50, 95)
GroupBy = Literal["outcome", "reason", "country", "month", "state"]


class StatisticsQuery(CaseFilter):
    group_by: GroupBy = Field(default="outcome", description="`month` is that of the opening, in UTC.")


def statistics(app: App, account: Account, query: StatisticsQuery) -> dict[str, Any]:
    """The cases whose money this account answers for, or oversees, by group. Raises Forbidden for other parties."""
    require_bookkeeper(account)
    with app.database.read() as session:
        which = books_of(app, session, account, query)
        rows = sql.counts(session, which, query.group_by)
        times = sql.times(session, which, query.group_by, PERCENTS)
    groups: dict[Any, dict[str, Any]] = {}
    for key, currency, cases, ended, requested, paid in rows:
        group = groups.setdefault(key, {"key": key, "cases": 0, "ended": 0, "money": []})
        group["cases"] += cases
        group["ended"] += ended
        money = {"requested": to_decimal(requested, currency), "paid_on_chain": to_decimal(paid, currency)}
        group["money"].append({"currency": currency, "cases": cases, **money})
    for key, group in groups.items():
        median, p95 = times.get(key, [None, None])
        group["seconds"] = {"median": median, "p95": p95}
    return {"group_by": query.group_by, "items": list(groups.values())}
