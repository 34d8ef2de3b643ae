"""What the indexer read from the chain. It alone writes here, and all of it can be thrown away and rebuilt.

Hashes, ids and addresses are `0x` hex; moments are seconds since 1970 UTC; money is minor units.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Text, text
from sqlmodel import Field, SQLModel

from .columns import big


class ChainCursor(SQLModel, table=True):
    """How far the chain has been read. One row; it moves by compare-and-set of `block_hash`.

    `halted` says why nothing is read or sent any more, where a reorg went deeper than is believed.
    """

    __tablename__ = "chain_cursor"
    id: int = Field(default=1, primary_key=True)
    block_number: int
    block_hash: str
    halted: str | None = Field(default=None, sa_column=Column(Text, nullable=True))


class ChainBlock(SQLModel, table=True):
    """A block that was read; a reorg shows when its hash is no longer the chain's."""

    __tablename__ = "chain_blocks"
    number: int = Field(primary_key=True)
    hash: str
    parent_hash: str
    time: int = Field(sa_column=big(nullable=False))


class ChainEvent(SQLModel, table=True):
    """An event of one of our contracts, decoded. `args` is JSON, bytes and addresses as `0x` hex."""

    __tablename__ = "chain_events"
    block_number: int = Field(primary_key=True)
    log_index: int = Field(primary_key=True)
    block_hash: str
    tx_hash: str = Field(index=True)
    contract: str  # its name, such as ReturnLedger
    name: str = Field(index=True)
    case_id: str | None = Field(default=None, index=True)
    args: str = Field(sa_column=Column(Text, nullable=False))


class ChainRecord(SQLModel, table=True):
    """A link of a case's hash chain, from a `Recorded` event. `head` is the head after it."""

    __tablename__ = "chain_records"
    __table_args__ = (Index("ix_chain_records_block", "block_number"),)
    case_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    kind: str
    role: str
    actor: str
    commitment: str = Field(index=True)  # zero for what the contract composed
    entry: str
    head: str
    time: int = Field(sa_column=big(nullable=False))
    block_number: int
    block_hash: str
    log_index: int
    tx_hash: str


class ChainRefusal(SQLModel, table=True):
    """An item of a batch that a contract skipped (`Skipped`, `VoteSkipped`), with its decoded reason."""

    __tablename__ = "chain_refusals"
    block_number: int = Field(primary_key=True)
    log_index: int = Field(primary_key=True)
    case_id: str = Field(index=True)
    commitment: str = Field(index=True)
    reason: str  # the error with its arguments, such as NotAllowed(settled, accepted, consumer)
    tx_hash: str


class ChainPanel(SQLModel, table=True):
    """A version of an arbitration panel, as registered."""

    __tablename__ = "chain_panels"
    version: int = Field(primary_key=True)
    arbitrators: str = Field(sa_column=Column(Text, nullable=False))  # JSON list of addresses, in the contract's order
    threshold: int
    appeal_panel: int  # a version; 0 for none
    fallback_panel: int
    fee: int = Field(sa_column=big(nullable=False))  # minor units for each vote that counted
    block_number: int = Field(index=True)
    tx_hash: str


class ChainVote(SQLModel, table=True):
    """A vote that the panel's contract counted (`Voted`)."""

    __tablename__ = "chain_votes"
    __table_args__ = (Index("ix_chain_votes_block", "block_number"),)
    case_id: str = Field(primary_key=True)
    round: int = Field(primary_key=True)
    arbitrator: str = Field(primary_key=True)
    share: int
    commitment: str = Field(index=True)
    block_number: int
    block_hash: str
    log_index: int
    tx_hash: str


class ChainAnchor(SQLModel, table=True):
    """A checkpoint of the log of observations that the chain holds (`Anchored`)."""

    __tablename__ = "chain_anchors"
    size: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    root: str
    block_number: int = Field(index=True)
    block_hash: str
    log_index: int
    tx_hash: str


class ChainCase(SQLModel, table=True):
    """A case as the contract has it, and its money in minor units.

    What the contract keeps beside the entries, such as claims, offers and notices, follows from the acts that were
    signed. Of other people's cases, whose acts we do not hold, it is not known.
    """

    __tablename__ = "chain_cases"
    __table_args__ = (
        Index(
            "ix_chain_cases_dues",
            "case_id",
            sqlite_where=text("to_consumer > withdrawn"),
            postgresql_where=text("to_consumer > withdrawn"),
        ),
    )
    case_id: str = Field(primary_key=True)
    state: str = Field(index=True)
    mode: str
    flags: int
    grade: str
    deadline: int = Field(sa_column=big(nullable=False))
    due: int = Field(sa_column=big(nullable=False, index=True))  # from when on a poke succeeds; 0 in a terminal state
    length: int
    share: int
    fee: int
    nonces: str  # JSON list by role number
    head: str
    merchant: str = Field(index=True)
    consumer: str
    token: str
    policy: str
    panel: int = 0  # version, 0 for none
    appeal_panel: int = 0
    fallback_panel: int = 0
    voting_panel: int = Field(default=0, index=True)  # the version whose votes count now, 0 for none
    round: int = 0
    consumer_claim: int = 0
    merchant_claim: int = 0
    marks: int = 0
    offer: int = 0
    notice_kind: str = "none"
    notice_at: int = Field(default=0, sa_column=big(nullable=False))  # when it takes effect
    notice_share: int = 0
    notice_key: str | None = None
    appellant: str = "none"  # role
    consumer_lost_appeal: bool = False
    locked_refund: int = Field(default=0, sa_column=big(nullable=False))
    locked_freight: int = Field(default=0, sa_column=big(nullable=False))
    locked_reserve: int = Field(default=0, sa_column=big(nullable=False))
    to_consumer: int = Field(default=0, sa_column=big(nullable=False))  # by settlement
    to_merchant: int = Field(default=0, sa_column=big(nullable=False))
    fees: int = Field(default=0, sa_column=big(nullable=False))  # of arbitration, by settlement
    withdrawn: int = Field(default=0, sa_column=big(nullable=False))
    withdrawn_to: str | None = None
    redirect_to: str | None = None
    redirect_at: int = Field(default=0, sa_column=big(nullable=False))  # until then nothing can be withdrawn
    block_number: int = Field(index=True)  # of the last change


class ChainBalance(SQLModel, table=True):
    """What is an account's own in the escrow, in minor units of the token's currency: a merchant's free balance, an
    arbitrator's credit."""

    __tablename__ = "chain_balances"
    account: str = Field(primary_key=True)
    token: str = Field(primary_key=True)
    minor: int = Field(default=0, sa_column=big(nullable=False))
    deposited: int = Field(default=0, sa_column=big(nullable=False))
    withdrawn: int = Field(default=0, sa_column=big(nullable=False))
    credit: int = Field(default=0, sa_column=big(nullable=False))
    credited: int = Field(default=0, sa_column=big(nullable=False))  # ever


CHAIN_TABLES = (
    ChainCursor,
    ChainBlock,
    ChainEvent,
    ChainRecord,
    ChainRefusal,
    ChainPanel,
    ChainVote,
    ChainAnchor,
    ChainCase,
    ChainBalance,
)
