"""`ledger audit`: does everything stored agree with itself and with the chain?"""

from __future__ import annotations

from typing import Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..services.audit import audit as run_audit
from .context import DataOption, JsonOption, open_installation
from .output import console, print_json, problems, reports_errors

_SHOWN = 50  # contradictions printed; --json has them all
_COLUMNS = (
    "claimed",
    "in",
    "held",
    "out",
    "balances",
    "locked",
    "due",
    "withdrawn_by_consumers",
    "withdrawn_by_merchants",
)


@reports_errors
def audit(data: DataOption = None, as_json: JsonOption = False) -> None:
    """Computes everything anew and compares database and chain. Exit code 0 only if all agrees."""
    app = open_installation(data).app
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=problems,
        transient=True,
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done, total=total)

        report = run_audit(app, tell)
    if as_json:
        print_json(report)
    else:
        _show(report)
    raise typer.Exit(0 if report["ok"] else 1)


def _show(report: dict[str, Any]) -> None:
    chain = report["chain"]
    console.print(
        f"{report['cases']} cases, {report['records']} records; chain {chain['id']} up to block "
        f"{chain['read_up_to_block']}, contract {chain['contract']}, run by {escape(chain['operator'])}",
        highlight=False,
        soft_wrap=True,
    )
    stages = ", ".join(f"{count} {stage}" for stage, count in report["stages"].items())
    console.print(f"timeline rows: {stages or 'none'}", highlight=False)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("currency")
    for name in _COLUMNS:
        table.add_column(name.replace("_", " "), justify="right")
    for currency, money in report["money"].items():
        table.add_row(currency, *(money.get(name, "-") for name in _COLUMNS))
    console.print(table)
    for problem in report["problems"][:_SHOWN]:
        console.print(_line(problem), style="red", markup=False, highlight=False, soft_wrap=True)
    hidden = len(report["problems"]) - _SHOWN
    if hidden > 0:
        console.print(f"… and {hidden} more (--json has them all)", style="red")
    if report["ok"]:
        console.print("[bold green]Database and chain agree.[/]")
    else:
        console.print(f"[bold red]{len(report['problems'])} contradictions.[/]")


def _line(problem: dict[str, Any]) -> str:
    named = [
        f"{name} {problem[key]}" for name, key in (("case", "case_id"), ("record", "record_id")) if problem.get(key)
    ]
    where = ", ".join(named)
    return f"{where}: {problem['detail']}" if where else str(problem["detail"])
