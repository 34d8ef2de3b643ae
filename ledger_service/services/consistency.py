"""Whether what the database keeps for convenience says the same as what was signed and what the chain has."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..chain.codec import Event, explain_revert
from ..domain.disclosures import read_disclosure
from ..domain.hashing import ZERO_WORD, from_hex, hex0x, keccak
from ..domain.messages import Act
from ..domain.money import to_minor
from ..domain.policies import Policy
from ..domain.reading import Reading, Row
from ..domain.records import record_of
from ..domain.replay import Rules
from ..domain.times import parse_moment, to_chain
from ..errors import LedgerError
from ..store.audit_reads import StrangerRows
from ..store.evidence_rows import REFUSALS, CaseRows
from ..store.ours import vote_identity
from ..store.tables import ChainEvent, RecordRow, VoteRow
from ..workers.folding import Fold, Known
from .audit_problems import Problem

_OTHER_FIELDS = (
    "There are more or fewer personal fields than the record has digests: some are another record's, or gone."
)
_SAME_MOMENT = 60  # seconds; a case's row and its first record are written in one unit of work
_NO_COMMITMENT = hex0x(ZERO_WORD)  # of a poke
_BROKEN = (LookupError, TypeError, ValueError, AttributeError, LedgerError)


def record_problems(rows: CaseRows, reading: Reading) -> Iterator[tuple[str, str]]:
    """The records whose columns contradict them, with what is wrong in words."""
    return ((problem.record_id or "", problem.detail) for problem in _beside_records(rows, reading))


def vote_problems(rows: CaseRows, reading: Reading) -> Iterator[tuple[str, str]]:
    """The votes whose columns contradict them, with what is wrong in words."""
    return ((problem.record_id or "", problem.detail) for problem in _beside_votes(rows, reading))


def case_problems(rows: CaseRows, reading: Reading) -> Iterator[str]:
    """What the case's row says otherwise than its opening record, and the read model than the chain."""
    return (problem.detail for problem in _beside_case(rows, reading))


def contradictions(rows: CaseRows, reading: Reading) -> Iterator[Problem]:
    """All of that, with the places where it stands."""
    for beside in (_beside_records, _beside_votes, _beside_case):
        yield from beside(rows, reading)


# --- records and votes ------------------------------------------------------------------------------------------------


def _beside_records(rows: CaseRows, reading: Reading) -> Iterator[Problem]:
    by_id = {row.statement.record_id: row for row in reading.rows if row.statement}
    shown: dict[str, int] = {}
    for disclosure in rows.disclosures:
        shown[disclosure.record_id] = shown.get(disclosure.record_id, 0) + 1
    for stored in rows.records:
        row = by_id.get(stored.record_id)
        if row is None or row.record is None:
            continue  # the numbered checks say so already
        named = _named(rows, "records", stored.record_id)
        try:
            wrong = _wrong_columns(stored, row, reading)
            lacks = rows.case.erased_at is None and shown.get(stored.record_id, 0) != len(row.record.body["_sd"])
        except _BROKEN:
            continue
        if wrong:
            listed = ", ".join(wrong)
            said = f"What is kept beside the record contradicts it: {listed}."
            yield Problem(said, **named, row=f"record_id {stored.record_id}", column=listed)
        if lacks:
            yield Problem(_OTHER_FIELDS, **{**named, "table": "disclosures"}, row=f"record_id {stored.record_id}")


def _named(rows: CaseRows, table: str, record_id: str | None = None) -> dict[str, Any]:
    return {"case_id": rows.case.case_id, "record_id": record_id, "check": 1, "table": table}


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


def _beside_votes(rows: CaseRows, reading: Reading) -> Iterator[Problem]:
    """Votes that the panel refused are judged by nobody else, so all of them is looked at here."""
    refused = {refusal.commitment for refusal in rows.refusals}
    for stored in rows.votes:
        try:
            wrong = _wrong_vote_columns(stored, rows, reading)
        except _BROKEN:
            wrong = ["canonical"]
        if stored.commitment in refused and not _is_kept_whole(stored):
            wrong.append("canonical")
        if wrong:
            listed = ", ".join(wrong)
            said = f"What is kept beside the vote contradicts it: {listed}."
            named = _named(rows, "votes", stored.vote_id)
            yield Problem(said, **named, row=f"vote_id {stored.vote_id}", column=listed)


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


# --- the case ---------------------------------------------------------------------------------------------------------


