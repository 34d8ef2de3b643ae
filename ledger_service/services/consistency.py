"""Whether what the database keeps for convenience says the same as what was signed and what the chain has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..chain.codec import Event, explain_revert
from ..domain.hashing import ZERO_WORD, from_hex, hex0x, keccak
from ..domain.messages import Act
from ..domain.money import to_minor
from ..domain.policies import Policy
from ..domain.reading import Reading, Row
from ..domain.records import record_of
from ..domain.replay import Rules
from ..domain.times import parse_moment, to_chain
from ..errors import LedgerError
from ..store.evidence_rows import REFUSALS, CaseRows
from ..store.ours import vote_identity
from ..store.tables import ChainEvent, RecordRow, VoteRow
from ..workers.folding import Fold

_SAME_MOMENT = 60  # seconds; a case's row and its first record are written in one unit of work
_NO_COMMITMENT = hex0x(ZERO_WORD)  # of a poke
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, LedgerError)


def record_problems(rows: CaseRows, reading: Reading) -> Iterator[tuple[str, str]]:
    """The records whose columns contradict them, with what is wrong in words."""
    by_id = {row.statement.record_id: row for row in reading.rows if row.statement}
    shown: dict[str, int] = {}
    for disclosure in rows.disclosures:
        shown[disclosure.record_id] = shown.get(disclosure.record_id, 0) + 1
    for stored in rows.records:
        row = by_id.get(stored.record_id)
        if row is None or row.record is None:
            continue  # the numbered checks say so already
        try:
            wrong = _wrong_columns(stored, row, reading)
            if rows.case.erased_at is None and shown.get(stored.record_id, 0) != len(row.record.body["_sd"]):
                wrong.append("disclosures")
        except _BROKEN:
            continue
        if wrong:
            yield stored.record_id, f"What is kept beside the record contradicts it: {', '.join(wrong)}."


def _wrong_columns(stored: RecordRow, row: Row, reading: Reading) -> list[str]:
    if row.record is None or row.statement is None:
        return []
    body = row.record.body
    claims = reading.receipt_of(row.statement)
    said = {
        "kind": body["kind"],
        "role": body["role"],
        "signer": body["signer"],
        "key_holder": body["key"],
        "case_id": body["case_id"],
        "occurred_at": to_chain(parse_moment(body["occurred_at"], field="occurred_at")),
    }
    if not isinstance(claims, str):  # else the numbered checks say so already
        said["accepted_at"] = claims["iat"]
    return [name for name, value in said.items() if getattr(stored, name) != value]


def vote_problems(rows: CaseRows, reading: Reading) -> Iterator[tuple[str, str]]:
    """The votes whose columns contradict them, with what is wrong in words. Those that the panel refused are judged by
    nobody else, so all of it is looked at here."""
    refused = {refusal.commitment for refusal in rows.refusals}
    for stored in rows.votes:
        try:
            wrong = _wrong_vote_columns(stored, rows, reading)
        except _BROKEN:
            wrong = ["canonical"]
        if stored.commitment in refused and not _is_kept_whole(stored):
            wrong.append("canonical")
        if wrong:
            yield stored.vote_id, f"What is kept beside the vote contradicts it: {', '.join(wrong)}."


def _wrong_vote_columns(stored: VoteRow, rows: CaseRows, reading: Reading) -> list[str]:
    body = record_of(stored.canonical).body
    claims = reading.claims_of(stored.receipt)
    said = {
        "arbitrator": body["signer"],
        "key_holder": body["key"],
        "case_id": body["case_id"],
        "round": body["data"]["round"],
        "share": body["data"]["share"],
        "occurred_at": to_chain(parse_moment(body["occurred_at"], field="occurred_at")),
    }
    if not isinstance(claims, str):  # else the numbered checks say so already
        said["accepted_at"] = claims["iat"]
    wrong = [name for name, value in said.items() if getattr(stored, name) != value]
    shown = sum(1 for disclosure in rows.disclosures if disclosure.record_id == stored.vote_id)
    if rows.case.erased_at is None and shown != len(body["_sd"]):
        wrong.append("disclosures")
    return wrong


def _is_kept_whole(stored: VoteRow) -> bool:
    return isinstance(stored.canonical, bytes) and hex0x(keccak(stored.canonical)) == stored.commitment


def case_problems(rows: CaseRows, reading: Reading) -> Iterator[str]:
    """What the case's row says otherwise than its opening record."""
    if isinstance(reading.rules, str):
        return  # the numbered checks say so already
    try:
        wrong = _wrong_case_columns(rows, reading, reading.rules)
    except _BROKEN:
        wrong = ["terms"]
    if wrong:
        yield f"What is kept about the case contradicts its opening: {', '.join(wrong)}."
    stored = {vote_identity(vote) for vote in rows.votes}
    if any(vote_identity(vote) not in stored for vote in rows.counted):
        yield "The panel counted a vote whose content is missing."
    yield from read_model_problems(rows, reading)


