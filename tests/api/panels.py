"""Panels and disputes without a chain: what an indexer would have read of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session, select

from ledger_service.domain.vocabulary import State
from ledger_service.services.app import App
from ledger_service.services.drafting import place_of
from ledger_service.store.case_states import columns_of
from ledger_service.store.stages import staged_records
from ledger_service.store.tables import CaseRow, ChainCase, ChainPanel, ChainRecord, ChainVote, RecordRow

from .conftest import POUNDS

FEE = 50


def add_panel(
    ledger: App, arbitrators: Sequence[str], threshold: int, *, appeal: int = 0, fallback: int = 0, fee: int = FEE
) -> int:
    """Registers the next version, and answers its number."""
    with ledger.database.write() as session:
        version = len(session.exec(select(ChainPanel)).all()) + 1
        session.add(
            ChainPanel(
                version=version,
                arbitrators=json.dumps(list(arbitrators)),
                threshold=threshold,
                appeal_panel=appeal,
                fallback_panel=fallback,
                fee=fee,
                block_number=1,
                tx_hash="0x" + "aa" * 32,
            )
        )
    return version


def record_case(ledger: App, case_id: str, **changes: Any) -> None:
    """Writes the case as it is after everything accepted into the read model, with these changes."""
    with ledger.database.write() as session:
        case = session.get_one(CaseRow, case_id)
        state = place_of(ledger, session, case).state
        columns = {
            **columns_of(state),
            "head": "0x" + "0" * 64,
            "merchant": case.merchant,
            "token": POUNDS,
            "policy": case.policy_id,
            "locked_refund": case.refund_minor,
            "locked_reserve": case.reserve_minor,
            "block_number": 1,
            **changes,
        }
        session.merge(ChainCase(case_id=case_id, **columns))
        for position, staged in enumerate(staged_records(session, case_id, 0)):
            if staged.is_pending:
                _add_link(session, staged.row, position)


def _add_link(session: Session, row: RecordRow, position: int) -> None:
    session.add(
        ChainRecord(
            case_id=row.case_id,
            position=position,
            kind=row.kind,
            role=row.role,
            actor=row.signer,
            commitment=row.commitment,
            entry="0x" + "00" * 32,
            head="0x" + "00" * 32,
            time=row.accepted_at,
            block_number=1,
            block_hash="0x" + "bb" * 32,
            log_index=position,
            tx_hash="0x" + "cc" * 32,
        )
    )


def rule(ledger: App, case_id: str, share: int, **changes: Any) -> None:
    """As if the panel had ruled this share."""
    record_case(ledger, case_id, state=State.RULED.wire, share=share, voting_panel=0, **changes)


def count_vote(ledger: App, case_id: str, arbitrator: str, share: int, round_: int = 0) -> None:
    """As if the contract had counted this vote."""
    with ledger.database.write() as session:
        _add_vote(session, case_id, arbitrator, share, round_)


def _add_vote(session: Session, case_id: str, arbitrator: str, share: int, round_: int) -> None:
    session.add(
        ChainVote(
            case_id=case_id,
            round=round_,
            arbitrator=arbitrator,
            share=share,
            commitment="0x" + arbitrator[2:34].lower() + "00" * 16,
            block_number=1,
            block_hash="0x" + "bb" * 32,
            log_index=0,
            tx_hash="0x" + "cc" * 32,
        )
    )
