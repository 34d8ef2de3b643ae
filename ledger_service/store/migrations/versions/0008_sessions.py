"""sessions, who looked at what, and what merchants keep for their own work"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString()
_COUNTRY = {
    "sqlite": "json_extract(CAST(r.canonical AS TEXT), '$.data.consumer.country')",
    "postgresql": "convert_from(r.canonical, 'UTF8')::jsonb #>> '{data,consumer,country}'",
}


def upgrade() -> None:
    _sessions()
    _access_trail()
    _kept_by_accounts()
    _kept_of_cases()
    _more_of_cases()
    # Neither database writes the table anew for this, which others refer to.
    op.execute("ALTER TABLE accounts ADD COLUMN owner_id INTEGER REFERENCES accounts (id)")
    op.create_index("ix_accounts_owner_id", "accounts", ["owner_id"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_hash", _TEXT, nullable=False),
        sa.Column("session_id", _TEXT, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key_hash", _TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("last_used_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("token_hash"),
        sa.UniqueConstraint("session_id"),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "used_nonces",
        sa.Column("nonce", _TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("nonce"),
    )


def _access_trail() -> None:
    op.create_table(
        "access_trail",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("link_jti", _TEXT, nullable=True),
        sa.Column("through", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("case_id", _TEXT, nullable=True),
        sa.CheckConstraint("(account_id IS NULL) <> (link_jti IS NULL)", name="access_by_one"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_access_trail_at", "access_trail", ["at"])
    op.create_index("ix_access_trail_account_id", "access_trail", ["account_id"])
    op.create_index("ix_access_trail_case_id", "access_trail", ["case_id", "id"])


def _kept_by_accounts() -> None:
    op.create_table(
        "saved_views",
        sa.Column("view_id", _TEXT, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("view_id"),
        sa.UniqueConstraint("account_id", "name", name="uq_saved_views_account_name"),
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", _TEXT, nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("key_hash", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("key_id"),
        sa.UniqueConstraint("key_hash"),
    )
    op.create_index("ix_api_keys_account_id", "api_keys", ["account_id"])
    op.create_table(
        "business_calendars",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("weekend", _TEXT, nullable=False),
        sa.Column("holidays", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("account_id"),
    )


def _kept_of_cases() -> None:
    op.create_table(
        "case_words",
        sa.Column("word", _TEXT, nullable=False),
        sa.Column("case_id", _TEXT, nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"]),
        sa.PrimaryKeyConstraint("word", "case_id"),
    )
    op.create_index("ix_case_words_case_id", "case_words", ["case_id"])
    op.create_table(
        "provider_refunds",
        sa.Column("account_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("provider", _TEXT, nullable=False),
        sa.Column("refund_id", _TEXT, nullable=False),
        sa.Column("case_id", _TEXT, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", _TEXT, nullable=False),
        sa.Column("status", _TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status IN ('pending','succeeded','failed','canceled')", name="provider_refund_status"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"]),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"]),
        sa.PrimaryKeyConstraint("account_id", "provider", "refund_id"),
    )
    op.create_index("ix_provider_refunds_case_id", "provider_refunds", ["case_id"])


def _more_of_cases() -> None:
    for name in ("country", "reason_code"):
        op.add_column("cases", sa.Column(name, _TEXT, nullable=True))
    op.create_index("ix_cases_merchant_opened", "cases", ["merchant", "opened_at", "case_id"])
    country = _COUNTRY[op.get_bind().dialect.name]
    op.execute(
        sa.text(
            f"UPDATE cases SET country = (SELECT {country} FROM records r"  # noqa: S608 - words of our own
            " WHERE r.case_id = cases.case_id AND r.kind = 'requested')"
        )
    )


def downgrade() -> None:
    raise NotImplementedError("tables never go back: restore a backup from before")
