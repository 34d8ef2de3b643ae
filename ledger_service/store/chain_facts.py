"""What the indexer writes: blocks, events, and the facts that follow from them. Nobody else does.

Rows come and go as dictionaries by column, since this is the hot path.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from operator import attrgetter, itemgetter
from typing import Any

from sqlalchemy import Table, delete, exists, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, SQLModel, col, select

from .outbox import chunks, rows_changed
from .tables import (
    CHAIN_TABLES,
    ChainAnchor,
    ChainBalance,
    ChainBlock,
    ChainCase,
    ChainCursor,
    ChainEvent,
    ChainPanel,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    RecordRow,
)

Row = dict[str, Any]
_CURSOR = 1
_FIXED = ("mode", "merchant", "token", "policy", "panel", "appeal_panel", "fallback_panel")  # by a case's terms


def read_cursor(session: Session) -> ChainCursor | None:
    return session.get(ChainCursor, _CURSOR)


def create_cursor(session: Session, block: Row) -> bool:
    """The first position, before the first block that can have an event of ours. False if somebody else was first."""
    position = {"id": _CURSOR, "block_number": block["number"], "block_hash": block["hash"]}
    made = rows_changed(session, _insert_for(session)(_core(ChainCursor)).values(position).on_conflict_do_nothing())
    if made == 1:
        _upsert(session, ChainBlock, [block], ("number",))
    return made == 1


def move_cursor(session: Session, old_hash: str, number: int, new_hash: str) -> bool:
    """Compare-and-set: False if somebody else has moved it."""
    table = _core(ChainCursor)
    here = (table.c.id == _CURSOR) & (table.c.block_hash == old_hash)
    moved = update(table).where(here).values(block_number=number, block_hash=new_hash)
    return rows_changed(session, moved) == 1


def known_blocks(session: Session, *, up_to: int, limit: int) -> Sequence[ChainBlock]:
    """Blocks that were read, the newest first."""
    query = select(ChainBlock).where(ChainBlock.number <= up_to).order_by(col(ChainBlock.number).desc())
    return session.exec(query.limit(limit)).all()


def add_blocks(session: Session, blocks: Iterable[Row]) -> None:
    _upsert(session, ChainBlock, list(blocks), ("number",))


def forget_idle_blocks(session: Session, first: int, last: int) -> None:
    """Of the blocks from `first` up to `last`, which no reorg can remove any more and of which `last` is the newest
    such: those without an event."""
    busy = exists().where(col(ChainEvent.block_number) == col(ChainBlock.number))
    session.execute(delete(ChainBlock).where(col(ChainBlock.number).between(first, last - 1), ~busy))


def set_halted(session: Session, block_hash: str, why: str | None) -> None:
    """Says why nothing is read any more, or that it goes on; only while the cursor is where it was."""
    table = _core(ChainCursor)
    session.execute(update(table).where(table.c.id == _CURSOR, table.c.block_hash == block_hash).values(halted=why))


def add_events(session: Session, rows: Sequence[Row]) -> None:
    _insert(session, ChainEvent, rows)


def add_records(session: Session, rows: Sequence[Row]) -> None:
    _insert(session, ChainRecord, rows)


def add_refusals(session: Session, rows: Sequence[Row]) -> None:
    _insert(session, ChainRefusal, rows)


def add_votes(session: Session, rows: Sequence[Row]) -> None:
    _insert(session, ChainVote, rows)


def add_anchors(session: Session, rows: Sequence[Row]) -> None:
    _insert(session, ChainAnchor, rows)


def add_panels(session: Session, rows: Sequence[Row]) -> None:
    _insert(session, ChainPanel, rows)


def put_cases(session: Session, rows: Sequence[Row]) -> None:
    _upsert(session, ChainCase, rows, ("case_id",), _FIXED)


def put_balances(session: Session, rows: Sequence[Row]) -> None:
    _upsert(session, ChainBalance, rows, ("account", "token"))


def cases_by_id(session: Session, case_ids: Iterable[str]) -> dict[str, Row]:
    table = _core(ChainCase)
    found = {}
    for some in chunks(sorted(case_ids)):
        result = session.execute(table.select().where(table.c.case_id.in_(some)))
        names = list(result.keys())
        for row in result:
            found[row.case_id] = dict(zip(names, row, strict=True))
    return found


def balances_by_account(session: Session, accounts: Iterable[str]) -> dict[tuple[str, str], Row]:
    """By account and token."""
    table = _core(ChainBalance)
    found = {}
    for some in chunks(sorted(accounts)):
        for row in session.execute(table.select().where(table.c.account.in_(some))).mappings():
            found[row["account"], row["token"]] = dict(row)
    return found


def panels_by_version(session: Session) -> dict[int, Row]:
    """All that were read; an operator registers a few."""
    return {row["version"]: dict(row) for row in session.execute(_core(ChainPanel).select()).mappings()}


def records_by_commitment(session: Session, commitments: Iterable[str]) -> dict[str, Any]:
    """What was signed of the accepted records with these commitments, by columns."""
    table, found = _core(RecordRow), {}
    columns = [column for column in table.c if column.name != "receipt"]  # the longest, and not signed
    for some in chunks(sorted(commitments)):
        for row in session.execute(select(*columns).where(table.c.commitment.in_(some))):
            found[row.commitment] = row
    return found


def transactions_read(session: Session, hashes: Sequence[str]) -> set[str]:
    """Those of the transactions of which events were read."""
    found: set[str] = set()
    for some in chunks(hashes):
        found |= set(session.exec(select(ChainEvent.tx_hash).where(col(ChainEvent.tx_hash).in_(some))).all())
    return found


# --- going back ------------------------------------------------------------------------------------------------------


def events_after(session: Session, number: int) -> Sequence[ChainEvent]:
    return session.exec(select(ChainEvent).where(ChainEvent.block_number > number)).all()


def events_of_cases(session: Session, case_ids: Iterable[str]) -> list[ChainEvent]:
    """In the chain's order."""
    found: list[ChainEvent] = []
    for some in chunks(sorted(case_ids)):
        found += session.exec(select(ChainEvent).where(col(ChainEvent.case_id).in_(some))).all()
    return sorted(found, key=lambda event: (event.block_number, event.log_index))


