"""Registering panels: what is refused before the contract would, and what is asked of the chain."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from sqlmodel import col, select

from ledger_service.domain.panels import Panel
from ledger_service.errors import Conflict, InvalidInput, LedgerError, NotFound
from ledger_service.services.app import App
from ledger_service.services.local_panels import ensure_panels
from ledger_service.services.panels import list_panels, register_panel, version_registered
from ledger_service.store.tables import ChainPanel, OutboxRow, PanelRow

SEATS = tuple("0x" + f"{number:040x}" for number in range(1, 8))
THREE = Panel(SEATS[:3], 3, fee=50)


def index(app: App, panel: Panel, version: int) -> None:
    """As the indexer reads a registered panel."""
    with app.database.write() as session:
        session.add(
            ChainPanel(
                version=version,
                arbitrators=json.dumps(list(panel.arbitrators)),
                threshold=panel.threshold,
                appeal_panel=panel.appeal_panel,
                fallback_panel=panel.fallback_panel,
                fee=panel.fee,
                block_number=1,
                tx_hash="0x" + "aa" * 32,
            )
        )


def test_registered_panel_is_asked_for_once_and_gets_its_version_from_the_chain(app: App) -> None:
    panel_id = register_panel(app, THREE)
    assert version_registered(app, panel_id) is None
    with app.database.read() as session:
        (work,) = session.exec(select(OutboxRow)).all()
    assert (work.action, work.subject) == ("register_panel", panel_id)
    with pytest.raises(Conflict):
        register_panel(app, THREE)
    index(app, THREE, 1)
    assert version_registered(app, panel_id) == 1


@pytest.mark.parametrize(
    ("panel", "error", "field"),
    [
        (replace(THREE, arbitrators=()), InvalidInput, "arbitrators"),
        (replace(THREE, arbitrators=(SEATS[0], SEATS[0], SEATS[1])), InvalidInput, "arbitrators"),
        (replace(THREE, threshold=2), InvalidInput, "threshold"),
        (replace(THREE, threshold=5), InvalidInput, "threshold"),
        (replace(THREE, fee=-1), InvalidInput, "fee"),
        (replace(THREE, fee=2**48), InvalidInput, "fee"),
        (replace(THREE, appeal_panel=7), NotFound, "appeal"),
        (replace(THREE, fallback_panel=7), NotFound, "fallback"),
        (replace(THREE, appeal_panel=1), InvalidInput, "appeal"),
    ],
)
def test_panel_that_the_contract_would_refuse_is_refused(
    app: App, panel: Panel, error: type[LedgerError], field: str
) -> None:
    index(app, Panel(SEATS[3:6], 3), 1)  # no larger than the three that name it
    with pytest.raises(error) as raised:
        register_panel(app, panel)
    assert raised.value.field == field
    with app.database.read() as session:
        assert session.exec(select(OutboxRow)).all() == []


def test_list_marks_the_panel_that_new_cases_take(app: App) -> None:
    index(app, Panel(SEATS, 7), 1)
    index(app, replace(THREE, appeal_panel=1), 2)
    index(app, Panel(SEATS[:5], 5), 3)
    index(app, replace(THREE, appeal_panel=3), 4)
    assert [(panel["version"], panel["current"]) for panel in list_panels(app)] == [
        (4, True),
        (3, False),
        (2, False),
        (1, False),
    ]


def test_panel_registered_to_help_serves_no_new_case(app: App) -> None:
    index(app, THREE, 1)
    larger, other = Panel(SEATS, 7), Panel(SEATS[3:6], 3)
    register_panel(app, larger, helper=True)
    register_panel(app, other)
    index(app, larger, 2)
    assert [panel["version"] for panel in list_panels(app) if panel["current"]] == [1]
    index(app, other, 3)
    assert [panel["version"] for panel in list_panels(app) if panel["current"]] == [3]


def test_local_run_killed_between_its_panels_goes_on(app: App) -> None:
    versions = iter(range(1, 4))

    def settle() -> None:
        with app.database.read() as session:
            asked = session.exec(select(PanelRow).order_by(col(PanelRow.created_at))).all()
            contents = [Panel.from_json(json.loads(row.content)) for row in asked]
        for content in contents:
            if version_registered(app, content.id()) is None:
                index(app, content, next(versions))

    class Killed(Exception):
        pass

    def killed() -> None:
        settle()
        if list_panels(app):
            raise Killed

    with pytest.raises(Killed):
        ensure_panels(app, killed)
    ensure_panels(app, settle)
    assert [(panel["version"], panel["current"]) for panel in list_panels(app)] == [
        (3, True),
        (2, False),
        (1, False),
    ]
