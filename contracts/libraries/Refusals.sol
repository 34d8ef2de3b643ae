// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// Why an act or a poke is refused, as one value; zero for one that is not.
type Refusal is uint256;

using Refusals for Refusal global;

/// @notice An error as a value, so that a batch can name the reason of an item it skips, and a single call revert with
/// the very same.
/// @dev From the highest bit: selector 32, number of arguments 8, unused 24, and the arguments: up to three of 64 bits,
/// the first lowest, or one of 192.
library Refusals {
    uint256 private constant SELECTOR = 224;
    uint256 private constant COUNT = 216;
    uint256 private constant ABOUT_CASE = 0xff; // the argument is the case's id, which has no room here

    function isNone(Refusal refusal) internal pure returns (bool) {
        return Refusal.unwrap(refusal) == 0;
    }

    function plain(bytes4 selector) internal pure returns (Refusal) {
        return _pack(selector, 0, 0);
    }

    function aboutCase(bytes4 selector) internal pure returns (Refusal) {
        return _pack(selector, ABOUT_CASE, 0);
    }

    /// @param a at most 192 bits
    function with(bytes4 selector, uint256 a) internal pure returns (Refusal) {
        return _pack(selector, 1, a);
    }

    /// @param a at most 64 bits, as is each of those below
    function with(bytes4 selector, uint256 a, uint256 b) internal pure returns (Refusal) {
        return _pack(selector, 2, a | (b << 64));
    }

    function with(bytes4 selector, uint256 a, uint256 b, uint256 c) internal pure returns (Refusal) {
        return _pack(selector, 3, a | (b << 64) | (c << 128));
    }

    /// @return the ABI-encoded error
    function encode(Refusal refusal, bytes32 caseId) internal pure returns (bytes memory) {
        uint256 packed = Refusal.unwrap(refusal);
        bytes4 selector = bytes4(uint32(packed >> SELECTOR));
        uint256 count = uint8(packed >> COUNT);
        if (count == ABOUT_CASE) return abi.encodeWithSelector(selector, caseId);
        if (count == 0) return abi.encodeWithSelector(selector);
        if (count == 1) return abi.encodeWithSelector(selector, uint192(packed));
        bytes memory two = abi.encodeWithSelector(selector, uint64(packed), uint64(packed >> 64));
        return count == 2 ? two : bytes.concat(two, bytes32(uint256(uint64(packed >> 128))));
    }

    function revertIfAny(Refusal refusal, bytes32 caseId) internal pure {
        if (isNone(refusal)) return;
        bytes memory reason = encode(refusal, caseId);
        assembly ("memory-safe") {
            revert(add(reason, 32), mload(reason))
        }
    }

    function _pack(bytes4 selector, uint256 count, uint256 arguments) private pure returns (Refusal) {
        return Refusal.wrap((uint256(uint32(selector)) << SELECTOR) | (count << COUNT) | arguments);
    }
}