def _beside_case(rows: CaseRows, reading: Reading) -> Iterator[Problem]:
    if isinstance(reading.rules, str):
        return  # the numbered checks say so already
    try:
        wrong = _wrong_case_columns(rows, reading, reading.rules)
    except _BROKEN:
        wrong = ["terms"]
    if wrong:
        listed = ", ".join(wrong)
        said = f"What is kept about the case contradicts its opening: {listed}."
        yield Problem(said, **_named(rows, "cases"), row=f"case_id {rows.case.case_id}", column=listed)
    stored = {vote_identity(vote) for vote in rows.votes}
    if any(vote_identity(vote) not in stored for vote in rows.counted):
        yield Problem("The panel counted a vote whose content is missing.", **_named(rows, "votes"))
    yield from read_model_problems(rows.case.case_id, rows, _Read(reading))


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
        "policy": rules.policy.code,
        "policy_id": hex0x(terms.policy),
        "mode": terms.mode.wire,
        "currency": currency,
        "refund_minor": to_minor(data["refund"]["amount"], currency),
        "freight_minor": terms.freight,
        "reserve_minor": terms.reserve,
        "token": terms.token,
    }
    reference = _reference(reading)
    if case.erased_at is None and reference is not None:
        said["reference"] = reference
    said["language"], said["carrier_name"] = data["consumer"]["language"], data.get("carrier")
    said["country"], said["reason_code"] = data["consumer"].get("country"), data.get("reason_code")
    wrong = [name for name, value in said.items() if getattr(case, name) != value]
    if abs(case.opened_at - rows.records[0].accepted_at) > _SAME_MOMENT:
        wrong.append("opened_at")
    if (case.erased_at is None) != (rows.key is not None):
        wrong.append("erased_at")
    return wrong if json.loads(case.terms) == terms.as_json() else [*wrong, "terms"]


def _reference(reading: Reading) -> str | None:
    """The merchant's reference, as the opening record discloses it here; None where it does not."""
    opening = next(row for row in reading.rows if row.record and row.record.body["kind"] == "requested")
    shown = [read_disclosure(text) for text in opening.statement.disclosures] if opening.statement else []
    return next((str(one.value) for one in shown if one.name == "reference"), None)


@dataclass(frozen=True, slots=True)
class _Read:
    """What the evidence holds of a case's policy and acts, for a fold of its events."""

    reading: Reading

    def policy(self, policy_id: str) -> Policy | None:
        rules = self.reading.rules
        return rules.policy if not isinstance(rules, str) and hex0x(rules.terms.policy) == policy_id else None

    def act(self, link: dict[str, Any]) -> Act | None:
        return self.reading.acts.get(link["position"])


def read_model_problems(case_id: str, rows: CaseRows | StrangerRows, known: Known) -> Iterator[Problem]:
    """What the indexer's facts about a case say otherwise than the events that they come from."""
    fold = Fold(known, panels={row.version: row.model_dump() for row in rows.panels})
    try:
        for event in rows.events:
            fold.apply(event_of(event))
        refused = [_refusal_of(event) for event in rows.events if event.name in REFUSALS and event.tx_hash in rows.sent]
        refused = [refusal for refusal in refused if refusal["commitment"] != _NO_COMMITMENT]
    except _BROKEN:
        said = "The events kept of this case do not fit together. Run `ledger rebuild`."
        yield Problem(said, case_id=case_id, check=1, table="chain_events")
        return
    made = fold.cases.get(case_id)
    for table, key, theirs, kept in (
        ("chain_cases", ("case_id",), [made] if made else [], [rows.on_chain] if rows.on_chain else []),
        ("chain_records", ("case_id", "position"), fold.records, rows.links),
        ("chain_votes", ("case_id", "round", "arbitrator"), fold.votes, rows.counted),
        ("chain_refusals", ("block_number", "log_index"), refused, rows.refusals),
    ):
        ours = [one.model_dump() for one in kept]
        for row, columns in _unlike(key, theirs, ours) if theirs != ours else ():
            said = (
                f"The read model contradicts the chain's events: {columns or 'a row'} in {table}. Run `ledger rebuild`."
            )
            yield Problem(said, case_id=case_id, check=1, table=table, row=row, column=columns)


def _unlike(
    key: Sequence[str], made: Sequence[dict[str, Any]], kept: Sequence[dict[str, Any]]
) -> Iterator[tuple[str, str | None]]:
    """The rows that are not alike, by their keys, with the columns that differ; None where one of two is missing."""
    theirs, ours = ({", ".join(f"{name} {row[name]}" for name in key): row for row in rows} for rows in (made, kept))
    for name in sorted(theirs.keys() | ours.keys()):
        one, other = theirs.get(name), ours.get(name)
        if one is None or other is None:
            yield name, None
        elif one != other:
            yield name, ", ".join(sorted(column for column in one if one[column] != other[column]))


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
