"""What must hold after every fault, asked of the database and of the chain itself, never of whatever lied in between.

Each check answers what is wrong, in words. What an operator can use of it is part of `ledger audit`, which is the first
check; the others compare with what only a test knows: which requests were acknowledged, and whose transactions the
chain should hold.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlmodel import SQLModel, select

from ledger_service.chain.abi import ESCROW, function
from ledger_service.chain.codec import Event
from ledger_service.chain.rpc import Rpc
from ledger_service.domain.hashing import from_hex, hex0x, keccak, word
from ledger_service.services.audit import audit
from ledger_service.store.database import Database
from ledger_service.store.ours import link_identity, record_identity
from ledger_service.store.tables import (
    CHAIN_TABLES,
    ChainRecord,
    ChainRefusal,
    OutboxRow,
    RecordRow,
    TransactionRow,
)
from ledger_service.workers.indexer import Indexer

from .events import read_events
from .site import FINALITY, Site
from .traffic import Acknowledged

_BALANCE_OF = keccak(b"balanceOf(address)")[:4]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Looked:
    """All that the checks compare, read once."""

    site: Site
    acknowledged: Sequence[Acknowledged]
    events: list[Event]  # of our contracts, as the chain has them
    sent: dict[str, list[tuple[int, str]]]  # by writer: nonce and hash of each transaction on the chain, in its order
    may_be_refused: bool
    strangers: frozenset[str]  # hashes of transactions that others sent with our keys


Check = Callable[[Looked], Iterable[str]]


def after_each(
    site: Site,
    acknowledged: Sequence[Acknowledged],
    *,
    may_be_refused: bool = False,
    strangers: Iterable[str] = (),
) -> None:
    """Fails with all that is wrong. The workers are to have come to rest."""
    found = problems(site, acknowledged, may_be_refused=may_be_refused, strangers=strangers)
    assert not found, f"{len(found)} contradictions:\n" + "\n".join(found[:20])


def problems(
    site: Site,
    acknowledged: Sequence[Acknowledged],
    *,
    may_be_refused: bool = False,
    strangers: Iterable[str] = (),
) -> list[str]:
    rpc, deployment = site.chain.rpc, site.deployment
    newest = rpc.latest().number
    looked = Looked(
        site,
        acknowledged,
        read_events(rpc, deployment, deployment.deployed_at_block, newest),
        _sent(rpc, [site.keys[name].address for name in ("writer", "operator")], deployment.deployed_at_block, newest),
        may_be_refused,
        frozenset(strangers),
    )
    return [f"{check.__name__[1:]}: {detail}" for check in CHECKS for detail in check(looked)]


def _audit_is_clean(looked: Looked) -> Iterator[str]:
    for problem in audit(looked.site.honest)["problems"]:
        yield f"{problem['detail']} ({problem.get('case_id')}, {problem.get('record_id')})"


def _acknowledged_has_one_record(looked: Looked) -> Iterator[str]:
    """Whatever was answered for is there once, as it was answered, and stands on the chain once."""
    stored, outbox, links, refusals = _stored(looked.site.database)
    for one in looked.acknowledged:
        row = stored.get(one.record_id)
        if row is None:
            yield f"{one.kind} {one.record_id} was acknowledged and is lost."
            continue
        if row.commitment != one.commitment:
            yield f"{one.kind} {one.record_id} is kept with another commitment than it was answered with."
        if outbox[one.record_id] != 1:
            yield f"{one.kind} {one.record_id} stands in the outbox {outbox[one.record_id]} times."
        times = links[record_identity(row)]
        refused = refusals.get((row.case_id, row.commitment)) if times == 0 else None
        if refused is not None and not looked.may_be_refused:
            yield f"{one.kind} {one.record_id} was refused: {refused}."
        elif refused is None and times != 1:
            yield f"{one.kind} {one.record_id} stands on the chain {times} times."
    known = {one.record_id for one in looked.acknowledged}
    for record_id in sorted(stored.keys() - known):
        yield f"{stored[record_id].kind} {record_id} is kept, though nobody's request was answered with it."


def _stored(database: Database) -> tuple[dict[str, RecordRow], Counter[str], Counter[Row], dict[tuple[str, str], str]]:
    with database.read() as session:
        stored = {row.record_id: row for row in session.exec(select(RecordRow))}
        outbox = Counter(row.record_id or "" for row in session.exec(select(OutboxRow)))
        links = Counter(link_identity(row) for row in session.exec(select(ChainRecord)))
        refusals = {(row.case_id, row.commitment): row.reason for row in session.exec(select(ChainRefusal))}
    return stored, outbox, links, refusals


def _final_record_has_one_event(looked: Looked) -> Iterator[str]:
    """Every link that we show as on the chain is one event there, in the very block that we name; and the reverse."""
    there = Counter(
        (event.case_id, event.args["commitment"], event.args["entry"], event.block_number, event.block_hash)
        for event in looked.events
        if event.name == "Recorded"
    )
    with looked.site.database.read() as session:
        kept = Counter(
            (row.case_id, row.commitment, row.entry, row.block_number, row.block_hash)
            for row in session.exec(select(ChainRecord))
        )
    for link in sorted((there - kept) + (kept - there), key=repr):
        yield f"Of the link {link} the chain has {there[link]}, the database {kept[link]}."


def _nonces_are_contiguous(looked: Looked) -> Iterator[str]:
    """Our accounts' transactions on the chain are numbered without a gap, each is one that we saved or a known
    stranger's, and nothing of ours waits behind a number that nobody has used."""
    with looked.site.database.read() as session:
        saved = {row.tx_hash: row for row in session.exec(select(TransactionRow))}
    for address, sent in looked.sent.items():
        nonces = [nonce for nonce, _ in sent]
        if nonces != list(range(len(nonces))):
            yield f"The transactions of {address} on the chain are numbered {nonces}."
        if looked.site.chain.rpc.nonce(address) != len(nonces):
            yield f"The chain counts another number of transactions of {address} than the {len(nonces)} it shows."
        for nonce, tx_hash in sent:
            row = saved.get(tx_hash)
            if row is None and tx_hash not in looked.strangers:
                yield f"Transaction {nonce} of {address} is not one that we saved: {tx_hash}."
            if row is not None and not row.settled:
                yield f"Transaction {nonce} of {address} is mined, and we still wait for it."
        waiting = sorted({row.nonce for row in saved.values() if row.writer == address and not row.settled})
        if waiting != list(range(len(nonces), len(nonces) + len(waiting))):
            yield f"Transactions of {address} wait with the numbers {waiting}, the chain's next is {len(nonces)}."


