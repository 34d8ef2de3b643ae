"""an index of what is not done alone, by what is asked for"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_outbox_todo", table_name="outbox")
    op.create_index(
        "ix_outbox_undone",
        "outbox",
        ["action", "tx_hash", "id"],
        sqlite_where=sa.text("done IS 0"),
        postgresql_where=sa.text("done IS false"),
    )


def downgrade() -> None:
    op.drop_index("ix_outbox_undone", table_name="outbox")
    op.create_index("ix_outbox_todo", "outbox", ["done", "tx_hash", "id"])
