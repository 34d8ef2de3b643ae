// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IReturnLedger} from "../interfaces/IReturnLedger.sol";

/// @notice An act and its 65-byte ECDSA signature in 143 bytes, since calldata is a good part of a batch's gas.
/// @dev Big-endian, in this order: caseId 32, commitment 32, validUntil 5, kind 1, role 1, nonce 2, grade 1, share 2,
/// fee 2, signature r 32, s 32, v 1. `ledger_service/domain/packed_act.py` is its twin. An ERC-1271 signature of
/// another length goes through `record`.
library PackedAct {
    uint256 internal constant LENGTH = 143;

    uint256 private constant COMMITMENT = 32;
    uint256 private constant FIELDS = 64;
    uint256 private constant R = 78;
    uint256 private constant S = 110;
    uint256 private constant V = 142;

    function caseId(bytes calldata items, uint256 start) internal pure returns (bytes32) {
        return _word(items, start);
    }

    function commitment(bytes calldata items, uint256 start) internal pure returns (bytes32) {
        return _word(items, start + COMMITMENT);
    }

    /// @return the call of `record` that the item at `start` stands for, which judges every value itself
    function toCall(bytes calldata items, uint256 start) internal pure returns (bytes memory) {
        uint256 fields = uint256(_word(items, start + FIELDS)); // its first 14 bytes
        return abi.encodeWithSelector(
            IReturnLedger.record.selector,
            caseId(items, start),
            (fields >> 208) & 0xff, // kind
            (fields >> 200) & 0xff, // role
            (fields >> 184) & 0xffff, // nonce
            fields >> 216, // validUntil
            commitment(items, start),
            (fields >> 176) & 0xff, // grade
            (fields >> 160) & 0xffff, // share
            (fields >> 144) & 0xffff, // fee
            uint256(10 * 32), // where the signature begins
            uint256(65),
            _word(items, start + R),
            _word(items, start + S),
            bytes32(bytes1(_word(items, start + V)))
        );
    }

    /// @dev Callers make sure that an item of full length begins at the item's `start`; the bytes behind the last
    /// item's v are cut off.
    function _word(bytes calldata items, uint256 position) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(items.offset, position))
        }
    }
}
