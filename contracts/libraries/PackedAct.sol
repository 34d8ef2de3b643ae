// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Kind} from "../interfaces/CaseTypes.sol";
import {ActWord} from "./ActWord.sol";

/// @notice An act and its 65-byte ECDSA signature in 143 bytes, since calldata is a good part of a batch's gas.
/// @dev Big-endian, in this order: caseId 32, commitment 32, validUntil 5, kind 1, role 1, nonce 2, grade 1, share 2,
/// fee 2, signature r 32, s 32, v 1; behind that a KeyBound has the new key, 20. `ledger_service/domain/packed_act.py`
/// is its twin. An ERC-1271 signature of another length goes through `record`.
library PackedAct {
    uint256 private constant LENGTH = 143;
    uint256 private constant KEY_LENGTH = 20;
    uint256 private constant COMMITMENT = 32;
    uint256 private constant FIELDS = 64;
    uint256 private constant SIGNATURE = 78;

    function caseId(bytes calldata items, uint256 start) internal pure returns (bytes32) {
        return _word(items, start);
    }

    function commitment(bytes calldata items, uint256 start) internal pure returns (bytes32) {
        return _word(items, _after(start, COMMITMENT));
    }

    function fields(bytes calldata items, uint256 start) internal pure returns (ActWord) {
        return ActWord.wrap(uint256(_word(items, _after(start, FIELDS))) >> 144); // its first 14 bytes
    }

    /// @dev Callers make sure that all of the item is there: `key` is of no worth where `end` is behind the last byte.
    /// @return end where the item at `start` ends
    /// @return key the new key of a KeyBound; zero for every other kind
    function endAndKey(bytes calldata items, uint256 start, ActWord act)
        internal
        pure
        returns (uint256 end, address key)
    {
        end = _after(start, LENGTH);
        if (act.kind() == uint8(Kind.KeyBound)) {
            key = address(uint160(uint256(_word(items, end)) >> 96));
            end = _after(end, KEY_LENGTH);
        }
    }

    /// @dev Callers make sure that all of the item is there.
    function signature(bytes calldata items, uint256 start) internal pure returns (bytes calldata signed) {
        assembly ("memory-safe") {
            signed.offset := add(items.offset, add(start, SIGNATURE))
            signed.length := 65
        }
    }

    /// @dev `start` lies within calldata, so this is far from an overflow.
    function _after(uint256 start, uint256 bytes_) private pure returns (uint256) {
        unchecked {
            return start + bytes_;
        }
    }

    /// @dev Bytes behind the last item read as zero.
    function _word(bytes calldata items, uint256 position) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(items.offset, position))
        }
    }
}
