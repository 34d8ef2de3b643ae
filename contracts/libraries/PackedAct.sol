// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Kind} from "../interfaces/CaseTypes.sol";
import {ActWord} from "./ActWord.sol";
import {Rule} from "./CaseMachine.sol";
import {Envelope, Messages} from "./Messages.sol";
import {Signatures} from "./Signatures.sol";

/// Where in calldata a packed act begins.
type PackedAct is uint256;

using PackedActs for PackedAct global;

/// @notice An act and its 65-byte ECDSA signature in 143 bytes, since calldata is a good part of a batch's gas.
/// @dev Big-endian, in this order: caseId 32, commitment 32, validUntil 5, nonce 2, role 1, kind 1, fee 2, share 2,
/// grade 1, signature r 32, s 32, v 1; behind that a KeyBound has the new key, 20. `ledger_service/domain/packed_act.py`
/// is its twin. An ERC-1271 signature of another length goes through `record`.
library PackedActs {
    uint256 private constant LENGTH = 143;
    uint256 private constant KEY_LENGTH = 20;
    uint256 private constant COMMITMENT = 32;
    uint256 private constant FIELDS = 64;
    uint256 private constant SIGNATURE = 78;
    uint256 private constant V = 142;

    /// @return first the first item, if there is one
    /// @return last behind the last byte
    function all(bytes calldata items) internal pure returns (PackedAct first, PackedAct last) {
        assembly ("memory-safe") {
            first := items.offset
            last := add(first, items.length)
        }
    }

    function isBefore(PackedAct item, PackedAct other) internal pure returns (bool) {
        return PackedAct.unwrap(item) < PackedAct.unwrap(other);
    }

    function caseId(PackedAct item) internal pure returns (bytes32) {
        return bytes32(_word(item, 0));
    }

    function commitment(PackedAct item) internal pure returns (bytes32) {
        return bytes32(_word(item, COMMITMENT));
    }

    function fields(PackedAct item) internal pure returns (ActWord) {
        return ActWord.wrap(_word(item, FIELDS) >> 144); // its first 14 bytes
    }

    /// @return where an item ends that has no key
    function next(PackedAct item) internal pure returns (PackedAct) {
        return _after(item, LENGTH);
    }

    function end(PackedAct item, ActWord act) internal pure returns (PackedAct) {
        return _after(item, act.kind() == uint8(Kind.KeyBound) ? LENGTH + KEY_LENGTH : LENGTH);
    }

    /// @return the new key of a KeyBound, as a number; zero for every other kind
    function key(PackedAct item, ActWord act) internal pure returns (uint256) {
        return act.kind() == uint8(Kind.KeyBound) ? _word(item, LENGTH) >> 96 : 0;
    }

    function signature(PackedAct item) internal pure returns (bytes calldata signed) {
        assembly ("memory-safe") {
            signed.offset := add(item, SIGNATURE)
            signed.length := 65
        }
    }

    /// @param rule of an act whose message signs no value, or grade, share and fee
    /// @return digest what its actor signs
    function digestOf(PackedAct item, Envelope domain, ActWord act, Rule rule) internal pure returns (bytes32 digest) {
        uint256 start;
        uint256 size = 0xc0;
        bytes32 name = Messages.INSPECTED;
        assembly ("memory-safe") {
            start := mload(0x40)
        }
        if (rule.signsProposal()) {
            (uint256 grade, uint256 share, uint256 fee) = (act.grade(), act.share(), act.fee());
            assembly ("memory-safe") {
                mstore(add(start, 0xc0), grade)
                mstore(add(start, 0xe0), share)
                mstore(add(start, 0x100), fee)
            }
            size = 0x120;
        } else {
            name = Messages.typeOf(act.kind());
        }
        (uint256 role, uint256 nonce, uint256 validUntil) = (act.role(), act.nonce(), act.validUntil());
        assembly ("memory-safe") {
            mstore(start, name)
            mstore(add(start, 0x20), calldataload(item))
            mstore(add(start, 0x40), role)
            mstore(add(start, 0x60), nonce)
            mstore(add(start, 0x80), validUntil)
            mstore(add(start, 0xa0), calldataload(add(item, COMMITMENT)))
            mstore(add(domain, 0x22), keccak256(start, size))
            digest := keccak256(domain, 0x42)
        }
    }

    /// @return agrees whether this is the signature of the signer's own key, as `Signatures.recovers` has it
    function isSignedBy(PackedAct item, address signer, bytes32 digest) internal view returns (bool agrees) {
        uint256 halfOrder = Signatures.HALF_ORDER;
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, digest)
            mstore(add(start, 0x20), byte(0, calldataload(add(item, V))))
            calldatacopy(add(start, 0x40), add(item, SIGNATURE), 0x40)
            mstore(0, not(0))
            if iszero(staticcall(gas(), 1, start, 0x80, 0, 0x20)) { revert(0, 0) }
            agrees := and(eq(mload(0), signer), iszero(gt(mload(add(start, 0x60)), halfOrder)))
        }
    }

    /// @dev What lies in calldata is far from an overflow.
    function _after(PackedAct item, uint256 bytes_) private pure returns (PackedAct) {
        unchecked {
            return PackedAct.wrap(PackedAct.unwrap(item) + bytes_);
        }
    }

    /// @dev Bytes behind the last item are of no worth: zero, or another argument.
    function _word(PackedAct item, uint256 position) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(item, position))
        }
    }
}
