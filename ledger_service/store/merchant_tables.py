"""What a merchant keeps for its own work: saved views, further API keys, its calendar, words to find a person by, and
what its payment provider says was paid. Nothing of it is stated, signed, or read from the chain.

Moments are seconds since 1970 UTC; money is minor units.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from .columns import big


class SavedView(SQLModel, table=True):
    """A list of cases as an account wants to see it again: filters, search and order, under a name."""

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("account_id", "name", name="uq_saved_views_account_name"),)
    view_id: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="accounts.id")
    name: str
    query: str = Field(sa_column=Column(Text, nullable=False))  # JSON of the list's parameters
    created_at: int = Field(sa_column=big(nullable=False))


class ApiKey(SQLModel, table=True):
    """A further API key of an account, beside the one that it was made with. Kept as its SHA-256."""

    __tablename__ = "api_keys"
    key_id: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="accounts.id", index=True)
    name: str
    key_hash: str = Field(unique=True)
    created_at: int = Field(sa_column=big(nullable=False))
    expires_at: int | None = Field(default=None, sa_column=big(nullable=True))
    revoked_at: int | None = Field(default=None, sa_column=big(nullable=True))


class BusinessCalendar(SQLModel, table=True):
    """Which days an account works on: for its own board, never for what a policy promises."""

    __tablename__ = "business_calendars"
    account_id: int = Field(sa_column=Column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False))
    name: str
    weekend: str  # JSON list of ISO 8601 weekdays, 1 is Monday
    holidays: str = Field(sa_column=Column(Text, nullable=False))  # JSON list of dates


class CaseWord(SQLModel, table=True):
    """A keyed hash of a word of the consumer's name, so that a case is found by it while the name stays sealed."""

    __tablename__ = "case_words"
    __table_args__ = (Index("ix_case_words_case_id", "case_id"),)
    word: str = Field(primary_key=True)
    case_id: str = Field(sa_column=Column(ForeignKey("cases.case_id"), primary_key=True))


class ProviderRefund(SQLModel, table=True):
    """A refund as a payment provider's export states it. No reference is kept: the order's is the consumer's."""

    __tablename__ = "provider_refunds"
    __table_args__ = (
        CheckConstraint("status IN ('pending','succeeded','failed','canceled')", name="provider_refund_status"),
        Index("ix_provider_refunds_case_id", "case_id"),
    )
    account_id: int = Field(sa_column=Column(ForeignKey("accounts.id"), primary_key=True, autoincrement=False))
    provider: str = Field(primary_key=True)  # stripe, csv
    refund_id: str = Field(primary_key=True)
    case_id: str | None = Field(default=None, foreign_key="cases.case_id")
    amount_minor: int = Field(sa_column=big(nullable=False))
    currency: str
    status: str
    created_at: int = Field(sa_column=big(nullable=False))  # by the provider
    uploaded_at: int = Field(sa_column=big(nullable=False))
