// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Freight, Policy} from "../interfaces/CaseTypes.sol";

/// @notice The fields of a policy's two words, so that a case pays for one read where a window is asked for.
/// @dev From the lowest bit. `windows`: 16 x 16, hours by State. `rules`: least share by Grade 6 x 16, cap of the fee 16,
/// freight 8, notice in hours 16. `ledger_service/domain/policies.py` is their twin.
library PolicyWords {
    uint40 private constant HOUR = 1 hours;
    uint256 private constant FEE_CAP = 96;
    uint256 private constant FREIGHT = 112;
    uint256 private constant NOTICE = 120;
    uint256 internal constant RULES_BITS = 136;

    /// @return seconds
    function window(uint256 windows, uint8 state) internal pure returns (uint40) {
        unchecked {
            return uint40(uint16(windows >> (16 * uint256(state)))) * HOUR; // far below 40 bits
        }
    }

    /// @return basis points
    function minShare(uint256 rules, uint8 grade) internal pure returns (uint16) {
        unchecked {
            return uint16(rules >> (16 * uint256(grade)));
        }
    }

    /// @return basis points
    function feeCap(uint256 rules) internal pure returns (uint16) {
        return uint16(rules >> FEE_CAP);
    }

    function freightByte(uint256 rules) internal pure returns (uint8) {
        return uint8(rules >> FREIGHT);
    }

    /// @return seconds
    function notice(uint256 rules) internal pure returns (uint40) {
        unchecked {
            return uint40(uint16(rules >> NOTICE)) * HOUR;
        }
    }

    function windowOf(Policy storage policy, uint8 state) internal view returns (uint40) {
        return window(policy.windows, state);
    }

    function minShareOf(Policy storage policy, uint8 grade) internal view returns (uint16) {
        return minShare(policy.rules, grade);
    }

    function feeCapOf(Policy storage policy) internal view returns (uint16) {
        return feeCap(policy.rules);
    }

    function freightOf(Policy storage policy) internal view returns (Freight) {
        return Freight(freightByte(policy.rules));
    }

    function noticeOf(Policy storage policy) internal view returns (uint40) {
        return notice(policy.rules);
    }
}
