"""How PostgreSQL goes about what the audit asks of all there is: it joins, and never goes through one table for each
row of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import databases_in
from sqlalchemy import event
from sqlmodel import Session

from ledger_service.store.audit_reads import strangers_after
from ledger_service.store.database import Database
from ledger_service.store.evidence_rows import cases_only_on_chain, orphans

_QUESTIONS: dict[str, Callable[[Session], Any]] = {
    "orphans": lambda session: list(orphans(session)),
    "only on chain": cases_only_on_chain,
    "strangers": lambda session: strangers_after(session, "", 100),
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with databases_in("postgresql", tmp_path) as databases:
        yield databases.make()


@pytest.mark.parametrize("question", sorted(_QUESTIONS))
def test_no_table_is_gone_through_for_each_row(database: Database, question: str) -> None:
    sent: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    with database.read() as session:
        event.listen(database.engine, "before_cursor_execute", keep)
        _QUESTIONS[question](session)
        event.remove(database.engine, "before_cursor_execute", keep)
        cursor = session.connection().connection.cursor()
        for statement, parameters in sent:
            cursor.execute("EXPLAIN " + statement, parameters)
            plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
            assert "SubPlan" not in plan, plan
    assert sent
