"""What the holder of a status link sees: the whole of one case, in the order it happened."""

from __future__ import annotations

import json
from typing import Any

from sqlmodel import Session

from ..domain.machine import CaseState, allowed_acts
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Flag, Role, Stage
from ..errors import NotFound
from ..store.cases import chain_case, find_case, requested_record
from ..store.keys import account_by_id, names_of
from ..store.stages import StagedRecord, composed_links, head_block, staged_records
from ..store.tables import Account, CaseRow, ChainRecord
from .access import consumer_key_held
from .app import App
from .evidence import verify_case
from .links import SIGN, LinkClaims
from .presenting import money_answer, next_answer, refund_answer, state_word
from .projection import opening_refused, project

_SHOWN_DATA = ("grade", "share", "fee", "reference", "carrier", "note", "reason", "location", "order")


def status_view(app: App, claims: LinkClaims) -> dict[str, Any]:
    """The body of GET /v1/status. Raises NotFound if the case is gone."""
    verification = verify_case(app, claims.case_id)
    with app.database.read() as session:
        case = find_case(session, claims.case_id)
        if case is None:
            raise NotFound("There is no such case.", field="case_id")
        records = staged_records(session, case.case_id, app.settings.confirmations_needed)
        policy = app.policies.by_id(case.policy_id)
        state = project(session, case, policy, records)
        chain = chain_case(session, case.case_id)
        merchant = account_by_id(session, case.account_id)
        return {
            "case_id": case.case_id,
            "reference": case.reference,
            "state": state_word(state, records),
            "mode": case.mode,
            "merchant": {"name": merchant.name if merchant else None},
            "policy": {"code": policy.code, "title": policy.title, "version": policy.version},
            "refund": refund_answer(case, state, chain),
            "money": {
                **money_answer(case, state, chain, records),
                "payee_key": "service" if state.has(Flag.CONSUMER_KEY_HELD) else "own",
            },
            "items": _items(session, case),
            "timeline": _timeline(app, session, case, records, merchant),
            "next": {**next_answer(state, policy, records), "acts": _acts(claims, case, state, records)},
            "verdict": verification["verdict"],
            "checks": verification["checks"],
            "language": case.language,
            "chain": {
                **verification["chain"],
                "test": any(token.test for token in app.deployment.tokens.values()),
                "contract": app.deployment.ledger,
                "head_block": head_block(session),
            },
            "link": {
                "scopes": list(claims.scopes),
                "expires_at": rfc3339(from_chain(claims.expires_at)),
                "own_key": None if consumer_key_held(case) else case.consumer,
            },
            "as_of": rfc3339(app.clock.now().replace(microsecond=0)),
        }


def status_version(app: App, case_id: str) -> str:
    """Changes whenever what the link shows may have changed."""
    with app.database.read() as session:
        records = staged_records(session, case_id, app.settings.confirmations_needed)
        chain = chain_case(session, case_id)
        stages = ",".join(f"{r.row.record_id}:{r.stage}" for r in records)
        return f"{stages}|{chain.block_number}:{chain.length}:{chain.withdrawn}" if chain else stages


def _acts(claims: LinkClaims, case: CaseRow, state: CaseState, records: list[StagedRecord]) -> list[str]:
    """What the link alone can do: a page holds no key, so nothing where the consumer signs with their own."""
    if SIGN not in claims.scopes or opening_refused(records) or not consumer_key_held(case):
        return []
    return [kind.wire for kind in allowed_acts(state.state, Role.CONSUMER)]


def _items(session: Session, case: CaseRow) -> list[dict[str, Any]]:
    row = requested_record(session, case.case_id)
    items = json.loads(row.canonical)["data"]["items"] if row else []
    return [{"description": item["description"] or item["sku"], "quantity": item["quantity"]} for item in items]


def _timeline(
    app: App, session: Session, case: CaseRow, records: list[StagedRecord], merchant: Account | None
) -> list[dict[str, Any]]:
    """What is on the chain in its order, then what is on its way there, then what was refused."""
    by_commitment = {staged.row.commitment: staged for staged in records}
    links = composed_links(session, case.case_id)
    names = names_of(session, {r.row.signer for r in records} - {case.consumer})
    if merchant is not None:
        names[case.merchant] = merchant.name
    final_up_to = head_block(session) - app.settings.confirmations_needed
    entries = [
        _stated(by_commitment[link.commitment], names)
        if link.commitment in by_commitment
        else _composed(link, final_up_to)
        for link in links
    ]
    entries += [_stated(r, names) for r in records if r.is_pending]
    entries += [_stated(r, names) for r in records if r.stage is Stage.REJECTED]
    return entries


def _stated(staged: StagedRecord, names: dict[str, str]) -> dict[str, Any]:
    row, link = staged.row, staged.link
    data = json.loads(row.canonical)["data"]
    return {
        "record_id": row.record_id,
        "position": link.position if link else None,
        "kind": row.kind,
        "occurred_at": rfc3339(from_chain(row.occurred_at)),
        "recorded_at": rfc3339(from_chain(link.time)) if link else None,
        "stage": staged.stage.wire,
        "reason": staged.reason,
        "by": {"role": row.role, "name": names.get(row.signer), "address": row.signer, "key": row.key_holder},
        "data": {name: data[name] for name in _SHOWN_DATA if name in data},
    }


def _composed(link: ChainRecord, final_up_to: int) -> dict[str, Any]:
    return {
        "record_id": None,
        "position": link.position,
        "kind": link.kind,
        "occurred_at": None,
        "recorded_at": rfc3339(from_chain(link.time)),
        "stage": (Stage.FINAL if link.block_number <= final_up_to else Stage.RECORDED).wire,
        "reason": None,
        "by": {"role": "none", "name": None, "address": link.actor, "key": "contract"},
        "data": {},
    }
