"""Who is signed in at a console, and who looked at what. Nothing of a token is kept but its SHA-256.

Moments are seconds since 1970 UTC.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel

from .columns import big


class SessionRow(SQLModel, table=True):
    """A session of an account. `key_hash` is that of the API key it was opened with, None where a signature opened it:
    it counts no longer than what opened it does."""

    __tablename__ = "sessions"
    token_hash: str = Field(primary_key=True)
    session_id: str = Field(unique=True)  # for people and logs, since it opens nothing
    account_id: int = Field(foreign_key="accounts.id", index=True)
    key_hash: str | None = None
    created_at: int = Field(sa_column=big(nullable=False))
    last_used_at: int = Field(sa_column=big(nullable=False))
    expires_at: int = Field(sa_column=big(nullable=False, index=True))


class UsedNonce(SQLModel, table=True):
    """The nonce of a sign-in message that was used, kept until the message is over."""

    __tablename__ = "used_nonces"
    nonce: str = Field(primary_key=True)
    expires_at: int = Field(sa_column=big(nullable=False))


class AccessRow(SQLModel, table=True):
    """Somebody was shown personal data: who, of which case and in which form; not what stood in it. `case_id` is None
    for an export, which is of a person and not of a case."""

    __tablename__ = "access_trail"
    __table_args__ = (
        CheckConstraint("(account_id IS NULL) <> (link_jti IS NULL)", name="access_by_one"),
        Index("ix_access_trail_case_id", "case_id", "id"),
    )
    id: int | None = Field(default=None, primary_key=True)
    at: int = Field(sa_column=big(nullable=False, index=True))
    account_id: int | None = Field(default=None, foreign_key="accounts.id", index=True)
    link_jti: str | None = None
    through: str  # api_key, session, link
    kind: str
    case_id: str | None = None
