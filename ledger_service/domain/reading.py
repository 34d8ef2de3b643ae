"""Evidence, read: records taken apart, matched with their links, and the rules that the case rests on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ..errors import IntegrityFailure, InvalidInput, LedgerError
from .entry import NO_COMMITMENT, Entry
from .evidence import Evidence, Link, Place, Refusal, Statement
from .hashing import ZERO_ADDRESS, hex0x
from .jws import read_token
from .messages import Act, Parties, Terms
from .policies import Policy, parse_policy
from .records import Record, record_of
from .replay import Replay, Rules, Step, replay
from .strict_fields import is_address
from .vocabulary import Grade, Kind, Role

_FOREIGN = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, LedgerError)


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the timeline: what was stated, and its event on the chain; at least one of the two is there."""

    statement: Statement | None
    record: Record | None  # None where the statement is no readable record
    link: Link | None
    entry: Entry | None  # None where the link's entry is none
    position: int | None
    refusal: Refusal | None

    @property
    def by_contract(self) -> bool:
        return self.statement is None and self.link is not None and self.link.commitment == NO_COMMITMENT

    @property
    def by_panel(self) -> bool:
        """Whether it is a ruling, whose fingerprint is the ballot and no document's."""
        return self.statement is None and self.entry is not None and self.entry.role is Role.PANEL

    @property
    def kind(self) -> str:
        if self.entry is not None:
            return self.entry.kind.wire
        return str(self.record.body.get("kind")) if self.record else "unreadable"

    @property
    def place(self) -> Place | None:
        named = self.link or self.refusal
        return named.place if named else None


class Reading:
    """Evidence with everything derived from it once. Nothing here raises on hostile evidence.

    `keys` is the service's key set (RFC 7517) from elsewhere, by which receipts and notes are judged then.
    """

    def __init__(self, evidence: Evidence, keys: dict[str, Any] | None = None) -> None:
        self.evidence = evidence
        self.keys = evidence.jwks if keys is None else keys
        self.rows = list(_rows(evidence))
        self.blocks = {block.number: block for block in evidence.blocks}
        self._receipts: dict[str, dict[str, Any] | str] = {}

    def receipt_of(self, statement: Statement) -> dict[str, Any] | str:
        """The claims of a record's receipt, or what is wrong with it in words."""
        return self.claims_of(statement.receipt)

    def claims_of(self, token: str) -> dict[str, Any] | str:
        """The claims of a receipt, or what is wrong with it in words."""
        if token not in self._receipts:
            try:
                self._receipts[token], _ = read_token("receipt+jwt", token, self.keys)
            except IntegrityFailure as error:
                self._receipts[token] = error.detail
        return self._receipts[token]

    @cached_property
    def is_erased(self) -> bool:
        """Whether the chain says that what was personal was destroyed."""
        return any(row.entry is not None and row.entry.kind is Kind.ERASED for row in self.rows)

    @cached_property
    def rules(self) -> Rules | str:
        """The rules of the case, or what is wrong with them in words."""
        requested = [row.record for row in self.rows if row.record and row.record.body.get("kind") == "requested"]
        if len(requested) != 1:
            return f"There are {len(requested)} records 'requested' that can be read; a case has one."
        try:
            return self._rules(requested[0])
        except LedgerError as error:
            return error.detail
        except _FOREIGN:
            return "The terms in the record 'requested', the parties or the policy are not in their form."

    def _rules(self, requested: Record) -> Rules:
        data, evidence = requested.body["data"], self.evidence
        terms = Terms.from_json(data["terms"])
        _demand(terms.as_json() == data["terms"], "The terms in the record 'requested' are not in their form.")
        _demand(terms.struct_hash() == evidence.case_id, "The case's id is not the hash of its terms.")
        _demand(evidence.parties.id() == terms.parties, "The parties are not those that the terms name by hash.")
        _demand(
            data["parties"] == {name: getattr(evidence.parties, name) for name in Parties.__slots__},
            "The record 'requested' names other parties than the terms.",
        )
        policy, policy_id = read_policy(evidence.policy)
        _demand(policy_id == terms.policy, "The policy is not the one that the terms name by hash.")
        named = {"code": policy.code, "version": policy.version, "id": hex0x(terms.policy)}
        _demand(data["policy"] == named, "The record 'requested' names another policy than the terms.")
        panels = {one.version: one.panel for one in evidence.panels}
        _demand(len(panels) == len(evidence.panels), "A version of a panel is there twice.")
        rules = Rules(terms, evidence.parties, policy, evidence.chain.ledger, evidence.chain.panel, panels)
        rules.panel_terms()
        return rules

    @cached_property
    def requested(self) -> dict[str, Any]:
        """The data of the record 'requested'; empty if there is none."""
        for row in self.rows:
            if row.record and row.record.body.get("kind") == "requested" and isinstance(row.record.body["data"], dict):
                return row.record.body["data"]
        return {}

    @cached_property
    def replayed(self) -> Replay | str:
        """The timeline replayed by the rules, or why it cannot be."""
        if isinstance(self.rules, str):
            return self.rules
        steps: list[Step] = []
        for row in self.rows:
            if row.link is None:
                continue
            if row.entry is None:
                return f"The entry at position {row.position} is none."
            steps.append(Step(row.link.actor, row.link.commitment, row.entry))
        try:
            return replay(self.rules, steps, self.acts)
        except _FOREIGN:
            return "The timeline cannot be replayed."

    @cached_property
    def acts(self) -> dict[int, Act]:
        """What was signed of the records on the chain, by position."""
        return {
            row.position: act for row in self.rows if row.position is not None and (act := self.act_of(row)) is not None
        }

    def act_of(self, row: Row) -> Act | None:
        """The act that was signed; None where there is none, or it is none."""
        if row.statement is None or row.record is None:
            return None
        stated = row.statement
        try:
            return Act(
                case_id=self.evidence.case_id,
                kind=Kind[str(row.record.body["kind"]).upper()],
                role=Role[str(row.record.body["role"]).upper()],
                nonce=stated.nonce,
                valid_until=stated.valid_until,
                commitment=stated.commitment,
                grade=Grade(stated.grade),
                share=stated.share,
                fee=stated.fee,
                key=_key_of(row.record),
            )
        except (LookupError, TypeError, ValueError):
            return None


