"""The tables. Models with `table=True` do not validate, so what must hold stands in CHECK constraints.

What people stated and we accepted, and what the workers are doing about it, stands here. What the indexer read from the
chain (`chain_tables.py`), who was told of it (`telling_tables.py`), observations with their log (`log_tables.py`), what
became of personal data (`privacy_tables.py`), who is signed in and who looked at what (`session_tables.py`), and what
merchants keep for their work (`merchant_tables.py`) is named here too.
Hashes, ids and addresses are `0x` hex; moments are seconds since 1970 UTC; money is minor units.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from .chain_tables import (
    CHAIN_TABLES,
    ChainAnchor,
    ChainBalance,
    ChainBlock,
    ChainCase,
    ChainCursor,
    ChainEvent,
    ChainPanel,
    ChainRecord,
    ChainRefusal,
    ChainVote,
)
from .columns import big, raw
from .log_tables import LogCheckpoint, LogTile, ObservationRow, SecondAnchor
from .merchant_tables import ApiKey, BusinessCalendar, CaseWord, ProviderRefund, SavedView
from .privacy_tables import Erasure, Hold, PersonalDataExport, RetiredKey
from .session_tables import AccessRow, SessionRow, UsedNonce
from .telling_tables import EndpointSecret, Mail, TellingCursor, WebhookDelivery, WebhookEndpoint, WebhookEvent

__all__ = [
    "CHAIN_TABLES",
    "AccessRow",
    "Account",
    "ApiKey",
    "BusinessCalendar",
    "CaseKey",
    "CaseRow",
    "CaseWord",
    "ChainAnchor",
    "ChainBalance",
    "ChainBlock",
    "ChainCase",
    "ChainCursor",
    "ChainEvent",
    "ChainPanel",
    "ChainRecord",
    "ChainRefusal",
    "ChainVote",
    "DisclosureRow",
    "EndpointSecret",
    "Erasure",
    "HeldKey",
    "Hold",
    "IdempotentRequest",
    "Lease",
    "LogCheckpoint",
    "LogTile",
    "Mail",
    "ObservationRow",
    "OutboxRow",
    "PanelRow",
    "PersonalDataExport",
    "PreparedCase",
    "PreparedRecord",
    "PreparedVote",
    "ProviderRefund",
    "RecordRow",
    "RetiredKey",
    "SavedView",
    "SecondAnchor",
    "SessionRow",
    "StatusLink",
    "TellingCursor",
    "TransactionRow",
    "UsedNonce",
    "VoteRow",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookEvent",
    "WebhookSecret",
]


# --- who may do what -------------------------------------------------------------------------------------------------


class Account(SQLModel, table=True):
    """A business that holds an API key. The key itself is shown once and kept as its SHA-256."""

    __tablename__ = "accounts"
    __table_args__ = (
        CheckConstraint(
            "role IN ('merchant','carrier','warehouse','inspector','arbitrator','auditor','operator')", name="role"
        ),
        UniqueConstraint("name", "role", name="uq_accounts_name_role"),
    )
    id: int | None = Field(default=None, primary_key=True)
    name: str
    role: str
    address: str = Field(index=True)
    api_key_hash: str = Field(unique=True)
    created_at: int = Field(sa_column=big(nullable=False))
    disabled_at: int | None = Field(default=None, sa_column=big(nullable=True))
    owner_id: int | None = Field(default=None, foreign_key="accounts.id", index=True)  # the merchant that made it


class HeldKey(SQLModel, table=True):
    """A signing key that the service holds for a party without one: a keystore v3 text."""

    __tablename__ = "held_keys"
    address: str = Field(primary_key=True)
    keystore: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=big(nullable=False))


class WebhookSecret(SQLModel, table=True):
    """The secret under which a provider signs one merchant's webhooks, sealed under the master key."""

    __tablename__ = "webhook_secrets"
    __table_args__ = (UniqueConstraint("account_id", "provider", name="uq_webhook_secrets_account_provider"),)
    id: int | None = Field(default=None, primary_key=True)
    account_id: int = Field(foreign_key="accounts.id")
    provider: str
    sealed: bytes = Field(sa_column=raw())
    created_at: int = Field(sa_column=big(nullable=False))


class StatusLink(SQLModel, table=True):
    """A signed link that was handed out; its row lets it be revoked."""

    __tablename__ = "status_links"
    jti: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="cases.case_id", index=True)
    scopes: str
    created_at: int = Field(sa_column=big(nullable=False))
    expires_at: int = Field(sa_column=big(nullable=False))
    revoked_at: int | None = Field(default=None, sa_column=big(nullable=True))


class IdempotentRequest(SQLModel, table=True):
    """An answer that was given, so that the same request gets it again."""

    __tablename__ = "idempotent_requests"
    principal: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    request_hash: str
    status: int
    body: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=big(nullable=False))
    case_id: str | None = Field(default=None, index=True)  # whose erasure takes it along


