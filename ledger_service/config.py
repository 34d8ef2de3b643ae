"""Settings: the only reader of the environment. Every name begins with `LEDGER_`, and may stand in `.env`."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="LEDGER_", env_file=".env", extra="ignore")

    data: Path = Field(default=Path("data"), description="Folder of this installation.")
    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in the data folder.")
    chain: str = Field(default="ganache", description="`ganache`, `anvil`, or the URL of a JSON-RPC endpoint.")
    chain_operator: str = Field(
        default="", description="Who runs the chain, in words that consumers read; empty: said for a local chain."
    )
    confirmations: int | None = Field(
        default=None,
        ge=0,
        description="Blocks on top before a record is final; empty: 0 on a local chain, 12 elsewhere.",
    )
    finality: int | None = Field(
        default=None,
        ge=0,
        description="Blocks after which a reorg is not believed; empty: the confirmations, 64 on a local chain.",
    )
    writers: int = Field(default=1, ge=1, le=32, description="Keys that records are sent with, side by side.")
    max_gas_price: Decimal = Field(default=Decimal(500), gt=0, description="Most gwei that are ever paid for gas.")
    host: str = Field(default="127.0.0.1", description="Address the service listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the service listens on.")
    public_url: str = Field(default="", description="How consumers reach the service; empty: http://HOST:PORT.")
    public_node: str = Field(
        default="",
        description="JSON-RPC endpoint of the chain that status pages name to their readers; empty: a local chain's.",
    )
    key_password_file: Path | None = Field(
        default=None, description="Password of the keystores; empty: made in the data folder."
    )
    signature_days: int = Field(
        default=7, ge=1, le=30, description="Days for which a message that the service signs stays valid."
    )
    anchor_entries: int = Field(
        default=1_000, ge=1, description="Observations after which a checkpoint of their log is anchored at once."
    )
    anchor_seconds: int = Field(
        default=60, ge=1, description="Seconds from one anchored checkpoint to the next, where fewer came."
    )
    second_anchor_url: str = Field(
        default="", description="JSON-RPC endpoint of a second chain for the checkpoints; empty: none."
    )
    second_anchor_contract: str = Field(default="", description="The CheckpointAnchor on the second chain.")
    smtp_host: str = Field(default="", description="Mail server; empty: mails become files in the data folder.")
    smtp_port: int = Field(default=587, description="Its port.")
    smtp_user: str = Field(default="", description="Its user, if it wants one.")
    smtp_password: str = Field(default="", repr=False, description="The user's password.")
    mail_from: str = Field(default="returns@localhost", description="Sender of the mails.")
    webhooks_private: bool = Field(
        default=False, description="Whether webhooks may go to private addresses and over http; for trying out."
    )
    max_body_bytes: int = Field(default=262_144, ge=1024, description="Largest request body.")
    max_queue: int = Field(
        default=100_000, ge=1, description="Entries waiting for the chain, beyond which no more are taken."
    )
    min_free_disk: int = Field(
        default=100_000_000, ge=0, description="Free bytes on the data folder's disk, under which nothing is taken."
    )
    log_format: Literal["", "json", "console"] = Field(
        default="", description="`json` or `console`; empty: console on a terminal, else JSON."
    )
    access_days: int = Field(default=365, ge=1, description="Days for which it is kept who looked at which case.")
    rate_limit: str = Field(default="6000/minute", description="Requests of one key or link.")
    rate_limit_failures: str = Field(default="30/minute", description="Failed logins from one address.")

    @property
    def is_local_chain(self) -> bool:
        return self.chain in ("ganache", "anvil")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.data.resolve() / 'ledger.db'}"

    @property
    def url(self) -> str:
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def confirmations_needed(self) -> int:
        if self.confirmations is not None:
            return self.confirmations
        return 0 if self.is_local_chain else 12

    @property
    def finality_blocks(self) -> int:
        if self.finality is not None:
            return self.finality
        return 64 if self.is_local_chain else self.confirmations_needed

    @property
    def max_gas_price_wei(self) -> int:
        return int(self.max_gas_price * 10**9)

    @property
    def operator_of_chain(self) -> str:
        if self.chain_operator:
            return self.chain_operator
        if self.is_local_chain:
            return "the operator of this service, on a test chain of its own"
        return "not stated by the operator of this service"
