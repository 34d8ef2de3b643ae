"""Sessions: who is signed in, and until when."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from .common import Address, Answer, Time


class Session(Answer):
    session_id: str = Field(description="For people and logs. It opens nothing.")
    role: str
    name: str
    address: Address
    opened_by: Literal["api_key", "signature"]
    created_at: Time
    expires_at: Time = Field(description="It ends sooner where it is not used for 30 minutes.")


class SessionOpened(Session):
    token: str = Field(description="`ses_…`, shown this once: send it as the bearer.")


class Challenge(Answer):
    message: str = Field(description="ERC-4361. To be signed as it is (`personal_sign`) within five minutes, once.")
