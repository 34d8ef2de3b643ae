// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice How a lock is shared out. Pure; `ledger_service/domain/payout.py` is its twin.
library Payout {
    uint16 internal constant FULL = 10_000; // basis points

    /// @param refund minor units of the refund
    /// @param freight minor units of the locked freight
    /// @param reserve minor units of the reserve, all of which goes back to the merchant
    /// @param share basis points of the refund that are the consumer's; what division leaves over is the consumer's too
    /// @param fee basis points of the refund that the merchant keeps, out of the consumer's part and no more than it
    /// @return toConsumer minor units
    /// @return toMerchant minor units; the two add up to the lock
    function split(uint64 refund, uint64 freight, uint64 reserve, uint16 share, uint16 fee, bool freightToConsumer)
        internal
        pure
        returns (uint64 toConsumer, uint64 toMerchant)
    {
        uint256 total = uint256(refund) + freight + reserve;
        uint256 forMerchant = (uint256(refund) * (FULL - share)) / FULL;
        uint256 forConsumer = refund - forMerchant;
        uint256 restocking = (uint256(refund) * fee) / FULL;
        forConsumer -= restocking < forConsumer ? restocking : forConsumer;
        if (freightToConsumer) forConsumer += freight;
        // Each is at most the lock, whose parts together fit 64 bits.
        return (uint64(forConsumer), uint64(total - forConsumer));
    }
}
