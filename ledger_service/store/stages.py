"""How durably each record of a case is kept, read from what the workers and the indexer wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from ..domain.vocabulary import Stage
from .ours import RECORDED, REJECTED
from .tables import ChainCursor, ChainRecord, ChainRefusal, OutboxRow, RecordRow


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
