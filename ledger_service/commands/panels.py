"""`ledger panels`: who rules on the disputes of future cases."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ..chain.rpc import wait_until
from ..domain.panels import Panel
from ..errors import InvalidInput, Unavailable
from ..services.inputs import checked_address
from ..services.panels import list_panels, register_panel, version_registered
from .context import DataOption, JsonOption, open_installation
from .output import console, print_json, reports_errors

panels = typer.Typer(no_args_is_help=True, help="Panels of arbitrators.")


@panels.command("register")
@reports_errors
def register(
    arbitrators: Annotated[str, typer.Option(help="Their addresses, with commas between.")],
    threshold: Annotated[int, typer.Option(help="Votes that decide; odd.")],
    fee: Annotated[int, typer.Option(help="Minor units of a case's currency for each vote that counts.")] = 0,
    appeal: Annotated[int, typer.Option(help="Version of the larger panel for appeals; 0 for none.")] = 0,
    fallback: Annotated[int, typer.Option(help="Version that takes over from a silent one; 0 for none.")] = 0,
    helper: Annotated[bool, typer.Option("--helper", help="For others to name: no new case takes it.")] = False,
    wait: Annotated[int, typer.Option(help="Seconds to wait for the version; a worker has to be running.")] = 60,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Asks for a new version and waits for its number. Cases that are open keep the panel they opened with.

    Register the panels that others name first, with --helper: new cases take the newest panel that is none.
    """
    app = open_installation(data).app
    panel = Panel(tuple(_addresses(arbitrators)), threshold, appeal, fallback, fee)
    panel_id = register_panel(app, panel, helper=helper)
    if not wait_until(lambda: version_registered(app, panel_id) is not None, seconds=wait):
        raise Unavailable(
            "The panel is not on the chain yet.",
            field="--wait",
            remedy="It is kept, and registered as soon as a worker runs: see `ledger panels list`.",
        )
    version = version_registered(app, panel_id)
    if as_json:
        print_json({"panel_id": panel_id, "version": version})
    else:
        console.print(f"Panel {version} is registered.", markup=False, highlight=False)


@panels.command("list")
@reports_errors
def list_(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Shows all versions, the newest first."""
    found = list_panels(open_installation(data).app)
    if as_json:
        print_json({"panels": found})
        return
    for panel in found:
        console.print(_in_words(panel), markup=False, highlight=False, soft_wrap=True)
    if not found:
        console.print("No panel is registered: disputes that nobody settles end in the consumer's favour.")


def _addresses(text: str) -> list[str]:
    try:
        return [checked_address(part.strip()) for part in text.split(",")]
    except ValueError as error:
        raise InvalidInput(
            f"One of these is no address: {error}.", field="--arbitrators", remedy="Send them as wallets show them."
        ) from error


def _in_words(panel: dict[str, Any]) -> str:
    seats = ", ".join(f"{each['name'] or 'unnamed'} {each['address']}" for each in panel["arbitrators"])
    others = [f"{name} {panel[name]['version']}" for name in ("appeal", "fallback") if panel[name]]
    current = " (new cases take it)" if panel["current"] else ""
    ending = f"; {', '.join(others)}" if others else ""
    return f"Panel {panel['version']}{current}: {panel['threshold']} of {seats}; fee {panel['fee_minor']}{ending}"
