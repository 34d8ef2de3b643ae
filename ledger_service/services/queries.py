"""What merchants and their parties look up: cases, milestones, the audit of refunds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from ..domain.disclosures import base64url, from_base64url
from ..domain.hashing import from_hex
from ..domain.money import to_decimal
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Stage, State
from ..errors import Forbidden, InvalidInput, NotFound
from ..store.cases import find_case
from ..store.cases import list_cases as select_cases
from ..store.stages import staged_record, staged_records
from ..store.tables import Account, CaseRow, ChainCase
from .access import OVERSEERS, require_visible
from .app import App
from .presenting import case_answer, milestone_answer, money_answer, refund_answer, state_word
from .projection import project

MAX_PAGE = 200
REJECTED = Stage.REJECTED.wire  # the word, too, for the state of a case whose opening the contract refused


def case_view(app: App, account: Account, case_id: str) -> dict[str, Any]:
    """Raises NotFound for a case that is not the caller's to see."""
    with app.database.read() as session:
        case = require_visible(account, find_case(session, case_id))
        answer = case_answer(app, session, case)
        records = staged_records(session, case_id, app.settings.confirmations_needed)
    answer["milestones"] = [milestone_answer(record) for record in records]
    return answer


def list_cases(
    app: App, account: Account, cursor: str | None = None, limit: int = 50, state: str | None = None
) -> dict[str, Any]:
    """A page of the caller's cases, newest first: `items`, and `next_cursor` where there is more.

    Raises InvalidInput for a cursor that is none of ours, an unknown state, or a limit out of range.
    """
    if state is not None and state != REJECTED and state.upper() not in State.__members__:
        raise InvalidInput(f"{state!r} is no state.", field="state", remedy="Send a state such as received.")
    party = None if account.role in OVERSEERS else account.address
    with app.database.read() as session:
        rows = _page(session, cursor, limit, party=party, state=state)
        items = [_summary(case, chain, word) for case, chain, word in rows[:limit]]
    return {"items": items, "next_cursor": _cursor_after(rows, limit)}


def milestones(app: App, account: Account, case_id: str) -> dict[str, Any]:
    """All records of a case that we accepted, in that order. Raises NotFound for a case that is not the caller's."""
    with app.database.read() as session:
        require_visible(account, find_case(session, case_id))
        records = staged_records(session, case_id, app.settings.confirmations_needed)
    return {"items": [milestone_answer(record) for record in records], "next_cursor": None}


def record_stage(app: App, record_id: str) -> str:
    """The present stage of a record. Raises NotFound for a record that does not exist."""
    with app.database.read() as session:
        staged = staged_record(session, record_id, app.settings.confirmations_needed)
    if staged is None:
        raise NotFound("There is no such record.", field="record_id")
    return staged.stage.wire


def refunds_audit(app: App, account: Account, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
    """What became of the money of each case: claimed, locked, decided, paid, returned. Merchants see the cases
    that they opened: naming them as a party shows them a case, but makes its money none of theirs.

    Raises Forbidden for other parties, InvalidInput for a bad cursor or limit.
    """
    if account.role != "merchant" and account.role not in OVERSEERS:
        raise Forbidden("Refunds are audited by merchants and auditors.", field="Authorization")
    merchant = None if account.role in OVERSEERS else account.address
    with app.database.read() as session:
        rows = _page(session, cursor, limit, merchant=merchant)
        items = []
        for case, chain, _ in rows[:limit]:
            records = staged_records(session, case.case_id, app.settings.confirmations_needed)
            state = project(session, case, app.policies.by_id(case.policy_id), records)
            items.append(
                {
                    "case_id": case.case_id,
                    "reference": case.reference,
                    "opened_at": rfc3339(from_chain(case.opened_at)),
                    "state": state_word(state, records),
                    "escrow": case.mode,
                    "refund": refund_answer(case, state, chain),
                    "money": money_answer(case, state, chain, records),
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
) -> Rows:
    """One row more than the page holds, so that it shows whether there is more."""
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"A page has 1 to {MAX_PAGE} items.", field="limit", remedy="Send such a number.")
    after = _read_cursor(cursor)
    return select_cases(session, party=party, merchant=merchant, state=state, after=after, limit=limit + 1)


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
    return base64url(f"{last.opened_at}:{last.case_id}".encode())


def _read_cursor(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    try:
        opened, case_id = from_base64url(cursor).decode().split(":")
        if not opened.isdigit() or len(opened) > 12 or len(from_hex(case_id)) != 32:
            raise ValueError("no time and case id")  # noqa: TRY301 - one answer for whatever is wrong with it
        return int(opened), case_id
    except ValueError as error:
        raise InvalidInput(
            "This cursor is none of ours.", field="cursor", remedy="Send next_cursor as it was given, or none."
        ) from error
