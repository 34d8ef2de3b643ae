"""SQL of panels, votes, and cases in dispute."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import exists
from sqlmodel import Session, col, select

from ..domain.vocabulary import Stage
from .ours import COUNTED, REJECTED, VOTE_REJECTED, link_identity, record_identity
from .stages import head_block
from .tables import (
    CaseRow,
    ChainCase,
    ChainPanel,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    DisclosureRow,
    OutboxRow,
    PanelRow,
    PreparedVote,
    RecordRow,
    VoteRow,
)


@dataclass(frozen=True, slots=True)
class StagedVote:
    """A vote that we accepted. `reason` says why the contract refused it."""

    row: VoteRow
    stage: Stage
    reason: str | None


# --- panels ----------------------------------------------------------------------------------------------------------


def panels(session: Session) -> Sequence[ChainPanel]:
    """All registered versions, the newest first."""
    return session.exec(select(ChainPanel).order_by(col(ChainPanel.version).desc())).all()


def asked_panel(session: Session, panel_id: str) -> PanelRow | None:
    return session.get(PanelRow, panel_id)


def panels_with(session: Session, arbitrator: str) -> set[int]:
    """Versions that this address sits on."""
    quoted = select(ChainPanel).where(col(ChainPanel.arbitrators).contains(json.dumps(arbitrator)))
    return {row.version for row in session.exec(quoted)}


# --- votes -----------------------------------------------------------------------------------------------------------


def votes_of(session: Session, case_id: str, confirmations: int) -> list[StagedVote]:
    """The accepted votes of a case, in the order of acceptance."""
    return _staged(session, confirmations, case_id=case_id)


def vote_by_id(session: Session, vote_id: str, confirmations: int) -> StagedVote | None:
    found = _staged(session, confirmations, vote_id=vote_id)
    return found[0] if found else None


def counted_votes(session: Session, case_id: str) -> Sequence[ChainVote]:
    """Votes that the contract counted, whoever sent them, in the chain's order."""
    order = (col(ChainVote.block_number), col(ChainVote.log_index))
    return session.exec(select(ChainVote).where(ChainVote.case_id == case_id).order_by(*order)).all()


def prepared_vote(session: Session, vote_id: str) -> PreparedVote | None:
    return session.get(PreparedVote, vote_id)


def _staged(session: Session, confirmations: int, **where: str) -> list[StagedVote]:
    query = (
        select(VoteRow, ChainVote, ChainRefusal, OutboxRow.tx_hash)
        .join(ChainVote, COUNTED, isouter=True)
        .join(ChainRefusal, VOTE_REJECTED, isouter=True)
        .join(OutboxRow, col(OutboxRow.record_id) == col(VoteRow.vote_id), isouter=True)
        .where(*(getattr(VoteRow, name) == value for name, value in where.items()))
        .order_by(col(VoteRow.seq), col(ChainRefusal.block_number).desc())
    )
    final_up_to = head_block(session) - confirmations
    found: dict[str, StagedVote] = {}
    for row, counted, refusal, tx_hash in session.exec(query).all():
        found.setdefault(row.vote_id, _stage(row, counted, refusal, tx_hash, final_up_to))
    return list(found.values())


def _stage(
    row: VoteRow, counted: ChainVote | None, refusal: ChainRefusal | None, tx_hash: str | None, final_up_to: int
) -> StagedVote:
    if counted is not None:
        return StagedVote(row, Stage.FINAL if counted.block_number <= final_up_to else Stage.RECORDED, None)
    if refusal is not None:
        return StagedVote(row, Stage.REJECTED, refusal.reason)
    return StagedVote(row, Stage.SUBMITTED if tx_hash else Stage.ACCEPTED, None)


# --- cases in dispute ------------------------------------------------------------------------------------------------


def disputes(
    session: Session,
    *,
    panels: set[int] | None,
    merchant: str | None,
    after: tuple[int, str] | None,
    limit: int,
) -> Sequence[tuple[CaseRow, ChainCase]]:
    """Cases in dispute on the chain, the most urgent first. `panels`: only before one of these versions; `merchant`: of
    this merchant; `after`: (due, case_id) of the page before."""
    query = (
        select(CaseRow, ChainCase)
        .join(ChainCase, col(ChainCase.case_id) == col(CaseRow.case_id))
        .where(ChainCase.state == "disputed")
    )
    if panels is not None:
        query = query.where(col(ChainCase.voting_panel).in_(panels))
    if merchant is not None:
        query = query.where(CaseRow.merchant == merchant)
    if after is not None:
        due, case_id = after
        later = (col(ChainCase.due) == due) & (col(ChainCase.case_id) > case_id)
        query = query.where((col(ChainCase.due) > due) | later)
    return session.exec(query.order_by(col(ChainCase.due), col(ChainCase.case_id)).limit(limit)).all()


def links_of(session: Session, case_id: str, kind: str) -> Sequence[ChainRecord]:
    """A case's recorded links of a kind, in order."""
    query = select(ChainRecord).where(ChainRecord.case_id == case_id, ChainRecord.kind == kind)
    return session.exec(query.order_by(col(ChainRecord.position))).all()


_STEPS = ("disputed", "appealed", "challenged")


def dispute_steps(session: Session, case_id: str) -> list[tuple[str, str]]:
    """Kind and role of the records that opened a case's rounds of votes: the chain's in their order, then those that
    are on their way there."""
    recorded = select(ChainRecord).where(ChainRecord.case_id == case_id, col(ChainRecord.kind).in_(_STEPS))
    links = session.exec(recorded.order_by(col(ChainRecord.position))).all()
    known = {link_identity(link) for link in links}
    refused = exists().where(REJECTED)
    stated = select(RecordRow).where(RecordRow.case_id == case_id, col(RecordRow.kind).in_(_STEPS), ~refused)
    pending = [row for row in session.exec(stated.order_by(col(RecordRow.seq))) if record_identity(row) not in known]
    return [(link.kind, link.role) for link in links] + [(row.kind, row.role) for row in pending]


def disclosures_of_kinds(session: Session, case_id: str, kinds: Sequence[str]) -> Sequence[DisclosureRow]:
    """The sealed fields of a case's records of these kinds, and of its votes."""
    records = select(RecordRow.record_id).where(RecordRow.case_id == case_id, col(RecordRow.kind).in_(kinds))
    votes = select(VoteRow.vote_id).where(VoteRow.case_id == case_id)
    spoken = col(DisclosureRow.record_id).in_(records) | col(DisclosureRow.record_id).in_(votes)
    query = select(DisclosureRow).where(DisclosureRow.case_id == case_id, spoken)
    return session.exec(query.order_by(col(DisclosureRow.id))).all()
