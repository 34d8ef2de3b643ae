"""Real chains, started through the product's own runner, and a ledger deployed to each.

Each chain goes with a database, so that both of both are used and nothing is done twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from databases import Databases, databases_in

from ledger_service.chain.deploy import Roles, deploy, fund_accounts
from ledger_service.chain.deployments import Deployment
from ledger_service.chain.local import LocalChain
from ledger_service.chain.rpc import Rpc
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services.policies import Policies, shipped_policies
from ledger_service.store.database import Database
from ledger_service.workers.loop import Workers

from .cases import Book

DATABASE_WITH = {"ganache": "sqlite", "anvil": "postgresql"}


class ChainTime:
    """The clock of a chain that is moved about."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._chain.clock.offset)

    def seconds(self) -> int:
        return int(self.now().timestamp())


class World:
    """A chain with a ledger on it, for all tests of a run."""

    def __init__(self, chain: LocalChain, data: Path) -> None:
        self.chain = chain
        self.data = data
        self.clock = ChainTime(chain)
        self.operator, self.writer = LocalSigner(new_key()), LocalSigner(new_key())
        fund_accounts(chain.rpc, [self.operator.address, self.writer.address])
        self.roles = Roles(self.operator.address, self.operator.address, self.writer.address)
        self.deployment: Deployment = deploy(chain.rpc, data, self.operator, self.roles)


@pytest.fixture(scope="session", params=["ganache", "anvil"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    data = tmp_path_factory.mktemp(request.param)
    chain = LocalChain(request.param, data)
    chain.start()
    yield World(chain, data)
    chain.stop()


class Ledger:
    """An installation without pages: a fresh database, and the workers, a round at a time."""

    def __init__(self, world: World, database: Database) -> None:
        self.world = world
        self.database = database
        self.clock = world.clock
        self.deployment = world.deployment
        self.policies: Policies = shipped_policies()
        self.wake = threading.Event()
        self.rpc = Rpc(world.chain.url)
        self.workers = self.start_workers()
        self.book = Book(database, world.deployment, world.clock, self.policies)

    def close(self) -> None:
        self.rpc.close()
        self.database.close()

    def start_workers(self) -> Workers:
        """Fresh ones, as after a restart."""
        if hasattr(self, "workers"):
            self.workers.stop()  # which would hold on to its leases
        self.workers = Workers(self, self.rpc, writer=self.world.writer, operator=self.world.operator)
        self.workers.register_policies()
        return self.workers

    def run_until(self, condition: Callable[[], Any], seconds: float = 30.0) -> None:
        """Rounds of the workers until the condition holds."""
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        while not condition():
            assert datetime.now(UTC) < until, f"not in time; {self.workers.health()}"
            if not self.workers.round():
                self.wake.wait(0.02)


@pytest.fixture
def databases(world: World, tmp_path: Path) -> Iterator[Databases]:
    """Of the kind that goes with the chain."""
    with databases_in(DATABASE_WITH[world.chain.name], tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def databases_of_module(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with databases_in(DATABASE_WITH[world.chain.name], tmp_path_factory.mktemp("databases")) as made:
        yield made


@pytest.fixture
def ledger(world: World, databases: Databases) -> Iterator[Ledger]:
    ledger = Ledger(world, databases.make())
    yield ledger
    ledger.close()
