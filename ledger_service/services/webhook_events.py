"""What businesses are told, as it is sent: small, the same for everybody, and without any personal data.

An event says what happened to which record; whoever wants more asks the API by `case_id`.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from sqlmodel import Session

from ..domain.entry import Entry
from ..domain.hashing import from_hex
from ..domain.money import to_decimal
from ..domain.times import from_chain, rfc3339
from ..domain.vocabulary import Kind
from ..store import webhooks_out
from ..store.cases import chain_case
from ..store.disputes import counted_votes
from ..store.tables import (
    Account,
    CaseRow,
    ChainBlock,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    RecordRow,
    WebhookEndpoint,
    WebhookEvent,
)
from ..store.webhooks_out import Row
from .rounds import WORDS, panel_in, panel_of_case

RECORDED, FINAL, REJECTED, MOVED_BACK = (
    "milestone.recorded",
    "milestone.final",
    "milestone.rejected",
    "milestone.moved_back",
)
SETTLED, CLOSED, TEST = "case.settled", "case.closed", "endpoint.test"
VOTED, VOTE_MOVED_BACK = "vote.counted", "vote.moved_back"
_ENDS = {Kind.SETTLED.wire: SETTLED, Kind.CLOSED.wire: CLOSED}
_OVERSEERS = ("auditor", "operator")


class Listeners:
    """The endpoints, by who may see which case."""

    def __init__(self, found: Sequence[tuple[WebhookEndpoint, Account]]) -> None:
        self._by_address: dict[str, list[WebhookEndpoint]] = {}
        self._of_all: list[WebhookEndpoint] = []
        for endpoint, account in found:
            is_party = account.role not in _OVERSEERS
            (self._by_address.setdefault(account.address, []) if is_party else self._of_all).append(endpoint)

    def __bool__(self) -> bool:
        return bool(self._by_address or self._of_all)

    def of(self, case: CaseRow, type_: str, block: int) -> list[WebhookEndpoint]:
        """Those that are told of this, each once."""
        parties = {case.merchant, case.carrier, case.warehouse, case.inspector}
        seen = [*self._of_all, *(each for party in parties for each in self._by_address.get(party, []))]
        return [one for one in seen if one.since_block < block and (not one.types or type_ in json.loads(one.types))]


def event_id(type_: str, about: str, round_: int) -> str:
    """The same for the same event, so that what is told again after a restored backup is known as told."""
    return "evt_" + hashlib.sha256(f"{type_}|{about}|{round_}".encode()).hexdigest()[:32]


def event_row(type_: str, about: str, round_: int, happened_at: int, now: int, data: dict[str, Any]) -> Row:
    """An event that no reorg takes back; `_of_block` makes it one that is corrected."""
    payload = {"type": type_, "timestamp": rfc3339(from_chain(happened_at)), "data": data}
    return {
        "id": event_id(type_, about, round_),
        "type": type_,
        "about": about,
        "round": round_,
        "case_id": data.get("case_id"),
        "position": data.get("position"),
        "block_number": None,
        "payload": json.dumps(payload, separators=(",", ":"), ensure_ascii=False),
        "created_at": now,
        "missing_since": None,
        "corrected": False,
    }


def _of_block(event: Row, block_number: int) -> Row:
    """What was told of a block, and is corrected if that is no longer on the chain."""
    return {**event, "block_number": block_number}


def deliveries_for(event: Row, endpoints: Iterable[WebhookEndpoint], now: int) -> list[Row]:
    return [
        {
            "endpoint_id": endpoint.id,
            "event_id": event["id"],
            "state": "due",
            "created_at": now,
            "due_at": now,
            "attempts": 0,
            "claimed_until": 0,
        }
        for endpoint in endpoints
    ]


# --- what an event says ----------------------------------------------------------------------------------------------


def record_data(case: CaseRow, link: ChainRecord, record: RecordRow | None, stage: str) -> dict[str, Any]:
    """Of a record on the chain. `record_id` is null for what the contract composed by itself."""
    entry = Entry.unpack(from_hex(link.entry))
    return {
        **_case_data(case),
        "record_id": record.record_id if record else None,
        "kind": link.kind,
        "role": link.role,
        "stage": stage,
        "position": link.position,
        "head": link.head,
        "commitment": link.commitment,
        "state": entry.state.wire,
        "deadline": rfc3339(from_chain(entry.deadline)) if entry.deadline else None,
        "recorded_at": rfc3339(from_chain(link.time)),
        "transaction": link.tx_hash,
    }


def refusal_data(case: CaseRow, refusal: ChainRefusal, record: RecordRow) -> dict[str, Any]:
    return {
        **_case_data(case),
        "record_id": record.record_id,
        "kind": record.kind,
        "role": record.role,
        "stage": "rejected",
        "commitment": record.commitment,
        "reason": refusal.reason,
        "transaction": refusal.tx_hash,
    }


def end_data(session: Session, case: CaseRow) -> dict[str, Any]:
    """How a case ended: what became of the money, as the chain has it."""
    chain = chain_case(session, case.case_id)

    def shown(minor: int) -> str:
        return to_decimal(minor, case.currency)

    return {
        **_case_data(case),
        "state": chain.state if chain else None,
        "share": chain.share if chain else 0,
        "to_consumer": shown(chain.to_consumer if chain else 0),
        "to_merchant": shown(chain.to_merchant if chain else 0),
        "fees": shown(chain.fees if chain else 0),
    }


def vote_data(session: Session, case: CaseRow, vote: ChainVote) -> dict[str, Any]:
    """Who voted, and how many have; what they named stays out, as on every page, until the ruling says it."""
    panel = panel_in(panel_of_case(session, case), vote.round)
    before = [other for other in counted_votes(session, case.case_id) if other.round == vote.round]
    place = vote.block_number, vote.log_index
    return {
        **_case_data(case),
        "round": WORDS[vote.round],
        "arbitrator": vote.arbitrator,
        "votes": sum((other.block_number, other.log_index) <= place for other in before),
        "threshold": panel.threshold if panel else None,
    }


def moved_back(told: WebhookEvent, stage: str | None, now: int) -> Row:
    """The correction of an event: what it told of stands in no block any more. `stage` is where a record is now."""
    data = {**json.loads(told.payload)["data"], "corrects": told.id}
    if told.type == VOTED:
        return event_row(VOTE_MOVED_BACK, told.about, told.round, now, now, data)
    about = told.about if told.type == RECORDED else told.id
    return event_row(MOVED_BACK, about, told.round, now, now, {**data, "stage": stage})


def _case_data(case: CaseRow) -> dict[str, Any]:
    return {
        "case_id": case.case_id,
        "reference": case.reference,
        "refund": {"amount": to_decimal(case.refund_minor, case.currency), "currency": case.currency},
    }


# --- from the read model ---------------------------------------------------------------------------------------------


def events_of_records(
    session: Session, found: Sequence[tuple[CaseRow, ChainRecord, RecordRow | None]], now: int
) -> list[tuple[CaseRow, int, Row]]:
    """One for each record, with its case and block; none where the same was told and stands."""
    rounds = _rounds(session, [link.head for _, link, _ in found])
    rows: list[tuple[CaseRow, int, Row]] = []
    for case, link, record in found:
        data = {**record_data(case, link, record, "recorded"), **_replaces(session, link)}
        row = event_row(RECORDED, link.head, rounds[RECORDED, link.head], link.time, now, data)
        rows.append((case, link.block_number, _of_block(row, link.block_number)))
    return rows


def _rounds(session: Session, abouts: Iterable[str]) -> Counter[tuple[str, str]]:
    """By type and what it was about, how often an event was told and taken back."""
    told = webhooks_out.events_about(session, abouts)
    return Counter((event.type, event.about) for event in told if event.corrected)


def _replaces(session: Session, link: ChainRecord) -> dict[str, Any]:
    """After a reorg: the head under which the same record was told before."""
    for event in webhooks_out.missing_of(session, link.case_id):
        if event.type != VOTED and event.about != link.head and is_same(event, link):
            return {"replaces": event.about}
    return {}


def is_same(told: WebhookEvent, link: ChainRecord) -> bool:
    """Whether a record on the chain is the one that was told, at whatever head. What the contract composes has no
    commitment, and is the same where it says the same at the same place."""
    said = json.loads(told.payload)["data"]
    if any(said[name] != getattr(link, name) for name in ("kind", "role", "commitment")):
        return False
    return said["record_id"] is not None or said["position"] == link.position


def events_of_finals(
    session: Session, found: Sequence[tuple[CaseRow, ChainRecord, RecordRow | None]], now: int
) -> list[tuple[CaseRow, int, Row]]:
    rounds = _rounds(session, [link.head for _, link, _ in found])
    rows = []
    for case, link, record in found:
        data = {**record_data(case, link, record, "final"), **_replaces(session, link)}
        said = {FINAL: data}
        if link.kind in _ENDS:
            said[_ENDS[link.kind]] = {**data, **end_data(session, case)}
        for type_, each in said.items():
            row = event_row(type_, link.head, rounds[type_, link.head], link.time, now, each)
            rows.append((case, link.block_number, _of_block(row, link.block_number)))
    return rows


def events_of_votes(
    session: Session, found: Sequence[tuple[CaseRow, ChainVote]], now: int
) -> list[tuple[CaseRow, int, Row]]:
    rounds = _rounds(session, [vote.commitment for _, vote in found])
    rows = []
    for case, vote in found:
        block = session.get(ChainBlock, vote.block_number)
        data, round_ = vote_data(session, case, vote), rounds[VOTED, vote.commitment]
        row = event_row(VOTED, vote.commitment, round_, block.time if block else now, now, data)
        rows.append((case, vote.block_number, _of_block(row, vote.block_number)))
    return rows


def events_of_refusals(
    session: Session, found: Sequence[tuple[CaseRow, ChainRefusal, RecordRow]], now: int
) -> list[tuple[CaseRow, int, Row]]:
    """One for each record: none where it was told of another transaction that it was refused."""
    told = webhooks_out.abouts_of(session, REJECTED, [case.case_id for case, _, _ in found])
    refused = {about.partition(":")[0] for about in told}
    rows = []
    for case, refusal, record in found:
        if record.record_id in refused:
            continue
        about = f"{record.record_id}:{refusal.tx_hash}"
        row = event_row(REJECTED, about, 0, now, now, refusal_data(case, refusal, record))
        rows.append((case, refusal.block_number, row))
    return rows
