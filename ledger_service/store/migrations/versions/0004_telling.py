"""webhooks out, reminders and corrections by mail"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString()


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=nullable, server_default=default)


def _number(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable, server_default=default)


def _moment(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, server_default=default)


def upgrade() -> None:
    op.create_table(
        "telling_cursors",
        _text("source"),
        _number("block_number"),
        _number("log_index"),
        _text("block_hash", nullable=True),
        sa.PrimaryKeyConstraint("source"),
    )
    _webhooks()
    _mails()


def _webhooks() -> None:
    op.create_table(
        "webhook_events",
        _text("id"),
        _text("type"),
        _text("about"),
        _number("round"),
        _text("case_id", nullable=True),
        _number("position", nullable=True),
        _number("block_number", nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        _moment("created_at"),
        _moment("missing_since", nullable=True),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("type", "about", "round", name="uq_webhook_events_type_about_round"),
    )
    op.create_table(
        "webhook_endpoints",
        _text("id"),
        _number("account_id"),
        _text("url"),
        _text("description"),
        _text("types", nullable=True),
        _number("since_block"),
        _moment("created_at"),
        _moment("disabled_at", nullable=True),
        _number("failures"),
        _moment("paused_until"),
        _moment("served_at"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "webhook_deliveries",
        _number("id"),
        _text("endpoint_id"),
        _text("event_id"),
        _text("state"),
        _moment("created_at"),
        _moment("due_at"),
        _number("attempts"),
        _moment("claimed_until"),
        _moment("tried_at", nullable=True),
        _number("last_status", nullable=True),
        _text("last_error", nullable=True),
        sa.CheckConstraint("state IN ('due','delivered','failed')", name="delivery_state"),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoints.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["event_id"], ["webhook_events.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("endpoint_id", "event_id", name="uq_webhook_deliveries_endpoint_event"),
    )
    op.create_table(
        "webhook_endpoint_secrets",
        _text("id"),
        _text("endpoint_id"),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _moment("created_at"),
        _moment("expires_at", nullable=True),
        sa.ForeignKeyConstraint(["endpoint_id"], ["webhook_endpoints.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    for name, table, columns in (
        ("ix_webhook_events_block", "webhook_events", ["block_number"]),
        ("ix_webhook_events_case_id", "webhook_events", ["case_id"]),
        ("ix_webhook_events_created_at", "webhook_events", ["created_at"]),
        ("ix_webhook_events_missing_since", "webhook_events", ["missing_since"]),
        ("ix_webhook_endpoints_account_id", "webhook_endpoints", ["account_id"]),
        ("ix_webhook_deliveries_due", "webhook_deliveries", ["state", "endpoint_id", "due_at"]),
        ("ix_webhook_deliveries_event_id", "webhook_deliveries", ["event_id"]),
        ("ix_webhook_endpoint_secrets_endpoint_id", "webhook_endpoint_secrets", ["endpoint_id"]),
    ):
        op.create_index(name, table, columns)


def _mails() -> None:
    """Mails from before keep an empty head: the notifier gives them the one of the record that they were about."""
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.drop_constraint("uq_mails_case_position", type_="unique")
        for column in (
            _text("head", default=""),
            _text("occasion", default="start"),
            _number("block_number", default="-1"),
            _moment("deadline", default="0"),
            _text("state", default="due"),
            _moment("claimed_until", default="0"),
            _moment("missing_since", nullable=True),
            sa.Column("corrected", sa.Boolean(), server_default="0", nullable=False),
        ):
            batch_op.add_column(column)
        batch_op.create_unique_constraint("uq_mails_record_occasion", ["case_id", "position", "head", "occasion"])
        batch_op.create_check_constraint("mail_state", "state IN ('due','sent','dropped','failed')")
        batch_op.create_check_constraint(
            "mail_occasion", "occasion IN ('start','halfway','last_day','correction','again')"
        )
    op.create_index("ix_mails_missing_since", "mails", ["missing_since"])
    op.create_index("ix_mails_state_due", "mails", ["state", "due_at"])
    op.execute(sa.text("UPDATE mails SET state = 'sent' WHERE sent_at IS NOT NULL"))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM mails WHERE occasion <> 'start'"))
    op.execute(
        sa.text(
            "DELETE FROM mails WHERE id NOT IN (SELECT newest FROM"
            " (SELECT MAX(id) AS newest FROM mails GROUP BY case_id, position) AS kept)"
        )
    )
    op.drop_index("ix_mails_state_due", table_name="mails")
    op.drop_index("ix_mails_missing_since", table_name="mails")
    with op.batch_alter_table("mails", schema=None) as batch_op:
        batch_op.drop_constraint("mail_state", type_="check")
        batch_op.drop_constraint("mail_occasion", type_="check")
        batch_op.drop_constraint("uq_mails_record_occasion", type_="unique")
        for name in (
            *("head", "occasion", "block_number", "deadline", "state"),
            *("claimed_until", "missing_since", "corrected"),
        ):
            batch_op.drop_column(name)
        batch_op.create_unique_constraint("uq_mails_case_position", ["case_id", "position"])
    for table in ("webhook_deliveries", "webhook_endpoint_secrets", "webhook_endpoints", "webhook_events"):
        op.drop_table(table)
    op.drop_table("telling_cursors")
