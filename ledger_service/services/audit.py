"""The audit: everything stored, computed anew and compared with the chain, case by case.

Nothing is taken on trust: events are read again from the contracts, heads and locks asked of them, every record's bytes
hashed, every signature and receipt checked, every disclosure opened, every timeline replayed, every amount added up.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..chain.abi import ESCROW, function
from ..chain.case_reader import accepts_signature, panels_of
from ..chain.deployments import check_chain
from ..chain.heads import heads_of
from ..chain.rpc import Rpc, block_call
from ..domain.chain_facts import ChainFacts, LockState
from ..domain.checks import Report
from ..domain.evidence import Block, Evidence, parse_evidence
from ..domain.hashing import from_hex, hex0x
from ..domain.panels import Panel
from ..domain.reading import Reading
from ..domain.replay import Rules
from ..errors import InvalidInput, Unavailable
from ..store.evidence_rows import (
    CaseRows,
    blocks_of,
    case_ids_after,
    case_rows,
    cases_only_on_chain,
    counted,
    cursor,
    orphans,
    strange_accounts,
    unsent,
)
from ..store.ours import vote_identity
from .app import App
from .audit_events import compare_events
from .audit_money import money_report
from .audit_sending import payment_problems, sending_problems
from .chain_audit import SignatureAudit
from .evidence import block_numbers, evidence_json, judge, own_chain_url, show_all, used_votes

CHUNK = 100  # cases read at once
_REMEMBERED = 20_000  # blocks, some 8 MB
_PATIENCE = 50  # looks at a case or sum that the chain moves while we look
_PAUSE = 0.1  # seconds between them
_TIMEOUT = 60.0

_LOST = "It was acknowledged, yet the chain has it neither recorded nor refused, and nothing sends it."

Problem = dict[str, Any]  # `detail`, and where it is known `case_id`, `record_id`, `position`, `check`
Progress = Callable[[str, int, int], None]  # what is being looked at, how much of it is done, how much there is


@dataclass(slots=True)
class _Audit:
    app: App
    rpc: Rpc
    tell: Progress
    blocks: dict[int, Block | None] = field(default_factory=dict)  # as the chain has them
    panels: dict[int, Panel] = field(default_factory=dict)  # the same, by version
    problems: list[Problem] = field(default_factory=list)
    stages: Counter[str] = field(default_factory=Counter)  # of the timelines' rows

    def report(self, detail: str, **where: Any) -> None:
        self.problems.append({**where, "detail": detail})


def audit(app: App, progress: Progress | None = None, *, quick: bool = False) -> dict[str, Any]:
    """What there is, and every contradiction by name; `ok` only where there is none. `quick` replays no case: it looks
    at events, heads, signatures and sums.

    Raises Unavailable or ChainMismatch if the chain cannot be asked or is another one.
    """
    url = own_chain_url(app)
    rpc = Rpc(url, timeout=_TIMEOUT)
    try:
        check_chain(rpc, app.deployment)
        running = _Audit(app, rpc, progress or (lambda _what, _done, _all: None))
        return _run(running, url, quick)
    finally:
        rpc.close()


def _run(running: _Audit, url: str, quick: bool) -> dict[str, Any]:
    app = running.app
    with app.database.read() as session:
        cases, records = counted(session)
        at = cursor(session)
    if at is not None:
        _compare_events(running, at.block_number, quick)
        if at.halted:
            running.report(f"The chain is read no further: {at.halted}")
        header = _hash_of(running, at.block_number)
        if header != at.block_hash:
            running.report(f"The database was read up to block {at.block_hash}, which is not on the chain.")
    if not quick:
        _replay_cases(running, cases)
    strangers = _look_for_lost(running)
    money, not_adding_up = _settled_money(running)
    for detail in [*not_adding_up, *_standing_sending(running)]:
        running.report(detail)
    return {
        "ok": not running.problems,
        "cases": cases,
        "records": records,
        "replayed": not quick,
        "stages": dict(sorted(running.stages.items())),
        "money": money,
        "chain": {
            "id": app.deployment.chain_id,
            "operator": app.settings.operator_of_chain,
            "contract": app.deployment.ledger,
            "url": url,
            "read_up_to_block": at.block_number if at else None,
            "cases_of_others": strangers,
        },
        "problems": running.problems,
    }


def _hash_of(running: _Audit, number: int) -> str | None:
    block = running.rpc.block(number)
    return block.hash if block else None


def _chunks(app: App) -> Iterator[list[str]]:
    last = ""
    while True:
        with app.database.read() as session:
            chunk = case_ids_after(session, last, CHUNK)
        if not chunk:
            return
        yield chunk
        last = chunk[-1]


def _compare_events(running: _Audit, up_to: int, quick: bool) -> None:
    """Signatures are checked here only where no case is replayed."""
    app, total = running.app, max(up_to - running.app.deployment.deployed_at_block + 1, 1)
    read = 0

    def tick(blocks: int) -> None:
        nonlocal read
        read += blocks
        running.tell("blocks", read, total)

    running.tell("blocks", 0, total)
    signatures = SignatureAudit(running.rpc, app.database, app.deployment) if quick else None
    for problem in compare_events(running.rpc, app.database, app.deployment, up_to, tick, signatures):
        running.problems.append(problem.as_json())


# --- cases -----------------------------------------------------------------------------------------------------------


def _replay_cases(running: _Audit, cases: int) -> None:
    done = 0
    for chunk in _chunks(running.app):
        running.tell("cases", done, cases)
        _audit_cases(running, chunk, _PATIENCE)
        done += len(chunk)
    running.tell("cases", done, max(cases, done))


def _audit_cases(running: _Audit, case_ids: list[str], patience: int) -> None:
    """Judges some cases; what looks wrong while the database lags behind the chain is looked at again."""
    with running.app.database.read() as session:
        all_rows, at = case_rows(session, case_ids), cursor(session)
        numbers = {number for rows in all_rows.values() for number in block_numbers(rows, at)}
        stored = blocks_of(session, numbers)
        stated = [record.record_id for rows in all_rows.values() for record in rows.records]
        waiting = unsent(session, stated + [vote.vote_id for rows in all_rows.values() for vote in rows.votes])
    _ask_panels(running, {panel.version for rows in all_rows.values() for panel in rows.panels})
    heads = _ask_heads(running, list(all_rows))
    blocks = _ask_blocks(running, numbers)
    newest = running.rpc.latest()
    lags = at is None or newest.number > at.block_number
    again = []
    for case_id, rows in all_rows.items():
        content = evidence_json(running.app, rows, at, stored, show_all)
        facts = _facts(running, rows, heads[case_id], blocks, Block(newest.number, newest.hash, newest.time))
        stages, problems = _audit_case(running, rows, content, facts, waiting)
        if problems and lags and patience:
            again.append(case_id)
            continue
        running.problems += problems
        running.stages.update(stages)
    if again:
        time.sleep(_PAUSE)
        _audit_cases(running, again, patience - 1)


def _audit_case(
    running: _Audit, rows: CaseRows, content: dict[str, Any], facts: ChainFacts, waiting: set[str]
) -> tuple[list[str], list[Problem]]:
    """The stages of its timeline's rows, and what contradicts."""
    case_id = rows.case.case_id
    try:
        evidence = parse_evidence(content)
    except InvalidInput as error:
        said = f"What is stored cannot be read: {error}"
        return [], [{"case_id": case_id, **_named(rows, error.field), "check": 1, "detail": said}]
    reading = Reading(evidence)
    report = judge(rows, reading, _Answered(running, facts))
    counted = {vote_identity(vote) for vote in rows.counted}  # which no ruling need have followed
    known = waiting | {vote.vote_id for vote in rows.votes if vote_identity(vote) in counted}
    lost = [
        {"case_id": case_id, "record_id": row.record_id, "check": 4, "detail": _LOST}
        for row in report.rows
        if row.record_id and row.stage == "accepted" and row.record_id not in known
    ]
    return [row.stage for row in report.rows], lost + _contradictions(report, reading.rules)


