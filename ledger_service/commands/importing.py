"""`ledger import`: returns from files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from ..errors import InvalidInput
from ..services.accounts import merchant_named
from ..services.importing import Escrow, ImportReport, import_online_retail
from .context import DataOption, JsonOption, open_installation
from .output import console, print_json, problems, reports_errors

imports = typer.Typer(no_args_is_help=True, help="Returns from files.")
_MAX_BYTES = 64 * 1024 * 1024
_LOCAL_EMAIL = "customer-{customer}@customers.example"


@imports.command("online-retail")
@reports_errors
def online_retail(
    file: Annotated[Path, typer.Argument(help="Credit notes as the Online Retail data set has them (CSV).")],
    merchant: Annotated[str, typer.Option(help="The merchant whose returns they are.")],
    escrow: Annotated[str, typer.Option(help="refund, bond or none.")] = "none",
    email: Annotated[
        str | None,
        typer.Option(help="Template of consumers' addresses, with {customer}; on a local run with money: made up."),
    ] = None,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """One case a credit note. Lines that are no return are reported; importing twice adds nothing."""
    installed = open_installation(data)
    if escrow not in ("refund", "bond", "none"):
        raise InvalidInput(f"{escrow!r} is no escrow mode.", field="--escrow", remedy="Use refund, bond or none.")
    mode: Escrow = escrow  # type: ignore[assignment]
    local = installed.settings.is_local_chain and not installed.settings.smtp_host
    if email is None and escrow != "none" and local:
        email = _LOCAL_EMAIL  # a reserved name: these mails go into a folder
    account = merchant_named(installed.app, merchant)
    content = _read(file)
    with Progress(console=problems, disable=as_json) as progress:
        task = progress.add_task("Importing credit notes", total=None)
        report = import_online_retail(
            installed.app,
            account,
            content,
            escrow=mode,
            email=email,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if as_json:
        print_json(_as_json(report))
    else:
        _tell(report)
    if report.refused:
        raise typer.Exit(1)


def _read(file: Path) -> bytes:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise InvalidInput(f"{file} has more than 64 MiB.", field="FILE", remedy="Split it.")
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(
            f"{file} cannot be read: {error.strerror}.", field="FILE", remedy="Check the path."
        ) from error


def _as_json(report: ImportReport) -> dict[str, object]:
    return {
        "lines": report.lines,
        "lines_in_cases": report.lines_in_cases,
        "opened": report.opened,
        "known": report.known,
        "refused": report.refused,
        "left": [
            {"line": left.line, "note": left.note, "reason": left.reason.value, "detail": left.detail}
            for left in report.left
        ],
    }


def _tell(report: ImportReport) -> None:
    for left in report.left:
        console.print(
            f"line {left.line} ({left.note}): {left.reason.value}. {left.detail}", markup=False, highlight=False
        )
    for note, reason in report.refused.items():
        console.print(f"note {note} was refused: {reason}", markup=False, highlight=False, style="red")
    console.print(
        f"{report.lines} lines: {report.lines_in_cases} in cases, {len(report.left)} reported above. "
        f"{len(report.opened)} cases opened, {len(report.known)} known from before, {len(report.refused)} refused.",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
