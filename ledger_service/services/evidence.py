"""Gathering the evidence of a case from the database, and judging it against the chain."""

from __future__ import annotations

import atexit
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Any

from sqlmodel import Session

from ..chain.local import local_url
from ..chain.rpc import Rpc
from ..domain.chain_facts import ChainReader
from ..domain.checks import Check, Report, RowReport
from ..domain.disclosures import read_disclosure
from ..domain.evidence import parse_evidence
from ..domain.hashing import ZERO_WORD, hex0x
from ..domain.reading import Reading
from ..errors import InvalidInput, LedgerError, NotFound
from ..store.disputes import votes_of
from ..store.evidence_rows import CaseRows, blocks_of, case_rows, cursor
from ..store.ours import link_identity, record_identity, vote_identity
from ..store.stages import staged_records
from ..store.tables import (
    ChainBlock,
    ChainCursor,
    ChainEvent,
    ChainPanel,
    ChainRecord,
    ChainRefusal,
    RecordRow,
    VoteRow,
)
from ..verification import verify_reading
from .app import App
from .consistency import case_problems, event_of, record_problems, vote_problems
from .observation_views import NOTHING, Observed, observations_of
from .own_chain import OwnChain, Remembered

UNREADABLE = "unreadable"  # in place of a disclosure that cannot be opened; it fails check 1
_TIMEOUT = 3.0  # seconds that a status page waits for the chain
_KEPT = 256
_verdicts: Remembered[dict[str, Any]] = Remembered(_KEPT)

Show = Callable[[str], bool]  # whether the personal field of this name is shown


def show_all(_name: str) -> bool:
    return True


def show_none(_name: str) -> bool:
    return False


def verify_case(app: App, case_id: str) -> dict[str, Any]:
    """The body of GET /v1/cases/{case_id}/verification. Raises NotFound.

    Everything stored is read and checked at every call; only a verdict on the very same evidence and chain is reused.
    """
    with app.database.read() as session:
        rows, content = gather(app, session, case_id, show_all)
        needed = app.settings.confirmations_needed
        stages = {one.row.record_id: one.stage.wire for one in staged_records(session, case_id, needed)}
        stages |= {one.row.vote_id: one.stage.wire for one in votes_of(session, case_id, needed)}
    try:
        evidence = parse_evidence(content)
    except InvalidInput as error:
        return _unreadable(app, case_id, error).as_json()
    chain = OwnChain(own_rpc(app), evidence)
    key = hashlib.sha256(repr((content, chain.known, rows)).encode("utf-8", "replace")).hexdigest()
    report = _verdicts.get(key, lambda: judge(rows, Reading(evidence), chain).as_json())
    records = [{**row, "stage": stages.get(row["record_id"], row["stage"])} for row in report["records"]]
    return {**report, "records": records}


def judge(rows: CaseRows, reading: Reading, chain: ChainReader | None) -> Report:
    """The numbered checks, and whether what is kept beside the evidence says the same."""
    report = verify_reading(reading, chain)
    wrong = dict(record_problems(rows, reading)) | dict(vote_problems(rows, reading))
    whole = list(case_problems(rows, reading))
    if not wrong and not whole:
        return report
    judged = tuple(_with_problem(row, wrong.get(row.record_id or "")) for row in report.rows)
    said = [f"Record {record_id}: {problem}" for record_id, problem in wrong.items()] + whole
    first = Check(1, "fail", " ".join(said))
    kept = [first if check.number == 1 and check.result != "fail" else check for check in report.checks]
    return replace(report, rows=judged, checks=tuple(kept))


def _with_problem(row: RowReport, problem: str | None) -> RowReport:
    if problem is None:
        return row
    checks = [
        Check(1, "fail", problem) if check.number == 1 and check.result != "fail" else check for check in row.checks
    ]
    return replace(row, checks=tuple(checks))


def _unreadable(app: App, case_id: str, error: InvalidInput) -> Report:
    chain = {
        "id": app.deployment.chain_id,
        "operator": app.settings.operator_of_chain,
        "contract": app.deployment.ledger,
        "confirmations": app.settings.confirmations_needed,
        "head_block": None,
        "asked": False,
    }
    said = f"What is stored about this case cannot be read, at {error.field}: {error.detail}"
    others = tuple(Check(number, "skipped", "The evidence cannot be read.") for number in range(2, 9))
    return Report(case_id, chain, (Check(1, "fail", said), *others), ())


