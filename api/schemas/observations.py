"""Observations, and the log that they are entries of."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .common import Address, Answer, Hash, Receipt


class ObservationReceipt(Answer):
    observation_id: str
    case_id: Hash
    kind: str
    commitment: Hash
    stage: Literal["accepted"]
    receipt: Receipt


class ObservationTaken(Answer):
    """One was sent: the fields of one. A list was sent: `items`."""

    items: list[ObservationReceipt] | None = Field(default=None, description="In the order of the list.")


class Anchor(Answer):
    size: int = Field(description="Of the first anchored checkpoint that covers the entry.")
    root: Hash
    block: int
    transaction: Hash
    final: bool = Field(description="Whether enough blocks are on top.")


class Observation(Answer):
    observation_id: str
    kind: str
    commitment: Hash
    stage: Literal["accepted", "logged", "anchored"]
    index: int | None = Field(description="Its place in the log.")
    anchor: Anchor | None


class ObservationList(Answer):
    items: list[Observation]
    next_cursor: str | None


class ObservationPrepared(Answer):
    case_id: Hash
    signer: Address
    record: str = Field(description="The record's canonical text; the commitment is its keccak-256.")
    disclosures: list[str] = Field(description="Send them back with the record: without them nobody reads it again.")
    commitment: Hash
    typed_data: dict[str, Any] = Field(description="EIP-712 typed data: sign it, and send the signature back.")


class InclusionProof(Answer):
    index: int
    commitment: Hash
    leaf_hash: Hash
    size: int
    root: Hash
    proof: list[Hash] = Field(description="The audit path of RFC 6962, from the leaf upwards.")
    checkpoint: str = Field(description="The checkpoint of this size, as a signed note.")


class LogSize(Answer):
    size: int
    root: Hash


class ConsistencyProof(Answer):
    first: LogSize
    second: LogSize
    proof: list[Hash]
    checkpoint: str = Field(description="The second checkpoint, as a signed note.")