def _contradictions(report: Report, rules: Rules | str) -> list[Problem]:
    """What fails, by record where it is one record's; what only follows from unreadable terms is left out."""
    derived = {rules} if isinstance(rules, str) else set()
    found: list[Problem] = [
        {
            "case_id": report.case_id,
            "record_id": row.record_id,
            "position": row.position,
            "check": check.number,
            "detail": check.detail,
        }
        for row in report.rows
        for check in row.checks
        if check.result == "fail" and check.detail not in derived
    ]
    named = {problem["check"] for problem in found}
    return found + [
        {"case_id": report.case_id, "check": check.number, "detail": check.detail}
        for check in report.checks
        if check.result == "fail" and check.number not in named and (check.detail not in derived or not found)
    ]


def _named(rows: CaseRows, field_name: str | None) -> dict[str, str]:
    """The record or vote that a path such as `records[2].commitment` is about."""
    found = re.match(r"(records|votes)\[(\d+)\]", field_name or "")
    if found is None:
        return {}
    at = int(found[2])
    return {"record_id": rows.records[at].record_id if found[1] == "records" else used_votes(rows)[at].vote_id}


# --- the chain -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Answered:
    """A `ChainReader` whose facts were asked for before, many at once."""

    running: _Audit
    known: ChainFacts

    def facts(self, _evidence: Evidence) -> ChainFacts:
        return self.known

    def accepts_signature(self, account: str, digest: bytes, signature: bytes) -> bool:
        return accepts_signature(self.running.rpc, account, digest, signature)


