"""SQL of accounts and held keys."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, or_, update
from sqlmodel import Session, col, select

from .tables import Account, ApiKey, HeldKey, WebhookSecret

_BY_KEY = select(Account).where(
    col(Account.api_key_hash).in_(bindparam("hashes", expanding=True)), col(Account.disabled_at).is_(None)
)


_BY_FURTHER_KEY = (
    select(ApiKey.key_hash, Account)
    .join(Account, col(Account.id) == col(ApiKey.account_id))
    .where(
        col(ApiKey.key_hash).in_(bindparam("hashes", expanding=True)),
        col(ApiKey.revoked_at).is_(None),
        or_(col(ApiKey.expires_at).is_(None), col(ApiKey.expires_at) > bindparam("now")),
        col(Account.disabled_at).is_(None),
    )
)


def accounts_by_key_hash(session: Session, key_hashes: Sequence[str], now: int) -> dict[str, Account]:
    """The accounts whose API keys have these hashes and count: the first ones, and those that were made beside them."""
    found = session.exec(_BY_KEY, params={"hashes": list(key_hashes)}).all() if key_hashes else []
    accounts = {account.api_key_hash: account for account in found}
    left = [each for each in key_hashes if each not in accounts]
    further = session.exec(_BY_FURTHER_KEY, params={"hashes": left, "now": now}).all() if left else []
    return accounts | dict(further)


def further_keys(session: Session, account_id: int) -> Sequence[ApiKey]:
    """The keys that were made beside an account's first, the oldest first."""
    query = select(ApiKey).where(ApiKey.account_id == account_id)
    return session.exec(query.order_by(col(ApiKey.created_at), col(ApiKey.key_id))).all()


def end_further_keys(session: Session, account_id: int, now: int) -> None:
    """Ends all of them at once."""
    counting = (col(ApiKey.account_id) == account_id) & col(ApiKey.revoked_at).is_(None)
    session.execute(update(ApiKey).where(counting).values(revoked_at=now))


def parties_of(session: Session, owner_id: int) -> Sequence[Account]:
    """The accounts that a merchant made, the oldest first."""
    return session.exec(select(Account).where(Account.owner_id == owner_id).order_by(col(Account.id))).all()


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
