"""Where a case stands once everything that we accepted has taken effect.

The chain's state, and on top of it the records that the chain has not judged yet, in the order of acceptance. New acts
are judged against this, so that a caller need not wait for the chain between two steps.
"""

from __future__ import annotations

import json

from sqlmodel import Session

from ..domain.hashing import from_hex
from ..domain.machine import CaseState, apply_act, open_case
from ..domain.messages import Act
from ..domain.policies import Policy
from ..domain.vocabulary import Grade, Kind, Mode, Role, Stage, State
from ..errors import LedgerError
from ..store.cases import chain_case
from ..store.stages import StagedRecord
from ..store.tables import CaseRow, ChainCase, RecordRow


def act_of(row: RecordRow) -> Act:
    """The signed act of an accepted record."""
    return Act(
        case_id=from_hex(row.case_id),
        kind=Kind[row.kind.upper()],
        role=Role[row.role.upper()],
        nonce=row.nonce,
        valid_until=row.valid_until,
        commitment=from_hex(row.commitment),
        grade=Grade(row.grade),
        share=row.share,
        fee=row.fee,
    )


def state_on_chain(row: ChainCase) -> CaseState:
    return CaseState(
        state=State[row.state.upper()],
        mode=Mode[row.mode.upper()],
        flags=row.flags,
        grade=Grade[row.grade.upper()],
        deadline=row.deadline,
        length=row.length,
        share=row.share,
        fee=row.fee,
        nonces=tuple(json.loads(row.nonces)),
    )


def project(session: Session, case: CaseRow, policy: Policy, records: list[StagedRecord]) -> CaseState:
    """The case after everything accepted. `records` are the case's, in the order of acceptance."""
    known = chain_case(session, case.case_id)
    state = state_on_chain(known) if known else _unopened(case, policy)
    for staged in records:
        if not staged.is_pending or staged.row.kind == Kind.REQUESTED.wire:
            continue
        try:
            state = apply_act(state, act_of(staged.row), policy, staged.row.accepted_at)
        except LedgerError:
            break  # the chain went another way meanwhile, and will refuse this record and what builds on it
    return state


def opening_refused(records: list[StagedRecord]) -> StagedRecord | None:
    """The opening record if the contract refused it: then there is no case, and will be none."""
    return next((r for r in records if r.row.kind == Kind.REQUESTED.wire and r.stage is Stage.REJECTED), None)


def _unopened(case: CaseRow, policy: Policy) -> CaseState:
    terms = json.loads(case.terms)
    return open_case(
        Mode[case.mode.upper()],
        policy,
        consumer_key_held=bool(terms["consumerKeyHeld"]),
        inspector_independent=False,  # the contract's register decides; until it has, nobody counts as independent
        now=case.opened_at,
    )
