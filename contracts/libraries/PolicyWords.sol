// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Freight, Grade, Policy} from "../interfaces/CaseTypes.sol";
import {ActWord} from "./ActWord.sol";
import {Payout} from "./Payout.sol";

/// @notice The fields of a policy's two words, so that a case pays for one read where a window is asked for.
/// @dev From the lowest bit. `windows`: 16 x 16, hours by State. `rules`: least share by Grade 6 x 16, cap of the fee 16,
/// freight 8, notice in hours 16. `ledger_service/domain/policies.py` is their twin.
library PolicyWords {
    uint256 private constant HOUR = 1 hours;
    uint256 private constant FEE_CAP = 96;
    uint256 private constant FREIGHT = 112;
    uint256 private constant NOTICE = 120;
    uint256 internal constant RULES_BITS = 136;

    /// @return seconds
    function window(uint256 windows, uint256 state) internal pure returns (uint256) {
        unchecked {
            return ((windows >> (16 * state)) & 0xffff) * HOUR; // far below 40 bits
        }
    }

    /// @return basis points
    function minShare(uint256 rules, uint256 grade) internal pure returns (uint256) {
        unchecked {
            return (rules >> (16 * grade)) & 0xffff;
        }
    }

    /// @return basis points
    function feeCap(uint256 rules) internal pure returns (uint256) {
        return (rules >> FEE_CAP) & 0xffff;
    }

    /// @return gap its highest bit is set where an inspector's proposal is none or misses the rules: each difference has its
    /// own set where it is negative
    function beyond(uint256 rules, ActWord act) internal pure returns (uint256 gap) {
        uint256 grade = act.grade();
        unchecked {
            uint256 fromWorst = uint256(uint8(Grade.Defective)) - grade; // the last, and the one without a fee
            gap = (grade - 1) | fromWorst | (act.share() - minShare(rules, grade)) | (Payout.FULL - act.share())
                | (feeCap(rules) * ((0 - fromWorst) >> 255) - act.fee());
        }
    }

    function freightByte(uint256 rules) internal pure returns (uint8) {
        return uint8(rules >> FREIGHT);
    }

    /// @return seconds
    function notice(uint256 rules) internal pure returns (uint256) {
        unchecked {
            return ((rules >> NOTICE) & 0xffff) * HOUR;
        }
    }

    function windowOf(Policy storage policy, uint256 state) internal view returns (uint256) {
        return window(policy.windows, state);
    }

    function freightOf(Policy storage policy) internal view returns (Freight) {
        return Freight(freightByte(policy.rules));
    }

    function noticeOf(Policy storage policy) internal view returns (uint256) {
        return notice(policy.rules);
    }
}
