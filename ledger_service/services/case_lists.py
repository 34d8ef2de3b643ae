"""Lists of cases, as consoles and programs ask for them: filters, search, order, pages, counts, work to be done."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from sqlmodel import Session

from ..domain.machine import possible_acts
from ..domain.money import to_decimal
from ..domain.times import from_chain, rfc3339, to_chain
from ..domain.vocabulary import Stage
from ..store.case_lists import Filter, Listed, count_cases, select_cases
from ..store.disputes import panels_with
from ..store.stages import head_block
from ..store.tables import Account
from .access import ARBITRATOR, OVERSEERS, roles_in
from .app import App
from .blind_indexes import search_for
from .cursors import read_place, write_place
from .inputs import Input, Moment, ReasonCode, Word, printable
from .presenting import next_answer
from .queries import MAX_PAGE
from .viewing import View, view_of

COUNTED = 10_000  # more are not counted: a page of a list says nothing by the difference
Sort = Literal["-opened", "opened", "deadline", "-amount", "amount", "reference"]
StateWord = Literal[
    "requested",
    "declined",
    "authorised",
    "picked_up",
    "received",
    "inspected",
    "exchanging",
    "delivered",
    "disputed",
    "ruled",
    "payable",
    "refunded",
    "settled",
    "closed",
    "rejected",
]


class CaseFilter(Input):
    """Which cases: all that is named has to hold."""

    state: StateWord | None = Field(default=None, description="Only cases in this state.")
    stage: Literal["accepted", "recorded", "final", "rejected"] | None = Field(
        default=None, description="How far the case's newest record on the chain has come."
    )
    mode: Literal["refund", "bond", "none"] | None = Field(default=None, description="Who pays, as `escrow` says.")
    policy: Word | None = Field(default=None, description="The policy's code, such as eu-14.")
    reason: ReasonCode | None = Field(default=None, description="The opening's `reason_code`.")
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] | None = Field(
        default=None, description="The consumer's country, ISO 3166-1 alpha-2."
    )
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = Field(
        default=None, description="Of the refund, ISO 4217."
    )
    waiting_for: Literal["consumer", "merchant", "carrier", "inspector", "panel"] | None = Field(
        default=None, description="The role whose silence the deadline ends."
    )
    deadline_before: Moment | None = Field(default=None, description="Only cases whose deadline is before.")
    opened_from: Moment | None = Field(default=None, description="Only cases opened then or later.")
    opened_before: Moment | None = Field(default=None, description="Only cases opened before.")
    q: Annotated[str, AfterValidator(printable), Field(min_length=2, max_length=120)] | None = Field(
        default=None,
        description="The beginning of your reference or of a case id; or, of your own cases, whole: the order's "
        "reference, the consumer's e-mail, or words of their name.",
    )


class CaseQuery(CaseFilter):
    sort: Sort = Field(default="-opened", description="A minus is from the greatest down.")


class CaseListQuery(CaseQuery):
    cursor: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="`next_cursor` of the page before, with the same `sort`."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50


def list_cases(app: App, account: Account, query: CaseListQuery) -> dict[str, Any]:
    """A page of the cases that this account may see. Raises InvalidInput for a cursor that is none of ours."""
    after = read_place(query.cursor, query.sort)
    with app.database.read() as session:
        which = filter_of(app, session, account, query)
        rows = select_cases(session, which, query.sort, after, query.limit + 1)
        items = [summary_of(row, which.final_up_to) for row in rows[: query.limit]]
    return {"items": items, "next_cursor": next_cursor(rows, query.limit, query.sort)}


def next_cursor(rows: Any, limit: int, sort: str) -> str | None:
    """Where the page ends, if a row more than it holds was read."""
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return write_place(sort, last.key, last.case.case_id)


def count(app: App, account: Account, query: CaseFilter) -> dict[str, Any]:
    """How many cases a filter names, counted up to a bound: a list that long is not read to its end."""
    with app.database.read() as session:
        total = count_cases(session, filter_of(app, session, account, query), COUNTED + 1)
    return {"total": min(total, COUNTED), "is_exact": total <= COUNTED}


def filter_of(app: App, session: Session, account: Account, query: CaseFilter) -> Filter:
    """What an account asks for, of what it may see."""
    equal = {"mode": query.mode, "policy": query.policy, "reason_code": query.reason}
    equal |= {"country": query.country, "currency": query.currency}
    which = Filter(
        equal={name: value for name, value in equal.items() if value is not None},
        state=query.state,
        stage=query.stage,
        final_up_to=head_block(session) - app.settings.confirmations_needed,
        waiting_for=query.waiting_for,
        due_before=_seconds(query.deadline_before),
        opened_from=_seconds(query.opened_from),
        opened_before=_seconds(query.opened_before),
        search=search_for(app, account.id if account.role == "merchant" else None, query.q) if query.q else None,
    )
    return replace(which, **_whose(session, account))


def _whose(session: Session, account: Account) -> dict[str, Any]:
    if account.role in OVERSEERS:
        return {}
    if account.role == ARBITRATOR:
        return {"panels": frozenset(panels_with(session, account.address))}
    return {"party": account.address}


def _seconds(moment: datetime | None) -> int | None:
    return to_chain(moment) if moment is not None else None


def summary_of(row: Listed, final_up_to: int) -> dict[str, Any]:
    case, chain = row.case, row.chain
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "opened_at": rfc3339(from_chain(case.opened_at)),
        "state": row.state,
        "stage": _stage(row, final_up_to),
        "escrow": case.mode,
        "policy": case.policy,
        "refund": {"amount": to_decimal(case.refund_minor, case.currency), "currency": case.currency},
        "country": case.country,
        "reason_code": case.reason_code,
        "waiting_for": row.waiting_for,
        "deadline": rfc3339(from_chain(chain.due)) if chain and chain.due else None,
        "erased": case.erased_at is not None,
    }


def _stage(row: Listed, final_up_to: int) -> str:
    if row.chain is None:
        return (Stage.REJECTED if row.state == "rejected" else Stage.ACCEPTED).wire
    return (Stage.FINAL if row.chain.block_number <= final_up_to else Stage.RECORDED).wire


# --- what is to be done ----------------------------------------------------------------------------------------------


class WorkQuery(Input):
    cursor: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50


def work_list(app: App, account: Account, query: WorkQuery) -> dict[str, Any]:
    """The recorded cases that wait for this account, whichever roles it holds in them, what is lost first coming first.
    What was stated already, and is still on its way to the chain, waits for nobody; overseers and arbitrators hold no
    role in any."""
    after = read_place(query.cursor, "deadline")
    with app.database.read() as session:
        rows = select_cases(session, Filter(to_do_by=account.address), "deadline", after, query.limit + 1)
        views = [view_of(app, session, row.case) for row in rows[: query.limit]]
    items = [item for view in views if (item := _work(app, account, view)) is not None]
    return {"items": items, "next_cursor": next_cursor(rows, query.limit, "deadline")}


def _work(app: App, account: Account, view: View) -> dict[str, Any] | None:
    case, following = view.case, next_answer(view)
    roles = [role for role in roles_in(account, case) if role.wire == following["waiting_for"]]
    if not roles:
        return None
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "state": view.state.state.wire,
        "role": roles[0].wire,
        "acts": sorted({act.wire for role in roles_in(account, case) for act in possible_acts(view.state, role)}),
        "deadline": following["deadline"],
        "seconds_left": max(0, view.state.due - app.clock.seconds()),
        "otherwise": following["otherwise"],
        "at_stake": {"amount": view.money(_at_stake(view, following["otherwise"])), "currency": case.currency},
    }


def _at_stake(view: View, otherwise: str) -> int:
    """Minor units that the consumer gets, or may get, if nobody acts. What merely goes on costs nothing yet."""
    if otherwise in ("refund_full", "disputed", "fallback_panel"):
        return view.case.refund_minor + view.case.freight_minor
    return view.expected if otherwise in ("bond_pays", "as_ruled", "as_proposed", "settled_unpaid") else 0
