// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Role} from "../interfaces/CaseTypes.sol";
import {IReturnLedger} from "../interfaces/IReturnLedger.sol";
import {Refusal, Refusals} from "./Refusals.sol";

/// @notice An act and its 65-byte ECDSA signature in 143 bytes, since calldata is a good part of a batch's gas.
/// @dev Big-endian, in this order: caseId 32, commitment 32, validUntil 5, kind 1, role 1, nonce 2, grade 1, share 2,
/// fee 2, signature r 32, s 32, v 1; behind that a KeyBound has the new key, 20. `ledger_service/domain/packed_act.py` is its twin. An ERC-1271 signature of
/// another length goes through `record`.
library PackedAct {
    uint256 private constant LENGTH = 143;
    uint256 private constant KEY_LENGTH = 20;

    uint256 private constant COMMITMENT = 32;
    uint256 private constant FIELDS = 64;
    uint256 private constant SIGNATURE = 78;

    /// @return where the item at `start` ends, which may be behind the last byte
    function endOf(bytes calldata items, uint256 start) internal pure returns (uint256) {
        bool withKey = uint8(uint256(_word(items, start + FIELDS)) >> 208) == uint8(Kind.KeyBound);
        return start + LENGTH + (withKey ? KEY_LENGTH : 0);
    }

    /// @notice The item at `start`.
    /// @dev Callers make sure that all of it is there.
    /// @return act all zero where it is refused, but for `caseId` and `commitment`
    /// @return refusal of an item that is no act
    function unpack(bytes calldata items, uint256 start) internal pure returns (Act memory act, Refusal refusal) {
        act.caseId = _word(items, start);
        act.commitment = _word(items, start + COMMITMENT);
        uint256 fields = uint256(_word(items, start + FIELDS)); // its first 14 bytes
        uint8 kind = uint8(fields >> 208);
        uint8 role = uint8(fields >> 200);
        uint8 grade = uint8(fields >> 176);
        if (kind > uint8(type(Kind).max) || role > uint8(type(Role).max) || grade > uint8(type(Grade).max)) {
            return (act, Refusals.with(IReturnLedger.UnknownWord.selector, uint8(kind), uint8(role), grade));
        }
        act.kind = Kind(kind);
        act.role = Role(role);
        act.nonce = uint16(fields >> 184);
        act.validUntil = uint40(fields >> 216);
        act.grade = Grade(grade);
        act.share = uint16(fields >> 160);
        act.fee = uint16(fields >> 144);
        if (act.kind == Kind.KeyBound) act.key = address(uint160(uint256(_word(items, start + LENGTH)) >> 96));
    }

    function signature(bytes calldata items, uint256 start) internal pure returns (bytes calldata) {
        return items[start + SIGNATURE:start + LENGTH];
    }

    function _word(bytes calldata items, uint256 position) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(items.offset, position))
        }
    }
}
