"""What people send us: shapes and limits. What a value means in its case is checked where it is used."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from eth_utils.address import to_checksum_address
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


class Input(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, strict=False)


def checked_address(value: str) -> str:
    """The address with its checksum (EIP-55). Raises ValueError; a checksum that is there has to be right."""
    right = str(to_checksum_address(value)) if _ADDRESS.fullmatch(value) else ""
    if value not in (right, "0x" + right[2:].lower(), "0x" + right[2:].upper()) or int(right, 16) == 0:
        raise ValueError("an address is 0x and 40 hex digits, with a right checksum, and not zero")
    return right


def _zoned(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time needs its zone, such as 2026-03-01T09:30:00Z")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("this time is beyond the calendar") from None


def printable(value: str) -> str:
    """Raises ValueError for text that cannot be shown or written."""
    if any(ord(character) < 32 and character not in "\n\t" for character in value):
        raise ValueError("text has no control characters")
    value.encode("utf-8")  # a lone surrogate is no text; UnicodeEncodeError is a ValueError
    return value


Address = Annotated[str, AfterValidator(checked_address), Field(max_length=42, examples=["0x" + "ab" * 20])]
Moment = Annotated[datetime, AfterValidator(_zoned)]
Word = Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=120)]
Text = Annotated[str, AfterValidator(printable), Field(max_length=2_000)]
Amount = Annotated[str, Field(max_length=24, examples=["19.80"], description="Decimal string, not negative.")]
Hex = Annotated[str, Field(pattern=r"^0x([0-9a-fA-F]{2})+$", max_length=20_000)]


# The dot-atoms of RFC 5322, without what mail software reads as an encoded word (RFC 2047).
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
_EMAIL = r"^[A-Za-z0-9!#$%&'*+/^_`{|}~.-]{1,64}@" + _LABEL + r"(\." + _LABEL + ")*$"


Email = Annotated[str, Field(max_length=254, pattern=_EMAIL)]


class OrderInput(Input):
    reference: Word | None = None
    ordered_at: Moment | None = None


class ConsumerInput(Input):
    """Name, e-mail, postal address and customer number are personal: they are sealed, and stand in the record as
    digests."""

    name: Word | None = None
    customer_number: Word | None = None
    email: Email | None = None
    postal_address: Annotated[str, AfterValidator(printable), Field(min_length=1, max_length=500)] | None = None
    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")] | None = None
    language: Annotated[str, Field(pattern=r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$", max_length=35)] = "en"
    address: Address | None = Field(default=None, description="A key of the consumer's own; left out: a fresh one.")


class ItemInput(Input):
    sku: Word
    description: Text = ""
    quantity: Annotated[int, Field(ge=1, le=1_000_000, strict=True)]
    unit_price: Amount


class MoneyInput(Input):
    amount: Amount
    currency: Annotated[str, Field(max_length=3, examples=["GBP"], description="ISO 4217 code.")]


class ShipmentInput(Input):
    carrier: Word
    tracking_code: Word


# What return portals ask for, as Shopify's `ReturnReason` has it, with withdrawal and damage told apart.
ReasonCode = Literal[
    "changed_mind",
    "color",
    "damaged",
    "defective",
    "not_as_described",
    "other",
    "size_too_large",
    "size_too_small",
    "style",
    "wrong_item",
]


class CaseInput(Input):
    """A return to be opened by its merchant."""

    reference: Word
    order: OrderInput | None = None
    consumer: ConsumerInput = Field(default_factory=ConsumerInput)
    items: Annotated[list[ItemInput], Field(min_length=1, max_length=500)]
    refund: MoneyInput
    freight: MoneyInput | None = Field(
        default=None, description="Return freight to lock beside the refund, in the refund's currency."
    )
    policy: Word = "default"
    escrow: Literal["refund", "bond", "none"] = "none"
    shipment: ShipmentInput | None = None
    reason: Text | None = Field(default=None, description="In the consumer's own words: sealed.")
    reason_code: ReasonCode | None = Field(default=None, description="The reason as a word, not sealed: to count by.")
    requested_at: Moment | None = Field(default=None, description="When the return was asked for; left out: now.")
    carrier: Address | None = None
    warehouse: Address | None = None
    inspector: Address | None = None
    panel: Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)] | None = Field(
        default=None, description="A registered panel's version; left out: the current one; 0: none."
    )


class _DataInput(Input):
    data: dict[str, Any] = Field(default_factory=dict)
    personal: dict[Word, Text] = Field(
        default_factory=dict, max_length=20, description="Personal fields: sealed, digests in the record."
    )

    @field_validator("data")
    @classmethod
    def _shallow(cls, value: dict[str, Any]) -> dict[str, Any]:
        if _depth(value) > 8:
            raise ValueError("data is nested at most 8 deep")
        return value


def _depth(value: Any, so_far: int = 0) -> int:
    if so_far > 8:
        return so_far
    if isinstance(value, dict):
        return max((_depth(inner, so_far + 1) for inner in value.values()), default=so_far + 1)
    if isinstance(value, list):
        return max((_depth(inner, so_far + 1) for inner in value), default=so_far + 1)
    return so_far


class PrepareInput(_DataInput):
    """A milestone to be signed by its actor's own key."""

    kind: Word
    occurred_at: Moment | None = Field(default=None, description="When it happened; left out: now.")


