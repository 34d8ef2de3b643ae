"""Observations, and the log that they are entries of: its tree in tiles, its checkpoints, the second chain's anchors.

Hashes, ids and addresses are `0x` hex; moments are seconds since 1970 UTC.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Text, text
from sqlmodel import Field, SQLModel

from .columns import big, raw


class ObservationRow(SQLModel, table=True):
    """A statement that gates nothing, with what its signer signed. `seq` is the order of acceptance, `log_index` the
    place in the log, which the log's worker gives it. `source` names what came from outside, so that it counts once."""

    __tablename__ = "observations"
    __table_args__ = (
        CheckConstraint("kind IN ('scanned','message','reading','noted')", name="observation_kind"),
        CheckConstraint("key_holder IN ('own','service')", name="observation_key_holder"),
        Index("ix_observations_case_seq", "case_id", "seq"),
        Index(
            "ix_observations_pending",
            "seq",
            sqlite_where=text("log_index IS NULL"),
            postgresql_where=text("log_index IS NULL"),
        ),
    )
    seq: int | None = Field(default=None, primary_key=True)
    observation_id: str = Field(unique=True)
    case_id: str = Field(foreign_key="cases.case_id")
    kind: str
    role: str
    signer: str
    key_holder: str
    canonical: bytes = Field(sa_column=raw())
    commitment: str = Field(unique=True)
    signature: bytes = Field(sa_column=raw())
    occurred_at: int = Field(sa_column=big(nullable=False))
    accepted_at: int = Field(sa_column=big(nullable=False))
    receipt: str = Field(sa_column=Column(Text, nullable=False))  # JWS
    source: str | None = Field(default=None, unique=True)
    log_index: int | None = Field(default=None, unique=True)


class LogTile(SQLModel, table=True):
    """Up to 256 hashes of the log's tree (`domain/tiles.py`). A full one never changes."""

    __tablename__ = "log_tiles"
    level: int = Field(primary_key=True)
    number: int = Field(primary_key=True)
    hashes: bytes = Field(sa_column=raw())


class LogCheckpoint(SQLModel, table=True):
    """The log as it was after a batch of entries, as a signed note. `anchor_asked_at` is when it was to be
    anchored, None for one that is not."""

    __tablename__ = "log_checkpoints"
    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    root: str
    note: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=big(nullable=False))
    anchor_asked_at: int | None = Field(default=None, sa_column=big(nullable=True, index=True))


class SecondAnchor(SQLModel, table=True):
    """A transaction that anchors a checkpoint on the second chain, saved whole before it is broadcast. Its event is
    looked for from `from_block` on; `tx_hash` and `block_number` are where that stands, None while it is on its way."""

    __tablename__ = "second_anchors"
    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    nonce: int
    raw: bytes = Field(sa_column=raw())
    gas_price: int = Field(sa_column=big(nullable=False))
    created_at: int = Field(sa_column=big(nullable=False))
    from_block: int
    tx_hash: str | None = None
    block_number: int | None = None
