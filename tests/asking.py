"""Who asks with an API key."""

from __future__ import annotations

from ledger_service.errors import Unauthenticated
from ledger_service.services.accounts import authenticate_all
from ledger_service.services.app import App
from ledger_service.store.tables import Account


def account_of(app: App, api_key: str) -> Account:
    """Raises Unauthenticated for a key that is none."""
    [found] = authenticate_all(app, [api_key])
    if isinstance(found, Unauthenticated):
        raise found
    return found
