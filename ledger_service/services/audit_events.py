"""Are the events in the database those of the chain? Both are read in the chain's order, range by range, and what
follows from them of balances and panels is followed along."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..chain.abi import PANEL, checksum
from ..chain.codec import Event, decode_log
from ..chain.deployments import Deployment
from ..chain.event_stream import Log, log_ranges
from ..chain.rpc import Block, Rpc, block_call
from ..domain.messages import Act
from ..domain.policies import Policy
from ..errors import Unavailable
from ..store.audit_reads import StoredEvent, events_between, shared_facts
from ..store.database import Database
from ..store.evidence_rows import blocks_between, cursor
from ..store.tables import ChainBlock
from ..workers.folding import Fold
from .audit_problems import Problem
from .chain_audit import HeadAudit, SignatureAudit, Tick, links_among

Place = tuple[int, int]
_COMPARED = ("block_hash", "tx_hash", "contract", "name", "case_id")


def compare_events(
    rpc: Rpc,
    database: Database,
    deployment: Deployment,
    up_to: int,
    tick: Tick,
    signatures: SignatureAudit | None = None,
) -> Iterator[Problem]:
    """What differs from the deployment's first block to `up_to`, the heads that do not follow from the events, and, if
    asked for, the signatures that do not hold; `tick` is told how many blocks are done."""
    first, heads = deployment.deployed_at_block, HeadAudit(rpc, deployment.ledger)
    newest = min(up_to, rpc.latest().number)  # of a chain that has lost its last blocks, too
    accounts = _AccountAudit(rpc, database, deployment)
    yield from _compare(rpc, database, 0, first - 1, [])
    for read in log_ranges(rpc, _query(deployment), first, newest):
        links, misplaced = links_among(read.logs, deployment.ledger, read.first, read.last)
        yield from misplaced
        heads.add(links)
        if signatures is not None:
            yield from signatures.problems(links)
        events = _decoded(read.logs, deployment)
        accounts.add(events)
        yield from _compare(rpc, database, read.first, read.last, events)
        tick(read.last - read.first + 1)
    yield from _compare(rpc, database, newest + 1, up_to, [])
    yield from heads.problems(first, newest)
    yield from accounts.problems(newest)


def compare_events_of_case(rpc: Rpc, database: Database, deployment: Deployment, case_id: str) -> Iterator[Problem]:
    """The same of one case alone: its events as far as the database was read, and its head."""
    with database.read() as session:
        at = cursor(session)
        stored = events_between(session, 0, at.block_number, case_id) if at else []
    first, heads, on_chain = deployment.deployed_at_block, HeadAudit(rpc, deployment.ledger), list[Event]()
    newest = min(at.block_number, rpc.latest().number) if at else 0
    query = {**_query(deployment), "topics": [None, case_id]}
    for read in log_ranges(rpc, query, first, newest):
        heads.add(links_among(read.logs, deployment.ledger, read.first, read.last)[0])
        on_chain += [event for event in _decoded(read.logs, deployment) if event.case_id == case_id]
    yield from _differences(on_chain, stored)
    yield from heads.problems(first, newest)


def _compare(rpc: Rpc, database: Database, first: int, last: int, on_chain: list[Event]) -> Iterator[Problem]:
    with database.read() as session:
        stored = events_between(session, first, last)
        blocks = blocks_between(session, first, last)
    yield from _differences(on_chain, stored)
    yield from _block_differences(rpc, blocks)
    for number in sorted({event.block_number for event in stored} - {block.number for block in blocks}):
        said = f"Block {number}, in which events stand, is missing in the database."
        yield Problem(said, table="chain_blocks", row=f"number {number}")


def _query(deployment: Deployment) -> dict[str, Any]:
    return {"address": list(deployment.name_of)}


def _decoded(logs: list[Log], deployment: Deployment) -> list[Event]:
    contracts = deployment.name_of
    try:
        decoded = [decode_log(log, contracts[checksum(log["address"])]) for log in logs]
    except (LookupError, TypeError, ValueError) as error:
        raise Unavailable("The chain answers with logs that are none.", remedy="Ask another node.") from error
    return [event for event in decoded if event]


def _place(event: Event | StoredEvent) -> Place:
    return event.block_number, event.log_index


def _differences(on_chain: Iterable[Event], stored: Iterable[StoredEvent]) -> Iterator[Problem]:
    theirs: dict[Place, Event] = {_place(event): event for event in on_chain}
    ours: dict[Place, StoredEvent] = {_place(event): event for event in stored}
    for place in sorted(theirs.keys() | ours.keys()):
        said, kept = theirs.get(place), ours.get(place)
        wrong = _wrong_columns(said, kept) if said is not None and kept is not None else []
        if said is not None and kept is not None and not wrong:
            continue
        if said is None:
            detail = f"The database has an event {kept.name if kept else ''} that the chain has not"
        elif kept is None:
            detail = f"The chain has an event {said.name} that the database has not"
        else:
            detail = f"The event {said.name} in the database is not as the chain has it"
        yield Problem(
            f"{detail} (block {place[0]}, log {place[1]}).",
            case_id=_case_of(said, kept),
            table="chain_events",
            row=f"block_number {place[0]}, log_index {place[1]}",
            column=", ".join(wrong) or None,
        )


def _case_of(said: Event | None, kept: StoredEvent | None) -> str | None:
    named = said or kept
    return named.case_id if named else None


def _wrong_columns(said: Event, kept: StoredEvent) -> list[str]:
    """Arguments that cannot be read are another event's than the chain's."""
    wrong = [name for name in _COMPARED if getattr(said, name) != getattr(kept, name)]
    try:
        return wrong if json.loads(kept.args) == said.args else [*wrong, "args"]
    except (TypeError, ValueError):
        return [*wrong, "args"]


def _block_differences(rpc: Rpc, stored: Sequence[ChainBlock]) -> Iterator[Problem]:
    headers = rpc.batch_all([block_call(block.number) for block in stored])
    for block, header in zip(stored, headers, strict=True):
        said = Block.from_json(header) if header else None
        names = ("hash", "parent_hash", "time")
        wrong = [name for name in names if said is None or getattr(said, name) != getattr(block, name)]
        if wrong:
            detail = f"Block {block.number} in the database is not as the chain has it."
            named = "" if said is None else ", ".join(wrong)
            yield Problem(detail, table="chain_blocks", row=f"number {block.number}", column=named or None)


# --- what belongs to no case ------------------------------------------------------------------------------------------


class _Nothing:
    """What a fold of balances and panels needs to know: nothing."""

    def policy(self, _policy_id: str) -> Policy | None:
        return None

    def act(self, _link: dict[str, Any]) -> Act | None:
        return None


class _AccountAudit:
    """Balances and panels as they follow from the chain's events, compared with what the database has of them."""

    def __init__(self, rpc: Rpc, database: Database, deployment: Deployment) -> None:
        self._rpc, self._database, self._deployment = rpc, database, deployment
        self._fold = Fold(_Nothing())

    def add(self, events: Iterable[Event]) -> None:
        """Events of further blocks, in the chain's order."""
        for event in events:
            if (event.contract, event.name) == (PANEL, "PanelRegistered"):
                self._fold.apply(event)
            else:
                self._fold.apply_balance(event)

    def problems(self, read: int) -> Iterator[Problem]:
        """What contradicts, once all events up to block `read` were added. The service may have gone on: the database
        is looked at once, and the chain followed to where that stands."""
        with self._database.read() as session:
            at, balances, panels = shared_facts(session)
        if at is None or at.block_number < read:
            return  # it was taken back meanwhile, which the blocks tell
        last = min(at.block_number, self._rpc.latest().number)
        for found in log_ranges(self._rpc, _query(self._deployment), read + 1, last):
            self.add(_decoded(found.logs, self._deployment))
        made = {f"account {account}, token {token}": row for (account, token), row in self._fold.balances.items()}
        kept = {f"account {row['account']}, token {row['token']}": row for row in balances}
        yield from _unlike("chain_balances", "A balance", made, kept)
        made = {f"version {version}": row for version, row in self._fold.panels.items()}
        yield from _unlike("chain_panels", "A panel", made, {f"version {row['version']}": row for row in panels})


def _unlike(table: str, what: str, made: dict[str, Any], kept: dict[str, Any]) -> Iterator[Problem]:
    """What differs between rows as they follow from events and rows as they are stored, by their keys."""
    for key in sorted(made.keys() | kept.keys()):
        ours, theirs = kept.get(key, {}), made.get(key, {})
        wrong = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
        if wrong:
            said = f"{what} in the database does not follow from the chain's events."
            yield Problem(said, table=table, row=key, column=", ".join(wrong) if ours and theirs else None)
