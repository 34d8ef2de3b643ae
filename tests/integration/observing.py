"""An installation with a log of observations, for tests: with contracts of its own, its workers a round at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from databases import Databases
from sqlmodel import select

from ledger_service.chain.case_reader import FullReader
from ledger_service.chain.deploy import deploy
from ledger_service.chain.rpc import Rpc
from ledger_service.config import Settings
from ledger_service.services import accounts
from ledger_service.services.app import App, make_app
from ledger_service.services.bundles import make_bundle
from ledger_service.services.inputs import CaseInput
from ledger_service.services.observation_data import ObservationInput
from ledger_service.services.observation_views import observations
from ledger_service.services.observations import observe
from ledger_service.services.opening import open_case
from ledger_service.store.database import Database
from ledger_service.store.tables import (
    Account,
    ChainCursor,
    OutboxRow,
)
from ledger_service.verification import verify_bundle
from ledger_service.workers.anchoring import LogKeeper, Pace
from ledger_service.workers.loop import Step, Workers

from .conftest import World

_READING = ObservationInput(kind="reading", data={"quantity": "temperature", "value": "4.5", "unit": "C"})
_ITEM = {"sku": "1", "quantity": 1, "unit_price": "19.80"}
NOW_AND_AGAIN = Pace(entries=1, seconds=1)


class Log:
    """An installation with contracts of its own, since a contract anchors one log; its workers a round at a time."""

    def __init__(self, world: World, database: Database, data: Path) -> None:
        self.world = world
        self.rpc = Rpc(world.chain.url)
        deployment = deploy(self.rpc, data, world.operator, world.roles)
        settings = Settings(_env_file=None, data=data, chain=world.chain.url, confirmations=0, finality=64)
        self.app: App = make_app(settings, deployment, world.clock, database)
        accounts.create_account(self.app, "merchant", "Shop")
        with database.read() as session:
            self.merchant = session.exec(select(Account)).one()
        request = CaseInput.model_validate(
            {"reference": "R", "items": [_ITEM], "refund": {"amount": "19.80", "currency": "GBP"}}
        )
        self.case_id: str = open_case(self.app, self.merchant, request)["case_id"]
        self.keeper = LogKeeper(self.app, NOW_AND_AGAIN)
        self.workers = self.start_workers()

    def start_workers(self, rpc: Rpc | None = None) -> Workers:
        """Fresh ones, as after a restart."""
        if hasattr(self, "workers"):
            self.workers.stop()
        steps = [Step("log", self.keeper.step, lease="log")]
        self.workers = Workers(
            self.app, rpc or self.rpc, writer=self.world.writer, operator=self.world.operator, steps=steps
        )
        self.workers.register_policies()
        return self.workers

    def close(self) -> None:
        self.workers.stop()
        self.rpc.close()
        self.app.database.close()

    def state(self, count: int = 1) -> list[str]:
        body = observe(self.app, self.merchant, self.case_id, [_READING] * count, is_list=True)
        return [item["observation_id"] for item in body["items"]]

    def stages(self) -> list[str]:
        found, cursor = [], None
        while True:
            page = observations(self.app, self.merchant, self.case_id, cursor, limit=200)
            found += [item["stage"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def run_until(self, condition: Callable[[], Any], seconds: float = 60.0) -> None:
        until = self.app.clock.seconds() + seconds
        while not condition():
            assert self.app.clock.seconds() < until, f"not in time; {self.workers.health()}"
            self.workers.round()

    def run_until_anchored(self) -> None:
        self.run_until(lambda: set(self.stages()) == {"anchored"} and self.is_at_rest())

    def is_at_rest(self) -> bool:
        with self.app.database.read() as session:
            cursor = session.get(ChainCursor, 1)
            undone = session.exec(select(OutboxRow).where(OutboxRow.action == "anchor", OutboxRow.done == False)).all()  # noqa: E712
        return cursor is not None and cursor.block_hash == self.rpc.latest().hash and not undone

    def on_chain(self, contract: str = "") -> list[int]:
        """The sizes that the contract was given, by its own events."""
        wanted = {"address": contract or self.app.deployment.anchor, "fromBlock": "0x0", "toBlock": "latest"}
        logs = self.rpc.call("eth_getLogs", wanted)
        return [int(log["topics"][1], 16) for log in logs if len(log["topics"]) == 2 and len(log["data"]) == 66]

    def rows(self, table: Any) -> list[Any]:
        with self.app.database.read() as session:
            return list(session.exec(select(table)))

    def verdict(self) -> Any:
        return verify_bundle(make_bundle(self.app, self.case_id), FullReader(self.rpc))


@pytest.fixture
def log(world: World, databases: Databases, tmp_path: Path) -> Iterator[Log]:
    log = Log(world, databases.make(), tmp_path / "installation")
    yield log
    log.close()
