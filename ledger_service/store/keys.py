"""SQL of accounts and held keys."""

from __future__ import annotations

from sqlmodel import Session, col, select

from .tables import Account, HeldKey, WebhookSecret


def account_by_key_hash(session: Session, key_hash: str) -> Account | None:
    return session.exec(
        select(Account).where(Account.api_key_hash == key_hash, col(Account.disabled_at).is_(None))
    ).first()


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


def webhook_secrets(session: Session, provider: str, account_id: int | None = None) -> list[WebhookSecret]:
    query = select(WebhookSecret).where(WebhookSecret.provider == provider)
    if account_id is not None:
        query = query.where(WebhookSecret.account_id == account_id)
    return list(session.exec(query).all())
