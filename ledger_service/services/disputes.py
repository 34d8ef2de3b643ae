"""Disputes as arbitrators, merchants and auditors see them."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import Session

from ..domain.disputes import most_share, round_of
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Kind, Stage, State
from ..errors import Forbidden, InvalidInput, NotFound
from ..store import disputes as sql
from ..store.cases import find_case
from ..store.keys import account_by_id
from ..store.tables import Account
from .access import ARBITRATOR, OVERSEERS, require_visible
from .act_data import WORDS as FREE_TEXT
from .act_data import attachments_of
from .app import App
from .cursors import read_cursor, write_cursor
from .evidence import verify_case
from .presenting import money_answer, next_answer, refund_answer, state_word
from .presenting_disputes import (
    arbitration_answer,
    dispute_answer,
    offer_answer,
    payout_terms,
    payouts_answer,
    policy_answer,
    share_answer,
)
from .queries import MAX_PAGE
from .rounds import WORDS, rounds_of
from .timeline import timeline
from .viewing import View, view_of
from .voting import vote_answer
from .words import words_of

_EVIDENCE = ("disputed", "evidence", "appealed", "challenged", "inspected")  # records that argue, or prove


def list_disputes(app: App, account: Account, cursor: str | None = None, limit: int = 50) -> dict[str, Any]:
    """A page of cases in dispute, the most urgent first: an arbitrator's before their panel, a merchant's own, all for
    auditors. Raises Forbidden for other parties, InvalidInput for a bad cursor or limit."""
    _require_reader(account)
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidInput(f"A page has 1 to {MAX_PAGE} items.", field="limit", remedy="Send such a number.")
    with app.database.read() as session:
        rows = sql.disputes(
            session,
            panels=sql.panels_with(session, account.address) if account.role == ARBITRATOR else None,
            merchant=account.address if account.role == "merchant" else None,
            after=read_cursor(cursor),
            limit=limit + 1,
        )
        items = [_summary(session, view_of(app, session, case), account) for case, _ in rows[:limit]]
    last = rows[limit - 1][1] if len(rows) > limit else None
    cursor = write_cursor(last.due, last.case_id) if last else None
    return {"items": items, "next_cursor": cursor, "as_of": rfc3339(app.clock.now().replace(microsecond=0))}


def dispute_view(app: App, account: Account, case_id: str) -> dict[str, Any]:
    """A dispute with all that a ruling rests on. Raises NotFound for a case that is not the caller's to judge or to
    answer for, and for one that was never in dispute."""
    _require_reader(account)
    with app.database.read() as session:
        case = require_visible(session, account, find_case(session, case_id))
        if account.role == "merchant" and case.merchant != account.address:
            raise NotFound(
                "There is no such dispute, or it is not yours.", field="case_id", remedy="Check the case id."
            )
    verification = verify_case(app, case_id)
    with app.database.read() as session:
        view = view_of(app, session, case)
        rounds = rounds_of(sql.dispute_steps(session, case_id))
        if not rounds and view.state.state is not State.DISPUTED:
            raise NotFound("This case was never in dispute.", field="case_id", remedy="Look at it under /v1/cases.")
        merchant = account_by_id(session, case.account_id)
        return {
            **_summary(session, view, account),
            "rounds": [WORDS[round_] for round_ in rounds],
            "policy": policy_answer(view.policy),
            "refund": refund_answer(view),
            "money": money_answer(view),
            "arbitration": arbitration_answer(view),
            "proposed": _proposed(view),
            "payouts": payouts_answer(session, view) if view.state.state is State.DISPUTED else [],
            "payout_terms": payout_terms(session, view) if view.state.state is State.DISPUTED else None,
            "evidence": _evidence(app, session, view),
            "votes": _votes(app, session, view, account),
            **offer_answer(view),
            "timeline": timeline(app, session, view, merchant, words_of(app, session, case.case_id)),
            "next": next_answer(view),
            "verdict": verification["verdict"],
            "checks": verification["checks"],
            "chain": {**verification["chain"], "panel": app.deployment.panel},
            "as_of": rfc3339(app.clock.now().replace(microsecond=0)),
        }


def _require_reader(account: Account) -> None:
    if account.role not in (ARBITRATOR, "merchant", *OVERSEERS):
        raise Forbidden(
            "Disputes are for arbitrators, merchants and auditors.",
            field="Authorization",
            remedy="Use such a key; a party sees its cases under /v1/cases.",
        )


def _summary(session: Session, view: View, account: Account) -> dict[str, Any]:
    case, dispute = view.case, dispute_answer(session, view)
    merchant = account_by_id(session, case.account_id)
    panel = dispute["panel"] if dispute else None
    seats = {each["address"]: each["voted"] for each in panel["arbitrators"]} if panel else {}
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "state": state_word(view.state, view.records),
        "escrow": case.mode,
        "merchant": {"name": merchant.name if merchant else None, "address": case.merchant},
        "refund": {"amount": view.money(case.refund_minor), "currency": case.currency},
        "round": dispute["round"] if dispute else None,
        "round_number": round_of(view.state) if dispute else None,
        "claims": dispute["claims"] if dispute else None,
        "ruling": dispute["ruling"] if dispute else None,
        "panel": panel,
        "votes_given": dispute["votes"] if dispute else None,
        "most_share": most_share(view.state) if dispute else None,
        "deadline": dispute["deadline"] if dispute else None,
        "yours": {"on_panel": account.address in seats, "voted": seats.get(account.address, False)},
    }


def _proposed(view: View) -> dict[str, Any] | None:
    """What inspection proposed, which a ruling replaces."""
    for staged in reversed(view.records):
        if staged.row.kind == Kind.INSPECTED.wire and staged.stage is not Stage.REJECTED:
            data = json.loads(staged.row.canonical)["data"]
            return {"grade": data.get("grade"), "fee": data["fee"], **share_answer(view, data["share"])}
    return None


def _evidence(app: App, session: Session, view: View) -> list[dict[str, Any]]:
    """What either side, and the inspector, put forward: words, claims, and fingerprints of files."""
    said = words_of(app, session, view.case.case_id)
    found = []
    for staged in view.records:
        row = staged.row
        if row.kind not in _EVIDENCE or staged.stage is Stage.REJECTED:
            continue
        data = json.loads(row.canonical)["data"]
        words = said.get(row.record_id, {})
        found.append(
            {
                "record_id": row.record_id,
                "kind": row.kind,
                "role": row.role,
                "signer": row.signer,
                "key": row.key_holder,
                "occurred_at": rfc3339(from_chain(row.occurred_at)),
                "recorded_at": rfc3339(from_chain(staged.link.time)) if staged.link else None,
                "stage": staged.stage.wire,
                "text": "\n\n".join(words[name] for name in FREE_TEXT if name in words) or None,
                "attachments": attachments_of(data, words),
                "share": data.get("share"),
                "commitment": row.commitment,
            }
        )
    return found


def _votes(app: App, session: Session, view: View, account: Account) -> list[dict[str, Any]]:
    """Votes that were given here. What those of the round that runs name is shown to whoever gave them alone."""
    said = words_of(app, session, view.case.case_id)
    running = round_of(view.state) if view.state.state is State.DISPUTED else None
    votes = sql.votes_of(session, view.case.case_id, app.settings.confirmations_needed)
    return [
        vote_answer(
            staged,
            said.get(staged.row.vote_id, {}),
            show_share=staged.row.round != running or staged.row.arbitrator == account.address,
        )
        for staged in votes
    ]
