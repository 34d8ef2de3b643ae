"""What merchants and their parties look up: cases, milestones, the audit of refunds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from ..domain.money import to_decimal
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Stage, State
from ..errors import Forbidden, InvalidInput, NotFound
from ..store.cases import find_case
from ..store.cases import list_cases as select_cases
from ..store.disputes import panels_with, vote_by_id
from ..store.stages import staged_record, staged_records
from ..store.tables import Account, CaseRow, ChainCase
from .access import ARBITRATOR, OVERSEERS, may_read_words, require_visible
from .app import App
from .cursors import read_cursor, write_cursor
from .presenting import case_answer, milestone_answer, money_answer, refund_answer, state_word
from .presenting_disputes import settled_answer
from .viewing import view_of
from .words import words_of

MAX_PAGE = 200
REJECTED = Stage.REJECTED.wire  # the word, too, for the state of a case whose opening the contract refused


def case_view(app: App, account: Account, case_id: str) -> dict[str, Any]:
    """Raises NotFound for a case that is not the caller's to see."""
    with app.database.read() as session:
        case = require_visible(session, account, find_case(session, case_id))
        return {**case_answer(app, session, case), "milestones": _milestones(app, session, account, case)}


def list_cases(
    app: App, account: Account, cursor: str | None = None, limit: int = 50, state: str | None = None
) -> dict[str, Any]:
    """A page of the caller's cases, newest first: `items`, and `next_cursor` where there is more. An arbitrator's are
    those before their panel.

    Raises InvalidInput for a cursor that is none of ours, an unknown state, or a limit out of range.
    """
    if state is not None and state != REJECTED and state.upper() not in State.__members__:
        raise InvalidInput(f"{state!r} is no state.", field="state", remedy="Send a state such as received.")
    party = None if account.role in (*OVERSEERS, ARBITRATOR) else account.address
    with app.database.read() as session:
        panels = panels_with(session, account.address) if account.role == ARBITRATOR else None
        rows = _page(session, cursor, limit, party=party, state=state, panels=panels)
        items = [_summary(case, chain, word) for case, chain, word in rows[:limit]]
    return {"items": items, "next_cursor": _cursor_after(rows, limit)}


def milestones(app: App, account: Account, case_id: str) -> dict[str, Any]:
    """All records of a case that we accepted, in that order. Raises NotFound for a case that is not the caller's."""
    with app.database.read() as session:
        case = require_visible(session, account, find_case(session, case_id))
        return {"items": _milestones(app, session, account, case), "next_cursor": None}


def _milestones(app: App, session: Session, account: Account, case: CaseRow) -> list[dict[str, Any]]:
    records = staged_records(session, case.case_id, app.settings.confirmations_needed)
    said = words_of(app, session, case.case_id) if may_read_words(account, case) else {}
    return [milestone_answer(record, said.get(record.row.record_id, {})) for record in records]


def record_stage(app: App, record_id: str) -> str:
    """The present stage of a record or vote. Raises NotFound for one that does not exist."""
    confirmations = app.settings.confirmations_needed
    with app.database.read() as session:
        record = staged_record(session, record_id, confirmations)
        staged = record or vote_by_id(session, record_id, confirmations)
    if staged is None:
        raise NotFound("There is no such record.", field="record_id", remedy="Check the record id.")
    return staged.stage.wire


def refunds_audit(app: App, account: Account, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
    """What became of the money of each case: claimed, locked, decided, paid, returned. Merchants see the cases
    that they opened: naming them as a party shows them a case, but makes its money none of theirs.

    Raises Forbidden for other parties, InvalidInput for a bad cursor or limit.
    """
    if account.role != "merchant" and account.role not in OVERSEERS:
        raise Forbidden(
            "Refunds are audited by merchants and auditors.",
            field="Authorization",
            remedy="Use such a key; a party sees its cases under /v1/cases.",
        )
    merchant = None if account.role in OVERSEERS else account.address
    with app.database.read() as session:
        rows = _page(session, cursor, limit, merchant=merchant)
        items = []
        for case, _, _ in rows[:limit]:
            view = view_of(app, session, case)
            items.append(
                {
                    "case_id": case.case_id,
                    "reference": case.reference,
                    "opened_at": rfc3339(from_chain(case.opened_at)),
                    "state": state_word(view.state, view.records),
                    "escrow": case.mode,
                    "refund": refund_answer(view),
                    "money": money_answer(view),
                    "arbitration": settled_answer(session, view),
                }
            )
    return {"items": items, "next_cursor": _cursor_after(rows, limit)}


Rows = Sequence[tuple[CaseRow, ChainCase | None, str]]


def _page(
    session: Session,
    cursor: str | None,
    limit: int,
    *,
    party: str | None = None,
    merchant: str | None = None,
    state: str | None = None,
    panels: set[int] | None = None,
) -> Rows:
    """One row more than the page holds, so that it shows whether there is more."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"A page has 1 to {MAX_PAGE} items.", field="limit", remedy="Send such a number.")
    after = read_cursor(cursor)
    return select_cases(
        session, party=party, merchant=merchant, state=state, after=after, limit=limit + 1, panels=panels
    )


def _summary(case: CaseRow, chain: ChainCase | None, word: str) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "opened_at": rfc3339(from_chain(case.opened_at)),
        "state": word,
        "stage": "recorded" if chain else REJECTED if word == REJECTED else "accepted",
        "escrow": case.mode,
        "policy": case.policy,
        "refund": {"amount": to_decimal(case.refund_minor, case.currency), "currency": case.currency},
        "deadline": rfc3339(from_chain(chain.deadline)) if chain and chain.deadline else None,
    }


def _cursor_after(rows: Rows, limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    last = rows[limit - 1][0]
    return write_cursor(last.opened_at, last.case_id)
