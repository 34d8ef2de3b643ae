// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice A wallet that gives the same answer to whatever it is asked, as a result or as a revert, after using up some
/// gas.
contract OddWallet {
    bytes private _answer;
    bool public immutable reverts;
    uint256 public immutable uses;

    constructor(bytes memory answer, bool reverts_, uint256 uses_) {
        _answer = answer;
        reverts = reverts_;
        uses = uses_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        uint256 start = gasleft();
        bytes memory answer = _answer;
        while (start - gasleft() < uses) {}
        if (reverts) {
            assembly {
                revert(add(answer, 0x20), mload(answer))
            }
        }
        assembly {
            return(add(answer, 0x20), mload(answer))
        }
    }
}