def read_policy(document: dict[str, Any]) -> tuple[Policy, bytes]:
    """A policy of its document, and its name on the chain. Raises InvalidInput for whatever is none."""
    try:
        return _policy_of(json.dumps(document))
    except _FOREIGN as error:
        raise InvalidInput("The policy is not in its form.", field="policy") from error


@lru_cache(maxsize=64)
def _policy_of(text: str) -> tuple[Policy, bytes]:
    """Whole installations have a handful of policies, and naming one takes as long as checking a signature."""
    policy = parse_policy(json.loads(text))
    return policy, policy.id()


def _rows(evidence: Evidence) -> Iterator[Row]:
    stated = {statement.commitment: statement for statement in evidence.records}
    refused = {refusal.commitment: refusal for refusal in evidence.refusals}
    linked: set[bytes] = set()
    for position, link in enumerate(evidence.links):
        statement = None if link.commitment in linked else stated.get(link.commitment)
        record, entry = _record(statement), _entry(link)
        if record is not None and _is_anothers(record, link, entry):
            statement = record = None
        if statement is not None:
            linked.add(link.commitment)
        yield Row(statement, record, link, entry, position, None)
    shown = set()
    for statement in evidence.records:
        if statement.commitment not in linked or id(statement) != id(stated[statement.commitment]):
            refusal = refused.get(statement.commitment)
            shown.add(statement.commitment)
            yield Row(statement, _record(statement), None, None, None, refusal)


def _key_of(record: Record) -> str:
    """The key that a key binding names. Raises LookupError, TypeError or ValueError where it names none."""
    if record.body["kind"] != Kind.KEY_BOUND.wire:
        return ZERO_ADDRESS
    key = record.body["data"]["key"]
    if not is_address(key):
        raise ValueError("a key is an address with its checksum")
    return str(key)


def _record(statement: Statement | None) -> Record | None:
    try:
        return record_of(statement.canonical.encode()) if statement else None
    except _FOREIGN:
        return None


def _entry(link: Link) -> Entry | None:
    try:
        return Entry.unpack(link.entry)
    except ValueError:
        return None


def _is_anothers(record: Record, link: Link, entry: Entry | None) -> bool:
    """Whether a link has a record's fingerprint without being its link: anybody can put any fingerprint into an act of
    their own. A record that was changed is left where its fingerprint stands, to be told there, and so is one of the
    same kind and role that another account is said to have signed."""
    if entry is None or record.commitment != link.commitment:
        return False
    return (record.body.get("kind"), record.body.get("role")) != (entry.kind.wire, entry.role.wire)


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise LedgerError(otherwise)
