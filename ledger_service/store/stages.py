"""How durably each record of a case is kept, read from what the workers and the indexer wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, exists
from sqlmodel import Session, col, select

from ..domain.vocabulary import Stage
from .ours import RECORDED, REJECTED
from .tables import CaseKey, CaseRow, ChainCase, ChainCursor, ChainRecord, ChainRefusal, OutboxRow, RecordRow

_NOT_RECORDED = (col(RecordRow.case_id) == col(CaseRow.case_id)) & ~exists().where(RECORDED)
_UNSETTLED = (
    select(ChainCase, CaseKey, RecordRow, ChainRefusal)
    .select_from(CaseRow)
    .join(ChainCase, col(ChainCase.case_id) == col(CaseRow.case_id), isouter=True)
    .join(CaseKey, col(CaseKey.case_id) == col(CaseRow.case_id), isouter=True)
    .join(RecordRow, _NOT_RECORDED, isouter=True)
    .join(ChainRefusal, REJECTED, isouter=True)
    .where(CaseRow.case_id == bindparam("case"))
    .order_by(col(RecordRow.seq), col(ChainRefusal.block_number).desc())
)


@dataclass(frozen=True, slots=True)
class StagedRecord:
    """A record that we accepted. `link` is its place on the chain, `reason` why the contract refused it."""

    row: RecordRow
    stage: Stage
    link: ChainRecord | None
    reason: str | None

    @property
    def is_pending(self) -> bool:
        """Accepted, and neither recorded nor refused yet."""
        return self.stage in (Stage.ACCEPTED, Stage.SUBMITTED)


def head_block(session: Session) -> int:
    """The last block that was read; -1 before the first."""
    cursor = session.get(ChainCursor, 1)
    return cursor.block_number if cursor else -1


def staged_records(session: Session, case_id: str, confirmations: int) -> list[StagedRecord]:
    """The accepted records of a case, in the order of acceptance."""
    return _staged(session, confirmations, case_id=case_id)


@dataclass(frozen=True, slots=True)
class Unsettled:
    """What the next act of a case is judged by, all of one moment: the case as the chain has it, the key of its
    disclosures, and the accepted records that the chain does not have: pending or refused, whether sent or not."""

    chain: ChainCase | None
    key: CaseKey | None
    records: list[StagedRecord]


def unsettled(session: Session, case_id: str) -> Unsettled:
    """One question instead of five: this stands on the path of every accepted record."""
    found = session.exec(_UNSETTLED, params={"case": case_id}).all()
    records: dict[str, StagedRecord] = {}
    for _, _, row, refusal in found:
        if row is not None:
            records.setdefault(row.record_id, _stage(row, None, refusal, None, -1))
    chain, key = (found[0][0], found[0][1]) if found else (None, None)
    return Unsettled(chain, key, list(records.values()))


def staged_record(session: Session, record_id: str, confirmations: int) -> StagedRecord | None:
    found = _staged(session, confirmations, record_id=record_id)
    return found[0] if found else None


def _staged(session: Session, confirmations: int, **where: str) -> list[StagedRecord]:
    query = (
        select(RecordRow, ChainRecord, ChainRefusal, OutboxRow.tx_hash)
        .join(ChainRecord, RECORDED, isouter=True)
        .join(ChainRefusal, REJECTED, isouter=True)
        .join(OutboxRow, col(OutboxRow.record_id) == col(RecordRow.record_id), isouter=True)
        .where(*(getattr(RecordRow, name) == value for name, value in where.items()))
        .order_by(col(RecordRow.seq), col(ChainRecord.position), col(ChainRefusal.block_number).desc())
    )
    head = head_block(session)
    found: dict[str, StagedRecord] = {}
    for row, link, refusal, tx_hash in session.exec(query).all():
        found.setdefault(row.record_id, _stage(row, link, refusal, tx_hash, head - confirmations))
    return list(found.values())


def _stage(
    row: RecordRow, link: ChainRecord | None, refusal: ChainRefusal | None, tx_hash: str | None, final_up_to: int
) -> StagedRecord:
    if link is not None:
        return StagedRecord(row, Stage.FINAL if link.block_number <= final_up_to else Stage.RECORDED, link, None)
    if refusal is not None:
        return StagedRecord(row, Stage.REJECTED, None, refusal.reason)
    return StagedRecord(row, Stage.SUBMITTED if tx_hash else Stage.ACCEPTED, None, None)


def composed_links(session: Session, case_id: str) -> Sequence[ChainRecord]:
    """All links of a case's hash chain, in order, the contract's own among them."""
    return session.exec(
        select(ChainRecord).where(ChainRecord.case_id == case_id).order_by(col(ChainRecord.position))
    ).all()
