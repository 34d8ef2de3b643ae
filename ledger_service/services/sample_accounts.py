"""Accounts of a local run's sample businesses and arbitrators. A file keeps their API keys, for trying things out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable

from ..store.keys import account_by_name
from ..store.tables import Account
from .accounts import create_account
from .app import App

KEYS_FILE = "sample-keys.json"  # in the data folder: name to what `ledger keys create --json` prints


def ensure_accounts(app: App, role: str, names: Iterable[str]) -> dict[str, Account]:
    """The accounts of these names, made where they are missing."""
    found = {}
    for name in names:
        with app.database.read() as session:
            account = account_by_name(session, name, role)
        if account is None:
            _keep(app, name, create_account(app, role, name))
            with app.database.read() as session:
                account = account_by_name(session, name, role)
        if account is not None:
            found[name] = account
    return found


def _keep(app: App, name: str, created: dict[str, str]) -> None:
    """Written whole beside the file and moved there, so that a killed run leaves the old one or the new one."""
    path = app.settings.data / KEYS_FILE
    kept = json.loads(path.read_text("utf-8")) if path.exists() else {}
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({**kept, name: created}, file, indent=2)
    fresh.replace(path)
