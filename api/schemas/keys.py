"""API keys, and a merchant's parties."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .common import Address, Answer, Time


class ApiKey(Answer):
    key_id: str
    name: str
    counts: bool = Field(description="Neither revoked nor over.")
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None


class ApiKeyMade(ApiKey):
    api_key: str = Field(description="Shown this once.", examples=["lk_…"])


class ApiKeyList(Answer):
    items: list[ApiKey]
    next_cursor: str | None


class Party(Answer):
    party_id: int
    role: Literal["carrier", "warehouse", "inspector"]
    name: str
    address: Address
    created_at: Time
    disabled_at: Time | None


class PartyMade(Party):
    api_key: str = Field(description="Shown this once.", examples=["lk_…"])


class PartyList(Answer):
    items: list[Party]
    next_cursor: str | None
