"""SQL of sessions, and of the nonces that were used to begin them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam, delete, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, col, select

from .keys import accounts_by_key_hash
from .tables import Account, HeldKey, SessionRow, UsedNonce

_BY_TOKEN = (
    select(SessionRow, Account)
    .join(Account, col(Account.id) == col(SessionRow.account_id))
    .where(
        col(SessionRow.token_hash).in_(bindparam("hashes", expanding=True)),
        col(Account.disabled_at).is_(None),
        col(SessionRow.expires_at) > bindparam("now"),
        col(SessionRow.last_used_at) > bindparam("idle_since"),
    )
)

Found = Mapping[str, tuple[SessionRow, Account]]


def sessions_by_token_hash(session: Session, hashes: Sequence[str], now: int, idle_since: int) -> Found:
    """The sessions that count, with their accounts: not over, used since a moment, and opened by what still counts."""
    asked = {"hashes": list(hashes), "now": now, "idle_since": idle_since}
    found = session.exec(_BY_TOKEN, params=asked).all() if hashes else []
    keys = accounts_by_key_hash(session, sorted({row.key_hash for row, _ in found if row.key_hash}), now)
    return {
        row.token_hash: (row, account)
        for row, account in found
        if row.key_hash is None or (row.key_hash in keys and keys[row.key_hash].id == account.id)
    }


def sessions_of(session: Session, account_id: int) -> Sequence[SessionRow]:
    """All that are kept of an account, the oldest first."""
    query = select(SessionRow).where(SessionRow.account_id == account_id)
    return session.exec(query.order_by(col(SessionRow.created_at), col(SessionRow.session_id))).all()


def end_sessions(session: Session, account_id: int) -> int:
    """How many there were."""
    return session.execute(delete(SessionRow).where(col(SessionRow.account_id) == account_id)).rowcount  # type: ignore[attr-defined,no-any-return]


def note_use(session: Session, used: Mapping[str, int]) -> None:
    """When sessions were last used, by the hash of their token."""
    for token_hash, moment in used.items():
        later = (col(SessionRow.token_hash) == token_hash) & (col(SessionRow.last_used_at) < moment)
        session.execute(update(SessionRow).where(later).values(last_used_at=moment))


def use_nonce(session: Session, nonce: str, expires_at: int) -> bool:
    """False if it was used. Of two at the same moment one waits here for the other's end (PostgreSQL), or waited for it
    when it began (SQLite)."""
    dialect_insert: Any = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = dialect_insert(UsedNonce).values(nonce=nonce, expires_at=expires_at).on_conflict_do_nothing()
    return cast("CursorResult[Any]", session.execute(statement)).rowcount == 1


def accounts_signing_at(session: Session, address: str) -> Sequence[Account]:
    """The accounts with a key of their own at this address; none where the service holds its key."""
    if session.get(HeldKey, address) is not None:
        return []
    query = select(Account).where(Account.address == address, col(Account.disabled_at).is_(None))
    return session.exec(query.order_by(col(Account.id))).all()
