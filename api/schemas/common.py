"""What several answers share: values, problems, receipts, milestones, checks."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Hash = Annotated[str, Field(pattern=r"^0x[0-9a-f]{64}$")]
Address = Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{40}$")]
Time = Annotated[str, Field(examples=["2026-03-01T09:30:00Z"])]
Amount = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", examples=["19.80"])]
Stage = Literal["accepted", "submitted", "recorded", "final", "rejected"]
Result = Literal["pass", "fail", "pending", "skipped"]
Verdict = Literal["verified", "pending", "failed"]
State = Literal[
    "requested",
    "declined",
    "authorised",
    "picked_up",
    "received",
    "inspected",
    "exchanging",
    "delivered",
    "disputed",
    "ruled",
    "payable",
    "refunded",
    "settled",
    "closed",
]
ShownState = Literal[State, "rejected"]  # the contract refused the opening


class Answer(BaseModel):
    model_config = ConfigDict(extra="allow")


class FieldProblem(Answer):
    field: str
    detail: str
    remedy: str


class Problem(Answer):
    """Problem details, RFC 9457."""

    type: str = Field(description="What kind of problem.", examples=["urn:ledger:problem:out-of-order"])
    title: str
    status: int
    detail: str = Field(description="What is wrong.")
    field: str | None = Field(default=None, description="Which input: a path, a header or a parameter.")
    remedy: str = Field(description="What to do.")
    instance: str = Field(description="This request, as the operator finds it in the log.")
    errors: list[FieldProblem] = Field(default_factory=list, description="All wrong fields, where there are several.")


class Next(Answer):
    waiting_for: str | None = Field(default=None, description="The role that the case waits for.")
    deadline: Time | None = Field(default=None, description="Until when it waits.")
    otherwise: str | None = Field(default=None, description="What happens if nobody acts.")


class Receipt(Answer):
    """What a record's writer keeps: proof of what was taken, and when."""

    accepted_at: Time
    commitment: Hash
    record_id: str
    jws: str = Field(description="The same, signed with a key of `/.well-known/jwks.json`.")


class Milestone(Answer):
    kind: str
    stage: Stage


class Check(Answer):
    number: int
    name: str
    result: Result
    detail: str | None = None


class CasePrepared(Answer):
    case_id: Hash
    signer: Address
    record: dict[str, Any] = Field(description="The record with its salt; the commitment is its keccak-256 (RFC 8785).")
    commitment: Hash
    typed_data: dict[str, Any] = Field(description="EIP-712 typed data: sign it, and send the signature back.")
    valid_until: int = Field(description="Until when the signature counts, in seconds since 1970, as it is signed.")
