"""Are the events in the database those of the chain? Both are read in the chain's order, range by range."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ..chain.abi import checksum
from ..chain.codec import Event, decode_log
from ..chain.deployments import Deployment
from ..chain.event_stream import Log, log_ranges
from ..chain.rpc import Block, Rpc, block_call
from ..errors import Unavailable
from ..store.audit_reads import StoredEvent, events_between
from ..store.database import Database
from ..store.evidence_rows import blocks_between
from ..store.tables import ChainBlock
from .chain_audit import EventProblem, HeadAudit, SignatureAudit, Tick, links_among

Place = tuple[int, int]


def compare_events(
    rpc: Rpc,
    database: Database,
    deployment: Deployment,
    up_to: int,
    tick: Tick,
    signatures: SignatureAudit | None = None,
) -> Iterator[EventProblem]:
    """What differs from the deployment's first block to `up_to`, the heads that do not follow from the events, and, if
    asked for, the signatures that do not hold; `tick` is told how many blocks are done."""
    first, heads = deployment.deployed_at_block, HeadAudit(rpc, deployment.ledger)
    newest = min(up_to, rpc.latest().number)  # of a chain that has lost its last blocks, too
    for read in log_ranges(rpc, _query(deployment), first, newest):
        links, misplaced = links_among(read.logs, deployment.ledger, read.first, read.last)
        yield from misplaced
        heads.add(links)
        if signatures is not None:
            yield from signatures.problems(links)
        yield from _compare(rpc, database, read.first, read.last, _decoded(read.logs, deployment))
        tick(read.last - read.first + 1)
    yield from _compare(rpc, database, newest + 1, up_to, [])
    yield from heads.problems(first, newest)


def _compare(rpc: Rpc, database: Database, first: int, last: int, on_chain: list[Event]) -> Iterator[EventProblem]:
    with database.read() as session:
        stored = events_between(session, first, last)
        blocks = blocks_between(session, first, last)
    yield from _differences(on_chain, stored)
    yield from _block_differences(rpc, blocks)


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


def _differences(on_chain: Iterable[Event], stored: Iterable[StoredEvent]) -> Iterator[EventProblem]:
    theirs: dict[Place, Event] = {_place(event): event for event in on_chain}
    ours: dict[Place, StoredEvent] = {_place(event): event for event in stored}
    for place in sorted(theirs.keys() | ours.keys()):
        said, kept = theirs.get(place), ours.get(place)
        if said is not None and kept is not None and _is_same(said, kept):
            continue
        block, index = place
        if said is None:
            detail = f"The database has an event {kept.name if kept else ''} that the chain has not"
        elif kept is None:
            detail = f"The chain has an event {said.name} that the database has not"
        else:
            detail = f"The event {said.name} in the database is not as the chain has it"
        named = said or kept
        yield EventProblem(named.case_id if named else None, f"{detail} (block {block}, log {index}).")


def _is_same(said: Event, kept: StoredEvent) -> bool:
    """Arguments that cannot be read are another event's than the chain's."""
    plain = (said.block_hash, said.tx_hash, said.contract, said.name, said.case_id)
    if plain != (kept.block_hash, kept.tx_hash, kept.contract, kept.name, kept.case_id):
        return False
    try:
        return bool(json.loads(kept.args) == said.args)
    except (TypeError, ValueError):
        return False


def _block_differences(rpc: Rpc, stored: Sequence[ChainBlock]) -> Iterator[EventProblem]:
    headers = rpc.batch_all([block_call(block.number) for block in stored])
    for block, header in zip(stored, headers, strict=True):
        said = Block.from_json(header) if header else None
        kept = (block.hash, block.parent_hash, block.time)
        if said is None or kept != (said.hash, said.parent_hash, said.time):
            yield EventProblem(None, f"Block {block.number} in the database is not as the chain has it.")
