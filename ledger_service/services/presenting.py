"""How cases, records and money are shown. One place, so that every answer says the same in the same words."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import Session

from ..domain.machine import WAITS_FOR, CaseState, if_accepted, next_lapse
from ..domain.money import to_decimal
from ..domain.payout import split_lock
from ..domain.policies import Policy
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Flag, Kind, Mode, Stage, State
from ..store.cases import chain_case
from ..store.stages import StagedRecord, staged_records
from ..store.tables import CaseRow, ChainCase
from .app import App
from .policies import shipped_policies
from .projection import opening_refused, project
from .receipts import receipt_answer

_DECIDED = (State.PAYABLE, State.REFUNDED, State.SETTLED)


def case_answer(app: App, session: Session, case: CaseRow, *, status_link: str | None = None) -> dict[str, Any]:
    """A case as its merchant sees it."""
    records = staged_records(session, case.case_id, app.settings.confirmations_needed)
    policy = app.policies.by_id(case.policy_id)
    state = project(session, case, policy, records)
    chain = chain_case(session, case.case_id)
    answer: dict[str, Any] = {
        "case_id": case.case_id,
        "reference": case.reference,
        "state": state_word(state, records),
        "stage": weakest_stage(records).wire,
        "policy": {"code": policy.code, "version": policy.version, "id": case.policy_id},
        "escrow": case.mode,
        "refund": refund_answer(case, state, chain),
        "money": money_answer(case, state, chain, records),
        "parties": {
            name: getattr(case, name) for name in ("merchant", "carrier", "warehouse", "inspector", "consumer")
        },
        "opened_at": rfc3339(from_chain(case.opened_at)),
        "next": next_answer(state, policy, records),
    }
    if status_link is not None:
        answer["status_link"] = status_link
    return answer


def state_word(state: CaseState, records: list[StagedRecord]) -> str:
    """`rejected` where the contract refused the opening: there is no such case on the chain."""
    return "rejected" if opening_refused(records) else state.state.wire


def weakest_stage(records: list[StagedRecord]) -> Stage:
    """How durable the whole timeline is: as durable as its weakest record that was not refused."""
    if opening_refused(records):
        return Stage.REJECTED
    return min((r.stage for r in records if r.stage is not Stage.REJECTED), default=Stage.ACCEPTED)


def milestone_answer(staged: StagedRecord) -> dict[str, Any]:
    """An accepted record and how far it has come."""
    row, link = staged.row, staged.link
    claims = {"iat": row.accepted_at, "commitment": row.commitment, "jti": row.record_id}
    return {
        "record_id": row.record_id,
        "case_id": row.case_id,
        "kind": row.kind,
        "role": row.role,
        "signer": row.signer,
        "key": row.key_holder,
        "occurred_at": rfc3339(from_chain(row.occurred_at)),
        "commitment": row.commitment,
        "stage": staged.stage.wire,
        "reason": staged.reason,
        "position": link.position if link else None,
        "recorded_at": rfc3339(from_chain(link.time)) if link else None,
        "transaction": link.tx_hash if link else None,
        "data": json.loads(row.canonical)["data"],
        "receipt": receipt_answer(row.receipt, claims),
    }


def next_answer(state: CaseState, policy: Policy, records: list[StagedRecord]) -> dict[str, Any]:
    """What happens next: who is waited for, until when, and what follows without them."""
    if not state.state.is_live or opening_refused(records):
        return {"waiting_for": None, "deadline": None, "otherwise": None}
    return {
        "waiting_for": WAITS_FOR[state.state].wire,
        "deadline": rfc3339(from_chain(state.deadline)),
        "otherwise": _otherwise(state, policy),
    }


def _otherwise(state: CaseState, policy: Policy) -> str:
    if state.state is State.PAYABLE:
        return "bond_pays" if state.mode is Mode.BOND else "settled_unpaid"
    _, to = next_lapse(state, policy)
    if to is not State.PAYABLE:
        return to.wire
    if state.state in (State.INSPECTED, State.RULED):
        return "as_proposed" if state.state is State.INSPECTED else "as_ruled"
    return "refund_full"


def refund_answer(case: CaseRow, state: CaseState, chain: ChainCase | None) -> dict[str, Any]:
    """The refund at stake, what is proposed or decided of it, and what the escrow has paid out."""
    decided = state.state in (*_DECIDED, State.INSPECTED, State.RULED)
    return {
        "amount": to_decimal(case.refund_minor, case.currency),
        "currency": case.currency,
        "share": state.share if decided else None,
        "fee": state.fee,
        "expected": to_decimal(expected_minor(case, state), case.currency) if decided else None,
        "paid": to_decimal(chain.withdrawn if chain else 0, case.currency),
    }


def expected_minor(case: CaseRow, state: CaseState) -> int:
    """Minor units that the consumer gets by what is proposed or decided, the freight included."""
    if state.state in (State.INSPECTED, State.RULED):
        state = if_accepted(state, shipped_policies().by_id(case.policy_id))
    payout = split_lock(
        refund=case.refund_minor,
        freight=case.freight_minor,
        reserve=case.reserve_minor,
        share=state.share,
        fee=state.fee,
        freight_to_consumer=state.has(Flag.FREIGHT_TO_CONSUMER),
    )
    return payout.to_consumer


def money_answer(
    case: CaseRow, state: CaseState, chain: ChainCase | None, records: list[StagedRecord]
) -> dict[str, Any]:
    """Where the money is, as the chain has it."""

    def shown(minor: int) -> str:
        return to_decimal(minor, case.currency)

    locked = chain.locked_refund + chain.locked_freight + chain.locked_reserve if chain else 0
    due = chain.to_consumer - chain.withdrawn if chain else 0
    return {
        "where": _where(case, state, chain),
        "locked": shown(locked),
        "freight": shown(chain.locked_freight if chain else 0),
        "due": shown(due),
        "withdrawn": shown(chain.withdrawn if chain else 0),
        "withdrawn_to": chain.withdrawn_to if chain else None,
        "returned": shown(chain.to_merchant if chain else 0),
        "reference": _provider_reference(records),
    }


def _where(case: CaseRow, state: CaseState, chain: ChainCase | None) -> str:
    if case.mode == Mode.NONE.wire:
        return "record_only"
    if chain is None:
        return "not_locked"
    if State[chain.state.upper()].is_live:
        return "provider" if state.state is State.REFUNDED else "locked"
    if chain.to_consumer > chain.withdrawn:
        return "due"
    if chain.withdrawn:
        return "withdrawn"
    return "provider" if chain.share and chain.state == State.SETTLED.wire else "returned"


def _provider_reference(records: list[StagedRecord]) -> str | None:
    for staged in reversed(records):
        if staged.row.kind == Kind.REFUNDED.wire and staged.stage is not Stage.REJECTED:
            reference = json.loads(staged.row.canonical)["data"].get("reference")
            return str(reference) if reference is not None else None
    return None
