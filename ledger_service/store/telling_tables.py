"""What people and programs outside are told: mails to consumers, and webhooks to businesses.

Whatever was told of the chain is bound to a record's `head` and `block_number`: when that head is no longer on the
chain, `missing_since` says from when on, and a correction follows.
Hashes, ids and addresses are `0x` hex; moments are seconds since 1970 UTC.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from .columns import big, raw


class TellingCursor(SQLModel, table=True):
    """How far the read model was gone through for what is to be told, by source: the last row's place.

    `block_hash` is None where no row was met since reading went back to that place.
    """

    __tablename__ = "telling_cursors"
    source: str = Field(primary_key=True)
    block_number: int
    log_index: int
    block_hash: str | None = None


class Mail(SQLModel, table=True):
    """A message to a consumer. Its text is made when it is sent, so that no personal data waits here.

    `head` is empty for what was sent before the chain had anything, and ends in `/1`, `/2` for what was said before it
    was called off and came back. `deadline` is what the message names, 0 for none.
    """

    __tablename__ = "mails"
    __table_args__ = (
        UniqueConstraint("case_id", "position", "head", "occasion", name="uq_mails_record_occasion"),
        CheckConstraint("state IN ('due','sent','dropped','failed')", name="mail_state"),
        CheckConstraint("occasion IN ('start','halfway','last_day','correction','again')", name="mail_occasion"),
        Index("ix_mails_state_due", "state", "due_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    case_id: str = Field(foreign_key="cases.case_id", index=True)
    position: int  # of the record that it is about
    head: str = Field(default="", sa_column_kwargs={"server_default": ""})
    occasion: str = Field(default="start", sa_column_kwargs={"server_default": "start"})
    template: str
    block_number: int = Field(default=-1, sa_column_kwargs={"server_default": "-1"})
    deadline: int = Field(default=0, sa_column=big(nullable=False, server_default="0"))
    due_at: int = Field(sa_column=big(nullable=False))
    state: str = Field(default="due", sa_column_kwargs={"server_default": "due"})
    sent_at: int | None = Field(default=None, sa_column=big(nullable=True))
    attempts: int = 0
    last_error: str | None = None
    claimed_until: int = Field(default=0, sa_column=big(nullable=False, server_default="0"))
    missing_since: int | None = Field(default=None, sa_column=big(nullable=True, index=True))
    corrected: bool = Field(default=False, sa_column_kwargs={"server_default": "0"})


class WebhookEndpoint(SQLModel, table=True):
    """Where a business wants to be told. It is told of what stands in blocks above `since_block`.

    `failures` counts those in a row; until `paused_until` nothing is sent. `served_at` gives everybody a turn.
    """

    __tablename__ = "webhook_endpoints"
    id: str = Field(primary_key=True)
    account_id: int = Field(foreign_key="accounts.id", index=True)
    url: str
    description: str = ""
    types: str | None = None  # JSON list of event types; None: all
    since_block: int
    created_at: int = Field(sa_column=big(nullable=False))
    disabled_at: int | None = Field(default=None, sa_column=big(nullable=True))
    failures: int = 0
    paused_until: int = Field(default=0, sa_column=big(nullable=False))
    served_at: int = Field(default=0, sa_column=big(nullable=False))


class EndpointSecret(SQLModel, table=True):
    """A secret under which an endpoint's deliveries are signed, sealed under the master key."""

    __tablename__ = "webhook_endpoint_secrets"
    id: str = Field(primary_key=True)
    endpoint_id: str = Field(
        sa_column=Column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    sealed: bytes = Field(sa_column=raw())
    created_at: int = Field(sa_column=big(nullable=False))
    expires_at: int | None = Field(default=None, sa_column=big(nullable=True))


class WebhookEvent(SQLModel, table=True):
    """Something that happened, as it is told. `about` names it together with `type`; `round` counts how often the same
    was told, taken back, and came again."""

    __tablename__ = "webhook_events"
    __table_args__ = (
        UniqueConstraint("type", "about", "round", name="uq_webhook_events_type_about_round"),
        Index("ix_webhook_events_block", "block_number"),
    )
    id: str = Field(primary_key=True)  # the `webhook-id`, made of type, about and round
    type: str
    about: str  # a head, or what else there is only once
    round: int = 0
    case_id: str | None = Field(default=None, index=True)
    position: int | None = None
    block_number: int | None = None
    payload: str = Field(sa_column=Column(Text, nullable=False))  # JSON, as it is sent
    created_at: int = Field(sa_column=big(nullable=False, index=True))
    missing_since: int | None = Field(default=None, sa_column=big(nullable=True, index=True))
    corrected: bool = False


class WebhookDelivery(SQLModel, table=True):
    """An event on its way to an endpoint. `created_at` is when that began, for the first time or anew; `due_at` is the
    next try; `claimed_until` keeps a second worker from it."""

    __tablename__ = "webhook_deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id", name="uq_webhook_deliveries_endpoint_event"),
        CheckConstraint("state IN ('due','delivered','failed')", name="delivery_state"),
        Index("ix_webhook_deliveries_due", "state", "endpoint_id", "due_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    endpoint_id: str = Field(sa_column=Column(ForeignKey("webhook_endpoints.id", ondelete="CASCADE"), nullable=False))
    event_id: str = Field(sa_column=Column(ForeignKey("webhook_events.id"), nullable=False, index=True))
    state: str = "due"
    created_at: int = Field(sa_column=big(nullable=False))
    due_at: int = Field(sa_column=big(nullable=False))
    attempts: int = 0
    claimed_until: int = Field(default=0, sa_column=big(nullable=False))
    tried_at: int | None = Field(default=None, sa_column=big(nullable=True))
    last_status: int | None = None
    last_error: str | None = None
