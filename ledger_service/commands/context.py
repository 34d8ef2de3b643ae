"""The app of an installation, for commands that run beside its service or instead of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from ..chain.deployments import check_chain, read_deployment
from ..chain.local import local_url, read_clock
from ..chain.rpc import Rpc
from ..clock import SystemClock
from ..config import Settings
from ..installation import Installation, installed_settings
from ..services.app import App, make_app

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


def clock_of(settings: Settings) -> SystemClock:
    """The machine's clock, or a local chain's while its sample cases still live in the past."""
    kept = read_clock(settings.data.resolve() / "chain" / settings.chain) if settings.is_local_chain else None
    return SystemClock(timedelta(seconds=kept.offset if kept else 0))


def open_installation(data: Path | None) -> Installed:
    """Raises Unavailable where nothing was started yet, NotFound where nothing was deployed."""
    settings, installation = installed_settings(data)
    deployment = read_deployment(settings.data, installation.chain_id)
    app = make_app(settings, deployment, clock_of(settings))
    return Installed(app, Rpc(rpc_url_of(settings, installation)), settings, installation)