def own_chain_url(app: App) -> str:
    """Where the service's own chain listens. Raises Unavailable where it has never run."""
    settings = app.settings
    return local_url(settings.chain, settings.data) if settings.is_local_chain else settings.chain


def own_rpc(app: App) -> Rpc | None:
    """The service's own chain; None where it has never run."""
    try:
        return _client(own_chain_url(app))
    except LedgerError:
        return None


@lru_cache(maxsize=8)
def _client(url: str) -> Rpc:
    client = Rpc(url, timeout=_TIMEOUT)
    atexit.register(client.close)
    return client


# --- gathering -------------------------------------------------------------------------------------------------------


def gather(
    app: App, session: Session, case_id: str, show: Show, *, open_round: bool = True
) -> tuple[CaseRows, dict[str, Any]]:
    """The rows of a case, and its evidence as JSON with the personal fields that `show` picks; without `open_round` it
    tells nothing of votes before their round is over. Raises NotFound."""
    rows = case_rows(session, [case_id]).get(case_id)
    if rows is None:
        raise NotFound("There is no such case.", field="case_id", remedy="Check the id.")
    at, observed = cursor(session), observations_of(app, session, case_id)
    blocks = blocks_of(session, block_numbers(rows, at) | observed.blocks)
    return rows, evidence_json(app, rows, at, blocks, show, open_round=open_round, observed=observed)


def block_numbers(rows: CaseRows, at: ChainCursor | None) -> set[int]:
    """The blocks that the evidence of these rows names."""
    numbers = [row.block_number for row in rows.links] + [row.block_number for row in rows.money]
    numbers += [row.block_number for row in used_refusals(rows)] + ([at.block_number] if at else [])
    return {number for number in numbers if isinstance(number, int)}


def used_refusals(rows: CaseRows) -> list[ChainRefusal]:
    """The refusal of each record that was refused for good: one that came too early is sent again."""
    recorded = {link_identity(link) for link in rows.links}
    over = {
        record.commitment
        for record in rows.records
        if record_identity(record) not in recorded and record.record_id not in rows.waiting
    }
    return list({refusal.commitment: refusal for refusal in rows.refusals if refusal.commitment in over}.values())


def used_votes(rows: CaseRows, *, open_round: bool = True) -> list[VoteRow]:
    """The votes without those that the panel refused: their arbitrators may have voted again. Without `open_round`,
    those of the round that still goes on are left out too."""
    counted = {vote_identity(vote) for vote in rows.counted}
    refused = {refusal.commitment for refusal in rows.refusals}
    gone = {vote.vote_id for vote in rows.votes if vote.commitment in refused and vote.vote_id not in rows.waiting}
    kept = [vote for vote in rows.votes if vote_identity(vote) in counted or vote.vote_id not in gone]
    on_chain = rows.on_chain
    if open_round or on_chain is None or on_chain.voting_panel == 0:
        return kept
    return [vote for vote in kept if vote.round != on_chain.round]


def evidence_json(
    app: App,
    rows: CaseRows,
    at: ChainCursor | None,
    blocks: dict[int, ChainBlock],
    show: Show,
    *,
    open_round: bool = True,
    observed: Observed = NOTHING,
) -> dict[str, Any]:
    """The evidence as `parse_evidence` takes it. `at` is how far the chain was read, None for nothing yet."""
    deployment, case = app.deployment, rows.case
    numbers = block_numbers(rows, at) | observed.blocks
    used = [blocks[number] for number in sorted(numbers) if number in blocks]
    named = [{"number": block.number, "hash": block.hash, "time": block.time} for block in used]
    if at is None:
        named = [{"number": 0, "hash": deployment.genesis_hash, "time": 0}]
    shown = shown_disclosures(app, rows, show)
    return {
        "case_id": case.case_id,
        "chain": {
            "id": deployment.chain_id,
            "genesis_hash": deployment.genesis_hash,
            "operator": app.settings.operator_of_chain,
            "confirmations": app.settings.confirmations_needed,
            "ledger": deployment.ledger,
            "escrow": deployment.escrow,
            "panel": deployment.panel,
        },
        "parties": {name: getattr(case, name) for name in ("merchant", "carrier", "warehouse", "inspector")},
        "policy": _policy(app, case.policy_id),
        "panels": [_panel(panel) for panel in rows.panels],
        "votes": [_vote(vote, shown.get(vote.vote_id, [])) for vote in used_votes(rows, open_round=open_round)],
        "records": [_record(record, shown.get(record.record_id, [])) for record in rows.records],
        "links": [_link(link) for link in rows.links],
        "refusals": [_refusal(refusal) for refusal in used_refusals(rows)],
        "escrow": [_money(event) for event in rows.money],
        "observations": observed.observations(shown),
        "checkpoint": observed.checkpoint,
        "blocks": named,
        "headers": [],  # these and the proof cost a look at the chain, which a bundle takes
        "head": {
            "value": rows.on_chain.head if rows.on_chain else hex0x(ZERO_WORD),
            "block": at.block_number if at else 0,
        },
        "state_proof": None,
        "jwks": app.tokens.jwks(),
    }


