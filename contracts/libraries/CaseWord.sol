// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Grade, Kind, Mode, Role, State} from "../interfaces/CaseTypes.sol";
import {CaseMarks} from "./CaseMarks.sol";

/// A case as it stands in storage, in one word: read once, written once, and never spread out in memory.
type CaseWord is uint256;

using CaseWords for CaseWord global;

/// @notice The fields of a `CaseWord`, and the entry that each record of the case takes from it.
/// @dev From the lowest bit: length 24, policy 16, state 8, deadline 40, parties 32, mode 2, marks 6, grade 8, share 16,
/// fee 16, flags 8, nonces 5 x 16 (Consumer lowest). What an entry shows stands in the same bits there; policy, parties,
/// mode, marks and nonces make room for kind, role and block time.
library CaseWords {
    uint256 private constant POLICY = 24;
    uint256 private constant STATE = 40;
    uint256 private constant DEADLINE = 48;
    uint256 private constant PARTIES = 88;
    uint256 private constant MODE = 120;
    uint256 private constant MARKS = 122;
    uint256 private constant GRADE = 128;
    uint256 private constant SHARE = 136;
    uint256 private constant FEE = 152;
    uint256 private constant FLAGS = 168;
    uint256 private constant NONCES = 176;

    /// The nonce that no act can have: none could follow it.
    uint256 internal constant LAST_NONCE = 0xffff;

    uint256 private constant STATE_AND_DEADLINE = 0xffffffffffff << STATE;
    uint256 private constant GRADE_SHARE_AND_FEE = 0xffffffffff << GRADE;
    uint256 private constant SHARE_AND_FEE = 0xffffffff << SHARE;
    uint256 private constant ALL_PENDING = uint256(CaseMarks.PENDING) << MARKS;
    uint256 private constant STAYING = ~(STATE_AND_DEADLINE | ALL_PENDING); // in another state
    uint256 private constant SHOWN = 0xffffff | STATE_AND_DEADLINE | GRADE_SHARE_AND_FEE | (0xff << FLAGS);

    uint256 internal constant ENTRY_KIND = 24;
    uint256 private constant ENTRY_ROLE = 32;
    uint256 private constant ENTRY_TIME = 88;

    function opened(uint16 policy_, uint32 parties_, Mode mode_, uint8 flags_) internal pure returns (CaseWord) {
        return CaseWord.wrap(
            (uint256(policy_) << POLICY) | (uint256(parties_) << PARTIES) | (uint256(uint8(mode_)) << MODE)
                | (uint256(flags_) << FLAGS)
        );
    }

    function exists(CaseWord c) internal pure returns (bool) {
        return CaseWord.unwrap(c) != 0;
    }

    function length(CaseWord c) internal pure returns (uint24) {
        return uint24(CaseWord.unwrap(c));
    }

    function policy(CaseWord c) internal pure returns (uint16) {
        return uint16(CaseWord.unwrap(c) >> POLICY);
    }

    function state(CaseWord c) internal pure returns (State) {
        return State(uint8(CaseWord.unwrap(c) >> STATE));
    }

    /// @return the state's number: the compiler would check an enum wherever it is touched
    function stateNumber(CaseWord c) internal pure returns (uint256) {
        return (CaseWord.unwrap(c) >> STATE) & 0xff;
    }

    function deadline(CaseWord c) internal pure returns (uint256) {
        return (CaseWord.unwrap(c) >> DEADLINE) & 0xffffffffff;
    }

    function parties(CaseWord c) internal pure returns (uint32) {
        return uint32(CaseWord.unwrap(c) >> PARTIES);
    }

    function mode(CaseWord c) internal pure returns (Mode) {
        return Mode(uint8(CaseWord.unwrap(c) >> MODE) & 3);
    }

    function grade(CaseWord c) internal pure returns (Grade) {
        return Grade(uint8(CaseWord.unwrap(c) >> GRADE));
    }

    function share(CaseWord c) internal pure returns (uint256) {
        return (CaseWord.unwrap(c) >> SHARE) & 0xffff;
    }

    function fee(CaseWord c) internal pure returns (uint256) {
        return (CaseWord.unwrap(c) >> FEE) & 0xffff;
    }

    function flags(CaseWord c) internal pure returns (uint8) {
        return uint8(CaseWord.unwrap(c) >> FLAGS);
    }

    function has(CaseWord c, uint8 flag) internal pure returns (bool) {
        return CaseWord.unwrap(c) & (uint256(flag) << FLAGS) != 0;
    }

    /// @return a word whose highest bit is set while a notice runs; the others say nothing
    function noticeAtTop(CaseWord c) internal pure returns (uint256) {
        return CaseWord.unwrap(c) << (255 - MARKS); // its mark is the lowest
    }

    function marked(CaseWord c, uint8 mark) internal pure returns (bool) {
        return CaseWord.unwrap(c) & (uint256(mark) << MARKS) != 0;
    }

    /// @param role number of a Role that is neither None nor Panel, which sign nothing here
    function nonce(CaseWord c, uint256 role) internal pure returns (uint256) {
        return (CaseWord.unwrap(c) >> _nonceAt(role)) & LAST_NONCE;
    }

    /// @dev Whatever was pending in the state before is gone.
    function entering(CaseWord c, uint256 to, uint256 until) internal pure returns (CaseWord) {
        return CaseWord.wrap((CaseWord.unwrap(c) & STAYING) | (to << STATE) | (until << DEADLINE));
    }

    /// @dev The same for `_step` alone: the compiler writes out at its place what is called from one place only.
    function stepping(CaseWord c, uint256 to, uint256 until) internal pure returns (CaseWord) {
        return CaseWord.wrap((CaseWord.unwrap(c) & STAYING) | (((until << 8) | to) << STATE));
    }

    /// @param values grade, share and fee as an `ActWord` has them, which is how they stand here
    function proposing(CaseWord c, uint256 values) internal pure returns (CaseWord) {
        return CaseWord.wrap((CaseWord.unwrap(c) & ~GRADE_SHARE_AND_FEE) | (values << GRADE));
    }

    function deciding(CaseWord c, uint256 share_, uint256 fee_) internal pure returns (CaseWord) {
        return CaseWord.wrap((CaseWord.unwrap(c) & ~SHARE_AND_FEE) | (share_ << SHARE) | (fee_ << FEE));
    }

    function flagging(CaseWord c, uint256 flag) internal pure returns (CaseWord) {
        return CaseWord.wrap(CaseWord.unwrap(c) | (flag << FLAGS));
    }

    function unflagging(CaseWord c, uint8 flag) internal pure returns (CaseWord) {
        return CaseWord.wrap(CaseWord.unwrap(c) & ~(uint256(flag) << FLAGS));
    }

    function marking(CaseWord c, uint8 mark) internal pure returns (CaseWord) {
        return CaseWord.wrap(CaseWord.unwrap(c) | (uint256(mark) << MARKS));
    }

    function unmarking(CaseWord c, uint8 mark) internal pure returns (CaseWord) {
        return CaseWord.wrap(CaseWord.unwrap(c) & ~(uint256(mark) << MARKS));
    }

    /// @dev The caller has made sure that the role has a nonce left.
    function countingNonce(CaseWord c, uint256 role) internal pure returns (CaseWord) {
        unchecked {
            return CaseWord.wrap(CaseWord.unwrap(c) + (1 << _nonceAt(role)));
        }
    }

    /// @dev Nonces run out long before 24 bits do.
    function countingRecord(CaseWord c) internal pure returns (CaseWord) {
        unchecked {
            return CaseWord.wrap(CaseWord.unwrap(c) + 1);
        }
    }

    /// @notice What a record did to its case, in one word, so that an event and a link of the hash chain stay cheap.
    /// @dev From the lowest bit: position 24, kind 8, role 8, state after 8, deadline after 40, block time 40, grade 8,
    /// share 16, fee 16, flags 8. `ledger_service/domain/entry.py` is its twin.
    /// @param said by `saying`
    function entryOf(CaseWord c, uint256 said) internal view returns (bytes32) {
        return bytes32((CaseWord.unwrap(c) & SHOWN) | said | (block.timestamp << ENTRY_TIME)); // years away from 40 bits
    }

    /// @return said what is stated and by whom, where an entry has them
    function saying(Kind kind, Role role) internal pure returns (uint256 said) {
        return (uint256(uint8(kind)) << ENTRY_KIND) | (uint256(uint8(role)) << ENTRY_ROLE);
    }

    function _nonceAt(uint256 role) private pure returns (uint256) {
        unchecked {
            return NONCES - 16 + 16 * role;
        }
    }
}
