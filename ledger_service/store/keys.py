"""SQL of accounts and held keys."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam
from sqlmodel import Session, col, select

from .tables import Account, HeldKey, WebhookSecret

_BY_KEY = select(Account).where(
    col(Account.api_key_hash).in_(bindparam("hashes", expanding=True)), col(Account.disabled_at).is_(None)
)


def accounts_by_key_hash(session: Session, key_hashes: Sequence[str]) -> dict[str, Account]:
    """The accounts whose API keys have these hashes and count."""
    found = session.exec(_BY_KEY, params={"hashes": list(key_hashes)}).all() if key_hashes else []
    return {account.api_key_hash: account for account in found}


def account_by_name(session: Session, name: str, role: str) -> Account | None:
    return session.exec(select(Account).where(Account.name == name, Account.role == role)).first()


def account_by_id(session: Session, account_id: int) -> Account | None:
    return session.get(Account, account_id)


def names_of(session: Session, addresses: set[str]) -> dict[str, str]:
    """Names of the accounts at these addresses; the oldest account of an address names it."""
    rows = session.exec(
        select(Account.address, Account.name)
        .where(col(Account.address).in_(addresses))
        .order_by(col(Account.id).desc())
    )
    return dict(rows.all())


def lock_account(session: Session, account_id: int) -> None:
    """Keeps other units of work that lock this account waiting until this one ends."""
    session.get(Account, account_id, with_for_update=True, populate_existing=True)


def held_key(session: Session, address: str) -> HeldKey | None:
    return session.get(HeldKey, address)


def held_keys(session: Session, addresses: Sequence[str]) -> Sequence[HeldKey]:
    if not addresses:
        return []
    return session.exec(select(HeldKey).where(col(HeldKey.address).in_(addresses))).all()


def webhook_secrets(session: Session, provider: str, account_id: int | None = None) -> list[WebhookSecret]:
    query = select(WebhookSecret).where(WebhookSecret.provider == provider)
    if account_id is not None:
        query = query.where(WebhookSecret.account_id == account_id)
    return list(session.exec(query).all())
