"""What became of the money."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from .cases import Verification
from .common import Amount, Answer, Hash, ShownState, Time


class RefundAmounts(Answer):
    currency: str
    requested: Amount
    proposed: Amount | None = Field(description="By the inspection.")
    ruled: Amount | None = Field(description="By the panel, last.")
    decided: Amount | None = Field(description="The outcome, with freight and less fees; null until there is one.")
    due_on_chain: Amount
    paid_on_chain: Amount
    paid_by_provider: Amount = Field(description="What uploaded exports say succeeded.")
    pending_at_provider: Amount
    difference: str | None = Field(description="Decided, less paid on chain and by the provider.", examples=["0.00"])


class RefundLine(Answer):
    case_id: Hash
    reference: str
    opened_at: Time
    state: ShownState
    escrow: Literal["refund", "bond", "none"]
    refund: dict[str, Any]
    money: dict[str, Any]
    arbitration: dict[str, Any]
    amounts: RefundAmounts


class RefundPage(Answer):
    items: list[RefundLine]
    next_cursor: str | None


class OnChain(Answer):
    transaction: Hash
    block: int
    block_hash: Hash
    log_index: int
    stage: Literal["recorded", "final"]


class RefundRecord(OnChain):
    record_id: str | None = Field(description="Null for what the contract stated itself.")
    kind: str
    role: str
    share: int
    fee: int
    recorded_at: Time
    position: int
    commitment: Hash
    head: Hash


class EscrowEvent(OnChain):
    event: str
    args: dict[str, Any]


class ProviderRefund(Answer):
    provider: str
    refund_id: str
    case_id: Hash | None
    amount: Amount
    currency: str
    status: Literal["pending", "succeeded", "failed", "canceled"]
    created_at: Time
    uploaded_at: Time


class RefundProof(RefundLine):
    records: list[RefundRecord]
    escrow_events: list[EscrowEvent]
    provider_refunds: list[ProviderRefund]
    chain: dict[str, Any]
    verification: Verification
