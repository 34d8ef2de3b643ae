"""`ledger run`: chain, service, pages and sample returns on this machine, in one process tree."""

from __future__ import annotations

import fcntl
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from ..chain.deploy import Roles, deploy, fund_accounts
from ..chain.deployments import deployment_path
from ..chain.faucet import pay_in
from ..chain.local import LocalChain
from ..chain.rpc import Rpc, wait_until
from ..clock import SystemClock
from ..config import Settings
from ..errors import Conflict, Unavailable
from ..installation import Installation, keep_installation, settings_of
from ..services import sample as samples
from ..services.app import App, keystore_password, make_app
from ..services.backup import require_secrets
from ..services.local_panels import ensure_panels
from ..services.sample_lives import DAYS, SHOP
from ..store.cases import balance_of
from ..store.database import Database
from ..store.migrate import upgrade
from ..store.waiting import is_idle
from .context import DataOption
from .logs import set_up_logs
from .output import console, reports_errors
from .service import make_workers, sending_accounts, service_keys, wait_for_stop
from .workers_health import WorkersHealth

_SETTLING_SECONDS = 120


@reports_errors
def run(
    chain: Annotated[str | None, typer.Option(help="ganache, anvil, or the URL of a JSON-RPC endpoint.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the service.")] = None,
    data: DataOption = None,
    sample: Annotated[bool, typer.Option(help="Load sample returns on a fresh local chain.")] = True,
) -> None:
    """Starts chain, service and pages, loads sample returns, prints the links; Ctrl-C stops all of it."""
    settings = settings_of(data, chain=chain, port=port)
    set_up_logs(settings)
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(_only_one(settings.data))
        _require_free_port(settings)
        local, rpc = _chain(stack, settings, sample)
        clock = SystemClock(timedelta(seconds=local.clock.offset if local else 0))
        app = _install(settings, rpc, clock)
        workers = make_workers(app, rpc)
        workers.start()
        stack.callback(workers.stop)
        readiness = WorkersHealth(workers, sending_accounts(settings), started=False)
        stack.enter_context(_serving(app, readiness))
        _say(f"Service: {settings.url}   API: {settings.url}/openapi.json")
        _play(app, rpc, local, clock, sample)
        readiness.started = True
        _say("Ready. Ctrl-C stops all of it.")
        wait_for_stop()
        _say("Stopping ...")


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Holds the folder for this process; the lock goes with the process, however it ends."""
    with (data / "run.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Conflict(
                f"Another ./scripts/run works in {data.resolve()}.",
                field="--data",
                remedy="Stop it first, or use another folder.",
            ) from None
        yield


def _require_free_port(settings: Settings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise Unavailable(
                f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}.",
                field="--port",
                remedy="Stop what uses it, or choose another: ./scripts/run --port 8001",
            ) from None


def _chain(stack: ExitStack, settings: Settings, sample: bool) -> tuple[LocalChain | None, Rpc]:
    if not settings.is_local_chain:
        rpc = Rpc(settings.chain)
        stack.callback(rpc.close)
        return None, rpc
    local = LocalChain(settings.chain, settings.data)
    _say(f"Starting {settings.chain} ...")
    local.start(seconds_back=int(samples.span().total_seconds()) if sample else 0)
    stack.callback(local.stop)
    return local, local.rpc


def _install(settings: Settings, rpc: Rpc, clock: SystemClock) -> App:
    """Database, keys and contracts: what is there stays, what is missing is made."""
    database = Database(settings.database)
    upgrade(database)
    require_secrets(settings, database)
    keys = service_keys(settings.data, keystore_password(settings), settings.writers)
    if rpc.call("eth_accounts"):  # a node for trying things, ours or another, with rich accounts of its own
        fund_accounts(rpc, [key.address for name, key in keys.items() if name != "guardian"])
    elif not deployment_path(settings.data, rpc.chain_id()).exists():
        raise Unavailable(
            "Nothing is deployed on this chain yet.",
            field="--chain",
            remedy=f"Fund {keys['deployer'].address}, then: ledger deploy --chain URL --tokens FILE",
        )
    roles = Roles(keys["operator"].address, keys["guardian"].address, keys["writer"].address)
    deployment = deploy(rpc, settings.data, keys["deployer"], roles)
    contracts = ", ".join(f"{name} {kept.address}" for name, kept in deployment.contracts.items())
    _say(f"Chain {deployment.chain_id}: {contracts}")
    keep_installation(settings.data, Installation(settings.chain, rpc.url, deployment.chain_id, settings.url))
    return make_app(settings, deployment, clock, database)


@contextmanager
def _serving(app: App, readiness: WorkersHealth) -> Iterator[None]:
    from api.app import create_app
    from api.server import make_server

    server = make_server(create_app(app, readiness), app.settings)
    thread = threading.Thread(target=server.run, name="api", daemon=True)
    thread.start()
    try:
        if not wait_until(lambda: server.started or not thread.is_alive(), seconds=30) or not server.started:
            raise Unavailable("The service did not start.", remedy="Read what it printed above.")
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=15)


def _play(app: App, rpc: Rpc, local: LocalChain | None, clock: SystemClock, wanted: bool) -> None:
    if local is None:
        if wanted:
            _say("No sample returns: they need a local chain, whose time can be moved.")
        return
    ensure_panels(app, lambda: _settle(app))
    sample = samples.Sample(app, _traveller(local, clock), lambda: _settle(app))
    if local.seconds_behind() > 0:
        _fund(app, rpc, sample)
        sample.play(lambda text: console.print(f"  {text}", style="dim", markup=False, highlight=False))
    for life, url in sample.links():
        _say(f"{life.title} ({life.note}):\n  {url}")
    if app.settings.smtp_host == "":
        _say(f"E-mails of this run: {app.settings.url}/outbox")


def _traveller(local: LocalChain, clock: SystemClock) -> Any:
    """Moves chain and clock together to a day of the sample, and never beyond the present."""
    start = local.clock.genesis

    def travel_to(day: int) -> None:
        if day >= DAYS:
            ahead = local.seconds_behind()
        else:
            ahead = min(start + day * 86_400 - clock.seconds(), local.seconds_behind())
        if ahead > 0:
            local.advance(ahead)
            clock.offset = timedelta(seconds=local.clock.offset)

    return travel_to


def _fund(app: App, rpc: Rpc, sample: samples.Sample) -> None:
    token, merchant = app.deployment.tokens["GBP"], sample.accounts()[SHOP].address
    _settle(app)
    with app.database.read() as session:
        if balance_of(session, merchant, token.address) > 0:
            return
    pay_in(rpc.url, app.deployment, token, merchant, samples.FUNDS_MINOR)
    app.wake.set()

    def arrived() -> bool:
        with app.database.read() as session:
            return balance_of(session, merchant, token.address) > 0

    if not wait_until(arrived, seconds=_SETTLING_SECONDS):
        raise Unavailable("The deposit did not arrive.", remedy="Look at the log above.")


def _settle(app: App) -> None:
    """Waits until everything accepted is on the chain and nothing is overdue."""

    def idle() -> bool:
        app.wake.set()
        with app.database.read() as session:
            return is_idle(session, app.clock.seconds())

    if not wait_until(idle, seconds=_SETTLING_SECONDS, pause=0.05):
        raise Unavailable("The pipeline did not come to rest.", remedy="Look at the log above.")


def _say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