def shown_disclosures(app: App, rows: CaseRows, show: Show) -> dict[str, list[str]]:
    """By record, the disclosures that `show` picks; `UNREADABLE` for one that cannot be opened."""
    found: dict[str, list[str]] = {}
    if rows.key is None or not app.vault.is_open():
        return found
    for row, text in zip(rows.disclosures, _opened(app, rows), strict=True):
        if text == UNREADABLE or show(read_disclosure(text).name):
            found.setdefault(row.record_id, []).append(text)
    return found


def _opened(app: App, rows: CaseRows) -> Iterable[str]:
    try:
        secret = app.vault.unwrap(rows.case.case_id, _raw(rows.key.wrapped) if rows.key else b"")
    except LedgerError:
        return [UNREADABLE] * len(rows.disclosures)
    texts = []
    for row in rows.disclosures:
        try:
            text = app.vault.open(secret, row.digest, _raw(row.sealed)).decode("ascii")
            read_disclosure(text)
        except (LedgerError, ValueError):
            text = UNREADABLE
        texts.append(text)
    return texts


def _raw(stored: object) -> bytes:
    """SQLite keeps what it is given: somebody who changed a payload by hand may have left text."""
    return stored if isinstance(stored, bytes) else str(stored).encode("utf-8", "replace")


def _record(row: RecordRow, shown: list[str]) -> dict[str, Any]:
    return {
        "record_id": row.record_id,
        "canonical": _raw(row.canonical).decode("utf-8", "replace"),
        "commitment": row.commitment,
        "nonce": row.nonce,
        "valid_until": row.valid_until,
        "grade": row.grade,
        "share": row.share,
        "fee": row.fee,
        "signature": hex0x(_raw(row.signature)),
        "disclosures": shown,
        "receipt": row.receipt,
    }


def _vote(row: VoteRow, shown: list[str]) -> dict[str, Any]:
    return {
        "vote_id": row.vote_id,
        "canonical": _raw(row.canonical).decode("utf-8", "replace"),
        "commitment": row.commitment,
        "arbitrator": row.arbitrator,
        "round": row.round,
        "share": row.share,
        "valid_until": row.valid_until,
        "signature": hex0x(_raw(row.signature)),
        "disclosures": shown,
        "receipt": row.receipt,
    }


def _panel(row: ChainPanel) -> dict[str, Any]:
    return {
        "version": row.version,
        "arbitrators": json.loads(row.arbitrators),
        "threshold": row.threshold,
        "appeal_panel": row.appeal_panel,
        "fallback_panel": row.fallback_panel,
        "fee": row.fee,
    }


def _link(row: ChainRecord) -> dict[str, Any]:
    return {"actor": row.actor, "commitment": row.commitment, "entry": row.entry, **_place(row)}


def _refusal(row: ChainRefusal) -> dict[str, Any]:
    return {"commitment": row.commitment, "reason": row.reason, **_place(row)}


def _money(row: ChainEvent) -> dict[str, Any]:
    try:
        args = {name: value for name, value in event_of(row).args.items() if name != "caseId"}
    except (ValueError, TypeError, AttributeError):
        args = {}  # which is refused when the evidence is read
    return {"event": row.name, "args": args, **_place(row)}


def _policy(app: App, policy_id: str) -> dict[str, Any]:
    try:
        return app.policies.by_id(policy_id).document
    except LedgerError:
        return {}  # which is not the policy that the terms name, and fails the checks


def _place(row: ChainRecord | ChainRefusal | ChainEvent) -> dict[str, Any]:
    return {"block": row.block_number, "tx_hash": row.tx_hash, "log_index": row.log_index}
