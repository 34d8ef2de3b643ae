"""Are the events in the database those of the chain? Both are read in the chain's order, range by range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..chain.abi import checksum
from ..chain.codec import Event, decode_log
from ..chain.deployments import Deployment
from ..chain.rpc import Block, Rpc, RpcRefused, block_call
from ..errors import Unavailable
from ..store.database import Database
from ..store.evidence_rows import blocks_between, events_between
from ..store.tables import ChainBlock
from .consistency import event_of

_RANGE = 1_000  # blocks in one question, halved where a node finds that too many


@dataclass(frozen=True, slots=True)
class EventProblem:
    case_id: str | None
    detail: str


def compare_events(
    rpc: Rpc, database: Database, deployment: Deployment, up_to: int, tick: Callable[[int], None]
) -> Iterator[EventProblem]:
    """What differs from the deployment's first block to `up_to`; `tick` is told how many blocks are done."""
    first, step = deployment.deployed_at_block, _RANGE
    while first <= up_to:
        last = min(first + step - 1, up_to)
        try:
            on_chain = read_events(rpc, deployment, first, last)
        except RpcRefused:
            if step == 1:
                raise
            step //= 2
            continue
        with database.read() as session:
            stored = [_readable(row) for row in events_between(session, first, last)]
            blocks = blocks_between(session, first, last)
        yield from _differences(on_chain, stored)
        yield from _block_differences(rpc, blocks)
        tick(last - first + 1)
        first = last + 1


def read_events(rpc: Rpc, deployment: Deployment, first: int, last: int) -> list[Event]:
    """The events of our contracts in these blocks, in the chain's order."""
    contracts = deployment.name_of
    question = {"address": list(contracts), "fromBlock": hex(first), "toBlock": hex(last)}
    logs: list[dict[str, Any]] = rpc.call("eth_getLogs", question)
    try:
        decoded = [decode_log(log, contracts[checksum(log["address"])]) for log in logs]
    except (LookupError, TypeError, ValueError) as error:
        raise Unavailable("The chain answers with logs that are none.", remedy="Ask another node.") from error
    return sorted((event for event in decoded if event), key=_place)


def _place(event: Event) -> tuple[int, int]:
    return event.block_number, event.log_index


def _readable(row: Any) -> Event:
    """The event as stored; arguments that cannot be read are another event's than the chain's."""
    try:
        return event_of(row)
    except (TypeError, ValueError):
        empty: dict[str, Any] = {}
        return Event(
            row.contract, row.name, empty, row.case_id, row.block_number, row.block_hash, row.log_index, row.tx_hash
        )


def _differences(on_chain: list[Event], stored: list[Event]) -> Iterator[EventProblem]:
    theirs, ours = ({_place(event): event for event in events} for events in (on_chain, stored))
    for place in sorted(theirs.keys() | ours.keys()):
        said, kept = theirs.get(place), ours.get(place)
        if said == kept:
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


def _block_differences(rpc: Rpc, stored: Sequence[ChainBlock]) -> Iterator[EventProblem]:
    headers = rpc.batch_all([block_call(block.number) for block in stored])
    for block, header in zip(stored, headers, strict=True):
        said = Block.from_json(header) if header else None
        kept = (block.hash, block.parent_hash, block.time)
        if said is None or kept != (said.hash, said.parent_hash, said.time):
            yield EventProblem(None, f"Block {block.number} in the database is not as the chain has it.")
