"""SQL of who looked at what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_
from sqlmodel import Session, col, select

from .tables import AccessRow, Account, CaseRow


@dataclass(frozen=True, slots=True)
class Trail:
    """Which rows are asked for. `merchant` and `own` are a merchant's address and account: cases that it opened, and
    what it looked at itself; None: all. `before` is the id of the last row of the page before."""

    merchant: str | None
    own: int | None
    case_id: str | None
    before: int | None
    limit: int


def access_rows(session: Session, asked: Trail) -> Sequence[tuple[AccessRow, Account | None]]:
    """The newest first, with the accounts that looked."""
    query = select(AccessRow, Account).join(Account, col(Account.id) == col(AccessRow.account_id), isouter=True)
    if asked.merchant is not None:
        opened = select(CaseRow.case_id).where(CaseRow.merchant == asked.merchant)
        query = query.where(or_(col(AccessRow.case_id).in_(opened), col(AccessRow.account_id) == asked.own))
    if asked.case_id is not None:
        query = query.where(AccessRow.case_id == asked.case_id)
    if asked.before is not None:
        query = query.where(col(AccessRow.id) < asked.before)
    return session.exec(query.order_by(col(AccessRow.id).desc()).limit(asked.limit)).all()
