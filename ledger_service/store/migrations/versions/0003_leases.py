"""leases, replacements of transactions, several writers, a halted index"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString()
_FIRST = sa.text("root = tx_hash")
_DUE = sa.text("to_consumer > withdrawn")


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", _TEXT, nullable=False),
        sa.Column("holder", _TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("root", _TEXT, nullable=True))
    op.execute(sa.text("UPDATE transactions SET root = tx_hash"))
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.alter_column("root", existing_type=_TEXT, nullable=False)
        batch_op.create_index(batch_op.f("ix_transactions_root"), ["root"], unique=False)
    op.create_index(
        "uq_transactions_first",
        "transactions",
        ["writer", "nonce"],
        unique=True,
        sqlite_where=_FIRST,
        postgresql_where=_FIRST,
    )
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("writer", _TEXT, nullable=True))
    op.execute(
        sa.text(
            "UPDATE outbox SET writer = (SELECT t.writer FROM transactions t WHERE t.tx_hash = outbox.tx_hash)"
            " WHERE tx_hash IS NOT NULL"
        )
    )
    with op.batch_alter_table("chain_cursor", schema=None) as batch_op:
        batch_op.add_column(sa.Column("halted", sa.Text(), nullable=True))
    op.create_index("ix_chain_cases_dues", "chain_cases", ["case_id"], sqlite_where=_DUE, postgresql_where=_DUE)


def downgrade() -> None:
    op.drop_index("ix_chain_cases_dues", table_name="chain_cases")
    with op.batch_alter_table("chain_cursor", schema=None) as batch_op:
        batch_op.drop_column("halted")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("writer")
    op.execute(sa.text("DELETE FROM transactions WHERE root <> tx_hash"))
    op.drop_index("uq_transactions_first", table_name="transactions")
    with op.batch_alter_table("transactions", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_transactions_root"))
        batch_op.drop_column("root")
    op.drop_table("leases")
