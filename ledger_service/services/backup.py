"""Backups: one zip file with the rows of each table that cannot be read from the chain, and the files they go with.

The rows come from one snapshot, so that the service may run meanwhile, and are the same from either kind of database: a
backup also moves an installation from SQLite to PostgreSQL and back. `manifest.json` says what each part is to hash to.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from ..clock import Clock
from ..config import Settings
from ..domain.times import rfc3339
from ..errors import Conflict, InvalidInput, Unavailable
from ..master_keys import INDEX, key_names
from ..store.archive import Loading, archived_tables, columns_of, count_rows, has_accounts, require_empty, rows_of
from ..store.chain_facts import read_cursor
from ..store.database import Database
from ..store.migrate import require_current, revisions
from ..store.privacy import RESTORED
from ..store.sealed_rows import retired_keys
from .master_keys import require_living_key

FORMAT = 1
MANIFEST = "manifest.json"
KEY_FOLDERS = ("secrets", "keys")
SECRETS, PASSWORD = ("master-key", "token-keys.json"), "keystore-password"
_FILES = ("installation.json", "deployments/*.json")
_KEYS = tuple(f"{folder}/*" for folder in KEY_FOLDERS)
_PART = re.compile(r"tables/[a-z_]+\.jsonl|files/(installation\.json|(deployments|secrets|keys)/[\w.-]*[\w-])")
_PRIVATE = 0o600
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, TypeError, ValueError, NotImplementedError)

Manifest = dict[str, Any]
Progress = Callable[[str, int, int], None]  # what is being copied, how many rows of it, of how many


class _Counted:
    """A part of the archive on its way in or out: what passes is counted and hashed."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._hash, self.bytes = stream, hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self._stream.write(data)
        self._count(data)

    def lines(self) -> Iterator[bytes]:
        for line in self._stream:
            self._count(line)
            yield line

    def _count(self, data: bytes) -> None:
        self._hash.update(data)
        self.bytes += len(data)

    @property
    def said(self) -> dict[str, Any]:
        return {"bytes": self.bytes, "sha256": self._hash.hexdigest()}


# --- making one ------------------------------------------------------------------------------------------------------


def make_backup(
    data: Path, database: Database, file: Path, clock: Clock, tell: Progress, *, with_keys: bool = False
) -> Manifest:
    """Writes a backup and reads it again; answers its manifest. The file is there whole or not at all.

    Raises Conflict if there is such a file already, Unavailable for tables of another release.
    """
    if file.exists():
        raise Conflict(f"{file} is there already.", field="FILE", remedy="Name a new one.")
    require_current(database)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC, _PRIVATE)
        with os.fdopen(descriptor, "w+b") as stream:
            _write(stream, data, database, clock.now(), tell, with_keys=with_keys)
            stream.flush()
            os.fsync(stream.fileno())
        manifest = check_backup(temporary)
        temporary.replace(file)
    except OSError as error:
        raise InvalidInput(f"It cannot be written: {error.strerror}.", field="FILE", remedy="Name another.") from error
    finally:
        temporary.unlink(missing_ok=True)
    return manifest


def _write(
    stream: IO[bytes], data: Path, database: Database, now: datetime, tell: Progress, *, with_keys: bool
) -> None:
    parts: list[dict[str, Any]] = []
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        with database.unhurried() as patient, patient.read() as session:
            at = read_cursor(session)
            for name in archived_tables():
                total = count_rows(session, name)
                with _part(archive, f"tables/{name}.jsonl", parts) as part:
                    part.write(_line(columns_of(name)))
                    for number, row in enumerate(rows_of(session, name)):
                        part.write(_line(row))
                        tell(name, number + 1, total)
                parts[-1]["rows"] = total
        for path in _files_of(data, with_keys=with_keys):
            with _part(archive, f"files/{path.relative_to(data).as_posix()}", parts) as part:
                part.write(path.read_bytes())
        manifest = {
            "format": FORMAT,
            "schema": revisions()[-1],
            "made_at": rfc3339(now),
            "database": "sqlite" if database.is_sqlite else "postgresql",
            "read_up_to_block": at.block_number if at else None,
            "with_keys": with_keys,
            "master_keys": key_names(data / "secrets"),
            "parts": parts,
        }
        archive.writestr(MANIFEST, json.dumps(manifest, indent=2))


@contextmanager
def _part(archive: zipfile.ZipFile, name: str, parts: list[dict[str, Any]]) -> Iterator[_Counted]:
    with archive.open(name, "w", force_zip64=True) as stream:
        part = _Counted(stream)
        yield part
    parts.append({"name": name, **part.said})


def _files_of(data: Path, *, with_keys: bool) -> list[Path]:
    patterns = _FILES + _KEYS if with_keys else _FILES
    return [path for pattern in patterns for path in sorted(data.glob(pattern)) if path.is_file()]


def _line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass") + b"\n"


# --- reading one -----------------------------------------------------------------------------------------------------