class MilestoneInput(PrepareInput):
    """A milestone. With `record_id`, `signer` and `signature` it is the one that was prepared."""

    record_id: Word | None = None
    signer: Address | None = None
    signature: Hex | None = None
    key_signature: Hex | None = None


class ActInput(_DataInput):
    """What a consumer does through their link."""

    kind: Word


class SignedActInput(ActInput):
    """What a consumer does through their link. With `record_id`, `signer` and `signature` it is what was prepared.

    `key_signature` is the new key's over the same message, where the act binds one.
    """

    record_id: Word | None = None
    signer: Address | None = None
    signature: Hex | None = None
    key_signature: Hex | None = None


Share = Annotated[int, Field(ge=0, le=10_000, strict=True, description="Basis points of the refund, to the consumer.")]


Ground = Literal[
    "as_inspected",
    "condition_better",
    "condition_worse",
    "defect_shown",
    "not_as_described",
    "misused",
    "not_returned",
    "deadline_missed",
    "evidence_missing",
    "payment_missing",
]


class VotePrepareInput(Input):
    """A vote to be signed by its arbitrator's own key."""

    share: Share
    reason: Text = Field(default="", description="Sealed; the parties read it, the chain never holds it.")
    grounds: list[Ground] = Field(
        default=[], max_length=10, description="What decided, in codes; sealed as the reason."
    )
    conflict: Literal["none"] | None = Field(
        default=None, description="The arbitrator declares no conflict of interest; whoever has one does not vote."
    )
    round: Annotated[int, Field(ge=0, le=4, strict=True)] | None = Field(
        default=None, description="Refused unless the dispute is in this round; left out: the present one."
    )


class VoteInput(VotePrepareInput):
    """A vote. With `vote_id`, `signer` and `signature` it is the one that was prepared."""

    vote_id: Word | None = None
    signer: Address | None = None
    signature: Hex | None = None


class AppealInput(Input):
    """An appeal against a ruling: `share` is what is asked for; left out: what was claimed before."""

    share: Share | None = None
    reason: Text = ""
    record_id: Word | None = None
    signer: Address | None = None
    signature: Hex | None = None


class SignatureInput(Input):
    """A merchant's own signature over the terms of a prepared case."""

    signature: Hex


class ErasureInput(Input):
    """Nothing, or the prepared record with its merchant's own signature."""

    record_id: Word | None = None
    signer: Address | None = None
    signature: Hex | None = None


class PersonDataInput(Input):
    """Whose data is asked for."""

    email: Email


class LinkInput(Input):
    expires_at: Moment | None = Field(default=None, description="Left out: after the last possible window.")
