"""The panels of a local run: sample arbitrators, registered once, so that disputes can be tried out."""

from __future__ import annotations

from collections.abc import Callable

from ..domain.panels import Panel
from ..errors import Conflict, LedgerError
from ..store.keys import account_by_name
from ..store.tables import Account
from .accounts import create_account
from .app import App
from .panels import current_panel, register_panel, version_registered
from .sample_lives import APPEAL_PANEL, FALLBACK_PANEL, PANEL

ARBITRATOR = "arbitrator"
FEE_MINOR = 50  # for each vote that counts, in minor units of the case's currency


def arbitrators(app: App) -> dict[str, Account]:
    """The sample arbitrators by name, made where they are missing."""
    names = (*PANEL, *FALLBACK_PANEL, *APPEAL_PANEL)
    with app.database.read() as session:
        missing = [name for name in names if account_by_name(session, name, ARBITRATOR) is None]
    for name in missing:
        create_account(app, ARBITRATOR, name)
    with app.database.read() as session:
        found = {name: account_by_name(session, name, ARBITRATOR) for name in names}
    return {name: account for name, account in found.items() if account is not None}


def ensure_panels(app: App, settle: Callable[[], None]) -> None:
    """Registers a panel of three, with three who step in and five for appeals, unless there is a panel already.
    `settle()` waits until the pipeline is idle."""
    settle()
    with app.database.read() as session:
        if current_panel(session) is not None:
            return
    by_name = arbitrators(app)

    def seats(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(by_name[name].address for name in names)

    helpers = [
        _ask(app, Panel(seats(APPEAL_PANEL), len(APPEAL_PANEL), fee=FEE_MINOR)),
        _ask(app, Panel(seats(FALLBACK_PANEL), len(FALLBACK_PANEL), fee=FEE_MINOR)),
    ]
    settle()
    appeal, fallback = (_version(app, panel_id) for panel_id in helpers)
    own = _ask(app, Panel(seats(PANEL), len(PANEL), appeal, fallback, FEE_MINOR))
    settle()
    _version(app, own)


def _ask(app: App, panel: Panel) -> str:
    try:
        return register_panel(app, panel)
    except Conflict:
        return panel.id()  # asked for by a run that was killed


def _version(app: App, panel_id: str) -> int:
    version = version_registered(app, panel_id)
    if version is None:
        raise LedgerError("The sample panels were not registered.", remedy="Look at the log above.")
    return version