def _escrow_covers_what_it_owes(looked: Looked) -> Iterator[str]:
    """What came in less what went out, by the chain's events alone, is there, token by token."""
    rpc, escrow = looked.site.chain.rpc, looked.site.deployment.escrow
    for currency, token in looked.site.deployment.tokens.items():
        moves = [event for event in looked.events if event.args.get("token") == token.address]
        came = sum(event.args["amount"] for event in moves if event.name == "Deposited")
        paid = ("Withdrawn", "CreditWithdrawn", "BalanceWithdrawn")
        went = sum(event.args["amount"] for event in moves if event.name in paid)
        owed = _owed(looked, token.address)
        held = int.from_bytes(rpc.read(token.address, _BALANCE_OF + word(escrow)), "big")
        if came - went != owed:
            yield f"{currency}: {came} came in and {went} went out, yet the escrow owes {owed} minor units."
        if held < owed * token.unit:
            yield f"{currency}: the escrow holds {held} token units and owes {owed * token.unit}."


def _owed(looked: Looked, token: str) -> int:
    """Balances, locks and credits, by the escrow's own word, in minor units."""
    rpc, escrow = looked.site.chain.rpc, looked.site.deployment.escrow
    account, due = function(ESCROW, "accountOf"), function(ESCROW, "dueOf")
    named = [
        (event, ("merchant", "arbitrator", "account")) for event in looked.events if event.args.get("token") == token
    ]
    holders = {event.args[key] for event, keys in named for key in keys if key in event.args}
    cases = {event.case_id for event in looked.events if event.name == "Settled" and event.args["token"] == token}
    owed = 0
    for holder in sorted(holders):
        free, locked, credit = account.decode(rpc.read(escrow, account.encode(holder, token)))
        owed += free + locked + credit
    for case_id in sorted(str(case) for case in cases):
        owed += due.decode(rpc.read(escrow, due.encode(from_hex(case_id))))[0]
    return int(owed)


