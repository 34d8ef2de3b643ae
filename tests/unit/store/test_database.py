"""The unit of work on both databases: what others see of it, and what becomes of its errors."""

from __future__ import annotations

import threading

import pytest
from databases import Databases, postgres_server
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger_service.errors import Conflict, Unavailable
from ledger_service.store.database import Database, _numbered
from ledger_service.store.tables import Account, CaseKey, ChainBalance


@pytest.fixture
def on_postgresql(databases: Databases) -> Database:
    if databases.kind != "postgresql":
        pytest.skip("about PostgreSQL alone")
    return databases.make()


def _account(name: str, *, role: str = "merchant") -> Account:
    return Account(name=name, role=role, address="0x1", api_key_hash=name, created_at=0)


def test_a_write_that_fails_leaves_nothing(database: Database) -> None:
    def fail() -> None:
        with database.write() as session:
            session.add(_account("Shop"))
            session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with database.read() as session:
        assert session.get(Account, 1) is None


def test_a_reader_sees_one_state(database: Database) -> None:
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 0
        with database.write() as writing:
            writing.add(_account("Shop"))
        assert session.execute(text("SELECT count(*) FROM accounts")).scalar_one() == 0


@pytest.mark.parametrize(
    "row",
    [_account("Shop"), _account("Other", role="king"), CaseKey(case_id="0x", wrapped=b"")],
    ids=["unique", "check", "foreign-key"],
)
def test_a_row_that_a_constraint_refuses_is_a_conflict(database: Database, row: Account | CaseKey) -> None:
    with database.write() as session:
        session.add(_account("Shop"))
    with pytest.raises(Conflict), database.write() as session:
        session.add(type(row)(**row.model_dump()))


def test_a_statement_that_is_wrong_is_no_passing_trouble(on_postgresql: Database) -> None:
    with pytest.raises(DBAPIError), on_postgresql.write() as session:
        session.execute(text("SELECT no_such_column FROM accounts"))


def test_the_victim_of_a_deadlock_can_try_again(on_postgresql: Database) -> None:
    with on_postgresql.write() as session:
        session.add_all(ChainBalance(account=one, token="t") for one in "ab")
    meet, outcomes = threading.Barrier(2), []

    def write(first: str, second: str) -> None:
        try:
            with on_postgresql.write() as session:
                session.execute(text("UPDATE chain_balances SET minor = 1 WHERE account = :it"), {"it": first})
                meet.wait(10)
                session.execute(text("UPDATE chain_balances SET minor = 1 WHERE account = :it"), {"it": second})
            outcomes.append("written")
        except Unavailable:
            outcomes.append("unavailable")

    threads = [threading.Thread(target=write, args=pair) for pair in ("ab", "ba")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["unavailable", "written"]


def test_a_server_that_ends_our_connection_is_unavailable_and_the_next_try_works(on_postgresql: Database) -> None:
    ended = "SELECT pg_terminate_backend(pg_backend_pid())"
    for way in (on_postgresql.read, on_postgresql.write):
        with pytest.raises(Unavailable), way() as session:
            session.execute(text(ended))
        with way() as session:
            assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_a_server_that_comes_back_is_used_again(on_postgresql: Database) -> None:
    with on_postgresql.write() as session:
        session.add(_account("Shop"))
    server = postgres_server()
    server.kill()
    try:
        with pytest.raises(Unavailable), on_postgresql.read() as session:
            session.get(Account, 1)
    finally:
        server.resume()
    with on_postgresql.read() as session:
        assert session.get(Account, 1) is not None


def test_statement_is_read_by_postgresqls_driver_once(on_postgresql: Database) -> None:
    before = _numbered.cache_info()
    for number in range(3):
        with on_postgresql.read() as session:
            found = session.execute(text("SELECT CAST(:number AS INTEGER), '50 %', 'kept'"), {"number": number}).one()
        assert tuple(found) == (number, "50 %", "kept")
    after = _numbered.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
