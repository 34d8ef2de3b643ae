"""A case's timeline as its consumer reads it: what is on the chain, what is on its way there, and what was refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from ..domain.entry import Entry
from ..domain.hashing import from_hex
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Kind, Role, Stage
from ..store.disputes import counted_votes, votes_of
from ..store.keys import names_of
from ..store.ours import vote_identity
from ..store.stages import StagedRecord, composed_links, head_block
from ..store.tables import Account, ChainRecord
from .act_data import WORDS, attachments_of
from .app import App
from .rounds import rounds_of
from .viewing import View
from .words import grounds_of

_SHOWN_DATA = ("grade", "share", "fee", "reference", "carrier", "location", "order")
_OPENS_DISPUTE = (Kind.DISPUTED.wire, Kind.CHALLENGED.wire)


def timeline(
    app: App, session: Session, view: View, merchant: Account | None, said: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    """What is on the chain in its order, then what is on its way there, then what was refused; with what was said, as
    far as its reader may have it."""
    case, records = view.case, view.records
    stated = {staged.link.position: staged for staged in records if staged.link}
    names = names_of(session, {r.row.signer for r in records if r.row.role != Role.CONSUMER.wire})
    if merchant is not None:
        names[case.merchant] = merchant.name
    given = _votes_by_round(session, case.case_id, said)
    final_up_to = head_block(session) - app.settings.confirmations_needed
    links = composed_links(session, case.case_id)
    waiting = [r for r in records if r.is_pending] + [r for r in records if r.stage is Stage.REJECTED]
    shown = []
    for index, link in enumerate(links):
        staged = stated.get(link.position)
        entry = _stated(staged, names, said) if staged else _composed(link, final_up_to)
        if link.role == Role.PANEL.wire:
            rounds = rounds_of((each.kind, each.role) for each in links[:index])
            entry["data"]["votes"] = given.get(rounds[-1], []) if rounds else []
        shown.append({**entry, "effect": _effect(links[:index], link)})
    opened = any(link.kind in _OPENS_DISPUTE for link in links)
    shown += [{**_stated(r, names, said), "effect": "again" if opened and _disputes(r) else None} for r in waiting]
    return shown


def _votes_by_round(session: Session, case_id: str, said: dict[str, dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """What each arbitrator named in the rounds that have votes on the chain, with the reasons that were given here."""
    counted = counted_votes(session, case_id)
    if not counted:
        return {}
    names = names_of(session, {vote.arbitrator for vote in counted})
    said_in = {vote_identity(staged.row): said.get(staged.row.vote_id, {}) for staged in votes_of(session, case_id, 0)}
    given: dict[int, list[dict[str, Any]]] = {}
    for vote in counted:
        shown = {
            "name": names.get(vote.arbitrator),
            "address": vote.arbitrator,
            "share": vote.share,
            **grounds_of(said_in.get(vote_identity(vote), {})),
        }
        given.setdefault(vote.round, []).append(shown)
    return given


def _disputes(staged: StagedRecord) -> bool:
    return staged.row.kind == Kind.DISPUTED.wire


def _effect(before: Sequence[ChainRecord], link: ChainRecord) -> str | None:
    """What a record did where its kind alone does not say: `again` stated a claim anew, `fallback` handed a dispute on,
    `notice` is an acceptance whose time to object ended."""
    by_contract = link.role == Role.NONE.wire
    if link.kind == Kind.DISPUTED.wire and any(each.kind in _OPENS_DISPUTE for each in before):
        return "fallback" if by_contract else "again"
    if link.kind == Kind.ACCEPTED.wire and by_contract and _was_accepted(before):
        return "notice"
    return None


def _was_accepted(before: Sequence[ChainRecord]) -> bool:
    """Whether the consumer accepted, and did not object to it since."""
    last = next((each for each in reversed(before) if each.kind in (Kind.ACCEPTED.wire, Kind.OBJECTED.wire)), None)
    return last is not None and last.kind == Kind.ACCEPTED.wire


def _stated(staged: StagedRecord, names: dict[str, str], said: dict[str, dict[str, Any]]) -> dict[str, Any]:
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
        "data": {name: data[name] for name in _SHOWN_DATA if name in data} | _said(data, said.get(row.record_id, {})),
    }


def _said(data: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    shown = {name: words[name] for name in (*WORDS, "location") if name in words}
    return {**shown, "attachments": attachments_of(data, words)} if "attachments" in data else shown


def _composed(link: ChainRecord, final_up_to: int) -> dict[str, Any]:
    """What the contract recorded by itself: a rule that took effect, or the ruling of a panel."""
    by_panel = link.role == Role.PANEL.wire
    return {
        "record_id": None,
        "position": link.position,
        "kind": link.kind,
        "occurred_at": None,
        "recorded_at": rfc3339(from_chain(link.time)),
        "stage": (Stage.FINAL if link.block_number <= final_up_to else Stage.RECORDED).wire,
        "reason": None,
        "by": {"role": link.role, "name": None, "address": link.actor, "key": "panel" if by_panel else "contract"},
        "data": {"share": Entry.unpack(from_hex(link.entry)).share} if by_panel else {},
    }
