"""An installation in a folder of its own: contracts, database, keys, a shop with money; and its workers, by rounds.

The service reaches its chain by `via`, which may be a proxy that lies. The oracle asks the chain itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import delete
from sqlmodel import SQLModel, select
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.chain.deploy import Roles, deploy, fund_accounts
from ledger_service.chain.deployments import Deployment
from ledger_service.chain.faucet import pay_in
from ledger_service.chain.local import LocalChain
from ledger_service.chain.rpc import Rpc
from ledger_service.chain.transactions import gas_price, sign_transaction
from ledger_service.clock import Clock, SystemClock
from ledger_service.commands.service import make_workers, service_keys
from ledger_service.commands.workers_health import WorkersHealth
from ledger_service.config import Settings
from ledger_service.installation import Installation, keep_installation
from ledger_service.services.accounts import create_account
from ledger_service.services.app import App, keystore_password, make_app
from ledger_service.store.database import Database
from ledger_service.store.migrate import upgrade
from ledger_service.store.tables import ChainBalance, OutboxRow, TransactionRow

CURRENCY = "EUR"
MONEY = 10_000_000  # minor units that the shop has paid in
NO_LIMIT = "1000000/minute"
FINALITY = 64  # blocks
PATIENCE = 200.0  # seconds for what takes one or two, on a machine that has a lot else to do


class _Health:
    """Of whichever workers run now."""

    def __init__(self, site: Site) -> None:
        self._site = site

    @property
    def accounts(self) -> Mapping[str, str]:
        return {name: self._site.keys[name].address for name in ("writer", "operator")}

    def health(self) -> Mapping[str, Any]:
        return WorkersHealth(self._site.workers).health()


class Site:
    """Use it as `with Site(...)`, or close it."""

    def __init__(
        self,
        folder: Path,
        chain: LocalChain,
        database_url: str,
        *,
        via: str = "",
        clock: Clock | None = None,
        rpc_timeout: float = 20.0,
        **settings: Any,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.chain = folder, chain
        self.via = via or chain.url
        self.settings = Settings(
            _env_file=None,
            data=folder,
            database_url=database_url,
            chain=self.via,
            rate_limit=NO_LIMIT,
            rate_limit_failures=NO_LIMIT,
            **{"confirmations": 0, "finality": FINALITY, **settings},
        )
        self.keys = service_keys(folder, keystore_password(self.settings))
        self.deployment = self._deploy()
        keep_installation(folder, Installation(self.via, self.via, self.deployment.chain_id, self.settings.url))
        self.database = Database(self.settings.database)
        upgrade(self.database)
        self.clock = clock or SystemClock()
        self.app = make_app(self.settings, self.deployment, self.clock, self.database)
        self.rpc = Rpc(self.via, timeout=rpc_timeout)
        self.workers = make_workers(self.app, self.rpc)
        self.workers.register_policies()
        self.client = TestClient(create_app(self.app, _Health(self)), raise_server_exceptions=False)
        self.shop = create_account(self.app, "merchant", "Shop")
        self.pay_in(self.shop["address"])

    def __enter__(self) -> Site:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.workers.stop()
        self.client.close()
        self.rpc.close()
        self.database.close()

    @property
    def honest(self) -> App:
        """The app with the chain itself in place of whatever stands between."""
        settings = self.settings.model_copy(update={"chain": self.chain.url})
        return make_app(settings, self.deployment, SystemClock(), self.database)

    def restart(self) -> None:
        """Fresh workers, as after a restart of the service. Nobody waits for the leases of those that were killed: that
        takes a quarter of a minute, and has a test of its own."""
        self.workers.stop()
        self.forget_leases()
        self.workers = make_workers(self.app, self.rpc)
        self.workers.register_policies()

    def forget_leases(self) -> None:
        with self.database.write() as session:
            session.execute(delete(SQLModel.metadata.tables["leases"]))

    def pay_in(self, merchant: str, minor: int = MONEY) -> None:
        pay_in(self.chain.url, self.deployment, self.deployment.tokens[CURRENCY], merchant, minor)
        self.run_until(lambda: self._balance(merchant) > 0)

    # --- rounds ------------------------------------------------------------------------------------------------------

    def run_until(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
        """Rounds of the workers until the condition holds."""
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"not in {seconds} s; {self.workers.health()}"
            if not self.workers.round():
                self.app.wake.wait(0.02)

    def run_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if not self.workers.round():
                self.app.wake.wait(0.02)

    def settle(self, seconds: float = PATIENCE) -> None:
        """Rounds until nothing is on its way any more and the newest block is read."""
        self.run_until(self.is_settled, seconds)

    def is_settled(self) -> bool:
        """Nothing waits, every transaction is known to be over, and the workers are at the chain's newest block."""
        with self.database.read() as session:
            waiting = session.exec(select(OutboxRow.id).where(OutboxRow.done.is_(False)).limit(1)).first()  # type: ignore[attr-defined]
            on_its_way = session.exec(
                select(TransactionRow.tx_hash).where(TransactionRow.settled.is_(False)).limit(1)  # type: ignore[attr-defined]
            ).first()
        return waiting is None and on_its_way is None and self.at_head()

    def at_head(self) -> bool:
        from ledger_service.store.chain_facts import read_cursor

        with self.database.read() as session:
            cursor = read_cursor(session)
        newest = self.chain.rpc.latest()
        return cursor is not None and (cursor.block_number, cursor.block_hash) == (newest.number, newest.hash)

    def ready(self) -> int:
        """The status of /readyz."""
        time.sleep(0.55)  # its answer is remembered for half a second
        return self._readyz()

    def open_again(self) -> None:
        """Rounds until requests are taken: that the chain was another one is remembered for a moment."""
        self.run_until(lambda: self._readyz() == 200)

    def grow(self, blocks: int) -> None:
        """That many empty blocks, one call each: of a whole batch of calls ganache makes one block."""
        for _ in range(blocks):
            self.chain.rpc.call("evm_mine")

    def send_as_somebody_else(self, nonce: int | None = None) -> str:
        """Sends a transaction with our writer's key that the service did not make; its hash."""
        rpc, writer = self.chain.rpc, self.keys["writer"]
        signed = sign_transaction(
            writer,
            chain_id=self.deployment.chain_id,
            nonce=rpc.nonce(writer.address) if nonce is None else nonce,
            gas_price=gas_price(int(rpc.call("eth_gasPrice"), 16), rpc.latest()),
            gas=21_000,
            to=writer.address,
            data=b"",
        )
        rpc.send_raw(signed.raw)
        rpc.wait_for_receipt(signed.hash)
        return signed.hash

    # --- inside ------------------------------------------------------------------------------------------------------

    def _readyz(self) -> int:
        return self.client.get("/readyz").status_code

    def _deploy(self) -> Deployment:
        names = ("deployer", "operator", "writer")
        fund_accounts(self.chain.rpc, [self.keys[name].address for name in names])
        roles = Roles(*(self.keys[name].address for name in ("operator", "guardian", "writer")))
        return deploy(self.chain.rpc, self.folder, self.keys["deployer"], roles)

    def _balance(self, merchant: str) -> int:
        with self.database.read() as session:
            row = session.get(ChainBalance, (merchant, self.deployment.tokens[CURRENCY].address))
        return row.minor if row else 0
