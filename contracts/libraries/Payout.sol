// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice How a lock is shared out. Pure and total: whatever it is given, the three parts add up to the lock.
/// `ledger_service/domain/payout.py` is its twin.
library Payout {
    uint16 internal constant FULL = 10_000; // basis points

    /// The money of a case, in minor units. The three together fit 64 bits.
    struct Held {
        uint64 refund;
        uint64 freight;
        uint64 reserve; // arbitration fees come from it, what they leave goes back to the merchant
    }

    /// @param share basis points of the refund that are the consumer's, full above `FULL`; what division leaves over is
    /// the consumer's too
    /// @param fee basis points of the refund that the merchant keeps, out of the consumer's part and no more than it
    /// @param fees minor units of arbitration fees
    /// @param feesFromConsumer how much of them the consumer bears, out of its part and no more than it
    /// @return toConsumer minor units
    /// @return toMerchant minor units
    /// @return toPanel minor units: `fees`, unless they pass what reserve and consumer hold for them
    function split(
        Held memory held,
        uint16 share,
        uint16 fee,
        bool freightToConsumer,
        uint256 fees,
        uint256 feesFromConsumer
    ) internal pure returns (uint64 toConsumer, uint64 toMerchant, uint64 toPanel) {
        uint256 total = uint256(held.refund) + held.freight + held.reserve;
        uint256 forMerchant = share < FULL ? (uint256(held.refund) * (FULL - share)) / FULL : 0;
        uint256 forConsumer = held.refund - forMerchant;
        forConsumer -= _least(forConsumer, (uint256(held.refund) * fee) / FULL);
        if (freightToConsumer) forConsumer += held.freight;

        uint256 fromConsumer = _least(forConsumer, _least(fees, feesFromConsumer));
        uint256 forPanel = _least(fees, held.reserve + fromConsumer);
        forConsumer -= fromConsumer;
        // Each is at most the lock, whose parts together fit 64 bits.
        return (uint64(forConsumer), uint64(total - forConsumer - forPanel), uint64(forPanel));
    }

    function _least(uint256 one, uint256 other) private pure returns (uint256) {
        return one < other ? one : other;
    }
}
