"""How a database goes about what is asked of the outbox all the time: what is done is never looked at."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event, insert, text
from sqlmodel import Session, SQLModel

from ledger_service.store.cases import promised
from ledger_service.store.database import Database
from ledger_service.store.outbox import Share, waiting, waiting_actions
from ledger_service.store.tables import Account, CaseRow, OutboxRow

_OUTBOX = SQLModel.metadata.tables["outbox"]
_ADDRESS = "0x" + "22" * 20
_SHARE = Share(_ADDRESS)
_QUESTIONS: dict[str, Callable[[Session], Any]] = {
    "actions": waiting_actions,
    "pokes": lambda session: waiting(session, "poke", 100, 0, _SHARE),
    "promised": lambda session: promised(session, _ADDRESS, _ADDRESS),
}


@pytest.fixture
def filled(database: Database) -> Database:
    """With very much that is done, and little that is not, most of it acts."""
    with database.write() as session:
        session.add(Account(name="Shop", role="merchant", address=_ADDRESS, api_key_hash="x", created_at=0))
        session.flush()
        rows = [_row(number) for number in range(4_000)]
        session.execute(insert(CaseRow), [_case(str(row["case_id"])) for row in rows if row["action"] == "open"])
        session.execute(insert(OutboxRow), rows)
    with database.engine.begin() as connection:
        connection.execute(text("ANALYZE"))
    return database


def _row(number: int) -> dict[str, Any]:
    action = ("open", "act", "act", "poke")[number % 4]
    case_id, carried = f"0x{number:064x}", f"0x{number // 250:064x}"
    row = {"action": action, "subject": str(number), "case_id": case_id, "record_id": str(number), "created_at": 0}
    undone = number >= (3_000 if action == "act" else 3_990)
    return {**row, "tx_hash": None if undone else carried, "done": not undone, "alone_from": 0}


def _case(case_id: str) -> dict[str, Any]:
    roles = dict.fromkeys(("merchant", "carrier", "warehouse", "inspector", "consumer", "token"), _ADDRESS)
    words = {"reference": "R", "policy": "eu-14", "policy_id": "0x", "mode": "refund", "currency": "GBP"}
    sums = {"refund_minor": 7, "freight_minor": 2, "reserve_minor": 1, "opened_at": 0, "account_id": 1}
    return {"case_id": case_id, "language": "en", "terms": "{}", **roles, **words, **sums}


def _plan(database: Database, ask: Callable[[Session], Any]) -> str:
    """What EXPLAIN says of the statement that is sent."""
    sent: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", keep)
    with database.read() as session:
        ask(session)
        event.remove(database.engine, "before_cursor_execute", keep)
        explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
        statement, parameters = next(one for one in sent if "outbox" in one[0])
        cursor = session.connection().connection.cursor()
        cursor.execute(explain + statement, parameters)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.parametrize("question", sorted(_QUESTIONS))
def test_what_is_done_is_not_looked_at(filled: Database, question: str) -> None:
    plan = _plan(filled, _QUESTIONS[question])
    print(f"\n--- {question}\n{plan}")  # shown by `pytest -s`
    assert "ix_outbox_undone" in plan or (not filled.is_sqlite and "(tx_hash IS NULL)" in plan), plan
    assert not re.search(r"SCAN outbox|Seq Scan on outbox", plan), plan


@pytest.mark.parametrize("unsent", [[], [3], [0, 3], [0, 1, 3]])
def test_actions_that_wait_are_those_with_something_to_be_sent(filled: Database, unsent: list[int]) -> None:
    with filled.write() as session:
        session.execute(_OUTBOX.update().values(done=True))
        session.execute(
            _OUTBOX.update().where(_OUTBOX.c.subject.in_(map(str, unsent))).values(done=False, tx_hash=None)
        )
    with filled.read() as session:
        assert waiting_actions(session) == {str(_row(number)["action"]) for number in unsent}


def test_promised_is_what_openings_will_lock_that_are_not_judged(filled: Database) -> None:
    with filled.read() as session:
        assert promised(session, _ADDRESS, _ADDRESS) == 2 * 10
        assert promised(session, _ADDRESS, "0x") == 0
