"""Businesses and their API keys."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from ..errors import Conflict, InvalidInput, NotFound, Unauthenticated
from ..store.keys import account_by_name, accounts_by_key_hash, end_further_keys, webhook_secrets
from ..store.sessions import end_sessions
from ..store.tables import Account, WebhookSecret
from .app import App
from .inputs import checked_address
from .sessions import PREFIX as SESSION
from .sessions import accounts_of, hash_of, no_session

ROLES = ("merchant", "carrier", "warehouse", "inspector", "arbitrator", "auditor", "operator")
PROVIDERS = ("easypost",)
_PREFIX = "lk_"  # so that a leaked key can be recognised by a scanner


def create_account(app: App, role: str, name: str, address: str | None = None) -> dict[str, Any]:
    """A new account with its API key, which is shown this once. Without `address` the service holds its signing key.

    Raises InvalidInput for an unknown role or a bad address, Conflict if the name is taken in that role.
    """
    with app.database.write() as session:
        account, api_key = add_account(app, session, role, name, address)
    return {"api_key": api_key, "address": account.address, "role": role, "name": name}


def add_account(
    app: App, session: Session, role: str, name: str, address: str | None, owner_id: int | None = None
) -> tuple[Account, str]:
    """The same in a unit of work, of a merchant that it belongs to; the account, and its key."""
    if role not in ROLES:
        raise InvalidInput(f"{role!r} is no role.", field="role", remedy="Use one of " + ", ".join(ROLES) + ".")
    if not name.strip() or len(name) > 120 or not name.isprintable():
        raise InvalidInput("A name has 1 to 120 printable characters.", field="name", remedy="Send such a name.")
    if address is not None:
        address = _checked(address)
    if account_by_name(session, name, role) is not None:
        raise Conflict(f"There is a {role} named {name!r} already.", field="name", remedy="Choose another name.")
    now, api_key = app.clock.seconds(), new_api_key()
    own = address or app.keys.create(session, now).address
    account = Account(
        name=name, role=role, address=own, api_key_hash=hash_of(api_key), created_at=now, owner_id=owner_id
    )
    session.add(account)
    session.flush()
    return account, api_key


def new_api_key() -> str:
    """One that nobody was told yet."""
    return _PREFIX + secrets.token_urlsafe(32)


def authenticate_all(app: App, credentials: Sequence[str]) -> list[Account | Unauthenticated]:
    """The account of each API key or session's token, or that it is none, asked for at once: the one place where a
    business's bearer becomes its account.

    The look-up is by the SHA-256: a comparison's timing tells nothing of use about 256 random bits.
    """
    hashes = {each: hash_of(each) for each in credentials if each.startswith(_PREFIX)}
    tokens = sorted({each for each in credentials if each.startswith(SESSION)})
    with app.database.read() as session:
        keys = accounts_by_key_hash(session, sorted(set(hashes.values())), app.clock.seconds())
        found = {each: keys[hashed] for each, hashed in hashes.items() if hashed in keys}
        found |= accounts_of(app, session, tokens) if tokens else {}
    return [found.get(each) or (no_session() if each.startswith(SESSION) else _no_key()) for each in credentials]


def _no_key() -> Unauthenticated:
    return Unauthenticated(
        "This API key is not valid.",
        field="Authorization",
        remedy="Send `Authorization: Bearer` with a key from `ledger keys create`.",
    )


def merchant_named(app: App, name: str) -> Account:
    """Raises NotFound if no merchant has this name."""
    with app.database.read() as session:
        account = account_by_name(session, name, "merchant")
    if account is None:
        raise NotFound(
            f"There is no merchant named {name!r}.",
            field="merchant",
            remedy=f"Create it: ledger keys create --role merchant --name {name!r}",
        )
    return account


def renew_api_key(app: App, role: str, name: str) -> dict[str, Any]:
    """A new API key in place of the one before, which ends with all sessions. Raises NotFound for an unknown
    account."""
    api_key = new_api_key()
    with app.database.write() as session:
        account = _named(session, role, name)
        account.api_key_hash = hash_of(api_key)
        session.add(account)
        end_further_keys(session, account.id or 0, app.clock.seconds())
        end_sessions(session, account.id or 0)
        return {"api_key": api_key, "address": account.address, "role": role, "name": name}


def disable_account(app: App, role: str, name: str) -> None:
    """Ends an account's API key and sessions. Its cases go on, and what it signed stays. Raises NotFound for an unknown
    account."""
    with app.database.write() as session:
        account = _named(session, role, name)
        account.disabled_at = account.disabled_at or app.clock.seconds()
        session.add(account)
        end_sessions(session, account.id or 0)


def _named(session: Session, role: str, name: str) -> Account:
    account = account_by_name(session, name, role)
    if account is None:
        raise NotFound(f"There is no {role} named {name!r}.", field="name", remedy="Check role and name.")
    return account


def set_webhook_secret(app: App, account: Account, provider: str, secret: str) -> None:
    """Keeps the secret under which a provider signs this merchant's webhooks, in place of the one before."""
    if provider not in PROVIDERS:
        raise InvalidInput(
            f"No webhooks are taken from {provider!r}.", field="provider", remedy="Use " + " or ".join(PROVIDERS) + "."
        )
    if len(secret) < 6:
        raise InvalidInput("A webhook secret has at least 6 characters.", field="secret", remedy="Choose a longer one.")
    with app.database.write() as session:
        for row in webhook_secrets(session, provider, account.id):
            session.delete(row)
        session.flush()
        session.add(
            WebhookSecret(
                account_id=account.id or 0,
                provider=provider,
                sealed=app.vault.seal_secret(f"{provider}:{account.id}", secret.encode()),
                created_at=app.clock.seconds(),
            )
        )


def _checked(address: str) -> str:
    try:
        return checked_address(address)
    except ValueError as error:
        raise InvalidInput(
            f"{address!r} is no address: {error}.", field="address", remedy="Send it as your wallet shows it."
        ) from error
