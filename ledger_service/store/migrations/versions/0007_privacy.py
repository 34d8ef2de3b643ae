"""erasures, exports of personal data, and master keys that were rotated"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString()
_INDEXED = (("idempotent_requests", "case_id"), ("cases", "consumer_index"))


def upgrade() -> None:
    op.create_table(
        "erasures",
        sa.Column("case_id", _TEXT, nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("destroyed_at", sa.BigInteger(), nullable=False),
        sa.Column("cleared_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"]),
        sa.ForeignKeyConstraint(["asked_by"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("case_id"),
    )
    op.create_index("ix_erasures_cleared_at", "erasures", ["cleared_at"])
    op.create_table(
        "personal_data_exports",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["asked_by"], ["accounts.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "retired_keys",
        sa.Column("key_id", _TEXT, nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id"),
    )
    op.create_table(
        "holds",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    for table, column in _INDEXED:
        op.add_column(table, sa.Column(column, _TEXT, nullable=True))
        op.create_index(f"ix_{table}_{column}", table, [column])


def downgrade() -> None:
    for table, column in reversed(_INDEXED):
        op.drop_index(f"ix_{table}_{column}", table_name=table)
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column(column)
    for table in ("holds", "retired_keys", "personal_data_exports", "erasures"):
        op.drop_table(table)
