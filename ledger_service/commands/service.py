"""`ledger serve`, `worker`, `migrate`, `deploy`: running an installation against a chain that is there."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from prometheus_client import start_http_server

from ..chain.abi import checksum
from ..chain.deploy import Roles, deploy
from ..chain.deployments import Deployment
from ..chain.local import LOCAL_CHAIN_IDS
from ..chain.rpc import Rpc
from ..config import Settings
from ..errors import InvalidInput
from ..installation import Installation, keep_installation, settings_of
from ..keystore import LocalSigner, read_or_create_signer
from ..mail_sending import mail_sender
from ..services.app import App, keystore_password, make_app
from ..services.caretaking import Caretaker
from ..services.gauges import make_registry
from ..services.health import Readiness
from ..services.housekeeping import Housekeeper
from ..store.database import Database
from ..store.migrate import require_current, upgrade
from ..workers.anchoring import LogKeeper
from ..workers.aside import Aside
from ..workers.loop import Limits, Step, Workers
from ..workers.notifier import Notifier
from ..workers.second_anchoring import SecondAnchoring
from ..workers.telling import Teller
from ..workers.webhooks_out import Deliverer
from .context import DataOption, Installed, JsonOption, open_installation
from .logs import set_up_logs
from .output import console, print_json, reports_errors
from .workers_health import WorkersHealth

ChainOption = Annotated[str | None, typer.Option("--chain", help="URL of the chain's JSON-RPC endpoint.")]


def service_keys(settings_data: Path, password: bytes, writers: int = 1) -> dict[str, LocalSigner]:
    """The service's own keys on the chain, each with one job; made at first use. Writers that were made when there were
    to be more of them are there too: their cases stay theirs."""
    folder = settings_data / "keys"
    made = len(list(folder.glob("writer-*.json"))) + 1
    names = ("deployer", "operator", "guardian", *writer_names(max(writers, made)))
    return {name: read_or_create_signer(folder / f"{name}.json", password) for name in names}


def writer_names(count: int) -> list[str]:
    return ["writer", *(f"writer-{number}" for number in range(2, count + 1))]


def sending_accounts(settings: Settings) -> dict[str, str]:
    """The addresses, by name, of the keys that pay for gas while the service runs."""
    keys = service_keys(settings.data, keystore_password(settings), settings.writers)
    return {name: key.address for name, key in keys.items() if name == "operator" or name.startswith("writer")}


def make_workers(app: App, rpc: Rpc) -> Workers:
    settings = app.settings
    keys = service_keys(settings.data, keystore_password(settings), settings.writers)
    first, *others = (keys[name] for name in keys if name.startswith("writer"))
    limits = Limits(
        active=settings.writers, max_gas_price=settings.max_gas_price_wei, finality=settings.finality_blocks
    )
    deliverer = Deliverer(app)
    mail = Aside("mail", _once_open(app, Notifier(app, mail_sender(settings)).step))
    caretaker = Aside("caretaking", Caretaker(app, lambda: rpc.latest().number).step)
    steps = [
        Step("log", LogKeeper(app, head=lambda: rpc.latest().number).step, lease="log"),
        *_second_anchoring(app),
        Step("telling", _once_open(app, Teller(app).step), lease="notify"),
        Step("mail", mail.step, lease="mail", stop=mail.stop),
        Step("deliver", _once_open(app, deliverer.step), lease="deliver", stop=deliverer.stop),
        Step("housekeeping", Housekeeper(app).step, lease="housekeeping"),
        Step("caretaking", caretaker.step, lease="caretaking", stop=caretaker.stop),
    ]
    return Workers(app, rpc, writer=first, operator=keys["operator"], more_writers=others, steps=steps, limits=limits)


def _once_open(app: App, run: Callable[[], object]) -> Callable[[], object]:
    """Nothing is told of cases while a restored backup may hold some that were erased."""
    return lambda: run() if app.vault.is_open() else None


def _second_anchoring(app: App) -> list[Step]:
    """In a thread of its own: whatever keeps the second chain keeps nothing else."""
    settings = app.settings
    if not settings.second_anchor_url:
        return []
    key = second_anchor_key(settings)
    contract = checksum(settings.second_anchor_contract)
    aside = Aside("second-anchor", SecondAnchoring(app, Rpc(settings.second_anchor_url), contract, key).step)
    return [Step("second-anchor", aside.step, lease="second-anchor", stop=aside.stop)]


def second_anchor_key(settings: Settings) -> LocalSigner:
    """The account that anchors on the second chain; made at first use."""
    return read_or_create_signer(settings.data / "keys" / "second-anchor.json", keystore_password(settings))


def wait_for_stop() -> None:
    """Until Ctrl-C or a termination signal."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    while not stop.wait(1.0):
        pass


