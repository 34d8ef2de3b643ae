"""`ledger bundle`: the evidence of a case in one file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..services.app import App
from ..services.bundles import make_bundle
from ..services.evidence import Show
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
    pdf: Annotated[Path | None, typer.Option(help="PDF for people to write, with the bundle inside.")] = None,
    data: DataOption = None,
) -> None:
    """Writes the evidence bundle of a case. Personal fields stay hidden unless you name them."""
    app = open_installation(data).app
    show = reveal_by_name(app, case, reveal or ())
    if pdf is not None:
        from ..services.pdf_bundle import case_pdf

        pdf.write_bytes(case_pdf(app, case, show))
        _say(f"Wrote {pdf}. The bundle inside is what ledger verify checks.")
    if out is not None:
        out.write_text(_text(app, case, show) + "\n", encoding="utf-8")
        _say(f"Wrote {out}. Check it: ledger verify {out} --rpc URL")
    if pdf is None and out is None:
        typer.echo(_text(app, case, show))


def _text(app: App, case: str, show: Show) -> str:
    return json.dumps(make_bundle(app, case, show), indent=1, ensure_ascii=False)


def _say(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
