"""What the holder of a status link sees: the whole of one case, in the order it happened."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import Session

from ..domain.machine import possible_acts
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Flag, Kind, Role
from ..errors import NotFound, Unavailable
from ..store.cases import chain_case, find_case, requested_record
from ..store.disputes import counted_votes
from ..store.keys import account_by_id
from ..store.stages import head_block, staged_records
from .act_data import share_limits
from .app import App
from .evidence import own_chain_url, verify_case
from .links import READING, LinkClaims, scope_for
from .presenting import disputed_answer, money_answer, next_answer, refund_answer, state_word
from .timeline import timeline
from .viewing import View, view_of
from .words import words_of

# What the page asks more for than it can: binding a key takes the key's own signature.
_NOT_ON_THE_PAGE = (Kind.KEY_BOUND,)


def status_view(app: App, claims: LinkClaims, *, delayed: bool = False) -> dict[str, Any]:
    """The body of GET /v1/status. `delayed` is whether writing to the chain is held up; it concerns a case of which
    something waits. Raises NotFound if the case is gone."""
    verification = verify_case(app, claims.case_id)
    with app.database.read() as session:
        case = find_case(session, claims.case_id)
        if case is None:
            raise NotFound("There is no such case.", field="case_id", remedy="Ask the shop for a new link.")
        view = view_of(app, session, case)
        merchant = account_by_id(session, case.account_id)
        held = view.state.has(Flag.CONSUMER_KEY_HELD)
        # A link that only reads is handed on: it shows nothing of what people said.
        said = {} if claims.scopes == READING else words_of(app, session, case.case_id)
        return {
            "case_id": case.case_id,
            "reference": case.reference,
            "state": state_word(view.state, view.records),
            "mode": case.mode,
            "merchant": {"name": merchant.name if merchant else None},
            "policy": {"code": view.policy.code, "title": view.policy.title, "version": view.policy.version},
            "refund": refund_answer(view),
            "money": {**money_answer(view), "payee_key": "service" if held else "own"},
            "items": _items(session, case.case_id),
            "timeline": timeline(app, session, view, merchant, said),
            "delayed": delayed and any(record.is_pending for record in view.records),
            "next": {**next_answer(view), **_acts(claims, view)},
            **disputed_answer(session, view),
            "verdict": verification["verdict"],
            "checks": verification["checks"],
            "language": case.language,
            "erased_at": rfc3339(from_chain(case.erased_at)) if case.erased_at is not None else None,
            "chain": {
                **verification["chain"],
                "test": any(token.test for token in app.deployment.tokens.values()),
                "contract": app.deployment.ledger,
                "node": _public_node(app),
                "head_block": head_block(session),
            },
            "link": {
                "scopes": list(claims.scopes),
                "expires_at": rfc3339(from_chain(claims.expires_at)),
                "own_key": None if held else view.state.consumer,
                "signs": _signable(claims, view),
            },
            "as_of": rfc3339(app.clock.now().replace(microsecond=0)),
        }


def _public_node(app: App) -> str | None:
    """The node that the page may ask by itself; the service's own endpoint stays its own, for it may hold a secret."""
    settings = app.settings
    if settings.public_node or not settings.is_local_chain:
        return settings.public_node or None
    try:
        return own_chain_url(app)
    except Unavailable:
        return None


def status_version(app: App, case_id: str) -> str:
    """Changes whenever what the link shows may have changed."""
    with app.database.read() as session:
        records = staged_records(session, case_id, app.settings.confirmations_needed)
        chain = chain_case(session, case_id)
        stages = ",".join(f"{r.row.record_id}:{r.stage}" for r in records)
        if chain is None:
            return stages
        votes = len(counted_votes(session, case_id))
        return f"{stages}|{chain.block_number}:{chain.head}:{chain.withdrawn}:{votes}"


def _acts(claims: LinkClaims, view: View) -> dict[str, Any]:
    """What the link alone can do, and what shares it may name: a page holds no key, so nothing where the consumer signs
    with their own."""
    if view.is_refused or not view.state.has(Flag.CONSUMER_KEY_HELD):
        return {"acts": [], "limits": {}}
    kinds = [
        kind
        for kind in possible_acts(view.state, Role.CONSUMER)
        if scope_for(kind) in claims.scopes and kind not in _NOT_ON_THE_PAGE
    ]
    bounds = {kind.wire: share_limits(kind, Role.CONSUMER, view.state) for kind in kinds}
    return {
        "acts": [kind.wire for kind in kinds],
        "limits": {kind: limits for kind, limits in bounds.items() if limits is not None},
    }


def _signable(claims: LinkClaims, view: View) -> dict[str, Any]:
    """What a key of the consumer's own may sign through this link, with the shares that it may name: all that they may
    do where the case has such a key, and else that one is bound."""
    if view.is_refused:
        return {}
    held = view.state.has(Flag.CONSUMER_KEY_HELD)
    kinds = [kind for kind in possible_acts(view.state, Role.CONSUMER) if scope_for(kind) in claims.scopes]
    return {
        kind.wire: share_limits(kind, Role.CONSUMER, view.state) for kind in kinds if not held or kind is Kind.KEY_BOUND
    }


def _items(session: Session, case_id: str) -> list[dict[str, Any]]:
    row = requested_record(session, case_id)
    items = json.loads(row.canonical)["data"]["items"] if row else []
    return [{"description": item["description"] or item["sku"], "quantity": item["quantity"]} for item in items]
