"""How a lock is shared out. Twin of `contracts/libraries/Payout.sol`."""

from __future__ import annotations

from dataclasses import dataclass

from .vocabulary import FULL_SHARE


@dataclass(frozen=True, slots=True)
class Payout:
    """Minor units; the three add up to the lock."""

    to_consumer: int
    to_merchant: int
    to_panel: int  # arbitration fees


def split_lock(
    *,
    refund: int,
    freight: int,
    reserve: int,
    share: int,
    fee: int,
    freight_to_consumer: bool,
    fees: int = 0,
    fees_from_consumer: int = 0,
) -> Payout:
    """Amounts in minor units, `share` and `fee` in basis points of the refund.

    What division leaves over is the consumer's. `fees` are the arbitrators': up to `fees_from_consumer` of them come
    out of the consumer's part, as far as it reaches, the others out of the reserve; `to_panel` is smaller than `fees`
    where both together do not suffice, which the escrow refuses. Raises ValueError for values that no lock has.
    """
    if min(refund, freight, reserve, share, fee, fees, fees_from_consumer) < 0 or max(share, fee) > FULL_SHARE:
        raise ValueError("amounts are not negative, and shares and fees are 0 to 10,000 basis points")
    for_merchant = refund * (FULL_SHARE - share) // FULL_SHARE
    for_consumer = refund - for_merchant
    for_consumer -= min(for_consumer, refund * fee // FULL_SHARE)
    if freight_to_consumer:
        for_consumer += freight
    from_consumer = min(for_consumer, fees, fees_from_consumer)
    to_panel = min(fees, reserve + from_consumer)
    to_consumer = for_consumer - from_consumer
    return Payout(to_consumer, refund + freight + reserve - to_consumer - to_panel, to_panel)
