"""An installation made to be measured: a chain of its own, a fresh database, and the service's own processes.

API and workers run as they are deployed, each in a process that sees nothing of the operator's own settings.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from ..chain.deploy import Roles, deploy, fund_accounts
from ..chain.local import LocalChain
from ..chain.rpc import Rpc
from ..clock import SystemClock
from ..commands.service import service_keys
from ..config import Settings
from ..errors import Unavailable
from ..installation import Installation, keep_installation
from ..services.app import App, keystore_password, make_app
from ..store.accepted import count_links
from ..store.database import Database
from ..store.migrate import upgrade
from ..store.waiting import is_idle
from .generating import Generator, Shop, make_shop

LEDGER = (sys.executable, "-m", "ledger_service.cli")
_MINING_PAUSE = 0.01
_LOOK = 0.05  # seconds between two looks whether all is recorded
_UNLIMITED = "1000000000/minute"
_STARTUP = 60.0


@contextmanager
def chain(name: str, folder: Path, *, automine: bool = True) -> Iterator[LocalChain]:
    """A chain for one measurement, of which nothing is kept. Without `automine`, anvil mines what waits a hundred times
    a second: it stalls when transactions come faster than it mines them one by one."""
    local = LocalChain(name, folder, kept=False)
    local.start()
    with ExitStack() as stack:
        stack.callback(local.stop)
        if name == "anvil" and not automine:
            stack.enter_context(_mining(local.url))
        yield local


@contextmanager
def _mining(url: str) -> Iterator[None]:
    """With the least that asks a node: `Rpc` takes a tenth of a core for a hundred questions a second."""
    address = urlsplit(url)
    node, stop = HTTPConnection(address.hostname or "", address.port, timeout=_STARTUP), threading.Event()

    def ask(method: str, *params: Any) -> Any:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        node.request("POST", "/", body, {"content-type": "application/json"})
        return json.loads(node.getresponse().read())["result"]

    def mine() -> None:
        while not stop.wait(_MINING_PAUSE):
            if int(ask("txpool_status")["pending"], 16):
                ask("evm_mine")

    ask("evm_setAutomine", False)
    thread = threading.Thread(target=mine, name="miner", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        node.close()


@dataclass(frozen=True)
class Site:
    """`shop` is its one merchant, `cases` makes cases of it."""

    app: App
    rpc: Rpc
    shop: Shop
    cases: Generator

    def recorded(self) -> int:
        """Records that stand on the chain, as the read model has them."""
        with self.app.database.read() as session:
            return count_links(session)

    def wait_recorded(self, count: int, seconds: float = 600.0) -> None:
        """Until nothing waits in the outbox any more. Raises Unavailable if that is not in time, or if fewer than
        `count` are recorded by then."""
        ends = time.monotonic() + seconds
        while self._waiting() and time.monotonic() < ends:
            time.sleep(_LOOK)
        if self.recorded() < count:
            raise Unavailable(
                f"{self.recorded()} of {count} records came to the chain within {seconds:.0f} s.",
                remedy=f"Look at {self.app.settings.data / 'worker.log'}.",
            )

    def _waiting(self) -> bool:
        """Asked often, so it does not count what is there."""
        with self.app.database.read() as session:
            return not is_idle(session, self.app.clock.seconds())

    @contextmanager
    def workers(self) -> Iterator[subprocess.Popen[bytes]]:
        with self._process("worker", "worker") as process:
            yield process

    @property
    def address(self) -> str:
        return f"http://{self.app.settings.host}:{self.app.settings.port}"

    @contextmanager
    def api(self) -> Iterator[subprocess.Popen[bytes]]:
        """The API, once it answers at `address`."""
        with self._process("api", "serve", "--no-workers") as process:
            wait_for_http(f"{self.address}/healthz", process)
            yield process

    @contextmanager
    def _process(self, name: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        settings = self.app.settings
        wanted = {
            "LEDGER_DATA": str(settings.data),
            "LEDGER_DATABASE_URL": settings.database_url,
            "LEDGER_CHAIN": settings.chain,
            "LEDGER_HOST": settings.host,
            "LEDGER_PORT": str(settings.port),
            "LEDGER_PUBLIC_URL": settings.public_url,
            "LEDGER_RATE_LIMIT": settings.rate_limit,
        }
        with running([*LEDGER, *arguments], settings.data / f"{name}.log", wanted) as process:
            yield process


@contextmanager
def site(folder: Path, local: LocalChain, database_url: str = "") -> Iterator[Site]:
    """A fresh installation on this chain; without `database_url`, on SQLite in the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    settings = Settings(
        data=folder,
        database_url=database_url or f"sqlite:///{folder.resolve() / 'ledger.db'}",
        chain=local.url,
        host="127.0.0.1",
        port=port,
        public_url=f"http://127.0.0.1:{port}",
        rate_limit=_UNLIMITED,
    )
    with ExitStack() as stack:
        database = Database(settings.database)
        stack.callback(database.close)
        upgrade(database)
        rpc = Rpc(local.url)
        stack.callback(rpc.close)
        keys = service_keys(folder, keystore_password(settings))
        fund_accounts(rpc, [key.address for key in keys.values()])
        roles = Roles(keys["operator"].address, keys["guardian"].address, keys["writer"].address)
        deployment = deploy(rpc, folder, keys["deployer"], roles)
        keep_installation(folder, Installation(settings.chain, rpc.url, deployment.chain_id, settings.url))
        app = make_app(settings, deployment, SystemClock(), database)
        shop = make_shop(app)
        yield Site(app, rpc, shop, Generator(app, shop))


@contextmanager
def running(command: list[str], log: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process with these variables and no others, ended with the block."""
    with log.open("ab") as file:
        process = subprocess.Popen(  # noqa: S603 - all of it is ours
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=environment
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_http(url: str, process: subprocess.Popen[bytes]) -> None:
    """Raises Unavailable if the process ends, or does not answer in time."""
    ends = time.monotonic() + _STARTUP
    while process.poll() is None and time.monotonic() < ends:
        try:
            httpx.get(url, timeout=5)
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise Unavailable(f"What is measured does not answer at {url}.", remedy="Look at the log in its folder.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resident_megabytes(process: subprocess.Popen[bytes]) -> float:
    """The memory that a process holds now; 0 where the machine does not say (it is read from /proc)."""
    try:
        pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return 0.0
    return pages * 4096 / 1e6