@contextmanager
def _open(file: Path) -> Iterator[zipfile.ZipFile]:
    """Raises InvalidInput for what is no backup, or a damaged one."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except OSError as error:
        raise InvalidInput(f"It cannot be read: {error.strerror}.", field="FILE", remedy="Name a backup.") from error
    except _DAMAGE as error:
        raise InvalidInput(
            f"This is no backup, or it is damaged: {error}", field="FILE", remedy="Take another copy of it."
        ) from error


def check_backup(file: Path) -> Manifest:
    """The manifest, once every part is there, holds what it says, and nothing else is there. Raises InvalidInput."""
    with _open(file) as archive:
        manifest: Manifest = json.loads(archive.read(MANIFEST))
        if manifest["format"] != FORMAT:
            raise ValueError(f"its format is {manifest['format']}, not {FORMAT}")
        said = {part["name"]: part for part in manifest["parts"]}
        held = archive.namelist()
        if sorted(held) != sorted([MANIFEST, *said]):
            raise ValueError("its parts are not those that it names")
        for name, part in said.items():
            if not _PART.fullmatch(name):
                raise ValueError(f"{name} is no part of a backup")
            _check_part(archive, name, part)
    return manifest


def _check_part(archive: zipfile.ZipFile, name: str, said: dict[str, Any]) -> None:
    with archive.open(name) as stream:
        counted = _Counted(stream)
        lines = sum(1 for _ in counted.lines())
    found = counted.said if "rows" not in said else {**counted.said, "rows": lines - 1}
    if any(said[key] != value for key, value in found.items()):
        raise ValueError(f"{name} is not what it was")


def restore_backup(data: Path, database: Database, file: Path, tell: Progress, now: int = 0) -> Manifest:
    """Fills an empty database from a backup, and puts its files into the folder: all of it or nothing. Answers the
    manifest. Personal fields stay closed until the chain has said which cases were erased since.

    Raises InvalidInput for a damaged backup, Conflict for one by a later release, for a database that is not empty, for
    a file that is there and says otherwise, and for secrets that open nothing of it.
    """
    manifest = check_backup(file)
    if manifest["schema"] not in revisions():
        raise Conflict(
            f"The backup is of a later release, at {manifest['schema']}.",
            field="FILE",
            remedy="Install that release, or a newer one.",
        )
    require_empty(database)
    _require_its_keys(manifest, data)
    with _open(file) as archive:
        placed = _place_files(archive, manifest, data)
        try:
            _fill(archive, manifest, database, tell, now)
        except BaseException:
            for path in placed:
                path.unlink(missing_ok=True)
            raise
    return manifest


def _require_its_keys(manifest: Manifest, data: Path) -> None:
    """The folder may have no keys yet, but not others alone than the backup was sealed with."""
    present, wanted = key_names(data / "secrets"), manifest.get("master_keys", [])
    missing = [name for name in wanted if name not in present]
    if present and missing:
        raise Conflict(
            f"The backup was sealed under the master key {missing[0]}, and secrets/ has {' and '.join(present)} alone.",
            field="FILE",
            remedy="Add that key to secrets/master-key as a line of its own, from your copy of that time; afterwards "
            "`ledger keys rotate-master` does without it. If it was destroyed, this backup is past reading.",
        )


def _fill(archive: zipfile.ZipFile, manifest: Manifest, database: Database, tell: Progress, now: int) -> None:
    with database.unhurried() as patient, patient.write() as session:
        loading = Loading(session.connection(), manifest["schema"])
        for part in manifest["parts"]:
            if "rows" not in part:
                continue
            name = Path(part["name"]).stem
            with archive.open(part["name"]) as stream:
                columns = json.loads(stream.readline())
                loading.load(name, columns, _rows(stream, name, part["rows"], tell))
        loading.finish()
        loading.keep("holds", {"name": RESTORED, "since": now})


def _rows(stream: IO[bytes], name: str, total: int, tell: Progress) -> Iterator[list[Any]]:
    for number, line in enumerate(stream):
        yield json.loads(line.decode("utf-8", "surrogatepass"))
        tell(name, number + 1, total)


def _place_files(archive: zipfile.ZipFile, manifest: Manifest, data: Path) -> list[Path]:
    """Puts the files in place; answers those that were not there before."""
    wanted = {
        data / part["name"].removeprefix("files/"): archive.read(part["name"])
        for part in manifest["parts"]
        if part["name"].startswith("files/")
    }
    for path, content in wanted.items():
        with suppress(FileNotFoundError):
            if path.read_bytes() != content:
                raise Conflict(
                    f"{path} is there already and says otherwise.", field="--data", remedy="Name an empty folder."
                )
    new = [path for path in wanted if not path.exists()]
    for path in new:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.tmp")
        temporary.touch(_PRIVATE if path.parent.name in KEY_FOLDERS else 0o644)
        temporary.write_bytes(wanted[path])
        temporary.replace(path)
    return new


def require_secrets(settings: Settings, database: Database) -> None:
    """Raises Unavailable where secrets are missing with which the database was filled: new ones would open nothing of
    it, and nobody would notice for a while."""
    folder = settings.data / "secrets"
    wanted = [settings.key_password_file or folder / PASSWORD, *(folder / name for name in SECRETS)]
    if retired_keys(database):
        wanted.append(folder / INDEX)
    missing = ", ".join(path.name for path in wanted if not path.exists())
    if missing and has_accounts(database):
        raise Unavailable(
            f"{folder.resolve()} lacks {missing}, with which the database was filled.",
            field="--data",
            remedy=f"Put your copy of secrets/ and keys/ into {settings.data.resolve()} first; none are made anew.",
        )
    require_living_key(database, folder)


def missing_keys(data: Path) -> list[str]:
    """The folders without which sealed fields stay sealed and nothing is sent."""
    return [folder for folder in KEY_FOLDERS if not any((data / folder).glob("*"))]