def delete_after(session: Session, number: int) -> None:
    """Everything that was read from blocks above `number`. Cases and balances are for the caller to replay."""
    session.execute(delete(ChainBlock).where(col(ChainBlock.number) > number))
    for table in (ChainEvent, ChainRecord, ChainRefusal, ChainVote, ChainPanel, ChainAnchor):
        session.execute(delete(table).where(col(table.block_number) > number))


def delete_cases(session: Session, case_ids: Iterable[str]) -> None:
    for some in chunks(sorted(case_ids)):
        session.execute(delete(ChainCase).where(col(ChainCase.case_id).in_(some)))


def delete_balances(session: Session, accounts: Iterable[str]) -> None:
    for some in chunks(sorted(accounts)):
        session.execute(delete(ChainBalance).where(col(ChainBalance.account).in_(some)))


def delete_everything(session: Session) -> None:
    """Throws the read model away; the indexer reads it again from the first block on."""
    for table in CHAIN_TABLES:
        session.execute(delete(table))


# --- inside ----------------------------------------------------------------------------------------------------------


def _insert(session: Session, table: type[SQLModel], rows: Sequence[Row], on_conflict: str = "") -> None:
    """Rows with a value for every column, in one statement that the driver takes as it is: for thousands of rows,
    building it anew takes longer than writing them. PostgreSQL gets all of them as one value; its driver would send
    them one by one."""
    if not rows:
        return
    core = _core(table)
    names = [column.name for column in core.columns]
    into = f"INSERT INTO {core.name} ({_listed(names)})"
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        values = ",".join("?" * len(names))
        connection.exec_driver_sql(f"{into} VALUES ({values}){on_conflict}", [*map(itemgetter(*names), rows)])
    else:
        # The names are the tables' own.
        found = f"SELECT {_listed(names)} FROM json_populate_recordset(NULL::{core.name}, CAST(%s AS json))"  # noqa: S608
        connection.exec_driver_sql(f"{into} {found}{on_conflict}", (json.dumps(rows),))


def _upsert(
    session: Session, table: type[SQLModel], rows: Sequence[Row], key: tuple[str, ...], fixed: tuple[str, ...] = ()
) -> None:
    """`fixed` are the columns that never change once a row is there."""
    changing = [name for name in map(attrgetter("name"), _core(table).columns) if name not in (*key, *fixed)]
    changes = ",".join(f'"{name}"=excluded."{name}"' for name in changing)
    _insert(session, table, rows, f" ON CONFLICT ({_listed(key)}) DO UPDATE SET {changes}")


def _listed(names: Iterable[str]) -> str:
    return ",".join(f'"{name}"' for name in names)


def _insert_for(session: Session) -> Any:
    """The `insert` of the session's database, which knows what to do on a conflict."""
    return sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert


def _core(table: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(table.__tablename__)]
