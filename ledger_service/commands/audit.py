"""`ledger audit`: does everything stored agree with itself and with the chain?"""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from .context import DataOption, JsonOption, open_installation
from .output import console, print_json, problems, reports_errors

_SHOWN = 50  # contradictions printed; --json has them all


CaseArgument = Annotated[str | None, typer.Argument(help="One case alone, by its id; else all, and what they share.")]
QuickOption = Annotated[
    bool, typer.Option("--quick", help="Events, heads, signatures and sums only: no case is replayed.")
]


@reports_errors
def audit(
    case: CaseArgument = None, data: DataOption = None, as_json: JsonOption = False, quick: QuickOption = False
) -> None:
    """Computes everything anew and compares database and chain. Exit code 0 only if all agrees."""
    from ..services.audit import audit as run_audit

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

        report = run_audit(app, tell, quick=quick, case_id=case)
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
    if stages:
        console.print(f"timeline rows: {stages}", highlight=False)
    if report["erased"]:
        console.print(f"{report['erased']} cases were erased; their fingerprints stand", highlight=False)
    for currency, money in report["money"].items():
        if any(any(digit in "123456789" for digit in amount) for amount in money.values()):
            console.print(_money_line(currency, money), highlight=False, soft_wrap=True)
    for problem in report["problems"][:_SHOWN]:
        console.print(_line(problem), style="red", markup=False, highlight=False, soft_wrap=True)
    hidden = len(report["problems"]) - _SHOWN
    if hidden > 0:
        console.print(f"… and {hidden} more (--json has them all)", style="red")
    for meaning in dict.fromkeys(problem["meaning"] for problem in report["problems"]):
        console.print(f"- {meaning}", markup=False, highlight=False, soft_wrap=True)
    if report["ok"]:
        seen = "" if report["replayed"] else " No case was replayed."
        console.print(f"[bold green]Database and chain agree.[/]{seen}")
    else:
        console.print(f"[bold red]{len(report['problems'])} contradictions.[/]")


def _money_line(currency: str, money: dict[str, str]) -> str:
    """One line a currency; one that the escrow does not take has claims only."""
    if "in" not in money:
        return f"{currency}: claimed {money['claimed']}, nothing locked"
    return (
        f"{currency}: claimed {money['claimed']}, in {money['in']}, "
        f"held {money['held']} (balances {money['balances']}, locked {money['locked']}, due {money['due']}), "
        f"out {money['out']} (consumers {money['withdrawn_by_consumers']}, merchants {money['withdrawn_by_merchants']})"
    )


def _line(problem: dict[str, Any]) -> str:
    """Where it stands, as far as that is known, and what is wrong."""
    parts = (
        ("case", "case_id"),
        ("record", "record_id"),
        ("position", "position"),
        ("table", "table"),
        ("row", "row"),
        ("column", "column"),
    )
    named = [f"{name} {problem[key]}" for name, key in parts if key in problem]
    where = ", ".join(named)
    return f"{where}: {problem['detail']}" if where else str(problem["detail"])
