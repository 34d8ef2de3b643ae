"""What merchants and their parties look up of one case: its state, its milestones, a record's stage."""

from __future__ import annotations

from typing import Any

from sqlmodel import Session

from ..errors import NotFound
from ..store.cases import find_case
from ..store.disputes import vote_by_id
from ..store.stages import staged_record, staged_records
from ..store.tables import Account, CaseRow
from .access import may_read_words, require_visible
from .app import App
from .presenting import case_answer, milestone_answer
from .words import words_of

MAX_PAGE = 200


def case_view(app: App, account: Account, case_id: str) -> dict[str, Any]:
    """Raises NotFound for a case that is not the caller's to see."""
    with app.database.read() as session:
        case = require_visible(session, account, find_case(session, case_id))
        return {**case_answer(app, session, case), "milestones": _milestones(app, session, account, case)}


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
