"""SQL of the audit's look at single rows: every table in parts, in the order of its key, however long it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import String, Table, cast, exists, or_, tuple_
from sqlalchemy import select as sql_select
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, select

from .database import Database
from .outbox import chunks
from .tables import (
    CaseRow,
    ChainAnchor,
    ChainBalance,
    ChainCase,
    ChainEvent,
    ChainRecord,
    HeldKey,
    OutboxRow,
    RecordRow,
    TransactionRow,
    VoteRow,
)

_PART = 500
_SHOWN = 20  # of what is wrong in the same way
T = TypeVar("T", bound=SQLModel)


def parts(database: Database, table: type[T]) -> Iterator[tuple[Session, Sequence[T]]]:
    """All rows, some at a time, each part with the unit of work that it was read in."""
    key = [*SQLModel.metadata.tables[str(table.__tablename__)].primary_key.columns]
    after: tuple[Any, ...] | None = None
    while True:
        with database.read() as session:
            query = select(table).order_by(*key).limit(_PART)
            if after is not None:
                query = query.where(tuple_(*key) > after)
            rows = session.exec(query).all()
            yield session, rows
        if len(rows) < _PART:
            return
        after = tuple(getattr(rows[-1], column.name) for column in key)


# --- what belongs to nothing -----------------------------------------------------------------------------------------


def dangling(session: Session) -> Iterator[tuple[str, str, str, Any]]:
    """Table, column and key of rows that refer to another which is not there, with what they refer to. The databases
    keep to their foreign keys; whoever changes rows by hand can turn that off."""
    for table in SQLModel.metadata.sorted_tables:
        for column in table.columns:
            for reference in column.foreign_keys:
                yield from _dangling(session, table, column, reference.column)


def _dangling(session: Session, table: Table, column: Any, target: Any) -> Iterator[tuple[str, str, str, Any]]:
    keys = [*table.primary_key.columns]
    there = aliased(target.table)
    gone = column.is_not(None) & ~exists().where(there.c[target.name] == column)
    for *key, value in session.execute(sql_select(*keys, column).where(gone).limit(_SHOWN)):
        named = ", ".join(f"{one.name} {part}" for one, part in zip(keys, key, strict=True))
        yield table.name, column.name, named, value


def signers_without_key(session: Session) -> Iterator[tuple[str, str]]:
    """Parties for whom the service signed in a case that is not erased, and whose key it no longer has: the address,
    and one of the cases."""
    for table, signer in ((RecordRow, RecordRow.signer), (VoteRow, VoteRow.arbitrator)):
        held = exists().where(col(HeldKey.address) == col(signer))
        query = (
            select(signer, CaseRow.case_id)
            .join(CaseRow, col(CaseRow.case_id) == col(table.case_id))
            .where(col(table.key_holder) == "service", col(CaseRow.erased_at).is_(None), ~held)
        )
        yield from session.exec(query.limit(_SHOWN))


# --- what the outbox is held against ---------------------------------------------------------------------------------


def records_named(session: Session, rows: Iterable[OutboxRow]) -> dict[str, tuple[str, str]]:
    """By id, the case and the kind of the records and votes that the rows are about; a vote's kind is `vote`."""
    found: dict[str, tuple[str, str]] = {}
    for some in chunks(sorted({row.record_id for row in rows if row.record_id})):
        records = select(RecordRow.record_id, RecordRow.case_id, RecordRow.kind)
        found |= {
            one: (case, kind) for one, case, kind in session.exec(records.where(col(RecordRow.record_id).in_(some)))
        }
        votes = select(VoteRow.vote_id, VoteRow.case_id).where(col(VoteRow.vote_id).in_(some))
        found |= {one: (case, "vote") for one, case in session.exec(votes)}
    return found


def cases_named(session: Session, rows: Iterable[OutboxRow]) -> dict[str, CaseRow]:
    found: dict[str, CaseRow] = {}
    for some in chunks(sorted({row.case_id for row in rows if row.case_id})):
        found |= {row.case_id: row for row in session.exec(select(CaseRow).where(col(CaseRow.case_id).in_(some)))}
    return found


def roots_named(session: Session, rows: Iterable[OutboxRow]) -> dict[str, TransactionRow]:
    """By hash, the first attempts that the rows say carry them."""
    found: dict[str, TransactionRow] = {}
    for some in chunks(sorted({row.tx_hash for row in rows if row.tx_hash})):
        query = select(TransactionRow).where(col(TransactionRow.tx_hash).in_(some))
        found |= {row.tx_hash: row for row in session.exec(query)}
    return found


def writers(session: Session) -> set[str]:
    return set(session.exec(select(TransactionRow.writer).distinct()))


def done_without_effect(session: Session) -> Sequence[OutboxRow]:
    """What is said to be done although the chain shows nothing of it: payments, pokes and registrations. Openings,
    acts and votes are looked at case by case, panels and credits one by one."""
    paid = exists().where(
        col(ChainCase.case_id) == col(OutboxRow.subject),
        col(ChainCase.to_consumer) > 0,
        col(ChainCase.withdrawn) >= col(ChainCase.to_consumer),
    )
    poked = exists().where(
        col(ChainRecord.case_id) == col(OutboxRow.case_id),
        col(OutboxRow.subject) == col(ChainRecord.case_id) + ":" + cast(col(ChainRecord.position), String),
    )
    anchored = exists().where(col(OutboxRow.subject) == cast(col(ChainAnchor.size), String))
    shown = {"withdraw": paid, "poke": poked, "anchor": anchored}
    for action, name in (("register_policy", "PolicyRegistered"), ("register_parties", "PartiesRegistered")):
        named = col(ChainEvent.args).contains(col(OutboxRow.subject))
        shown[action] = exists().where(col(ChainEvent.name) == name, named)
    wrong = or_(*((col(OutboxRow.action) == action) & ~there for action, there in shown.items()))
    return session.exec(select(OutboxRow).where(col(OutboxRow.done).is_(True), wrong).limit(_SHOWN)).all()


def done_by_sums(session: Session, action: str) -> Sequence[OutboxRow]:
    """The rows of an action that are said to be done."""
    return session.exec(select(OutboxRow).where(col(OutboxRow.action) == action, col(OutboxRow.done).is_(True))).all()


def undone_behind_their_transaction(session: Session) -> Sequence[OutboxRow]:
    """What nobody looks at again: it is not done, and the transaction that carries it is over."""
    over = exists().where(col(TransactionRow.tx_hash) == col(OutboxRow.tx_hash), col(TransactionRow.settled).is_(True))
    return session.exec(select(OutboxRow).where(col(OutboxRow.done).is_(False), over).limit(_SHOWN)).all()


def withdrawn_credit(session: Session, account: str, token: str) -> int:
    """Minor units of an arbitrator's credit that have left the escrow."""
    row = session.get(ChainBalance, (account, token))
    return row.credited - row.credit if row else 0


def first_attempts(session: Session, rows: Iterable[TransactionRow]) -> dict[str, TransactionRow]:
    """By hash, those that the rows name as theirs."""
    found: dict[str, TransactionRow] = {}
    for some in chunks(sorted({row.root for row in rows})):
        query = select(TransactionRow).where(col(TransactionRow.tx_hash).in_(some))
        found |= {row.tx_hash: row for row in session.exec(query)}
    return found
