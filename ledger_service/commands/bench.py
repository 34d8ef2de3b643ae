"""`ledger bench`: what it costs and how fast it is, beside what else one could use, side by side on this machine.

It starts the chains, databases and processes it needs in a temporary folder, and touches no data.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from ..errors import InvalidInput
from .context import JsonOption
from .output import console, print_json, problems, reports_errors

if TYPE_CHECKING:
    from ..benchmarks.comparing import Row
    from ..benchmarks.gas import Report
    from ..benchmarks.scale import Scale

bench = typer.Typer(
    invoke_without_command=True, help="Measure everything beside what one would use instead; or one part of it."
)

POLICY = "eu-14"  # whose windows the measured cases have
_PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"

SnapshotOption = Annotated[
    Path | None, typer.Option("--snapshot", help="Also write every operation's gas to this file, for the tests.")
]
QuickOption = Annotated[bool, typer.Option("--quick", help="As little as shows that it runs; no figure to go by.")]
RecordsOption = Annotated[
    int | None, typer.Option("--records", min=100, help="How many records the ledger is grown to (100,000).")
]
LongOption = Annotated[bool, typer.Option("--long", help="Grow it to 1,000,000 records.")]
MarkdownOption = Annotated[bool, typer.Option("--markdown", help=f"Also put the table into docs/{_PAGE.name}.")]


@bench.callback()
@reports_errors
def everything(
    context: typer.Context,
    quick: QuickOption = False,
    records: RecordsOption = None,
    long: LongOption = False,
    markdown: MarkdownOption = False,
    as_json: JsonOption = False,
) -> None:
    """Measures every part in one run. Exit code 0 only if every target was measured and holds."""
    if context.invoked_subcommand is not None:
        return
    from ..benchmarks.everything import PARTS

    _run(["gas", *PARTS], _scale(quick, 1_000_000 if long else records), markdown=markdown, as_json=as_json)


@bench.command()
@reports_errors
def gas(snapshot: SnapshotOption = None, as_json: JsonOption = False) -> None:
    """The gas of every operation, from receipts. Exit code 0 only if every target holds."""
    with tempfile.TemporaryDirectory() as folder, problems.status("measuring"):
        report = _measure_gas(Path(folder))
    if snapshot:
        snapshot.write_text(json.dumps(report.operations, indent=1) + "\n", encoding="utf-8")
    if as_json:
        rows = [{**asdict(row), "holds": row.holds} for row in report.rows]
        print_json({"chain": report.client, "operations": report.operations, "comparison": rows})
    else:
        _show_gas(report)
    raise typer.Exit(0 if all(row.holds for row in report.rows) else 1)


@bench.command()
@reports_errors
def pipeline(quick: QuickOption = False, as_json: JsonOption = False) -> None:
    """From the outbox to `recorded`, beside a loop with web3.py."""
    _run(["pipeline"], _scale(quick), as_json=as_json)


@bench.command()
@reports_errors
def http(quick: QuickOption = False, as_json: JsonOption = False) -> None:
    """From an HTTP request to `recorded`, on SQLite and on PostgreSQL."""
    _run(["http"], _scale(quick), as_json=as_json)


@bench.command()
@reports_errors
def status(quick: QuickOption = False, as_json: JsonOption = False) -> None:
    """The status page's answer."""
    _run(["status"], _scale(quick), as_json=as_json)


@bench.command()
@reports_errors
def audit(quick: QuickOption = False, as_json: JsonOption = False) -> None:
    """The audit, from chain events alone and with every signature."""
    _run(["audit"], _scale(quick), as_json=as_json)


@bench.command()
@reports_errors
def proofs(quick: QuickOption = False, as_json: JsonOption = False) -> None:
    """Verifying a proof of inclusion."""
    _run(["proofs"], _scale(quick), as_json=as_json)


@bench.command()
@reports_errors
def log(quick: QuickOption = False, as_json: JsonOption = False) -> None:
    """How the log of observations grows, from 100,000 to 1,000,000 of them."""
    _run(["log"], _scale(quick), as_json=as_json)


@bench.command()
@reports_errors
def growth(
    quick: QuickOption = False, records: RecordsOption = None, long: LongOption = False, as_json: JsonOption = False
) -> None:
    """How figures and memory change from the first 1,000 records to many."""
    _run(["growth"], _scale(quick, 1_000_000 if long else records), as_json=as_json)


def _scale(quick: bool, records: int | None = None) -> Scale:
    from ..benchmarks.scale import FULL, QUICK

    scale = QUICK if quick else FULL
    return replace(scale, grown=records) if records else scale


def _run(names: Sequence[str], scale: Scale, *, markdown: bool = False, as_json: bool = False) -> None:
    """Measures, shows, and ends the command with its verdict."""
    from ..benchmarks import everything as parts
    from ..benchmarks.comparing import all_hold

    with tempfile.TemporaryDirectory(prefix="ledger-bench-") as folder, problems.status("measuring") as progress:
        rows = _gas_rows(Path(folder)) if "gas" in names else []
        chosen = [name for name in names if name in parts.PARTS]
        rows += parts.measure(chosen, Path(folder), scale, lambda part: progress.update(f"measuring: {part}"))
    if markdown:
        _write_page(rows)
    if as_json:
        print_json({"machine": parts.machine(), "rows": [row.as_json() for row in rows], "holds": all_hold(rows)})
    else:
        _show(rows)
    raise typer.Exit(0 if all_hold(rows) else 1)


def _measure_gas(folder: Path) -> Report:
    from ..benchmarks.gas import measure_gas
    from ..services.policies import shipped_policies

    return measure_gas(folder, shipped_policies().by_code(POLICY))


def _gas_rows(folder: Path) -> list[Row]:
    from ..benchmarks.comparing import Figure, Row

    return [
        Row(
            f"gas.{number}",
            row.what,
            "gas",
            "the most that it may be",
            Figure((float(row.ours),)),
            Figure((float(row.target),)),
            1.0,
            "most",
        )
        for number, row in enumerate(_measure_gas(folder / "gas").rows, start=1)
    ]


def _write_page(rows: Sequence[Row]) -> None:
    from ..benchmarks.everything import markdown, put_between_markers

    try:
        page = put_between_markers(_PAGE.read_text(encoding="utf-8"), markdown(rows))
    except (OSError, ValueError) as error:
        raise InvalidInput(f"{_PAGE} cannot take the table: {error}.", field="--markdown") from error
    _PAGE.write_text(page, encoding="utf-8")


def _show(rows: Sequence[Row]) -> None:
    from ..benchmarks.everything import bound_of, shown, verdict

    table = Table("", _right("ours"), _right("theirs"), "beside", _right("ratio"), _right("target"), "")
    for row in rows:
        ours, theirs = (figure.median if figure else None for figure in (row.ours, row.peer))
        colour = {None: "", True: "green", False: "red"}[row.holds]
        said = f"[{colour}]{verdict(row)}[/]" if colour else verdict(row)
        table.add_row(
            f"{row.what}, {row.unit}", shown(ours), shown(theirs), row.peer_is, shown(row.ratio), bound_of(row), said
        )
    console.print(table)


def _show_gas(report: Report) -> None:
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
