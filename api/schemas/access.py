"""Who looked at what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .common import Address, Answer, Hash, Time


class Looker(Answer):
    role: str
    name: str
    address: Address


class Look(Answer):
    at: Time
    kind: str = Field(description="What was shown, such as `case` or `bundle`.")
    case_id: Hash | None = Field(description="Null for an export, which is of a person.")
    through: Literal["api_key", "session", "link"]
    account: Looker | None = Field(description="The business that looked; null for a link.")
    link: str | None = Field(description="The id (`jti`) of the link that looked; null for a business.")


class LookPage(Answer):
    items: list[Look]
    next_cursor: str | None
