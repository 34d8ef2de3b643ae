"""Where a case stands once everything that we accepted has taken effect.

The chain's state, and on top of it the records that the chain has not judged yet, in the order of acceptance. New acts
are judged against this, so that a caller need not wait for the chain between two steps.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from ..domain.case_state import CaseState, PanelTerms
from ..domain.hashing import ZERO_ADDRESS, from_hex
from ..domain.machine import apply_act, open_case
from ..domain.messages import Act, Vote
from ..domain.policies import Policy
from ..domain.vocabulary import Grade, Kind, Mode, Role, Stage
from ..errors import IntegrityFailure, LedgerError
from ..store.case_states import state_of
from ..store.cases import chain_panel
from ..store.stages import StagedRecord
from ..store.tables import CaseRow, RecordRow, VoteRow


def act_of(row: RecordRow) -> Act:
    """The signed act of an accepted record."""
    kind = Kind.from_wire(row.kind)
    return Act(
        case_id=from_hex(row.case_id),
        kind=kind,
        role=Role.from_wire(row.role),
        nonce=row.nonce,
        valid_until=row.valid_until,
        commitment=from_hex(row.commitment),
        grade=Grade(row.grade),
        share=row.share,
        fee=row.fee,
        key=bound_key(row.canonical) if kind is Kind.KEY_BOUND else ZERO_ADDRESS,
    )


def bound_key(canonical: bytes) -> str:
    """The key that a record `key_bound` names. Raises IntegrityFailure for one that names none."""
    try:
        key: str = json.loads(canonical)["data"]["key"]
        from_hex(key, 20)
    except (ValueError, LookupError, TypeError) as error:
        raise IntegrityFailure(
            "A record 'key_bound' names no key.", remedy="Restore the database from a backup."
        ) from error
    return key


def vote_of(row: VoteRow) -> Vote:
    """The signed vote of an accepted one."""
    return Vote(from_hex(row.case_id), row.round, row.share, row.valid_until, from_hex(row.commitment))


def project(
    session: Session, case: CaseRow, policy: Policy, known: Mapping[str, Any] | None, records: list[StagedRecord]
) -> CaseState:
    """The case after everything accepted. `known` are the columns of the case on the chain; `records` are the case's,
    in the order of acceptance, of which those that are recorded may be left out."""
    state = state_of(known) if known else _unopened(session, case, policy)
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


def _unopened(session: Session, case: CaseRow, policy: Policy) -> CaseState:
    terms = json.loads(case.terms)
    panel = chain_panel(session, terms["panel"]) if terms["panel"] else None
    return open_case(
        Mode[case.mode.upper()],
        policy,
        consumer_key_held=bool(terms["consumerKeyHeld"]),
        inspector_independent=False,  # the contract's register decides; until it has, nobody counts as independent
        now=case.opened_at,
        consumer=case.consumer,
        panel=PanelTerms(panel.version, panel.appeal_panel, panel.fallback_panel) if panel else PanelTerms(),
    )
