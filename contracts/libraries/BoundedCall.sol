// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice A call that costs its caller no more than it means to spend, whatever the callee answers.
library BoundedCall {
    uint256 internal constant MOST_ANSWERED = 256; // bytes

    /// @return done whether the call succeeded
    /// @return answer the first bytes of what it returned or reverted with
    function run(address target, uint256 gas_, bytes memory input) internal returns (bool done, bytes memory answer) {
        answer = new bytes(MOST_ANSWERED);
        assembly ("memory-safe") {
            done := call(gas_, target, 0, add(input, 0x20), mload(input), 0, 0)
            let length := returndatasize()
            if gt(length, MOST_ANSWERED) { length := MOST_ANSWERED }
            returndatacopy(add(answer, 0x20), 0, length)
            mstore(answer, length)
        }
    }
}