# --- what was stated -------------------------------------------------------------------------------------------------


class CaseRow(SQLModel, table=True):
    """A case as its opening fixed it. Nothing here changes until it is erased."""

    __tablename__ = "cases"
    __table_args__ = (
        CheckConstraint("mode IN ('none','refund','bond')", name="mode"),
        CheckConstraint("refund_minor > 0 AND freight_minor >= 0 AND reserve_minor >= 0", name="amounts"),
        Index("ix_cases_account_opened", "account_id", "opened_at", "case_id"),
        Index("ix_cases_merchant_opened", "merchant", "opened_at", "case_id"),
    )
    case_id: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="accounts.id")
    merchant: str = Field(index=True)
    carrier: str = Field(index=True)
    warehouse: str = Field(index=True)
    inspector: str = Field(index=True)
    consumer: str
    reference: str = Field(index=True)
    source: str | None = Field(default=None, unique=True)  # of an import: the same source is the same case
    policy: str  # code, such as eu-14
    policy_id: str
    mode: str
    currency: str
    refund_minor: int = Field(sa_column=big(nullable=False))
    freight_minor: int = Field(sa_column=big(nullable=False))
    reserve_minor: int = Field(sa_column=big(nullable=False))
    token: str
    language: str
    country: str | None = None  # the consumer's, ISO 3166-1
    reason_code: str | None = None
    carrier_name: str | None = None
    tracking_index: str | None = Field(default=None, index=True)  # keyed hash of merchant, carrier, tracking code
    consumer_index: str | None = Field(default=None, index=True)  # keyed hash of merchant and the consumer's e-mail
    terms: str = Field(sa_column=Column(Text, nullable=False))  # JSON, as the `requested` record holds them
    opened_at: int = Field(sa_column=big(nullable=False))
    erased_at: int | None = Field(default=None, sa_column=big(nullable=True))


class RecordRow(SQLModel, table=True):
    """A statement that was accepted, with what its signer signed. `seq` is the order of acceptance."""

    __tablename__ = "records"
    __table_args__ = (
        CheckConstraint("key_holder IN ('own','service')", name="key_holder"),
        Index("ix_records_case_seq", "case_id", "seq"),
    )
    seq: int | None = Field(default=None, primary_key=True)
    record_id: str = Field(unique=True)
    case_id: str = Field(foreign_key="cases.case_id")
    kind: str
    role: str
    signer: str
    key_holder: str
    canonical: bytes = Field(sa_column=raw())
    commitment: str = Field(unique=True)
    nonce: int
    valid_until: int = Field(sa_column=big(nullable=False))
    grade: int = 0
    share: int = 0
    fee: int = 0
    signature: bytes = Field(sa_column=raw())
    occurred_at: int = Field(sa_column=big(nullable=False))
    accepted_at: int = Field(sa_column=big(nullable=False))
    receipt: str = Field(sa_column=Column(Text, nullable=False))  # JWS


class PreparedRecord(SQLModel, table=True):
    """A record that waits for its actor's own signature."""

    __tablename__ = "prepared_records"
    record_id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="cases.case_id", index=True)
    canonical: bytes = Field(sa_column=raw())
    act: str = Field(sa_column=Column(Text, nullable=False))  # JSON of the act's fields
    disclosures: bytes = Field(sa_column=raw())  # sealed JSON list
    created_at: int = Field(sa_column=big(nullable=False))


class PreparedCase(SQLModel, table=True):
    """A case that waits for its merchant's own signature: the request and its disclosures, sealed."""

    __tablename__ = "prepared_cases"
    case_id: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="accounts.id")
    canonical: bytes = Field(sa_column=raw())
    valid_until: int = Field(sa_column=big(nullable=False))
    sealed: bytes = Field(sa_column=raw())
    created_at: int = Field(sa_column=big(nullable=False))


class VoteRow(SQLModel, table=True):
    """An arbitrator's vote that was accepted, with what was signed. `seq` is the order of acceptance."""

    __tablename__ = "votes"
    __table_args__ = (
        CheckConstraint("key_holder IN ('own','service')", name="vote_key_holder"),
        CheckConstraint("round BETWEEN 0 AND 4 AND share BETWEEN 0 AND 10000", name="vote_bounds"),
        Index("ix_votes_case_seq", "case_id", "seq"),
    )
    seq: int | None = Field(default=None, primary_key=True)
    vote_id: str = Field(unique=True)
    case_id: str = Field(foreign_key="cases.case_id")
    round: int
    arbitrator: str = Field(index=True)
    share: int
    key_holder: str
    canonical: bytes = Field(sa_column=raw())
    commitment: str = Field(unique=True)
    valid_until: int = Field(sa_column=big(nullable=False))
    signature: bytes = Field(sa_column=raw())
    occurred_at: int = Field(sa_column=big(nullable=False))
    accepted_at: int = Field(sa_column=big(nullable=False))
    receipt: str = Field(sa_column=Column(Text, nullable=False))  # JWS


