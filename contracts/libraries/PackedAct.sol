// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Role} from "../interfaces/CaseTypes.sol";

/// @notice An act and its 65-byte ECDSA signature in 143 bytes, since calldata is a good part of a batch's gas.
/// @dev Big-endian, in this order: caseId 32, commitment 32, validUntil 5, kind 1, role 1, nonce 2, grade 1, share 2,
/// fee 2, signature r 32, s 32, v 1. `ledger_service/domain/packed_act.py` is its twin. An ERC-1271 signature that is
/// longer goes through `record`.
library PackedAct {
    uint256 internal constant LENGTH = 143;

    /// @dev `item` has LENGTH bytes; a value outside an enum reverts (Panic 0x21).
    function decode(bytes calldata item) internal pure returns (Act memory act, bytes memory signature) {
        uint256 word = uint256(bytes32(item[64:96])); // its first 14 bytes are the small fields
        act.caseId = bytes32(item[0:32]);
        act.commitment = bytes32(item[32:64]);
        act.validUntil = uint40(word >> 216);
        act.kind = Kind(uint8(word >> 208));
        act.role = Role(uint8(word >> 200));
        act.nonce = uint16(word >> 184);
        act.grade = Grade(uint8(word >> 176));
        act.share = uint16(word >> 160);
        act.fee = uint16(word >> 144);
        signature = item[78:143];
    }
}
