// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice A wallet that harms whoever asks it: it burns all gas it gets, or answers with far too much.
contract SpitefulWallet {
    bool public immutable burns;

    constructor(bool burns_) {
        burns = burns_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (burns) {
            while (gasleft() > 0) {}
        }
        assembly {
            return(0, 150000)
        }
    }
}
