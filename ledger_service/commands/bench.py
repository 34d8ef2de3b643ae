"""`ledger bench`: what it costs, beside what else one could use. It starts the chains it needs, and touches no data."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from .context import JsonOption
from .output import console, print_json, problems, reports_errors

if TYPE_CHECKING:
    from ..benchmarks.gas import Report

bench = typer.Typer(no_args_is_help=True, help="Measure the contracts beside what one would use instead.")

POLICY = "eu-14"  # whose windows the measured cases have

SnapshotOption = Annotated[
    Path | None, typer.Option("--snapshot", help="Also write every operation's gas to this file, for the tests.")
]


@bench.callback()
def _group() -> None:
    """Keeps `ledger bench gas` a command of a group, though it is the only one."""


@bench.command()
@reports_errors
def gas(snapshot: SnapshotOption = None, as_json: JsonOption = False) -> None:
    """The gas of every operation, from receipts. Exit code 0 only if every target holds."""
    from ..benchmarks.gas import measure_gas
    from ..services.policies import shipped_policies

    with tempfile.TemporaryDirectory() as folder, problems.status("measuring") as status:
        report = measure_gas(
            Path(folder), shipped_policies().by_code(POLICY), lambda part: status.update(f"measuring: {part}")
        )
    if snapshot:
        snapshot.write_text(json.dumps(report.operations, indent=1) + "\n", encoding="utf-8")
    if as_json:
        rows = [{**asdict(row), "holds": row.holds} for row in report.rows]
        print_json({"chain": report.client, "operations": report.operations, "comparison": rows})
    else:
        _show(report)
    raise typer.Exit(0 if all(row.holds for row in report.rows) else 1)


def _show(report: Report) -> None:
    console.print(f"gas of receipts on {report.client}", highlight=False)
    operations = Table("operation", _right("gas"), title="every operation")
    for name, used in report.operations.items():
        operations.add_row(name, f"{used:,}")
    console.print(operations)
    table = Table(
        "", *map(_right, ("ours", "structs and strings", "attestations", "target")), "", title="beside others"
    )
    for row in report.rows:
        figures = (row.ours, row.naive, row.attestations, row.target)
        shown = ("–" if figure is None else f"{figure:,}" for figure in figures)
        table.add_row(row.what, *shown, "[green]holds[/]" if row.holds else "[red]missed[/]")
    console.print(table)


def _right(title: str) -> Column:
    return Column(title, justify="right")
