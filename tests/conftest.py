"""What every suite of the service shares: databases of both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import KINDS, Databases, databases_in, stop_server

from ledger_service.store.database import Database


@pytest.fixture(scope="session", autouse=True)
def _no_server_is_left() -> Iterator[None]:
    yield
    stop_server()


@pytest.fixture(params=KINDS)
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    """Databases of either kind: a test that asks for them runs on both."""
    with databases_in(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def database(databases: Databases) -> Database:
    """A fresh database with this release's tables: a test that asks for it runs on both kinds."""
    return databases.make()
