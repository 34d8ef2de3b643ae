"""The panels of a local run: sample arbitrators, registered once, so that disputes can be tried out."""

from __future__ import annotations

from collections.abc import Callable

from ..domain.panels import Panel
from ..errors import Conflict, LedgerError
from ..store.tables import Account
from .app import App
from .panels import current_panel, register_panel, version_registered
from .sample_accounts import ensure_accounts
from .sample_lives import APPEAL_PANEL, FALLBACK_PANEL, PANEL

ARBITRATOR = "arbitrator"
FEE_MINOR = 50  # for each vote that counts, in minor units of the case's currency


def arbitrators(app: App) -> dict[str, Account]:
    """The sample arbitrators by name, made where they are missing."""
    return ensure_accounts(app, ARBITRATOR, (*PANEL, *FALLBACK_PANEL, *APPEAL_PANEL))


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
        _ask(app, Panel(seats(APPEAL_PANEL), len(APPEAL_PANEL), fee=FEE_MINOR), helper=True),
        _ask(app, Panel(seats(FALLBACK_PANEL), len(FALLBACK_PANEL), fee=FEE_MINOR), helper=True),
    ]
    settle()
    appeal, fallback = (_version(app, panel_id) for panel_id in helpers)
    own = _ask(app, Panel(seats(PANEL), len(PANEL), appeal, fallback, FEE_MINOR))
    settle()
    _version(app, own)


def _ask(app: App, panel: Panel, *, helper: bool = False) -> str:
    try:
        return register_panel(app, panel, helper=helper)
    except Conflict:
        return panel.id()  # asked for by a run that was killed


def _version(app: App, panel_id: str) -> int:
    version = version_registered(app, panel_id)
    if version is None:
        raise LedgerError("The sample panels were not registered.", remedy="Look at the log above.")
    return version
