// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice What a case has to remember and no entry shows. A change of state clears those that `PENDING` names.
library CaseMarks {
    uint8 internal constant NOTICED = 1; // a notice runs
    uint8 internal constant OFFER_BY_CONSUMER = 2; // the consumer's offer of a split stands
    uint8 internal constant OFFER_BY_MERCHANT = 4; // the merchant's does
    uint8 internal constant EXCHANGE_OFFERED = 8; // the merchant would replace the goods
    uint8 internal constant RULED = 16; // a panel has ruled, so arbitrators are to be paid
    uint8 internal constant ERASED = 32; // the one record after the end is there

    uint8 internal constant PENDING = NOTICED | OFFER_BY_CONSUMER | OFFER_BY_MERCHANT | EXCHANGE_OFFERED;
}