class PreparedVote(SQLModel, table=True):
    """A vote that waits for its arbitrator's own signature."""

    __tablename__ = "prepared_votes"
    vote_id: str = Field(primary_key=True)
    case_id: str = Field(foreign_key="cases.case_id", index=True)
    canonical: bytes = Field(sa_column=raw())
    vote: str = Field(sa_column=Column(Text, nullable=False))  # JSON of the vote's fields
    disclosures: bytes = Field(sa_column=raw())  # sealed JSON list
    created_at: int = Field(sa_column=big(nullable=False))


class PanelRow(SQLModel, table=True):
    """A panel that was asked to be registered. The chain gives it its version (`ChainPanel`)."""

    __tablename__ = "panels"
    panel_id: str = Field(primary_key=True)  # of its content, so that the same panel twice is one
    content: str = Field(sa_column=Column(Text, nullable=False))  # JSON with the contract's names
    helper: bool = False  # for others to name as appeal or fallback panel: no new case takes it
    created_at: int = Field(sa_column=big(nullable=False))


class DisclosureRow(SQLModel, table=True):
    """A personal field, sealed under its case's key."""

    __tablename__ = "disclosures"
    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="cases.case_id", index=True)
    record_id: str = Field(index=True)
    digest: str = Field(unique=True)
    sealed: bytes = Field(sa_column=raw())


class CaseKey(SQLModel, table=True):
    """The key of a case's disclosures, wrapped by the master key. Destroying the row erases them all."""

    __tablename__ = "case_keys"
    case_id: str = Field(sa_column=Column(ForeignKey("cases.case_id"), primary_key=True))
    wrapped: bytes = Field(sa_column=raw())


# --- what is being done about it -------------------------------------------------------------------------------------


class OutboxRow(SQLModel, table=True):
    """Work for the chain, written in the same transaction as what asks for it.

    `subject` is unique for an action: a record's or vote's id (`open`, `act`, `vote`), a case's id and
    length (`poke`), a case's id (`withdraw`), an account, a token and a sum (`withdraw_credit`), the id of a policy, of
    parties or of a panel (`register_…`), a size of the log (`anchor`). `record_id` is the record's or the vote's.
    `tx_hash` is the root of the transaction that carries it, `writer` the account that sent it: what comes later of its
    case is sent by the same.
    `done` is set by the indexer when it sees the effect, or a refusal. `alone_from` is 0, or, once the chain has undone
    a whole transaction with this in it, the moment from which it is sent again in one of its own.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint(
            "action IN ('open','act','vote','poke','withdraw','withdraw_credit',"
            "'register_policy','register_parties','register_panel','anchor')",
            name="action",
        ),
        UniqueConstraint("action", "subject", name="uq_outbox_action_subject"),
        Index(
            "ix_outbox_undone",
            "action",
            "tx_hash",
            "id",
            sqlite_where=text("done IS 0"),
            postgresql_where=text("done IS false"),
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    action: str
    subject: str
    case_id: str | None = Field(default=None, index=True)
    record_id: str | None = Field(default=None, index=True)
    created_at: int = Field(sa_column=big(nullable=False))
    tx_hash: str | None = Field(default=None, index=True)
    writer: str | None = None
    done: bool = False
    alone_from: int = Field(default=0, sa_column=big(nullable=False, server_default="0"))


class TransactionRow(SQLModel, table=True):
    """An attempt at a transaction of ours, saved whole before it is broadcast.

    `root` is the hash of the first attempt with its nonce. One that pays more is another row with the same root, and
    whichever of them is mined settles them all.
    """

    __tablename__ = "transactions"
    __table_args__ = (
        Index("ix_transactions_writer_nonce", "writer", "nonce"),
        Index(
            "uq_transactions_first",
            "writer",
            "nonce",
            unique=True,
            sqlite_where=text("root = tx_hash"),
            postgresql_where=text("root = tx_hash"),
        ),
    )
    tx_hash: str = Field(primary_key=True)
    root: str = Field(index=True)
    writer: str
    nonce: int
    raw: bytes = Field(sa_column=raw())
    gas_price: int = Field(sa_column=big(nullable=False))
    created_at: int = Field(sa_column=big(nullable=False))
    broadcast_at: int | None = Field(default=None, sa_column=big(nullable=True))
    settled: bool = Field(default=False, index=True)  # mined, or replaced by one that was


class Lease(SQLModel, table=True):
    """Who alone may do something until when: milliseconds since 1970 by the database's clock."""

    __tablename__ = "leases"
    name: str = Field(primary_key=True)
    holder: str
    expires_at: int = Field(sa_column=big(nullable=False))
