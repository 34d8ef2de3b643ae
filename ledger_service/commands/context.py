"""The app of an installation, for commands that run beside its service or instead of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from ..chain.deployments import check_chain, read_deployment
from ..chain.local import local_url, read_clock
from ..chain.rpc import Rpc
from ..clock import Clock, SystemClock
from ..config import Settings
from ..installation import Installation, installed_settings
from ..services.app import App, make_app
from ..services.backup import require_secrets
from ..store.database import Database

DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of the installation (or LEDGER_DATA; default ./data).")
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON for programs.")]


@dataclass(frozen=True)
class Installed:
    """An installation as a command finds it. `rpc` is made without asking the chain anything."""

    app: App
    rpc: Rpc
    settings: Settings
    installation: Installation

    def check_chain(self) -> None:
        """Raises Unavailable or ChainMismatch unless the chain is there and is the one we deployed to."""
        check_chain(self.rpc, self.app.deployment)


def rpc_url_of(settings: Settings, installation: Installation) -> str:
    """A local chain may have come back on another port than it was installed with."""
    return local_url(settings.chain, settings.data) if settings.is_local_chain else installation.rpc_url


class LocalChainClock:
    """A local chain's clock: the machine's, less what its sample cases still live in the past.

    The offset is read anew each time, because the service beside us may move it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def now(self) -> datetime:
        kept = read_clock(self._folder)
        return datetime.now(UTC) + timedelta(seconds=kept.offset if kept else 0)

    def seconds(self) -> int:
        return int(self.now().timestamp())


def clock_of(settings: Settings) -> Clock:
    return (
        LocalChainClock(settings.data.resolve() / "chain" / settings.chain)
        if settings.is_local_chain
        else SystemClock()
    )


def open_installation(data: Path | None) -> Installed:
    """Raises Unavailable where nothing was started yet or the secrets are gone, NotFound where nothing was deployed."""
    settings, installation = installed_settings(data)
    deployment = read_deployment(settings.data, installation.chain_id)
    database = Database(settings.database)
    require_secrets(settings, database)
    app = make_app(settings, deployment, clock_of(settings), database)
    return Installed(app, Rpc(rpc_url_of(settings, installation)), settings, installation)
