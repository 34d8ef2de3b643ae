"""Settings: the only reader of the environment. Every name begins with `LEDGER_`, and may stand in `.env`."""

from __future__ import annotations

from pathlib import Path

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
    host: str = Field(default="127.0.0.1", description="Address the service listens on.")
    port: int = Field(default=8000, ge=1, le=65535, description="Port the service listens on.")
    public_url: str = Field(default="", description="How consumers reach the service; empty: http://HOST:PORT.")
    key_password_file: Path | None = Field(
        default=None, description="Password of the keystores; empty: made in the data folder."
    )
    signature_days: int = Field(
        default=7, ge=1, le=30, description="Days for which a message that the service signs stays valid."
    )
    smtp_host: str = Field(default="", description="Mail server; empty: mails become files in the data folder.")
    smtp_port: int = Field(default=587, description="Its port.")
    smtp_user: str = Field(default="", description="Its user, if it wants one.")
    smtp_password: str = Field(default="", repr=False, description="The user's password.")
    mail_from: str = Field(default="returns@localhost", description="Sender of the mails.")
    max_body_bytes: int = Field(default=262_144, ge=1024, description="Largest request body.")
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
    def operator_of_chain(self) -> str:
        if self.chain_operator:
            return self.chain_operator
        if self.is_local_chain:
            return "the operator of this service, on a test chain of its own"
        return "not stated by the operator of this service"
