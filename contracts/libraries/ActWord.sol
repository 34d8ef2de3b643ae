// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Role} from "../interfaces/CaseTypes.sol";

/// The small fields of an act in one word, as a packed act has them, so that a batch need not spread them out.
type ActWord is uint256;

using ActWords for ActWord global;

/// @notice The fields of an `ActWord`. Kinds, roles and grades come as their numbers, which `isKnown` has checked once:
/// the compiler would check an enum wherever it is touched.
/// @dev From the lowest bit: fee 16, share 16, grade 8, nonce 16, role 8, kind 8, validUntil 40, and nothing above.
library ActWords {
    uint256 private constant SHARE = 16;
    uint256 private constant GRADE = 32;
    uint256 private constant NONCE = 40;
    uint256 private constant ROLE = 56;
    uint256 private constant KIND = 64;
    uint256 private constant VALID_UNTIL = 72;
    uint256 private constant VALUES = 0xffffffffff; // grade, share and fee

    function of_(Act calldata act) internal pure returns (ActWord) {
        return ActWord.wrap(
            uint256(act.fee) | (uint256(act.share) << SHARE) | (uint256(uint8(act.grade)) << GRADE)
                | (uint256(act.nonce) << NONCE) | (uint256(uint8(act.role)) << ROLE)
                | (uint256(uint8(act.kind)) << KIND) | (uint256(act.validUntil) << VALID_UNTIL)
        );
    }

    function isKnown(ActWord a) internal pure returns (bool) {
        return
            a.kind() <= uint8(type(Kind).max) && a.role() <= uint8(type(Role).max)
                && a.grade() <= uint8(type(Grade).max);
    }

    function fee(ActWord a) internal pure returns (uint256) {
        return ActWord.unwrap(a) & 0xffff;
    }

    function share(ActWord a) internal pure returns (uint256) {
        return (ActWord.unwrap(a) >> SHARE) & 0xffff;
    }

    function grade(ActWord a) internal pure returns (uint256) {
        return (ActWord.unwrap(a) >> GRADE) & 0xff;
    }

    function nonce(ActWord a) internal pure returns (uint256) {
        return (ActWord.unwrap(a) >> NONCE) & 0xffff;
    }

    function role(ActWord a) internal pure returns (uint256) {
        return (ActWord.unwrap(a) >> ROLE) & 0xff;
    }

    function kind(ActWord a) internal pure returns (uint256) {
        return (ActWord.unwrap(a) >> KIND) & 0xff;
    }

    function validUntil(ActWord a) internal pure returns (uint256) {
        return ActWord.unwrap(a) >> VALID_UNTIL;
    }

    /// @return grade, share and fee in one, zero where each is
    function values(ActWord a) internal pure returns (uint256) {
        return ActWord.unwrap(a) & VALUES;
    }
}
