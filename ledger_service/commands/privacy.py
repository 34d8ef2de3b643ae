"""`ledger erase`, `personal-data` and `scrub`: what a person can ask for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from ..errors import InvalidInput, Unavailable
from ..services.accounts import merchant_named
from ..services.caretaking import clear
from ..services.erasing import erase_case
from ..services.inputs import ErasureInput
from ..services.personal_data import personal_data as data_of
from ..store.scrubbing import scrub as scrub_files
from .context import DataOption, JsonOption, open_installation
from .output import console, print_json, reports_errors

_KEYS = {
    "destroyed": "The key that was held for the consumer is destroyed as well.",
    "kept": "The key that is held for the consumer stays: money was paid to its address.",
    "own": "The consumer signed with a key of their own, which was never here.",
}


@reports_errors
def erase(
    case: Annotated[str, typer.Argument(help="The case's id.", show_default=False)],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Destroys the personal data of an ended case, and records that on the chain."""
    app = open_installation(data).app
    body = erase_case(app, None, case.lower(), ErasureInput())
    cleared = case.lower() in (clear(app) or ())
    if as_json:
        print_json({**body, "cleared": cleared})
        return
    _say(f"The personal data of {body['case_id']} is destroyed; what was signed stays, with its fingerprints.")
    _say(_KEYS[body["consumer_key"]])
    if body["record_id"] is not None:
        _say(f"Record {body['record_id']} says so on the chain once the workers have sent it.")
    if not cleared:
        _say("Something was in the way of clearing the database's files; the workers try again by themselves.")


@reports_errors
def personal_data(
    email: Annotated[str, typer.Option(help="The person's e-mail address.")],
    out: Annotated[Path | None, typer.Option(help="File to write; left out: standard output.")] = None,
    merchant: Annotated[str | None, typer.Option(help="Of this merchant's cases alone.")] = None,
    data: DataOption = None,
) -> None:
    """Writes all that is held about a person as JSON."""
    app = open_installation(data).app
    told = data_of(app, email, merchant_named(app, merchant) if merchant is not None else None)
    text = json.dumps(told, indent=1, ensure_ascii=False)
    if out is None:
        typer.echo(text)
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise InvalidInput(f"It cannot be written: {error.strerror}.", field="--out", remedy="Name another.") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    _say(f"Wrote {out}: {len(told['cases'])} cases. It is all in the clear: send it by a safe way, then delete it.")


@reports_errors
def scrub(data: DataOption = None) -> None:
    """Writes the database's tables anew, so that nothing of what was deleted is left in its files. Others wait."""
    if not scrub_files(open_installation(data).app.database, whole=True):
        raise Unavailable("Somebody else is at the database.", remedy="Try again in a quieter moment.")
    _say("The database's files hold what its tables hold, and nothing else.")


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
