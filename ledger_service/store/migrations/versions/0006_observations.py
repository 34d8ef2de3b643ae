"""observations, the log's tiles and checkpoints, anchors on the chain and on a second one"""

from __future__ import annotations

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXT = sqlmodel.sql.sqltypes.AutoString()
_ACTIONS = (
    "'open','act','vote','poke','withdraw','withdraw_credit','register_policy','register_parties','register_panel'"
)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _size() -> sa.Column[int]:
    return sa.Column("size", sa.Integer(), autoincrement=False, nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _allow_actions(actions: str) -> None:
    """The partial index is made anew, since SQLite's copy of the table would lose its condition."""
    op.drop_index("ix_outbox_undone", table_name="outbox")
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_constraint("action", type_="check")
        batch_op.create_check_constraint("action", f"action IN ({actions})")
    op.create_index(
        "ix_outbox_undone",
        "outbox",
        ["action", "tx_hash", "id"],
        sqlite_where=sa.text("done IS 0"),
        postgresql_where=sa.text("done IS false"),
    )


def upgrade() -> None:
    _allow_actions(f"{_ACTIONS},'anchor'")
    _observations()
    op.create_table(
        "log_tiles",
        _number("level"),
        _number("number"),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number"),
    )
    op.create_table(
        "log_checkpoints",
        _size(),
        _text("root"),
        sa.Column("note", sa.Text(), nullable=False),
        _moment("created_at"),
        _moment("anchor_asked_at", nullable=True),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_index("ix_log_checkpoints_anchor_asked_at", "log_checkpoints", ["anchor_asked_at"])
    op.create_table(
        "chain_anchors",
        _size(),
        _text("root"),
        _number("block_number"),
        _text("block_hash"),
        _number("log_index"),
        _text("tx_hash"),
        sa.PrimaryKeyConstraint("size"),
    )
    op.create_index("ix_chain_anchors_block_number", "chain_anchors", ["block_number"])
    op.create_table(
        "second_anchors",
        _size(),
        _number("nonce"),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        _moment("gas_price"),
        _moment("created_at"),
        _number("from_block"),
        _text("tx_hash", nullable=True),
        _number("block_number", nullable=True),
        sa.PrimaryKeyConstraint("size"),
    )


def _observations() -> None:
    op.create_table(
        "observations",
        _number("seq"),
        _text("observation_id"),
        _text("case_id"),
        _text("kind"),
        _text("role"),
        _text("signer"),
        _text("key_holder"),
        sa.Column("canonical", sa.LargeBinary(), nullable=False),
        _text("commitment"),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        _moment("occurred_at"),
        _moment("accepted_at"),
        sa.Column("receipt", sa.Text(), nullable=False),
        _text("source", nullable=True),
        _number("log_index", nullable=True),
        sa.CheckConstraint("kind IN ('scanned','message','reading','noted')", name="observation_kind"),
        sa.CheckConstraint("key_holder IN ('own','service')", name="observation_key_holder"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.case_id"]),
        sa.PrimaryKeyConstraint("seq"),
        *(sa.UniqueConstraint(name) for name in ("observation_id", "commitment", "source", "log_index")),
    )
    op.create_index("ix_observations_case_seq", "observations", ["case_id", "seq"])
    op.create_index(
        "ix_observations_pending",
        "observations",
        ["seq"],
        sqlite_where=sa.text("log_index IS NULL"),
        postgresql_where=sa.text("log_index IS NULL"),
    )


def downgrade() -> None:
    for table in ("second_anchors", "chain_anchors", "log_checkpoints", "log_tiles", "observations"):
        op.drop_table(table)
    op.execute(sa.text("DELETE FROM outbox WHERE action = 'anchor'"))
    _allow_actions(_ACTIONS)
