"""How a database goes through what is to be told: from where reading stands, not through all that is behind."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlmodel import SQLModel

from ledger_service.store.database import Database
from ledger_service.store.tables import ChainRecord
from ledger_service.store.telling import rows_after

_OF_A_BLOCK = 20
_ROWS = 8_000


@pytest.fixture
def filled(database: Database) -> Database:
    words = {column.name: "0x" for column in SQLModel.metadata.tables["chain_records"].columns}
    rows = [
        {
            **words,
            "case_id": f"0x{number:064x}",
            "position": 0,
            "time": number,
            "block_number": number // _OF_A_BLOCK,
            "log_index": number % _OF_A_BLOCK,
        }
        for number in range(_ROWS)
    ]
    with database.write() as session:
        session.execute(insert(SQLModel.metadata.tables["chain_records"]), rows)
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    return database


def test_the_next_rows_are_found_without_sorting_all_that_are_behind(filled: Database) -> None:
    sent: list[tuple[str, Any]] = []
    with filled.read() as session:
        event.listen(
            filled.engine, "before_cursor_execute", lambda _1, _2, asked, given, *_: sent.append((asked, given))
        )
        found = rows_after(session, ChainRecord, (3, 5), _ROWS, 30)
        assert [(row.block_number, row.log_index) for row, _ in found] == [
            divmod(place, _OF_A_BLOCK) for place in range(3 * _OF_A_BLOCK + 6, 3 * _OF_A_BLOCK + 36)
        ]
        cursor = session.connection().connection.cursor()
        cursor.execute(("EXPLAIN QUERY PLAN " if filled.is_sqlite else "EXPLAIN ") + sent[0][0], sent[0][1])
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
    assert "ix_chain_records_block" in plan, plan
    assert "MULTI-INDEX OR" not in plan, plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan, plan
