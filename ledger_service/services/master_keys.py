"""Rotating the master key: every case's key, and every secret, is sealed under a new one; what cases' keys seal stays.

Killed at any moment, both keys are there and work, and the same command goes on. A service that runs beside it takes
the new key by itself. At the end nothing is under the old key, which is forgotten, and refused from then on.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlmodel import Session

from ..clock import Clock
from ..domain.times import from_chain, rfc3339
from ..errors import IntegrityFailure, LedgerError, Unavailable
from ..master_keys import KeyFile, key_names
from ..sealing import Vault
from ..store.database import Database
from ..store.sealed_rows import (
    SEALED,
    Key,
    SealedColumn,
    replace_sealed,
    retire_keys,
    retired_keys,
    sealed_after,
    wait_for_sealers,
)

AT_ONCE = 500
# Seconds in which what was begun under the old key is kept or given up: a unit of work waits no longer for its turn.
SETTLING = 35.0

Wait = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Rotation:
    """`sealed` counts the rows by table, `retired` names the keys that are over."""

    key: str
    retired: list[str]
    sealed: dict[str, int]


def rotate_master(database: Database, folder: Path, clock: Clock, wait: Wait) -> Rotation:
    """Raises Conflict while another rotation is at work, IntegrityFailure for something that no key in the file opens:
    then both keys stay."""
    file = KeyFile(folder)
    with file.held():
        keys = file.begin()
        vault, counted = Vault(file), Counter[str]()
        _seal_all(database, vault, counted)
        wait(SETTLING)
        _seal_all(database, vault, counted)
        retired = [key.name for key in keys.keys[1:]]
        while not _retire(database, vault, retired, clock.seconds()):
            _seal_all(database, vault, counted)
        file.end()
    return Rotation(keys.current.name, retired, dict(counted))


def _retire(database: Database, vault: Vault, retired: list[str], now: int) -> bool:
    """False, and nothing done, where something was kept under an old key until the very end, as by a unit of work that
    took longer than all others: it is to be sealed again first."""
    with database.write() as session:
        wait_for_sealers(session)
        if any(_has_others(session, vault, where) for where in SEALED):
            return False
        retire_keys(session, retired, now)
    return True


def _has_others(session: Session, vault: Vault, where: SealedColumn) -> bool:
    """Whether anything is under another key than the current one."""
    after: Key | None = None
    while rows := sealed_after(session, where, after, AT_ONCE):
        if not all(vault.is_current(_raw(where, kept)) for _, _, kept in rows):
            return True
        after = rows[-1][0]
    return False


def _raw(where: SealedColumn, kept: Any) -> bytes:
    sealed: bytes = base64.b64decode(kept) if where.is_text else kept
    return sealed


def _seal_all(database: Database, vault: Vault, counted: Counter[str]) -> None:
    for where in SEALED:
        after: Key | None = None
        while True:
            after, changed = _seal_some(database, vault, where, after)
            counted[where.table] += changed
            if after is None:
                break


def _seal_some(database: Database, vault: Vault, where: SealedColumn, after: Key | None) -> tuple[Key | None, int]:
    """The key of the last row that was looked at, None at the end; and how many were sealed anew."""
    with database.write() as session:
        rows = sealed_after(session, where, after, AT_ONCE)
        changed = 0
        for key, about, kept in rows:
            sealed = _raw(where, kept)
            if vault.is_current(sealed):
                continue
            again = _sealed_again(vault, where, about, sealed)
            new: Any = base64.b64encode(again).decode("ascii") if where.is_text else again
            changed += replace_sealed(session, where, key, kept, new)
    return (rows[-1][0] if len(rows) == AT_ONCE else None), changed


def _sealed_again(vault: Vault, where: SealedColumn, about: str, sealed: bytes) -> bytes:
    try:
        if where.is_case_key:
            return vault.wrap(about, vault.unwrap_ungated(about, sealed))
        return vault.seal_secret(about, vault.open_secret(about, sealed))
    except LedgerError as error:
        raise IntegrityFailure(
            f"No master key in the file opens a row of {where.table}, so none is given up.",
            remedy="Add the key that sealed it to secrets/master-key, as a line of its own, or restore that row.",
        ) from error


def require_living_key(database: Database, folder: Path) -> None:
    """Raises Unavailable where the key that would seal is one that was retired: somebody put old secrets back."""
    names = key_names(folder)
    retired = retired_keys(database) if names else {}
    if names and names[0] in retired:
        at = rfc3339(from_chain(retired[names[0]]))
        raise Unavailable(
            f"The master key {names[0]} in {folder.resolve()} was retired at {at}: it opens nothing any more.",
            field="--data",
            remedy="Put back your copy of secrets/ from after that.",
        )
