// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice The bits of `CaseView.flags`, which every entry shows.
library CaseFlags {
    uint8 internal constant CONSUMER_KEY_HELD = 1; // the service holds the consumer's key
    uint8 internal constant INSPECTOR_INDEPENDENT = 2; // registered as independent when the case opened
    uint8 internal constant PICKUP_BY_CARRIER = 4; // the carrier, not the consumer, stated the pickup
    uint8 internal constant FREIGHT_TO_CONSUMER = 8; // the outcome gives the locked freight to the consumer
    uint8 internal constant UNPAID = 16; // settled in mode None without the merchant's word that it paid
    uint8 internal constant APPEALED = 32; // the ruling was appealed
    uint8 internal constant FALLBACK = 64; // the first panel stayed silent, its fallback votes
    uint8 internal constant CHALLENGED = 128; // the consumer denies that the stated refund came
}