@reports_errors
def migrate(data: DataOption = None) -> None:
    """Brings the database to this release's tables."""
    settings = settings_of(data)
    settings.data.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    upgrade(database)
    database.close()
    console.print("The database is up to date.")


@reports_errors
def deploy_command(
    chain: ChainOption = None,
    tokens: Annotated[
        Path | None, typer.Option(help="JSON file, currency to token address; none: test tokens.")
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploys the contracts, or finds them where they were deployed before."""
    settings = settings_of(data, chain=chain)
    if settings.is_local_chain:
        installed = open_installation(data)
        rpc = installed.rpc
    else:
        rpc = Rpc(settings.chain)
    if tokens is None and rpc.chain_id() not in LOCAL_CHAIN_IDS:
        raise InvalidInput(
            "Test money is for a local chain.", field="--tokens", remedy='Name a file such as {"EUR": "0x…"}.'
        )
    keys = service_keys(settings.data, keystore_password(settings))
    roles = Roles(keys["operator"].address, keys["guardian"].address, keys["writer"].address)
    deployment = deploy(rpc, settings.data, keys["deployer"], roles, tokens=tokens)
    keep_installation(settings.data, Installation(settings.chain, rpc.url, deployment.chain_id, settings.url))
    _tell_deployment(deployment, as_json)


def _tell_deployment(deployment: Deployment, as_json: bool) -> None:
    if as_json:
        print_json(deployment.as_json())
        return
    console.print(f"chain {deployment.chain_id}", highlight=False)
    for name, contract in deployment.contracts.items():
        console.print(f"{name} at {contract.address}", markup=False, highlight=False)
    for currency, token in deployment.tokens.items():
        console.print(
            f"{currency} token {token.address}{' (test)' if token.test else ''}", markup=False, highlight=False
        )


def _serving_settings(installed: Installed, host: str | None, port: int | None) -> Settings:
    """Where to listen, and what links say. Raises InvalidInput if nobody says how consumers reach the service."""
    changes: dict[str, Any] = {key: value for key, value in (("host", host), ("port", port)) if value is not None}
    stated = settings_of(installed.settings.data).public_url
    if not stated and not installed.settings.is_local_chain:
        raise InvalidInput(
            "Links would not lead to this service.",
            field="LEDGER_PUBLIC_URL",
            remedy="Set it to how consumers reach the service, such as https://returns.example.",
        )
    settings = installed.settings.model_copy(update={**changes, "public_url": stated})
    keep_installation(settings.data, replace(installed.installation, url=settings.url))
    return settings


@reports_errors
def serve(
    workers: Annotated[bool, typer.Option(help="Run the workers in this process too.")] = True,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    data: DataOption = None,
) -> None:
    """Serves API and pages of an installation that `ledger deploy` or ./scripts/run made."""
    from api.app import create_app
    from api.server import make_server

    installed = open_installation(data)
    set_up_logs(installed.settings)
    installed.check_chain()
    require_current(installed.app.database)
    settings = _serving_settings(installed, host, port)
    app = make_app(settings, installed.app.deployment, installed.app.clock, installed.app.database)
    running = make_workers(app, installed.rpc) if workers else None
    if running is not None:
        running.start()
    health = WorkersHealth(running, sending_accounts(settings)) if running else None
    try:
        make_server(create_app(app, health), settings).run()
    finally:
        if running is not None:
            running.stop()


@reports_errors
def worker(
    metrics_port: Annotated[int | None, typer.Option(help="Port for Prometheus, on LEDGER_HOST; none: none.")] = None,
    data: DataOption = None,
) -> None:
    """Runs the workers alone: submitter, indexer, deadlines, notifier."""
    installed = open_installation(data)
    set_up_logs(installed.settings)
    installed.check_chain()
    require_current(installed.app.database)
    running = make_workers(installed.app, installed.rpc)
    with _showing_metrics(installed.app, running, metrics_port):
        running.start()
        try:
            wait_for_stop()
        finally:
            running.stop()


@contextmanager
def _showing_metrics(app: App, running: Workers, port: int | None) -> Iterator[None]:
    """`/metrics` of a process that has no API."""
    if port is None:
        yield
        return
    readiness = Readiness(app, WorkersHealth(running, sending_accounts(app.settings)))
    server, thread = start_http_server(port, app.settings.host, registry=make_registry(app, readiness))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
