"""How cases, records and money are shown. One place, so that every answer says the same in the same words."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import Session

from ..domain.machine import WAITS_FOR, CaseState, next_lapse
from ..domain.notices import next_by_notice
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Flag, Kind, Mode, Role, Stage, State
from ..store.stages import StagedRecord
from ..store.tables import CaseRow, ObservationRow, RecordRow
from .app import App
from .panels import panel_answer
from .presenting_disputes import arbitration_answer, dispute_answer, notice_answer, offer_answer
from .projection import opening_refused
from .receipts import receipt_answer
from .viewing import View, view_of

_DECIDED = (State.PAYABLE, State.REFUNDED, State.SETTLED)


def case_answer(app: App, session: Session, case: CaseRow, *, status_link: str | None = None) -> dict[str, Any]:
    """A case as its merchant sees it."""
    view = view_of(app, session, case)
    names = ("merchant", "carrier", "warehouse", "inspector")
    answer: dict[str, Any] = {
        "case_id": case.case_id,
        "reference": case.reference,
        "state": state_word(view.state, view.records),
        "stage": weakest_stage(view.records).wire,
        "policy": {"code": view.policy.code, "version": view.policy.version, "id": case.policy_id},
        "escrow": case.mode,
        "refund": refund_answer(view),
        "money": money_answer(view),
        "parties": {**{name: getattr(case, name) for name in names}, "consumer": view.state.consumer},
        "opened_at": rfc3339(from_chain(case.opened_at)),
        "erased_at": rfc3339(from_chain(case.erased_at)) if case.erased_at is not None else None,
        "next": next_answer(view),
        **disputed_answer(session, view),
    }
    if status_link is not None:
        answer["status_link"] = status_link
    return answer


def disputed_answer(session: Session, view: View) -> dict[str, Any]:
    """What is beside a case's state: its panel, a dispute's claims and votes, what is offered, what waits."""
    return {
        "panel": panel_answer(session, view.panel),
        "arbitration": arbitration_answer(view),
        "dispute": dispute_answer(session, view),
        "notice": notice_answer(view),
        **offer_answer(view),
    }


def state_word(state: CaseState, records: list[StagedRecord]) -> str:
    """`rejected` where the contract refused the opening: there is no such case on the chain."""
    return "rejected" if opening_refused(records) else state.state.wire


def weakest_stage(records: list[StagedRecord]) -> Stage:
    """How durable the whole timeline is: as durable as its weakest record that was not refused."""
    if opening_refused(records):
        return Stage.REJECTED
    return min((r.stage for r in records if r.stage is not Stage.REJECTED), default=Stage.ACCEPTED)


def stated_answer(row: RecordRow | ObservationRow) -> dict[str, Any]:
    """What milestones and observations have in common: who states what, when, with which fingerprint."""
    return {
        "case_id": row.case_id,
        "kind": row.kind,
        "role": row.role,
        "signer": row.signer,
        "key": row.key_holder,
        "occurred_at": rfc3339(from_chain(row.occurred_at)),
        "commitment": row.commitment,
    }


def milestone_answer(staged: StagedRecord, said: dict[str, Any]) -> dict[str, Any]:
    """An accepted record and how far it has come; `said` are its words, opened for whoever may read them."""
    row, link = staged.row, staged.link
    claims = {"iat": row.accepted_at, "commitment": row.commitment, "jti": row.record_id}
    return {
        "record_id": row.record_id,
        **stated_answer(row),
        "stage": staged.stage.wire,
        "reason": staged.reason,
        "position": link.position if link else None,
        "recorded_at": rfc3339(from_chain(link.time)) if link else None,
        "transaction": link.tx_hash if link else None,
        "data": json.loads(row.canonical)["data"],
        "disclosed": said,
        "receipt": receipt_answer(row.receipt, claims),
    }


# --- what happens next -----------------------------------------------------------------------------------------------


def next_answer(view: View) -> dict[str, Any]:
    """What happens next: who is waited for, until when, and what follows without them."""
    state = view.state
    if not state.state.is_live or view.is_refused:
        return {"waiting_for": None, "deadline": None, "otherwise": None}
    return {
        "waiting_for": _waited_for(state).wire,
        "deadline": rfc3339(from_chain(state.due)),
        "otherwise": otherwise(view),
    }


def _waited_for(state: CaseState) -> Role:
    if next_by_notice(state):
        return Role.CONSUMER  # who can object
    if state.state is State.RULED and state.share >= state.consumer_claim:
        return Role.MERCHANT  # the only one who can appeal
    return WAITS_FOR[state.state]


def otherwise(view: View) -> str:
    """What the contract does once the time has passed, in a word."""
    state = view.state
    if noticed := next_by_notice(state):
        return f"notice_{noticed[0].wire}"
    if state.state is State.PAYABLE:
        return "bond_pays" if state.mode is Mode.BOND else "settled_unpaid"
    kind, to = next_lapse(state, view.policy)
    if state.state is State.DISPUTED:
        return _otherwise_in_dispute(state, kind)
    if to is not State.PAYABLE:
        return to.wire
    if state.state in (State.INSPECTED, State.RULED):
        return "as_proposed" if state.state is State.INSPECTED else "as_ruled"
    return "refund_full"


def _otherwise_in_dispute(state: CaseState, kind: Kind) -> str:
    if kind is Kind.DISPUTED:
        return "fallback_panel"
    if state.has(Flag.CHALLENGED):
        return "as_claimed"
    return "as_ruled" if state.has(Flag.APPEALED) else "refund_full"


# --- money -----------------------------------------------------------------------------------------------------------


def refund_answer(view: View) -> dict[str, Any]:
    """The refund at stake, what is proposed or decided of it, what was ruled, and what the escrow has paid out."""
    state, chain = view.state, view.chain
    decided = state.state in (*_DECIDED, State.INSPECTED, State.RULED)
    return {
        "amount": view.money(view.case.refund_minor),
        "currency": view.case.currency,
        "share": state.share if decided else None,
        "fee": state.fee,
        "expected": view.money(view.expected) if decided else None,
        "paid": view.money(chain.withdrawn if chain else 0),
    }


def money_answer(view: View) -> dict[str, Any]:
    """Where the money is, as the chain has it."""
    chain, shown = view.chain, view.money
    locked = chain.locked_refund + chain.locked_freight + chain.locked_reserve if chain else 0
    due = chain.to_consumer - chain.withdrawn if chain else 0
    return {
        "where": _where(view),
        "locked": shown(locked),
        "freight": shown(chain.locked_freight if chain else 0),
        "reserve": shown(chain.locked_reserve if chain else 0),
        "fees": shown(chain.fees if chain else 0),
        "due": shown(due),
        "withdrawn": shown(chain.withdrawn if chain else 0),
        "withdrawn_to": chain.withdrawn_to if chain else None,
        "returned": shown(chain.to_merchant if chain else 0),
        "reference": _provider_reference(view.records),
    }


def _where(view: View) -> str:
    chain = view.chain
    if view.case.mode == Mode.NONE.wire:
        return "record_only"
    if chain is None:
        return "not_locked"
    if State[chain.state.upper()].is_live:
        return "provider" if view.state.state is State.REFUNDED else "locked"
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
