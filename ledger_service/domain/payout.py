"""How a lock is shared out. Twin of `contracts/libraries/Payout.sol`."""

from __future__ import annotations

from dataclasses import dataclass

from .vocabulary import FULL_SHARE


@dataclass(frozen=True, slots=True)
class Payout:
    """Minor units."""

    to_consumer: int
    to_merchant: int


def split_lock(*, refund: int, freight: int, reserve: int, share: int, fee: int, freight_to_consumer: bool) -> Payout:
    """Amounts in minor units, `share` and `fee` in basis points of the refund; the two parts add up to the lock.

    What division leaves over is the consumer's. Raises ValueError for values that no lock has.
    """
    if min(refund, freight, reserve, share, fee) < 0 or max(share, fee) > FULL_SHARE:
        raise ValueError("amounts are not negative, and shares and fees are 0 to 10,000 basis points")
    for_merchant = refund * (FULL_SHARE - share) // FULL_SHARE
    for_consumer = refund - for_merchant
    for_consumer -= min(for_consumer, refund * fee // FULL_SHARE)
    if freight_to_consumer:
        for_consumer += freight
    return Payout(for_consumer, refund + freight + reserve - for_consumer)
