"""A ledger's past, in minutes: records by the hundred thousand, accepted and indexed without a node executing them.

Every record is whole, as `generating.py` makes them; states and entries come from the rules that the contracts share
(`domain.machine`), and the index is made by the indexer's own fold. Only the chain's execution is left out: the blocks
that it stands in are the chain's, and empty there. Whoever reads events asks `replaying.py` in the chain's place.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from ..chain.abi import LEDGER
from ..chain.codec import Event
from ..chain.rpc import Block, block_call
from ..domain.case_state import CaseState
from ..domain.entry import Entry
from ..domain.hashing import from_hex, hex0x, keccak
from ..domain.machine import apply_act, open_case
from ..domain.messages import Act
from ..domain.vocabulary import FULL_SHARE, Grade, Kind, Mode, Role
from ..store import chain_facts
from ..store.accepted import insert_many
from ..store.tables import CaseRow, OutboxRow, RecordRow
from ..workers.folding import Fold, event_row
from ..workers.holding import Held
from .generating import ROLES, STEPS, Made
from .site import Site

_EACH = len(STEPS) + 1  # records of a case
_CASES = 1_000  # of one block


def write_history(place: Site, records: int) -> range:
    """So many records more, in new blocks, whose numbers it answers. The workers MUST have stopped."""
    count = -(-records // (_EACH * _CASES))
    first = place.rpc.latest().number + 1
    place.rpc.call("anvil_mine", hex(count))
    numbers = range(first, first + count)
    for number in numbers:
        block = Block.from_json(place.rpc.batch_all([block_call(number)])[0])
        _write_block(place, block, min(_CASES, -(-records // _EACH)))
        records -= _CASES * _EACH
    return numbers


def _write_block(place: Site, block: Block, count: int) -> None:
    """The cases of a block from their opening to their inspection, and the cursor behind them: one unit of work."""
    openings = place.cases.openings(count)
    lives = place.cases.lives([record["case_id"] for _, record, _ in openings])
    made = [*openings, *lives]
    entries = _entries(place, block.time)
    events = list(_events(place, block, made, entries))
    with place.app.database.write() as session:
        insert_many(session, CaseRow, [case for case, _, _ in openings])
        insert_many(session, RecordRow, [record for _, record, _ in made])
        insert_many(session, OutboxRow, [{**outbox, "done": True} for _, _, outbox in made])
        cursor = chain_facts.read_cursor(session)
        before = cursor.block_hash if cursor else ""
        row = {"number": block.number, "hash": block.hash, "parent_hash": block.parent_hash, "time": block.time}
        chain_facts.add_blocks(session, [row])
        chain_facts.add_events(session, [event_row(event) for event in events])
        fold = Fold(Held(session, events, place.app.policies.by_id))
        for event in events:
            fold.apply(event)
        chain_facts.add_records(session, fold.records)
        chain_facts.put_cases(session, list(fold.cases.values()))
        chain_facts.move_cursor(session, before, block.number, block.hash)


def _entries(place: Site, now: int) -> list[bytes]:
    """What the contracts would say of each step of a case at a moment: the same of every case."""
    policy, own = place.app.policies.by_code(place.cases.policy_code), place.shop.account.address
    case = open_case(Mode.NONE, policy, consumer_key_held=True, inspector_independent=False, now=now, consumer=own)
    entries = [_entry(case, Kind.REQUESTED, Role.MERCHANT, now)]
    for kind, role in zip(STEPS, ROLES, strict=True):
        said: dict[str, Any] = {"grade": Grade.AS_NEW, "share": FULL_SHARE} if kind is Kind.INSPECTED else {}
        act = Act(bytes(32), kind, role, case.nonce(role), now, bytes(32), **said)
        case = apply_act(case, act, policy, now)
        entries.append(_entry(case, kind, role, now))
    return entries


def _entry(case: CaseState, kind: Kind, role: Role, now: int) -> bytes:
    return Entry(
        position=case.length - 1,
        kind=kind,
        role=role,
        state=case.state,
        deadline=case.deadline,
        time=now,
        grade=case.grade,
        share=case.share,
        fee=case.fee,
        flags=case.flags,
    ).pack()


def _events(place: Site, block: Block, made: Sequence[Made], entries: Sequence[bytes]) -> Iterator[Event]:
    own, index = place.shop.account.address, 0
    by_kind = dict(zip(("requested", *(kind.wire for kind in STEPS)), entries, strict=True))
    tx_hash = hex0x(keccak(from_hex(block.hash)))

    def event(name: str, case_id: str, **args: Any) -> Event:
        return Event(
            contract=LEDGER,
            name=name,
            args={"caseId": case_id, **args},
            case_id=case_id,
            block_number=block.number,
            block_hash=block.hash,
            log_index=index,
            tx_hash=tx_hash,
        )

    for case, record, _ in made:
        if case:
            yield event("Opened", case["case_id"], merchant=own, consumer=own, terms=json.loads(case["terms"]))
            index += 1
        entry = hex0x(by_kind[record["kind"]])
        yield event("Recorded", record["case_id"], actor=own, commitment=record["commitment"], entry=entry)
        index += 1
