"""The sample's lives as data: which credit notes, and what happens to each on which day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

DAYS = 40  # that the sample lives through, up to the present
SHOP, CARRIER, WAREHOUSE, INSPECTOR = "Sample Shop", "Sample Express", "Sample Warehouse", "Sample Inspection"
ROLES = {SHOP: "merchant", CARRIER: "carrier", WAREHOUSE: "warehouse", INSPECTOR: "inspector"}
CONSUMER = "consumer"
VOTE = "vote"  # a step that is no milestone: an arbitrator's
FUNDS_MINOR = 1_000_000  # what the sample shop pays into the escrow, in pence
# Sample arbitrators: who rules first, who steps in for them, and to whom an appeal goes.
PANEL, FALLBACK_PANEL, APPEAL_PANEL = (
    tuple(f"Sample Arbitrator {number}" for number in numbers) for numbers in (range(1, 4), range(4, 7), range(7, 12))
)
_PHOTOS = [{"name": "bulbs.jpg", "media_type": "image/jpeg", "sha256": "9f" * 32}]


@dataclass(frozen=True, slots=True)
class Step:
    """`day` counts from the sample's first; `actor` is one of the names above, the consumer, or an arbitrator."""

    day: int
    kind: str
    actor: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Life:
    """`note` is the credit note it is about; `language` the consumer's."""

    title: str
    note: str
    escrow: str
    language: str
    steps: tuple[Step, ...]

    @property
    def source(self) -> str:
        return f"sample:{self.note}"


def _votes(day: int, panel: tuple[str, ...], *shares: int, reason: str) -> tuple[Step, ...]:
    return tuple(_step(day, VOTE, name, share=share, reason=reason) for name, share in zip(panel, shares, strict=False))


def _step(day: int, kind: str, actor: str, **data: Any) -> Step:
    return Step(day, kind, actor, data)


def _returned(day: int, *, inspected: Step | None = None) -> tuple[Step, ...]:
    """A return that goes its way: authorised, on the road, at the warehouse, inspected."""
    way = (
        _step(day, "requested", SHOP),
        _step(day + 1, "authorised", SHOP),
        _step(day + 3, "picked_up", CARRIER, location="Manchester"),
        _step(day + 6, "received", WAREHOUSE),
    )
    return (*way, inspected) if inspected else way


LIVES = (
    Life(
        "paid after inspection",
        "C536391",
        "refund",
        "en",
        (
            *_returned(20, inspected=_step(27, "inspected", INSPECTOR, grade="as_new", share=10_000)),
            _step(28, "accepted", CONSUMER),
        ),
    ),
    Life(
        "partly refunded: the goods were used",
        "C536506",
        "refund",
        "de",
        (
            *_returned(18, inspected=_step(25, "inspected", INSPECTOR, grade="used", share=7_000)),
            _step(27, "accepted", CONSUMER),
        ),
    ),
    Life(
        "paid because the merchant stayed silent",
        "C536543",
        "refund",
        "en",
        (
            _step(8, "requested", SHOP),
            _step(13, "picked_up", CARRIER, location="Leeds"),
            _step(17, "received", WAREHOUSE),
        ),
    ),
    Life(
        "refunded by the payment provider, under a bond",
        "C536548",
        "bond",
        "de",
        (
            *_returned(4, inspected=_step(11, "inspected", INSPECTOR, grade="opened", share=10_000)),
            _step(12, "accepted", CONSUMER),
            _step(14, "refunded", SHOP, reference="re_1Pgc72B7WZ01zgkWqPvrRrPE"),
        ),
    ),
    Life(
        "cancelled by the consumer",
        "C536606",
        "refund",
        "en",
        (_step(30, "requested", SHOP), _step(31, "cancelled", CONSUMER)),
    ),
    Life(
        "declined by the merchant",
        "C536622",
        "refund",
        "en",
        (_step(35, "requested", SHOP), _step(36, "declined", SHOP, note="Returned after the policy's period.")),
    ),
    Life(
        "inspected, waiting for the consumer",
        "C536625",
        "refund",
        "zh-CN",
        _returned(31, inspected=_step(38, "inspected", INSPECTOR, grade="opened", share=10_000)),
    ),
    Life(
        "in dispute, and ruled by three arbitrators",
        "C536734",
        "refund",
        "en",
        (
            *_returned(2, inspected=_step(9, "inspected", INSPECTOR, grade="used", share=5_000)),
            _step(10, "disputed", CONSUMER, reason="I only unpacked them to look. Nothing was plugged in."),
            _step(11, "evidence", SHOP, text="The bulbs are blackened; see the photos.", attachments=_PHOTOS),
            *_votes(13, PANEL, 8_000, 7_000, 7_500, reason="Used, yet barely: the photos show one bulb of ten."),
        ),
    ),
    Life(
        "ruled, appealed by the consumer, and ruled again by five",
        "C537333",
        "refund",
        "de",
        (
            *_returned(1, inspected=_step(7, "inspected", INSPECTOR, grade="used", share=5_000)),
            _step(8, "disputed", CONSUMER, reason="Das Geschirr war unbenutzt."),
            *_votes(10, PANEL, 5_000, 6_000, 5_000, reason="There are scratches on two plates."),
            _step(12, "appealed", CONSUMER, share=10_000, reason="Die Kratzer sind auf den Fotos des Lagers neu."),
            *_votes(15, APPEAL_PANEL, 9_000, 8_500, 10_000, 9_000, 7_000, reason="The carrier made the scratches."),
        ),
    ),
    Life(
        "exchanged instead of refunded",
        "C536855",
        "refund",
        "en",
        (
            *_returned(10, inspected=_step(16, "inspected", INSPECTOR, grade="defective", share=10_000)),
            _step(17, "exchange_agreed", SHOP),
            _step(17, "exchange_agreed", CONSUMER),
            _step(20, "exchange_shipped", SHOP, carrier=CARRIER),
            _step(23, "exchange_delivered", CARRIER, location="Bristol"),
        ),
    ),
    Life(
        "settled by a split that both signed",
        "C536822",
        "refund",
        "en",
        (
            *_returned(23, inspected=_step(29, "inspected", INSPECTOR, grade="damaged", share=2_000)),
            _step(30, "split", SHOP, share=6_000),
            _step(31, "split", CONSUMER, share=6_000),
        ),
    ),
    Life(
        "in dispute, waiting for its arbitrators",
        "C537373",
        "refund",
        "en",
        (
            *_returned(30, inspected=_step(37, "inspected", INSPECTOR, grade="used", share=5_000)),
            _step(38, "disputed", CONSUMER, reason="The box was never opened."),
            _step(39, "evidence", SHOP, text="It came without its seal.", attachments=_PHOTOS),
            *_votes(39, PANEL, 6_000, reason="The seal is missing; the goods look new."),
        ),
    ),
    Life("waiting for the warehouse", "C536642", "refund", "en", _returned(35)[:3]),
)
