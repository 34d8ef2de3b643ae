// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Case, Kind, Role} from "../interfaces/CaseTypes.sol";

/// @notice What a record did to its case, in one word, so that an event and a link of the hash chain stay cheap.
/// @dev From the lowest bit: position 24, kind 8, role 8, state after 8, deadline after 40, block time 40, grade 8,
/// share 16, fee 16, flags 8. `ledger_service/domain/entry.py` is its twin.
library Entry {
    function pack(Case memory c, Kind kind, Role role) internal view returns (bytes32) {
        uint256 word = c.length;
        word |= uint256(uint8(kind)) << 24;
        word |= uint256(uint8(role)) << 32;
        word |= uint256(uint8(c.state)) << 40;
        word |= uint256(c.deadline) << 48;
        word |= uint256(uint40(block.timestamp)) << 88;
        word |= uint256(uint8(c.grade)) << 128;
        word |= uint256(c.share) << 136;
        word |= uint256(c.fee) << 152;
        word |= uint256(c.flags) << 168;
        return bytes32(word);
    }

    /// @notice The next head of a case's hash chain.
    function link(bytes32 head, address actor, bytes32 commitment, bytes32 entry) internal pure returns (bytes32) {
        return keccak256(abi.encode(head, actor, commitment, entry));
    }
}