def _ask_heads(running: _Audit, case_ids: list[str]) -> dict[str, tuple[bytes, LockState]]:
    """The head and the lock of each case, as the contracts have them."""
    ledger, escrow = running.app.deployment.ledger, running.app.deployment.escrow
    raw, lock = [from_hex(case_id) for case_id in case_ids], function(ESCROW, "lockOf")
    heads = heads_of(running.rpc, ledger, raw)
    calls = [("eth_call", {"to": escrow, "data": hex0x(lock.selector + one)}, "latest") for one in raw]
    found = {}
    for case_id, said, kept in zip(case_ids, heads, running.rpc.batch_all(calls), strict=True):
        ((refund, freight, reserve, _, settled),) = lock.decode(from_hex(kept))
        found[case_id] = (said, LockState(refund, freight, reserve, settled))
    return found


def _ask_blocks(running: _Audit, numbers: set[int]) -> dict[int, Block]:
    """Those of the blocks that the chain has. Cases share blocks, so many are remembered, and not without end."""
    if len(running.blocks) > _REMEMBERED:
        running.blocks.clear()
    wanted = sorted(numbers - running.blocks.keys())
    for number, value in zip(wanted, running.rpc.batch_all([block_call(number) for number in wanted]), strict=True):
        running.blocks[number] = Block(number, value["hash"], int(value["timestamp"], 16)) if value else None
    return {number: block for number in numbers if (block := running.blocks[number]) is not None}


def _ask_panels(running: _Audit, versions: set[int]) -> None:
    wanted = sorted(versions - running.panels.keys())
    running.panels |= panels_of(running.rpc, running.app.deployment.panel, wanted)


def _facts(
    running: _Audit, rows: CaseRows, asked: tuple[bytes, LockState], blocks: dict[int, Block], newest: Block
) -> ChainFacts:
    deployment = running.app.deployment
    versions = {panel.version for panel in rows.panels}
    return ChainFacts(
        chain_id=deployment.chain_id,
        genesis_hash=deployment.genesis_hash,
        newest=newest,
        blocks=blocks,
        head=asked[0],
        lock=asked[1],
        panels={version: panel for version, panel in running.panels.items() if version in versions},
    )


# --- the whole -------------------------------------------------------------------------------------------------------


def _look_for_lost(running: _Audit) -> int:
    """Reports what belongs to nothing; answers how many cases on the contract are other people's."""
    with running.app.database.read() as session:
        for detail in orphans(session):
            running.report(detail)
        for case_id, detail in payment_problems(session):
            running.report(detail, case_id=case_id)
        for case_id in strange_accounts(session):
            running.report("It is kept under another account than its merchant's.", case_id=case_id)
        lost, strangers = cases_only_on_chain(session)
    for case_id in lost:
        running.report("The chain has this case of a merchant of ours, the database has not.", case_id=case_id)
    return strangers


def _standing_sending(running: _Audit) -> list[str]:
    """What is wrong with the numbers of our transactions, and stays so while we look: the service mends much itself."""
    for _ in range(_PATIENCE):
        with running.app.database.read() as session:
            problems = list(sending_problems(session, running.rpc))
        if not problems:
            return []
        time.sleep(_PAUSE)
    return problems


def _settled_money(running: _Audit) -> tuple[dict[str, Any], list[str]]:
    """The sums; looked at again while the chain moves them."""
    for _ in range(_PATIENCE):
        before = running.rpc.latest().number
        with running.app.database.read() as session:
            at = cursor(session)
            money, problems = money_report(running.app, session, running.rpc)
        standing = at is None or (at.block_number >= before and running.rpc.latest().number == before)
        if standing or not problems:
            return money, problems
        time.sleep(_PAUSE)
    raise Unavailable("The chain does not stand still for long enough to add up its money.", remedy="Try again.")
