"""`ledger verify` and `ledger bundle`: evidence in one file, and what it proves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding

from ..chain.case_reader import FullReader
from ..chain.rpc import Rpc
from ..domain.checks import Report
from ..domain.strict_json import load_json
from ..errors import InvalidInput
from ..verification import verify_bundle
from .context import DataOption, JsonOption, open_installation
from .output import console, print_json, reports_errors

MAX_BYTES = 64 * 1024 * 1024
EXIT_CODES = {"verified": 0, "failed": 1, "pending": 2}
_STYLES = {"pass": "green", "fail": "bold red", "pending": "yellow", "skipped": "cyan"}
_COLOURS = {"verified": "green", "failed": "red", "pending": "yellow"}


@reports_errors
def verify(
    bundle: Annotated[Path, typer.Argument(help="The bundle's file.", show_default=False)],
    rpc: Annotated[str | None, typer.Option(help="A chain of your own choosing to ask, by its JSON-RPC URL.")] = None,
    block_hash: Annotated[str | None, typer.Option(help="Block that counts as the newest, 0x and 64 digits.")] = None,
    jwks: Annotated[Path | None, typer.Option(help="The service's keys, from its /.well-known/jwks.json.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Checks an evidence bundle. Exit code 0: verified; 1: failed; 2: something is still pending."""
    if block_hash is not None and not _is_hash(block_hash):
        raise InvalidInput(
            f"{block_hash!r} is no block hash.", field="--block-hash", remedy="Give 0x and 64 hex digits."
        )
    content, keys = _read(bundle), _read(jwks) if jwks else None
    asked = Rpc(rpc) if rpc else None
    try:
        reader = FullReader(asked, block_hash) if asked else None
        report = verify_bundle(content, reader, block_hash=block_hash, keys=keys)
    finally:
        if asked:
            asked.close()
    if as_json:
        print_json(report.as_json())
    else:
        show(report)
    raise typer.Exit(EXIT_CODES[report.verdict])


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
    from ..services.bundles import make_bundle

    wanted = set(reveal or ())
    made = make_bundle(open_installation(data).app, case, lambda name: "all" in wanted or name in wanted)
    text = json.dumps(made, indent=1, ensure_ascii=False)
    if out is None:
        typer.echo(text)
        return
    out.write_text(text + "\n", encoding="utf-8")
    console.print(
        f"Wrote {out}. Check it: ledger verify {out} --rpc URL", markup=False, highlight=False, soft_wrap=True
    )


def show(report: Report) -> None:
    """The checks with their reasons, and the verdict."""
    chain = report.chain
    _line(f"Case {report.case_id}")
    _line(f"Chain {chain['id']}, contract {chain['contract']}, run by: {chain['operator']}")
    for check in report.checks:
        said = check.as_json()
        console.print(
            f"[bold]{check.number}[/] [{_STYLES[check.result]}]{check.result:8}[/]{escape(said['name'])}",
            highlight=False,
        )
        console.print(Padding(escape(check.detail), (0, 0, 0, 11)), highlight=False)
    skipped = f", with skipped checks {', '.join(map(str, report.skipped))}" if report.skipped else ""
    console.print(f"[bold {_COLOURS[report.verdict]}]{report.verdict}[/]{skipped}", highlight=False)


def _line(text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _is_hash(text: str) -> bool:
    return len(text) == 66 and text.startswith("0x") and all(digit in "0123456789abcdef" for digit in text[2:])


def _read(path: Path) -> Any:
    """Raises InvalidInput for a file that cannot be read or is no JSON."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InvalidInput(f"{path} is larger than any bundle.", field=str(path), remedy="Is it the right file?")
        data = path.read_bytes()
        load_json(data)  # which judges the depth before the parser meets it
        return json.loads(data, object_pairs_hook=_once)
    except OSError as error:
        raise InvalidInput(
            f"It cannot be read: {error.strerror}.", field=str(path), remedy="Check its name."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput("It is no JSON.", field=str(path), remedy="Ask for the file again.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two members of one name would let two readers see two files."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members
