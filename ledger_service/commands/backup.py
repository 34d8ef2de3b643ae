"""`ledger backup` and `ledger restore`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from ..clock import SystemClock
from ..installation import installed_settings, settings_of
from ..services.backup import KEY_FOLDERS, make_backup, missing_keys, restore_backup
from ..services.backup import Progress as Tell
from ..store.database import Database
from .context import DataOption, JsonOption
from .output import console, print_json, problems, reports_errors

BackupFile = Annotated[Path, typer.Argument(help="The backup, a zip file.", metavar="FILE")]


@reports_errors
def backup(
    file: BackupFile,
    with_keys: Annotated[bool, typer.Option("--with-keys", help="Put secrets/ and keys/ into it too.")] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Writes what cannot be read from the chain into one file. The service may run meanwhile."""
    settings, _ = installed_settings(data)
    database = Database(settings.database)
    try:
        with _progress() as tell:
            manifest = make_backup(settings.data, database, file, SystemClock(), tell, with_keys=with_keys)
    finally:
        database.close()
    if as_json:
        print_json({"file": str(file), **manifest})
        return
    _say(f"{file}: {_rows(manifest)} rows, at revision {manifest['schema']}.")
    if with_keys:
        _say("It holds the installation's keys: whoever has it can sign as this service and read what is sealed.")
    else:
        _say(f"Not in it: {_named(KEY_FOLDERS)}. Keep a copy of those in another place.")
    if settings.is_local_chain:
        _say(f"Not in it either: the local chain. To keep that, stop the run and copy all of {settings.data} as it is.")


@reports_errors
def restore(file: BackupFile, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Fills an empty database from a backup, all of it or nothing."""
    settings = settings_of(data)
    settings.data.mkdir(parents=True, exist_ok=True)
    database = Database(settings.database)
    try:
        with _progress() as tell:
            manifest = restore_backup(settings.data, database, file, tell, SystemClock().seconds())
    finally:
        database.close()
    missing = missing_keys(settings.data)
    if as_json:
        print_json({"file": str(file), **manifest, "missing": missing})
        return
    _say(f"{_rows(manifest)} rows of {manifest['made_at']} are back.")
    if missing:
        _say(f"Before anything else, put back {_named(missing)}: they are not in this backup.")
    _say("Personal fields stay closed until the chain was read: it says which cases were erased since the backup.")
    _say("So read the chain again and check: ledger rebuild, ledger audit")


def _rows(manifest: dict[str, Any]) -> int:
    return sum(part.get("rows", 0) for part in manifest["parts"])


def _named(folders: tuple[str, ...] | list[str]) -> str:
    return " and ".join(f"{folder}/" for folder in folders)


def _say(line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _progress() -> Iterator[Tell]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=problems, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total)
            bars.update(tasks[what], completed=done)

        yield tell
