"""The audit's second stage: every case replayed from what is stored of it, and held against the contracts' own word."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..chain.abi import ESCROW, function
from ..chain.case_reader import accepts_signature, panels_of
from ..chain.heads import heads_of
from ..chain.rpc import Rpc, block_call
from ..domain.chain_facts import ChainFacts, LockState
from ..domain.checks import Report
from ..domain.evidence import Block, Evidence, parse_evidence
from ..domain.hashing import from_hex, hex0x
from ..domain.messages import Act
from ..domain.panels import Panel
from ..domain.policies import Policy
from ..domain.reading import Reading
from ..domain.replay import Rules
from ..errors import InvalidInput, LedgerError
from ..store.audit_reads import erasures_of, strangers_after
from ..store.evidence_rows import CaseRows, blocks_of, case_ids_after, case_rows, cursor, unsent
from ..store.ours import vote_identity
from ..store.tables import ChainBlock, ChainCursor, Erasure
from ..verification import verify_reading
from .app import App
from .audit_fields import erased_in_part, fields_unlike
from .audit_problems import Problem, key_of
from .consistency import contradictions, read_model_problems
from .evidence import block_numbers, evidence_json, show_all, used_votes

CHUNK = 100  # cases read at once
_REMEMBERED = 20_000  # blocks, some 8 MB
_PATIENCE = 50  # looks at a case that the chain moves while we look
_PAUSE = 0.1  # seconds between them
_LOST = "It was acknowledged, yet the chain has it neither recorded nor refused, and nothing sends it."
# By check, where in a record's or vote's row that stands which it is about.
_COLUMNS = {1: "canonical", 2: "signature, nonce, valid_until, grade, share, fee", 3: "canonical", 6: "receipt"}


@dataclass(frozen=True, slots=True)
class _Answered:
    """A `ChainReader` whose facts were asked for before, many at once."""

    rpc: Rpc
    known: ChainFacts

    def facts(self, _evidence: Evidence) -> ChainFacts:
        return self.known

    def accepts_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        return accepts_signature(self.rpc, account, digest, signature)


@dataclass(frozen=True, slots=True)
class _Read:
    """Some cases as they are stored, at one moment."""

    rows: dict[str, CaseRows]
    at: ChainCursor | None
    blocks: dict[int, ChainBlock]
    numbers: set[int]
    waiting: set[str]
    erasures: dict[str, Erasure]


class CaseAudit:
    """Judges cases, remembering few of the chain's answers; `stages` counts the rows of their timelines, `erased` those
    whose personal data was destroyed."""

    def __init__(self, app: App, rpc: Rpc) -> None:
        self._app, self._rpc = app, rpc
        self._blocks: dict[int, Block | None] = {}  # as the chain has them
        self._panels: dict[int, Panel] = {}  # the same, by version
        self.stages: Counter[str] = Counter()
        self.erased = 0

    def problems(self, case_ids: list[str], patience: int = _PATIENCE) -> Iterator[Problem]:
        """What is wrong with them. What looks wrong while the database lags behind the chain is looked at again."""
        read = self._read(case_ids)
        self._ask_panels({panel.version for rows in read.rows.values() for panel in rows.panels})
        heads = self._ask_heads(list(read.rows))
        blocks = self._ask_blocks(read.numbers)
        newest = self._rpc.latest()
        lags = read.at is None or newest.number > read.at.block_number
        again = []
        for case_id, rows in read.rows.items():
            facts = self._facts(rows, heads[case_id], blocks, Block(newest.number, newest.hash, newest.time))
            stages, found = self._judge(rows, read, facts)
            if found and lags and patience:
                again.append(case_id)
                continue
            yield from found
            self.stages.update(stages)
            self.erased += rows.case.erased_at is not None
        if again:
            time.sleep(_PAUSE)
            yield from self.problems(again, patience - 1)

    def _read(self, case_ids: list[str]) -> _Read:
        with self._app.database.read() as session:
            rows, at = case_rows(session, case_ids), cursor(session)
            numbers = {number for one in rows.values() for number in block_numbers(one, at)}
            stated = [record.record_id for one in rows.values() for record in one.records]
            voted = [vote.vote_id for one in rows.values() for vote in one.votes]
            waiting, erasures = unsent(session, stated + voted), erasures_of(session, case_ids)
            return _Read(rows, at, blocks_of(session, numbers), numbers, waiting, erasures)

    def _judge(self, rows: CaseRows, read: _Read, facts: ChainFacts) -> tuple[list[str], list[Problem]]:
        """The stages of a case's timeline's rows, and what contradicts."""
        case_id = rows.case.case_id
        try:
            evidence = parse_evidence(evidence_json(self._app, rows, read.at, read.blocks, show_all))
        except InvalidInput as error:
            said = f"What is stored cannot be read: {error}"
            return [], [Problem(said, case_id=case_id, check=1, **_named(rows, error.field))]
        reading = Reading(evidence)
        report = verify_reading(reading, _Answered(self._rpc, facts))
        found = _lost(rows, report, read.waiting) + _failing(report, reading.rules, rows)
        found += contradictions(rows, reading)
        found += erased_in_part(rows, read.erasures.get(case_id))
        found += fields_unlike(self._app, rows, reading)
        return [row.stage for row in report.rows], found

    # --- the chain ---------------------------------------------------------------------------------------------------

    def _ask_heads(self, case_ids: list[str]) -> dict[str, tuple[bytes, LockState]]:
        """The head and the lock of each case, as the contracts have them."""
        ledger, escrow = self._app.deployment.ledger, self._app.deployment.escrow
        raw, lock = [from_hex(case_id) for case_id in case_ids], function(ESCROW, "lockOf")
        heads = heads_of(self._rpc, ledger, raw)
        calls = [("eth_call", {"to": escrow, "data": hex0x(lock.selector + one)}, "latest") for one in raw]
        found = {}
        for case_id, said, kept in zip(case_ids, heads, self._rpc.batch_all(calls), strict=True):
            ((refund, freight, reserve, _, settled),) = lock.decode(from_hex(kept))
            found[case_id] = (said, LockState(refund, freight, reserve, settled))
        return found

    def _ask_blocks(self, numbers: set[int]) -> dict[int, Block]:
        """Those of the blocks that the chain has. Cases share blocks, so many are remembered, and not without end."""
        if len(self._blocks) > _REMEMBERED:
            self._blocks.clear()
        wanted = sorted(numbers - self._blocks.keys())
        answers = self._rpc.batch_all([block_call(number) for number in wanted])
        for number, value in zip(wanted, answers, strict=True):
            self._blocks[number] = Block(number, value["hash"], int(value["timestamp"], 16)) if value else None
        return {number: block for number in numbers if (block := self._blocks[number]) is not None}

    def _ask_panels(self, versions: set[int]) -> None:
        wanted = sorted(versions - self._panels.keys())
        self._panels |= panels_of(self._rpc, self._app.deployment.panel, wanted)

    def _facts(
        self, rows: CaseRows, asked: tuple[bytes, LockState], blocks: dict[int, Block], newest: Block
    ) -> ChainFacts:
        deployment = self._app.deployment
        versions = {panel.version for panel in rows.panels}
        return ChainFacts(
            chain_id=deployment.chain_id,
            genesis_hash=deployment.genesis_hash,
            newest=newest,
            blocks=blocks,
            head=asked[0],
            lock=asked[1],
            panels={version: panel for version, panel in self._panels.items() if version in versions},
        )


def case_chunks(app: App) -> Iterator[list[str]]:
    """The ids of all cases, some at a time."""
    last = ""
    while True:
        with app.database.read() as session:
            chunk = case_ids_after(session, last, CHUNK)
        if not chunk:
            return
        yield chunk
        last = chunk[-1]


# --- what contradicts ------------------------------------------------------------------------------------------------


def _lost(rows: CaseRows, report: Report, waiting: set[str]) -> list[Problem]:
    counted = {vote_identity(vote) for vote in rows.counted}  # which no ruling need have followed
    known = waiting | {vote.vote_id for vote in rows.votes if vote_identity(vote) in counted}
    return [
        Problem(_LOST, case_id=report.case_id, record_id=row.record_id, check=4, table="outbox")
        for row in report.rows
        if row.record_id and row.stage == "accepted" and row.record_id not in known
    ]


def _failing(report: Report, rules: Rules | str, rows: CaseRows) -> list[Problem]:
    """What fails, by record where it is one record's; what only follows from unreadable terms is said once."""
    derived = {rules} if isinstance(rules, str) else set()
    votes = {vote.vote_id for vote in rows.votes}
    found = [
        Problem(
            check.detail,
            case_id=report.case_id,
            record_id=row.record_id,
            position=row.position,
            check=check.number,
            **_place(row.record_id, check.number, votes),
        )
        for row in report.rows
        for check in row.checks
        if check.result == "fail" and check.detail not in derived
    ]
    named = {problem.check for problem in found}
    found += [
        Problem(check.detail, case_id=report.case_id, check=check.number)
        for check in report.checks
        if check.result == "fail" and check.number not in named and check.detail not in derived
    ]
    where: dict[str, Any] = {"table": "cases", "row": f"case_id {report.case_id}"}
    return found + [Problem(detail, case_id=report.case_id, check=3, **where) for detail in derived]


