// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Role} from "../interfaces/CaseTypes.sol";
import {CaseWords} from "./CaseWord.sol";

/// The small fields of an act in one word, as a packed act has them, so that a batch need not spread them out.
type ActWord is uint256;

using ActWords for ActWord global;

/// @notice The fields of an `ActWord`. Kinds, roles and grades come as their numbers, which `isKnown` has checked once:
/// the compiler would check an enum wherever it is touched.
/// @dev From the lowest bit: grade 8, share 16, fee 16, kind 8, role 8, nonce 16, validUntil 40, and nothing above. Grade,
/// share and fee follow each other as in a `CaseWord`, and kind and role as in an entry, so that they go over as one.
library ActWords {
    uint256 private constant SHARE = 8;
    uint256 private constant FEE = 24;
    uint256 private constant KIND = 40;
    uint256 private constant ROLE = 48;
    uint256 private constant NONCE = 56;
    uint256 private constant VALID_UNTIL = 72;
    uint256 private constant VALUES = 0xffffffffff; // grade, share and fee
    uint256 private constant SAID = 0xffff << CaseWords.ENTRY_KIND; // kind and role

    function of_(Act calldata act) internal pure returns (ActWord) {
        return ActWord.wrap(
            uint256(uint8(act.grade)) | (uint256(act.share) << SHARE) | (uint256(act.fee) << FEE)
                | (uint256(uint8(act.kind)) << KIND) | (uint256(uint8(act.role)) << ROLE)
                | (uint256(act.nonce) << NONCE) | (uint256(act.validUntil) << VALID_UNTIL)
        );
    }

    function isKnown(ActWord a) internal pure returns (bool) {
        return
            a.kind() <= uint8(type(Kind).max) && a.role() <= uint8(type(Role).max)
                && a.grade() <= uint8(type(Grade).max);
    }

    function fee(ActWord a) internal pure returns (uint256) {
        return (ActWord.unwrap(a) >> FEE) & 0xffff;
    }

    function share(ActWord a) internal pure returns (uint256) {
        return (ActWord.unwrap(a) >> SHARE) & 0xffff;
    }

    function grade(ActWord a) internal pure returns (uint256) {
        return ActWord.unwrap(a) & 0xff;
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

    /// @return what is stated and by whom, as `CaseWords.saying` has it
    function said(ActWord a) internal pure returns (uint256) {
        return (ActWord.unwrap(a) >> (KIND - CaseWords.ENTRY_KIND)) & SAID;
    }

    /// @return grade, share and fee in one, zero where each is
    function values(ActWord a) internal pure returns (uint256) {
        return ActWord.unwrap(a) & VALUES;
    }
}
