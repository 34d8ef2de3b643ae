"""SQL of lists of cases: who may see them, filters, search, order, and pages that begin after a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, null, or_, select
from sqlmodel import Session, col

from ..domain.machine import WAITS_FOR
from ..domain.vocabulary import Kind, Role, State
from .ours import REJECTED
from .tables import CaseRow, CaseWord, ChainCase, RecordRow

NEVER = 2**62  # stands for no deadline, so that it comes last
_ACTORS = {Role.MERCHANT: CaseRow.merchant, Role.CARRIER: CaseRow.carrier, Role.INSPECTOR: CaseRow.inspector}


@dataclass(frozen=True, slots=True)
class Search:
    """What a text may be: the beginning of a reference or of a case's id, an order's reference, a person's e-mail or
    name. All but the first two are keyed hashes."""

    text: str
    order: str | None = None
    person: str | None = None
    name: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """`party`, `merchant`, `panels`, `account_id`: whose cases; the rest: which of them. Moments are seconds."""

    party: str | None = None
    merchant: str | None = None
    account_id: int | None = None
    panels: frozenset[int] | None = None
    equal: Mapping[str, str] = field(default_factory=dict)  # column of a case: value
    state: str | None = None
    stage: str | None = None
    final_up_to: int = -1  # the last block that counts as final
    waiting_for: str | None = None
    due_before: int | None = None
    opened_from: int | None = None
    opened_before: int | None = None
    search: Search | None = None
    to_do_by: str | None = None  # an address: only what waits for it

    def of_merchant(self, address: str) -> Filter:
        return replace(self, party=None, merchant=address)


@dataclass(frozen=True, slots=True)
class Listed:
    """A row of a list. `state` is the word for the state, `waiting_for` a role, `key` where it stands in the order."""

    case: CaseRow
    chain: ChainCase | None
    state: str
    waiting_for: str | None
    key: int | str


def is_refused() -> ColumnElement[bool]:
    """Whether the contract refused the record that opens the case, for good."""
    return (
        exists()
        .where(col(RecordRow.case_id) == col(CaseRow.case_id), col(RecordRow.kind) == Kind.REQUESTED.wire)
        .where(REJECTED)
    )


def state_word() -> ColumnElement[str]:
    """The state as the chain has it: `requested` before it is there, `rejected` where the opening was refused."""
    on_chain = col(ChainCase.state)
    return case((on_chain.is_not(None), on_chain), (is_refused(), "rejected"), else_="requested")


def waiting_for() -> ColumnElement[str]:
    """The role whose silence the deadline ends; null where nobody is waited for."""
    state = col(ChainCase.state)
    noticed = (col(ChainCase.notice_kind) != Kind.NONE.wire) & (col(ChainCase.notice_at) <= col(ChainCase.deadline))
    appealable = (state == State.RULED.wire) & (col(ChainCase.share) >= col(ChainCase.consumer_claim))
    return case(
        (state.is_(None), case((is_refused(), null()), else_=Role.MERCHANT.wire)),
        (noticed, Role.CONSUMER.wire),
        (appealable, Role.MERCHANT.wire),
        *((state == each.wire, role.wire) for each, role in WAITS_FOR.items()),
        else_=null(),
    )


def due() -> ColumnElement[int]:
    return case((col(ChainCase.due) > 0, col(ChainCase.due)), else_=literal(NEVER))


# By name: what a list is ordered by, and whether from the greatest down. The case's id breaks ties.
SORTS: dict[str, tuple[Any, bool]] = {
    "opened": (col(CaseRow.opened_at), False),
    "-opened": (col(CaseRow.opened_at), True),
    "deadline": (due(), False),
    "amount": (col(CaseRow.refund_minor), False),
    "-amount": (col(CaseRow.refund_minor), True),
    "reference": (col(CaseRow.reference), False),
}


def select_cases(
    session: Session, which: Filter, sort: str, after: tuple[int | str, str] | None, limit: int
) -> Sequence[Listed]:
    """`after` is the key and the case id of the last row of the page before. A row is shown twice, or left out, only if
    its own key changed meanwhile."""
    key, is_descending = SORTS[sort]
    case_id = col(CaseRow.case_id)
    query = in_filter(select(CaseRow, ChainCase, state_word(), waiting_for(), key), which)
    if after is not None:
        value, last = after
        beyond = key < value if is_descending else key > value
        further = case_id < last if is_descending else case_id > last
        query = query.where(or_(beyond, and_(key == value, further)))
    order = (key.desc(), case_id.desc()) if is_descending else (key, case_id)
    return [Listed(*row) for row in session.execute(query.order_by(*order).limit(limit)).all()]


def count_cases(session: Session, which: Filter, most: int) -> int:
    """How many there are, and `most` where there are as many or more: no more rows are looked at."""
    some = in_filter(select(col(CaseRow.case_id)), which).limit(most).subquery()
    return int(session.execute(select(func.count()).select_from(some)).scalar_one())


def in_filter(query: Select[Any], which: Filter) -> Select[Any]:
    """A query of cases, of those that a filter names alone."""
    query = query.select_from(CaseRow).join(ChainCase, col(ChainCase.case_id) == col(CaseRow.case_id), isouter=True)
    return query.where(*_whose(which), *_in_what_state(which), *_with_what(which))


def _whose(which: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if which.party is not None:
        parties = (CaseRow.merchant, CaseRow.carrier, CaseRow.warehouse, CaseRow.inspector)
        found.append(or_(*(col(party) == which.party for party in parties)))
    if which.merchant is not None:
        found.append(col(CaseRow.merchant) == which.merchant)
    if which.account_id is not None:
        found.append(col(CaseRow.account_id) == which.account_id)
    if which.panels is not None:
        found.append(col(ChainCase.voting_panel).in_(which.panels))
    if which.to_do_by is not None:
        waited = waiting_for()
        mine = (and_(waited == role.wire, col(column) == which.to_do_by) for role, column in _ACTORS.items())
        found += [col(ChainCase.state).is_not(None), or_(*mine)]
    return found


def _in_what_state(which: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if which.state is not None:
        found.append(state_word() == which.state)
    if which.stage is not None:
        found.append(_stages(which.final_up_to)[which.stage])
    if which.waiting_for is not None:
        found.append(waiting_for() == which.waiting_for)
    if which.due_before is not None:
        found += [col(ChainCase.due) > 0, col(ChainCase.due) < which.due_before]
    return found


def _stages(final_up_to: int) -> dict[str, ColumnElement[bool]]:
    """By word: how far a case's newest record on the chain has come."""
    known = col(ChainCase.state).is_not(None)
    return {
        "accepted": ~known & ~is_refused(),
        "rejected": ~known & is_refused(),
        "recorded": known & (col(ChainCase.block_number) > final_up_to),
        "final": known & (col(ChainCase.block_number) <= final_up_to),
    }


def _with_what(which: Filter) -> list[ColumnElement[bool]]:
    found = [col(getattr(CaseRow, name)) == value for name, value in which.equal.items()]
    if which.opened_from is not None:
        found.append(col(CaseRow.opened_at) >= which.opened_from)
    if which.opened_before is not None:
        found.append(col(CaseRow.opened_at) < which.opened_before)
    if which.search is not None:
        found.append(_matches(which.search))
    return found


def _matches(search: Search) -> ColumnElement[bool]:
    found = [
        col(CaseRow.reference).startswith(search.text, autoescape=True),
        col(CaseRow.case_id).startswith(search.text.lower(), autoescape=True),
    ]
    if search.order is not None:
        found.append(_has_word(search.order))
    if search.person is not None:
        found.append(col(CaseRow.consumer_index) == search.person)
    if search.name:
        found.append(and_(*(_has_word(word) for word in search.name)))
    return or_(*found)


def _has_word(word: str) -> ColumnElement[bool]:
    return col(CaseRow.case_id).in_(select(col(CaseWord.case_id)).where(col(CaseWord.word) == word))