def _wrong_case_columns(rows: CaseRows, reading: Reading, rules: Rules) -> list[str]:
    case, data, terms = rows.case, reading.requested, rules.terms
    currency = data["refund"]["currency"]
    said = {
        "case_id": hex0x(terms.struct_hash()),
        "merchant": rules.parties.merchant,
        "carrier": rules.parties.carrier,
        "warehouse": rules.parties.warehouse,
        "inspector": rules.parties.inspector,
        "consumer": terms.consumer,
        "reference": data["reference"],
        "policy": rules.policy.code,
        "policy_id": hex0x(terms.policy),
        "mode": terms.mode.wire,
        "currency": currency,
        "refund_minor": to_minor(data["refund"]["amount"], currency),
        "freight_minor": terms.freight,
        "reserve_minor": terms.reserve,
        "token": terms.token,
    }
    said["language"], said["carrier_name"] = data["consumer"]["language"], data.get("carrier")
    wrong = [name for name, value in said.items() if getattr(case, name) != value]
    if abs(case.opened_at - rows.records[0].accepted_at) > _SAME_MOMENT:
        wrong.append("opened_at")
    if (case.erased_at is None) != (rows.key is not None):
        wrong.append("erased_at")
    return wrong if json.loads(case.terms) == terms.as_json() else [*wrong, "terms"]


@dataclass(frozen=True, slots=True)
class _Read:
    """What the evidence holds of a case's policy and acts, for a fold of its events."""

    reading: Reading

    def policy(self, policy_id: str) -> Policy | None:
        rules = self.reading.rules
        return rules.policy if not isinstance(rules, str) and hex0x(rules.terms.policy) == policy_id else None

    def act(self, link: dict[str, Any]) -> Act | None:
        return self.reading.acts.get(link["position"])


def read_model_problems(rows: CaseRows, reading: Reading) -> Iterator[str]:
    """What the indexer's facts about a case say otherwise than the events that they come from."""
    fold = Fold(_Read(reading), panels={row.version: row.model_dump() for row in rows.panels})
    try:
        for event in rows.events:
            fold.apply(event_of(event))
        refused = [_refusal_of(event) for event in rows.events if event.name in REFUSALS and event.tx_hash in rows.sent]
        refused = [refusal for refusal in refused if refusal["commitment"] != _NO_COMMITMENT]
    except _BROKEN:
        yield "The events kept of this case do not fit together. Run `ledger rebuild`."
        return
    wrong = []
    kept = rows.on_chain.model_dump() if rows.on_chain else None
    if kept != fold.cases.get(rows.case.case_id):
        made = fold.cases.get(rows.case.case_id) or {}
        wrong += sorted(name for name in kept or made if (kept or {}).get(name) != made.get(name))
    if [link.model_dump() for link in rows.links] != fold.records:
        wrong.append("records")
    if sorted(_by_place(vote.model_dump()) for vote in rows.counted) != sorted(map(_by_place, fold.votes)):
        wrong.append("votes")
    if [refusal.model_dump() for refusal in rows.refusals] != refused:
        wrong.append("refusals")
    if wrong:
        yield f"The read model contradicts the chain's events: {', '.join(wrong)}. Run `ledger rebuild`."


def _by_place(vote: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(vote.items())


def event_of(row: ChainEvent) -> Event:
    """The event that a row was made of. Raises ValueError if its arguments are no JSON."""
    return Event(
        contract=row.contract,
        name=row.name,
        args=json.loads(row.args),
        case_id=row.case_id,
        block_number=row.block_number,
        block_hash=row.block_hash,
        log_index=row.log_index,
        tx_hash=row.tx_hash,
    )


def _refusal_of(row: ChainEvent) -> dict[str, Any]:
    args = json.loads(row.args)
    return {
        "block_number": row.block_number,
        "log_index": row.log_index,
        "case_id": args["caseId"],
        "commitment": args["commitment"],
        "reason": explain_revert(from_hex(args["reason"])),
        "tx_hash": row.tx_hash,
    }