def _case_is_paid_once(looked: Looked) -> Iterator[str]:
    """One settlement and one payment a case at most, and no payment beyond its settlement."""
    for name in ("Settled", "Withdrawn"):
        times = Counter(event.case_id for event in looked.events if event.name == name)
        for case_id, count in times.items():
            if count > 1:
                yield f"Case {case_id} has {count} events {name}."
    due: Counter[str | None] = Counter()
    for event in looked.events:
        if event.name == "Settled":
            due[event.case_id] += event.args["toConsumer"]
        if event.name == "Withdrawn":
            due[event.case_id] -= event.args["amount"]
    yield from (f"Case {case_id} was paid more than it was settled for." for case_id, left in due.items() if left < 0)


def _rebuild_equals_live_tables(looked: Looked) -> Iterator[str]:
    """What reading the chain from its first block gives, into an empty copy, is what the tables hold: row for row."""
    live = {table.__tablename__: _rows(looked.site.database, table) for table in CHAIN_TABLES}
    with tempfile.TemporaryDirectory() as folder, _copy_without_chain(looked.site.database, folder) as copy:
        rpc = looked.site.chain.rpc
        indexer = Indexer(copy, rpc, looked.site.deployment, looked.site.app.policies.by_id, finality=FINALITY)
        while indexer.step().behind:
            pass
        for table in CHAIN_TABLES:
            name = str(table.__tablename__)
            made = _rows(copy, table)
            for row in sorted((made - live[name]) + (live[name] - made), key=repr)[:5]:
                where = "only the rebuild has" if made[row] else "only the live table has"
                yield f"{name}: {where} {row}."


@contextmanager
def _copy_without_chain(source: Database, folder: str) -> Iterator[Database]:
    """A fresh database with everything but what the indexer reads from the chain."""
    copy = Database(f"sqlite:///{folder}/copy.db")
    SQLModel.metadata.create_all(copy.engine)
    chain = {table.__tablename__ for table in CHAIN_TABLES}
    with source.read() as reading, copy.write() as writing:
        for table in SQLModel.metadata.sorted_tables:
            if table.name in chain:
                continue
            rows = [dict(row) for row in reading.execute(table.select()).mappings()]
            if rows:
                writing.execute(insert(table), rows)
    yield copy
    copy.close()


def _rows(database: Database, table: Any) -> Counter[Row]:
    with database.read() as session:
        return Counter(tuple(row) for row in session.execute(SQLModel.metadata.tables[table.__tablename__].select()))


CHECKS: tuple[Check, ...] = (
    _audit_is_clean,
    _acknowledged_has_one_record,
    _final_record_has_one_event,
    _nonces_are_contiguous,
    _escrow_covers_what_it_owes,
    _case_is_paid_once,
    _rebuild_equals_live_tables,
)


def _sent(rpc: Rpc, addresses: Sequence[str], first: int, last: int) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {address.lower(): [] for address in addresses}
    calls = [("eth_getBlockByNumber", hex(number), True) for number in range(first, last + 1)]
    for block in rpc.batch_all(calls):
        for transaction in block["transactions"]:
            if transaction["from"].lower() in found:
                sent = (int(transaction["nonce"], 16), str(transaction["hash"]))
                found[transaction["from"].lower()].append(sent)
    return {address: found[address.lower()] for address in addresses}


def digest(raw: bytes) -> str:
    """The hash of a signed transaction."""
    return hex0x(keccak(raw))
