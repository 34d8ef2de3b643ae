"""A database all of whose connections are taken: who comes then is told to come again."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from sqlalchemy import text

from ledger_service.errors import Unavailable
from ledger_service.store.database import Database


def test_no_connection_left_is_no_unexpected_error(database: Database) -> None:
    pool = database.engine.pool
    pool._timeout = 0.1
    with ExitStack() as stack:
        for _ in range(pool.size() + pool._max_overflow):
            stack.enter_context(database.engine.connect())
        for unit in (database.read, database.write):
            with pytest.raises(Unavailable, match="right now"), unit() as session:
                session.execute(text("SELECT 1"))
    with database.read() as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1
