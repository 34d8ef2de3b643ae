"""Arbitration panels: which one a new case takes, whom a case's disputes come before, and registering new ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from ..domain import panels as domain
from ..domain.case_state import PanelTerms
from ..domain.messages import Parties
from ..domain.vocabulary import Mode
from ..errors import Conflict, InvalidInput, NotFound
from ..store import disputes as sql
from ..store.cases import chain_panel, enqueue
from ..store.keys import names_of
from ..store.tables import ChainPanel, PanelRow
from .app import App


@dataclass(frozen=True, slots=True)
class Panel:
    """A registered version, with those that take over from it. `fee` is minor units for each vote that counts."""

    version: int
    arbitrators: tuple[str, ...]
    threshold: int
    fee: int
    appeal: Panel | None
    fallback: Panel | None

    @property
    def terms(self) -> PanelTerms:
        return PanelTerms(
            self.version, self.appeal.version if self.appeal else 0, self.fallback.version if self.fallback else 0
        )

    @property
    def all(self) -> tuple[Panel, ...]:
        return tuple(panel for panel in (self, self.fallback, self.appeal) if panel is not None)

    def version_of(self, number: int) -> Panel | None:
        """This panel, its fallback or its appeal panel, whichever has this version."""
        return next((panel for panel in self.all if panel.version == number), None)

    @property
    def first(self) -> int:
        """Minor units that one instance costs at most."""
        rounds = [panel.threshold * panel.fee for panel in (self, self.fallback) if panel]
        return max(rounds)

    @property
    def on_appeal(self) -> int:
        """Minor units that the appeal costs on top."""
        return self.appeal.threshold * self.appeal.fee if self.appeal else 0


def panel_named(session: Session, version: int) -> Panel | None:
    """The panel of a version with its appeal and fallback panels; None for 0 and for one that is not registered."""
    row = chain_panel(session, version) if version else None
    if row is None:
        return None
    return Panel(
        row.version,
        tuple(json.loads(row.arbitrators)),
        row.threshold,
        row.fee,
        _alone(session, row.appeal_panel),
        _alone(session, row.fallback_panel),
    )


def _alone(session: Session, version: int) -> Panel | None:
    row = chain_panel(session, version) if version else None
    if row is None:
        return None
    return Panel(row.version, tuple(json.loads(row.arbitrators)), row.threshold, row.fee, None, None)


def current_panel(session: Session) -> Panel | None:
    """What new cases take: the newest version that was not registered to help, and that no other names as its appeal or
    fallback panel."""
    rows = sql.panels(session)
    helping = {version for row in rows for version in (row.appeal_panel, row.fallback_panel)}
    newest = next((row.version for row in rows if row.version not in helping and not _only_helps(session, row)), 0)
    return panel_named(session, newest)


def _only_helps(session: Session, row: ChainPanel) -> bool:
    """Whether it was registered here for others to name; what only the chain knows serves."""
    asked = sql.asked_panel(session, _content(row).id())
    return asked is not None and asked.helper


def panel_for(session: Session, wanted: int | None) -> Panel | None:
    """The panel of a new case; None for a case without one. Raises InvalidInput for a version that is not there."""
    if wanted is None:
        return current_panel(session)
    panel = panel_named(session, wanted)
    if wanted and panel is None:
        raise InvalidInput(
            f"No panel {wanted} is registered.", field="panel", remedy="Leave it out for the current one."
        )
    return panel


def reserve_for(panel: Panel | None, mode: Mode) -> int:
    """Minor units that a case has to set aside, so that every arbitrator's fee is covered. Under a bond there can be
    two instances: before the refund, and after it was challenged."""
    if panel is None or mode is Mode.NONE:
        return 0
    return (2 if mode is Mode.BOND else 1) * panel.first + panel.on_appeal


def require_clear(panel: Panel | None, parties: Parties, consumer: str | None) -> None:
    """Raises InvalidInput where a party of the case would rule on it."""
    sitting = {address for each in panel.all for address in each.arbitrators} if panel else set()
    named = {role: getattr(parties, role) for role in ("merchant", "carrier", "warehouse", "inspector")}
    named["consumer.address"] = consumer
    for field, address in named.items():
        if address in sitting:
            raise InvalidInput(
                f"{address} is an arbitrator of the panel that would rule on this case.",
                field="panel" if field == "merchant" else field,
                remedy="Name another address, or open the case with another panel.",
            )


def panel_answer(session: Session, panel: Panel | None) -> dict[str, Any] | None:
    """A panel as cases show it: who, how many of them, and who takes over."""
    if panel is None:
        return None
    names = names_of(session, {address for each in panel.all for address in each.arbitrators})
    shown = {
        name: _answer(each, names) if each else None
        for name, each in (("own", panel), ("appeal", panel.appeal), ("fallback", panel.fallback))
    }
    return {**(shown["own"] or {}), "appeal": shown["appeal"], "fallback": shown["fallback"]}


def _answer(panel: Panel, names: dict[str, str]) -> dict[str, Any]:
    return {
        "version": panel.version,
        "threshold": panel.threshold,
        "fee_minor": panel.fee,
        "arbitrators": [{"name": names.get(address), "address": address} for address in panel.arbitrators],
    }


# --- registering -----------------------------------------------------------------------------------------------------


def register_panel(app: App, panel: domain.Panel, *, helper: bool = False) -> str:
    """Asks for a new version to be registered by the operator's key, and answers the panel's id. New cases never take a
    `helper`: it waits for another to name it.

    Raises InvalidInput for what the contract would refuse, NotFound for an appeal or fallback panel that is not there,
    Conflict if the very same panel was asked for before.
    """
    domain.check_panel(panel)
    if not 0 <= panel.fee < 2**48:
        raise InvalidInput("The fee is minor units, not negative.", field="fee", remedy="Send such a number.")
    now = app.clock.seconds()
    with app.database.write() as session:
        _check_helpers(session, panel)
        if sql.asked_panel(session, panel.id()) is not None:
            raise Conflict("This very panel was registered before.", field="arbitrators", remedy="Use its version.")
        content = json.dumps(panel.as_json())
        session.add(PanelRow(panel_id=panel.id(), content=content, helper=helper, created_at=now))
        session.flush()
        enqueue(session, "register_panel", panel.id(), now)
    app.wake.set()
    return panel.id()


def version_registered(app: App, panel_id: str) -> int | None:
    """The version that the chain gave a panel; None while it has none."""
    with app.database.read() as session:
        return next((row.version for row in sql.panels(session) if _content(row).id() == panel_id), None)


def list_panels(app: App) -> list[dict[str, Any]]:
    """All registered versions, the newest first; `current` marks the one that new cases take."""
    with app.database.read() as session:
        now = current_panel(session)
        listed = []
        for row in sql.panels(session):
            answer = panel_answer(session, panel_named(session, row.version)) or {}
            listed.append({**answer, "current": now is not None and now.version == row.version})
    return listed


def _content(row: ChainPanel) -> domain.Panel:
    arbitrators = tuple(json.loads(row.arbitrators))
    return domain.Panel(arbitrators, row.threshold, row.appeal_panel, row.fallback_panel, row.fee)


def _check_helpers(session: Session, panel: domain.Panel) -> None:
    for field, version in (("appeal", panel.appeal_panel), ("fallback", panel.fallback_panel)):
        if version and chain_panel(session, version) is None:
            raise NotFound(f"No panel {version} is registered.", field=field, remedy="See `ledger panels list`.")
    above, below = panel_named(session, panel.appeal_panel), panel_named(session, panel.fallback_panel)
    if above is None:
        return
    seats = max(len(panel.arbitrators), len(below.arbitrators) if below else 0)
    votes = max(panel.threshold, below.threshold if below else 0)
    if len(above.arbitrators) <= seats or above.threshold <= votes:
        raise InvalidInput(
            "An appeal panel has more arbitrators and a greater threshold than this one and its fallback.",
            field="appeal",
            remedy="Register a larger panel first, and name that.",
        )