def _place(record_id: str | None, check: int, votes: set[str]) -> dict[str, Any]:
    """Where a record's or a vote's check looks; nowhere for what the contract composed, and for checks of the chain."""
    if record_id is None or check not in _COLUMNS:
        return {}
    table, key = ("votes", "vote_id") if record_id in votes else ("records", "record_id")
    return {"table": table, "row": f"{key} {record_id}", "column": _COLUMNS[check]}


_LISTS = {"records": ("records", "record_id"), "votes": ("votes", "vote_id"), "links": ("chain_records", "position")}


def _named(rows: CaseRows, field_name: str | None) -> dict[str, Any]:
    """The row that a path such as `records[2].commitment` or `parties.carrier` is about."""
    path = field_name or ""
    if path.startswith("parties."):
        return {"table": "cases", "row": key_of(rows.case, "case_id"), "column": path.removeprefix("parties.")}
    found = re.match(r"(\w+)\[(\d+)\]\.?(\w*)", path)
    if found is None or found[1] not in _LISTS:
        return {"column": field_name}
    lists: dict[str, Any] = {"records": rows.records, "votes": used_votes(rows), "links": rows.links}
    row, (table, key) = lists[found[1]][int(found[2])], _LISTS[found[1]]
    named = {} if found[1] == "links" else {"record_id": getattr(row, key)}
    return {**named, "table": table, "row": key_of(row, key), "column": found[3] or None}


# --- cases that are not ours -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Policies:
    """What is known of strangers' cases: the policies that everybody can read."""

    app: App

    def policy(self, policy_id: str) -> Policy | None:
        try:
            return self.app.policies.by_id(policy_id)
        except LedgerError:
            return None

    def act(self, _link: dict[str, Any]) -> Act | None:
        return None


def stranger_problems(app: App) -> Iterator[Problem]:
    """What the index has of cases that are not ours, held against the events that it comes from."""
    last = ""
    while True:
        with app.database.read() as session:
            found = strangers_after(session, last, CHUNK)
        for case_id, rows in found.items():
            yield from read_model_problems(case_id, rows, _Policies(app))
        if len(found) < CHUNK:
            return
        last = max(found)
