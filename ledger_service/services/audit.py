"""The audit: everything stored, computed anew and compared with the chain, case by case.

Nothing is taken on trust: events are read again from the contracts, heads and locks asked of them, every record's bytes
hashed, every signature and receipt checked, every disclosure opened, every timeline replayed, every amount added up.
Everything is gone through in parts, so that memory does not grow with the number of cases.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ..chain.deployments import check_chain
from ..chain.rpc import Rpc
from ..errors import NotFound, Unavailable
from ..store.evidence_rows import (
    cases_only_on_chain,
    cases_without_their_merchant,
    counted,
    counted_of,
    cursor,
    has_events,
    orphans,
)
from .app import App
from .audit_cases import CaseAudit, case_chunks, stranger_problems
from .audit_events import compare_events, compare_events_of_case
from .audit_money import money_report
from .audit_problems import Problem
from .audit_rows import row_problems
from .audit_sending import payment_problems, sending_problems
from .chain_audit import SignatureAudit
from .evidence import own_chain_url
from .log_audit import log_problems, log_problems_of_case

_PATIENCE = 50  # looks at a sum that the chain moves while we look
_PAUSE = 0.1  # seconds between them
_TIMEOUT = 60.0

Progress = Callable[[str, int, int], None]  # what is being looked at, how much of it is done, how much there is


@dataclass(slots=True)
class _Audit:
    app: App
    rpc: Rpc
    tell: Progress
    problems: list[dict[str, Any]] = field(default_factory=list)

    def report(self, found: Iterable[Problem]) -> None:
        self.problems += [problem.as_json() for problem in found]


def audit(
    app: App, progress: Progress | None = None, *, quick: bool = False, case_id: str | None = None
) -> dict[str, Any]:
    """What there is, and every contradiction by name; `ok` only where there is none. `quick` replays no case: it looks
    at events, heads, signatures and sums. With `case_id`, one case alone.

    Raises Unavailable or ChainMismatch if the chain cannot be asked or is another one, NotFound for an unknown case.
    """
    url = own_chain_url(app)
    rpc = Rpc(url, timeout=_TIMEOUT)
    try:
        check_chain(rpc, app.deployment)
        with app.database.unhurried() as patient:  # a question about all that there is may take long
            running = _Audit(replace(app, database=patient), rpc, progress or (lambda _what, _done, _all: None))
            return _one(running, url, case_id) if case_id is not None else _whole(running, url, quick)
    finally:
        rpc.close()


def _whole(running: _Audit, url: str, quick: bool) -> dict[str, Any]:
    app, cases = running.app, CaseAudit(running.app, running.rpc)
    with app.database.read() as session:
        many, records = counted(session)
    _look_at_events(running, quick)
    if not quick:
        _replay_cases(running, cases, many)
        running.report(stranger_problems(app))
        running.report(row_problems(app, partial(running.tell, "tables")))
        running.report(log_problems(app, running.rpc))
    strangers = _look_for_lost(running)
    money, not_adding_up = _settled_money(running)
    running.report(not_adding_up)
    running.report(_standing_sending(running))
    return _report(running, url, {**_extent(cases, many, records), "replayed": not quick}, money, strangers)


def _one(running: _Audit, url: str, case_id: str) -> dict[str, Any]:
    """A case's own events, head, rows, timeline and observations; nothing of what it shares with others but the log's
    anchors."""
    app, cases = running.app, CaseAudit(running.app, running.rpc)
    with app.database.read() as session:
        records = counted_of(session, case_id)
    if records is None:
        raise NotFound("There is no such case.", field="case_id", remedy="Check the id.")
    running.report(compare_events_of_case(running.rpc, app.database, app.deployment, case_id))
    running.report(cases.problems([case_id]))
    running.report(log_problems_of_case(app, running.rpc, case_id))
    with app.database.read() as session:
        running.report(one for one in payment_problems(session) if one.case_id == case_id)
    return _report(running, url, _extent(cases, 1, records), {}, 0)


def _extent(cases: CaseAudit, many: int, records: int) -> dict[str, Any]:
    stages = dict(sorted(cases.stages.items()))
    return {"cases": many, "records": records, "replayed": True, "stages": stages, "erased": cases.erased}


def _report(running: _Audit, url: str, extent: dict[str, Any], money: dict[str, Any], strangers: int) -> dict[str, Any]:
    app = running.app
    with app.database.read() as session:
        at = cursor(session)
    return {
        "ok": not running.problems,
        **extent,
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


def _look_at_events(running: _Audit, quick: bool) -> None:
    with running.app.database.read() as session:
        at = cursor(session)
        is_read = at is not None or has_events(session)
    if at is None:
        said = "How far the chain was read is missing, though events of it are here."
        running.report([Problem(said, table="chain_cursor")] if is_read else [])
        return
    _compare_events(running, at.block_number, quick)
    if at.halted:
        said = f"The chain is read no further: {at.halted}"
        running.report([Problem(said, table="chain_cursor", row="id 1", column="halted")])
    block = running.rpc.block(at.block_number)
    if block is None or block.hash != at.block_hash:
        said = f"The database was read up to block {at.block_hash}, which is not on the chain."
        running.report([Problem(said, table="chain_cursor", row="id 1", column="block_number, block_hash")])


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
    running.report(compare_events(running.rpc, app.database, app.deployment, up_to, tick, signatures))


def _replay_cases(running: _Audit, cases: CaseAudit, many: int) -> None:
    done = 0
    for chunk in case_chunks(running.app):
        running.tell("cases", done, many)
        running.report(cases.problems(chunk))
        done += len(chunk)
    running.tell("cases", done, max(many, done))


# --- the whole -------------------------------------------------------------------------------------------------------


def _look_for_lost(running: _Audit) -> int:
    """Reports what belongs to nothing; answers how many cases on the contract are other people's."""
    with running.app.database.read() as session:
        for table, column, value in orphans(session):
            said = "It belongs to nothing: what it refers to is not there."
            running.report([Problem(said, table=table, row=f"{column} {value}")])
        running.report(payment_problems(session))
        for case_id in cases_without_their_merchant(session):
            said = "It is kept under another account than its merchant's: it, or the account, was changed."
            named: dict[str, Any] = {"table": "cases", "row": f"case_id {case_id}", "column": "account_id"}
            running.report([Problem(said, case_id=case_id, **named)])
        lost, strangers = cases_only_on_chain(session)
    said = "The chain has this case of a merchant of ours, the database has not."
    running.report(Problem(said, case_id=case_id, table="cases") for case_id in lost)
    return strangers


def _standing_sending(running: _Audit) -> list[Problem]:
    """What is wrong with the numbers of our transactions, and stays so while we look: the service mends much itself."""
    for _ in range(_PATIENCE):
        with running.app.database.read() as session:
            problems = list(sending_problems(session, running.rpc))
        if not problems:
            return []
        time.sleep(_PAUSE)
    return problems


def _settled_money(running: _Audit) -> tuple[dict[str, Any], Iterator[Problem]]:
    """The sums; looked at again while the chain moves them."""
    for _ in range(_PATIENCE):
        before = running.rpc.latest().number
        with running.app.database.read() as session:
            at = cursor(session)
            money, problems = money_report(running.app, session, running.rpc)
        standing = at is None or (at.block_number >= before and running.rpc.latest().number == before)
        if standing or not problems:
            return money, (Problem(detail, check=8) for detail in problems)
        time.sleep(_PAUSE)
    raise Unavailable("The chain does not stand still for long enough to add up its money.", remedy="Try again.")
