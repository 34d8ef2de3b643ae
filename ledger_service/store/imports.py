"""SQL of imports: which sources are cases, and which of them the contract refused to open."""

from __future__ import annotations

from sqlalchemy import exists
from sqlmodel import Session, col, select

from .ours import REJECTED
from .tables import CaseRow, ChainCase, RecordRow


def refused_sources(session: Session, prefix: str) -> set[str]:
    """Sources whose case the contract refused to open: there is no such case, so they can be opened again."""
    opening = (col(RecordRow.case_id) == col(CaseRow.case_id)) & (col(RecordRow.kind) == "requested")
    refused = (
        select(CaseRow.source)
        .where(
            col(CaseRow.source).startswith(prefix),
            exists().where(opening, REJECTED),
            ~exists().where(col(ChainCase.case_id) == col(CaseRow.case_id)),
        )
        .distinct()
    )
    return {source for source in session.exec(refused).all() if source is not None}


def give_up_source(session: Session, case: CaseRow) -> bool:
    """Frees the source of a refused case for another try; False if the contract did not refuse it."""
    if case.source is None or case.source not in refused_sources(session, case.source):
        return False
    case.source = f"refused:{case.case_id}:{case.source}"
    session.add(case)
    session.flush()
    return True
