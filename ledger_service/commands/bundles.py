"""`ledger bundle`: the evidence of a case in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..services.bundles import make_bundle
from ..services.revealing import reveal_by_name
from .context import DataOption, open_installation
from .output import console, reports_errors


@reports_errors
def bundle(
    case: Annotated[str, typer.Argument(help="The case's id.", show_default=False)],
    out: Annotated[Path | None, typer.Option(help="File to write; left out: standard output.")] = None,
    reveal: Annotated[
        list[str] | None,
        typer.Option(help="Personal field to show, such as consumer.name, or all; may be given again."),
    ] = None,
    data: DataOption = None,
) -> None:
    """Writes the evidence bundle of a case. Personal fields stay hidden unless you name them."""
    app = open_installation(data).app
    made = make_bundle(app, case, reveal_by_name(app, case, reveal or ()))
    text = json.dumps(made, indent=1, ensure_ascii=False)
    if out is None:
        typer.echo(text)
        return
    out.write_text(text + "\n", encoding="utf-8")
    console.print(
        f"Wrote {out}. Check it: ledger verify {out} --rpc URL", markup=False, highlight=False, soft_wrap=True
    )
