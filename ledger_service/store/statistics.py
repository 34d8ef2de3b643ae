"""SQL of statistics: counts, sums and percentiles by group, and how long windows took. Nothing is read into memory but
what is shown.

Percentiles are by nearest rank: the smallest value that at least so many of a hundred do not exceed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, literal, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from ..domain.vocabulary import FULL_SHARE, Flag, Kind, Role, State
from .case_lists import Filter, in_filter, is_refused
from .tables import CaseRow, ChainCase, ChainRecord

_ENDED = (State.SETTLED.wire, State.CLOSED.wire)
# Where the state stands in an entry's hex digits (`domain/entry.py`), counted from 1.
_STATE_AT, _STATE_DIGITS = 55, 2


def outcome() -> ColumnElement[str]:
    """How a case ended, in a word; `open` while it goes on."""
    state, share = col(ChainCase.state), col(ChainCase.share)
    unpaid = col(ChainCase.flags).op("&")(int(Flag.UNPAID)) != 0
    return case(
        (state.is_(None), case((is_refused(), "rejected"), else_="open")),
        (state == State.CLOSED.wire, "closed"),
        (state != State.SETTLED.wire, "open"),
        (unpaid, "unpaid"),
        (share == 0, "no_refund"),
        (share < FULL_SHARE, "part_refund"),
        else_="full_refund",
    )


def _month(session: Session) -> ColumnElement[str]:
    opened = col(CaseRow.opened_at)
    if session.get_bind().dialect.name == "sqlite":
        return func.strftime("%Y-%m", opened, "unixepoch")
    return func.to_char(func.timezone("UTC", func.to_timestamp(opened)), "YYYY-MM")


def group_key(session: Session, group_by: str) -> ColumnElement[Any]:
    keys: dict[str, Any] = {
        "outcome": outcome(),
        "reason": col(CaseRow.reason_code),
        "country": col(CaseRow.country),
        "month": _month(session),
        "state": col(ChainCase.state),
    }
    found: ColumnElement[Any] = keys[group_by]
    return found


def counts(session: Session, which: Filter, group_by: str) -> Sequence[tuple[Any, str, int, int, int, int]]:
    """By group and currency: cases, how many ended, minor units requested, minor units paid by the escrow."""
    key = group_key(session, group_by).label("grouped")  # by its name: PostgreSQL takes two parameters for two values
    ended = case((col(ChainCase.state).in_(_ENDED), 1), else_=0)
    columns = (
        func.count(),
        func.sum(ended),
        func.sum(CaseRow.refund_minor),
        func.coalesce(func.sum(ChainCase.withdrawn), 0),
    )
    query = in_filter(select(key, col(CaseRow.currency), *columns), which)
    grouped = ("grouped", col(CaseRow.currency))
    rows = session.execute(query.group_by(*grouped).order_by(*grouped))
    return [(row[0], str(row[1]), *(int(each) for each in row[2:])) for row in rows]


def times(session: Session, which: Filter, group_by: str, percents: Sequence[int]) -> dict[Any, list[int]]:
    """By group: seconds from the opening to the end of the cases that ended, one for each percentile."""
    began, ended = func.min(ChainRecord.time).label("began"), func.max(ChainRecord.time).label("ended")
    ends = (
        select(col(ChainRecord.case_id), began, ended)
        .where(col(ChainRecord.kind) != Kind.ERASED.wire)
        .group_by(col(ChainRecord.case_id))
        .subquery()
    )
    key, took = group_key(session, group_by).label("key"), (ends.c.ended - ends.c.began).label("value")
    lasted = in_filter(select(key, took), which).join(ends, ends.c.case_id == col(CaseRow.case_id))
    found = session.execute(_percentiles(lasted.where(col(ChainCase.state).in_(_ENDED)), percents))
    return {row[0]: [int(value) for value in row[1:]] for row in found}


def _percentiles(query: Select[Any], percents: Sequence[int]) -> Select[Any]:
    """Of rows (key, value): the key, and the value at the rank of each percentile."""
    rows = query.subquery()
    rank = func.row_number().over(partition_by=rows.c.key, order_by=rows.c.value).label("rank")
    among = func.count().over(partition_by=rows.c.key).label("among")
    ranked = select(rows.c.key, rows.c.value, rank, among).subquery()
    at = [(ranked.c.among * percent + 99) // 100 for percent in percents]
    columns = (func.max(case((ranked.c.rank == each, ranked.c.value))) for each in at)
    return select(ranked.c.key, *columns).group_by(ranked.c.key)


# --- windows ---------------------------------------------------------------------------------------------------------


def _stays(which: Filter, state: State, since: int | None, until: int | None) -> Any:
    """Every stay of a case in a state: the case, when it began, and when what was waited for was done, or null. Of a
    request, any answer of the merchant's ends it."""
    numbered = func.substr(ChainRecord.entry, _STATE_AT, _STATE_DIGITS)
    before = func.lag(numbered).over(partition_by=col(ChainRecord.case_id), order_by=col(ChainRecord.position))
    known = in_filter(select(col(CaseRow.case_id)), which).subquery()
    rows = (
        select(
            col(ChainRecord.case_id).label("case_id"),
            col(ChainRecord.position).label("position"),
            col(ChainRecord.time).label("since"),
            numbered.label("state"),
            before.label("before"),
        )
        .join(known, known.c.case_id == col(ChainRecord.case_id))
        .subquery()
    )
    later, wire = aliased(ChainRecord), f"{int(state):02x}"
    answers: ColumnElement[bool] = func.substr(later.entry, _STATE_AT, _STATE_DIGITS) != wire
    if state is State.REQUESTED:
        answers = or_(answers, col(later.role) == Role.MERCHANT.wire)
    done = (
        select(func.min(later.time))
        .where(col(later.case_id) == rows.c.case_id, col(later.position) > rows.c.position, answers)
        .correlate(rows)
        .scalar_subquery()
    )
    entered = (rows.c.state == wire) & (rows.c.before.is_(None) | (rows.c.before != wire))
    query = select(rows.c.case_id, rows.c.since, done.label("done")).where(entered)
    if since is not None:
        query = query.where(rows.c.since >= since)
    if until is not None:
        query = query.where(rows.c.since < until)
    return query.subquery()


def window_times(
    session: Session, which: Filter, state: State, since: int | None, until: int | None, percents: Sequence[int]
) -> list[int] | None:
    """Seconds that stays took that are over, one for each percentile; None where there are none."""
    stays = _stays(which, state, since, until)
    took = select(literal(1).label("key"), (stays.c.done - stays.c.since).label("value"))
    row = session.execute(_percentiles(took.where(stays.c.done.is_not(None)), percents)).first()
    return [int(value) for value in row[1:]] if row else None


def windows(
    session: Session, which: Filter, state: State, since: int | None, until: int | None
) -> Iterator[tuple[str, int, int | None]]:
    """Every stay: case, beginning, and end, or None while it goes on; the latest first."""
    stays = _stays(which, state, since, until)
    query = select(stays.c.case_id, stays.c.since, stays.c.done).order_by(stays.c.since.desc(), stays.c.case_id)
    for row in session.execute(query.execution_options(yield_per=1_000)):
        yield row[0], int(row[1]), int(row[2]) if row[2] is not None else None
