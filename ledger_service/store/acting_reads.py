"""What the next acts of cases are judged by, for many cases in one question: this stands on the path of every accepted
record, so that rows come as they are, without objects."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import Row, bindparam, case
from sqlalchemy import select as select_columns
from sqlmodel import Session, SQLModel, col, select

from ..domain.vocabulary import Kind, Stage
from .ours import RECORDED, REJECTED
from .stages import StagedRecord
from .tables import Account, CaseKey, CaseRow, ChainCase, ChainRecord, ChainRefusal, RecordRow

_CASES: Any = bindparam("cases", expanding=True)
_DISABLED = select_columns(col(Account.id)).where(
    col(Account.id).in_(bindparam("accounts", expanding=True)), col(Account.disabled_at).is_not(None)
)
# Written so that PostgreSQL looks up the records of these cases, and each of them on the chain: it would hold all
# records that there are against all that the chain has. That they are of these cases says nothing new; and a subquery
# with a limit is not made a join.
_ON_CHAIN = select_columns(col(ChainRecord.position)).where(RECORDED).limit(1).correlate(RecordRow).scalar_subquery()
_NOT_RECORDED = (
    (col(RecordRow.case_id) == col(CaseRow.case_id)) & col(RecordRow.case_id).in_(_CASES) & _ON_CHAIN.is_(None)
)
_CHAIN = tuple(SQLModel.metadata.tables["chain_cases"].columns)
_CHAIN_NAMES = tuple(column.name for column in _CHAIN)
_ACT = ("kind", "role", "nonce", "valid_until", "commitment", "grade", "share", "fee", "accepted_at")
# Rows that refer to a case (mails, for one) can be written meanwhile: `key_share` does not shut them out.
_LOCKED = (
    select(CaseRow)
    .where(col(CaseRow.case_id).in_(_CASES))
    .order_by(col(CaseRow.case_id))
    .with_for_update(key_share=True)
)
_READ: tuple[Any, ...] = (
    col(CaseRow.case_id),
    col(RecordRow.record_id),
    *(col(getattr(RecordRow, name)) for name in _ACT),
    case((col(RecordRow.kind) == Kind.KEY_BOUND.wire, col(RecordRow.canonical))).label("canonical"),
    col(ChainRefusal.reason),
    col(CaseKey.wrapped),
    *(column.label(f"chain_{column.name}") for column in _CHAIN),
)
_UNSETTLED = (
    select_columns(*_READ)
    .select_from(CaseRow)
    .join(ChainCase, col(ChainCase.case_id) == col(CaseRow.case_id), isouter=True)
    .join(CaseKey, col(CaseKey.case_id) == col(CaseRow.case_id), isouter=True)
    .join(RecordRow, _NOT_RECORDED, isouter=True)
    .join(ChainRefusal, REJECTED, isouter=True)
    .where(col(CaseRow.case_id).in_(_CASES))
    .order_by(col(CaseRow.case_id), col(RecordRow.seq), col(ChainRefusal.block_number).desc())
)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What the next act of a case is judged by, all of one moment: the case as the chain has it, by columns; the
    wrapped key of its disclosures; and the accepted records that the chain does not have: pending or refused, whether
    sent or not."""

    chain: dict[str, Any] | None = None
    key: bytes | None = None
    records: list[StagedRecord] = field(default_factory=list)


def disabled_among(session: Session, account_ids: Collection[int | None]) -> set[int | None]:
    """Those of these accounts that were disabled since somebody looked."""
    return set(session.connection().execute(_DISABLED, {"accounts": list(account_ids)}).scalars())


def lock_cases(session: Session, case_ids: Sequence[str]) -> dict[str, CaseRow]:
    """The cases by their ids, kept from other acts until this unit of work ends. They are locked in one order, so that
    two groups of acts never wait for each other."""
    found = session.exec(_LOCKED, params={"cases": list(case_ids)}).all()
    return {row.case_id: row for row in found}


def unsettled(session: Session, case_ids: Sequence[str]) -> dict[str, Unsettled]:
    """By the cases' ids, of cases that are there."""
    found = session.connection().execute(_UNSETTLED, {"cases": list(case_ids)}).all()
    return {case_id: _of_case(list(rows)) for case_id, rows in groupby(found, lambda row: str(row.case_id))}


def _of_case(rows: list[Row[Any]]) -> Unsettled:
    first = rows[0]
    chain = dict(zip(_CHAIN_NAMES, first[-len(_CHAIN_NAMES) :], strict=True))
    records: dict[str, StagedRecord] = {}
    for row in rows:
        if row.record_id is not None:
            records.setdefault(row.record_id, _staged(row))
    return Unsettled(chain if chain["case_id"] is not None else None, first.wrapped, list(records.values()))


def _staged(row: Any) -> StagedRecord:
    return StagedRecord(row, Stage.ACCEPTED if row.reason is None else Stage.REJECTED, None, row.reason)
