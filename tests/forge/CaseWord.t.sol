// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Grade, Kind, Mode, Role, State} from "../../contracts/interfaces/CaseTypes.sol";
import {CaseMarks} from "../../contracts/libraries/CaseMarks.sol";
import {CaseWord, CaseWords} from "../../contracts/libraries/CaseWord.sol";
import {Base} from "./Base.sol";

/// @notice Every field of a case's word is read as it was written, and writing it touches no other.
contract CaseWordTest is Base {
    struct Fields {
        uint24 length;
        uint16 policy;
        uint8 state;
        uint40 deadline;
        uint32 parties;
        uint8 mode;
        uint8 marks;
        uint8 grade;
        uint16 share;
        uint16 fee;
        uint8 flags;
        uint16[5] nonces;
    }

    function testFuzz_fields_of_any_word_are_read_where_they_stand(Fields memory f) external pure {
        _limit(f);
        _requireFields(CaseWord.wrap(_pack(f)), f);
    }

    function testFuzz_opened_keeps_what_it_is_given(uint16 policy, uint32 parties, uint8 mode, uint8 flags)
        external
        pure
    {
        Fields memory f;
        (f.policy, f.parties, f.mode, f.flags) = (policy, parties, mode % 3, flags);
        _requireFields(CaseWords.opened(policy, parties, Mode(f.mode), flags), f);
    }

    function testFuzz_entering_changes_state_and_deadline_and_ends_what_was_pending(
        Fields memory f,
        uint8 to,
        uint40 until
    ) external pure {
        _limit(f);
        CaseWord c = CaseWord.wrap(_pack(f));
        f.state = to % (uint8(type(State).max) + 1);
        f.deadline = until;
        f.marks &= CaseMarks.RULED | CaseMarks.ERASED;
        _requireFields(c.entering(f.state, until), f);
        _requireFields(c.stepping(f.state, until), f);
    }

    function testFuzz_deciding_changes_share_and_fee(Fields memory f, uint16 share, uint16 fee) external pure {
        _limit(f);
        CaseWord c = CaseWord.wrap(_pack(f));
        (f.share, f.fee) = (share, fee);
        _requireFields(c.deciding(share, fee), f);
    }

    function testFuzz_proposing_changes_grade_share_and_fee(Fields memory f, uint8 grade, uint16 share, uint16 fee)
        external
        pure
    {
        _limit(f);
        CaseWord c = CaseWord.wrap(_pack(f));
        (f.grade, f.share, f.fee) = (grade % (uint8(type(Grade).max) + 1), share, fee);
        _requireFields(c.proposing(uint256(fee) << 24 | uint256(share) << 8 | f.grade), f);
    }

    function testFuzz_flags_are_set_and_cleared_alone(Fields memory f, uint8 flag) external pure {
        _limit(f);
        CaseWord c = CaseWord.wrap(_pack(f));
        uint8 before = f.flags;
        vm.assertTrue(c.has(flag) == (before & flag != 0), "has");
        f.flags = before | flag;
        _requireFields(c.flagging(flag), f);
        f.flags = before & ~flag;
        _requireFields(c.unflagging(flag), f);
    }

    function testFuzz_marks_are_set_and_cleared_alone(Fields memory f, uint8 mark) external pure {
        _limit(f);
        mark %= 64;
        CaseWord c = CaseWord.wrap(_pack(f));
        uint8 before = f.marks;
        vm.assertTrue(c.marked(mark) == (before & mark != 0), "marked");
        f.marks = before | mark;
        _requireFields(c.marking(mark), f);
        f.marks = before & ~mark;
        _requireFields(c.unmarking(mark), f);
    }

    function testFuzz_counting_touches_one_counter(Fields memory f, uint8 role) external pure {
        _limit(f);
        role = uint8(bound(role, uint8(Role.Consumer), uint8(Role.Inspector)));
        if (f.nonces[role - 1] == type(uint16).max) --f.nonces[role - 1];
        if (f.length == type(uint24).max) --f.length;
        CaseWord c = CaseWord.wrap(_pack(f)).countingNonce(role).countingRecord();
        ++f.nonces[role - 1];
        ++f.length;
        _requireFields(c, f);
    }

    function testFuzz_entry_shows_what_a_record_did(Fields memory f, uint8 kind, uint8 role, uint40 time) external {
        _limit(f);
        kind %= uint8(type(Kind).max) + 1;
        role %= uint8(type(Role).max) + 1;
        vm.warp(time);
        uint256 entry = uint256(CaseWord.wrap(_pack(f)).entryOf(CaseWords.saying(Kind(kind), Role(role))));
        vm.assertEq(uint24(entry), f.length, "position");
        vm.assertEq(uint8(entry >> 24), kind, "kind");
        vm.assertEq(uint8(entry >> 32), role, "role");
        vm.assertEq(uint8(entry >> 40), f.state, "state");
        vm.assertEq(uint40(entry >> 48), f.deadline, "deadline");
        vm.assertEq(uint40(entry >> 88), time, "time");
        vm.assertEq(uint8(entry >> 128), f.grade, "grade");
        vm.assertEq(uint16(entry >> 136), f.share, "share");
        vm.assertEq(uint16(entry >> 152), f.fee, "fee");
        vm.assertEq(uint8(entry >> 168), f.flags, "flags");
        vm.assertEq(entry >> 176, 0, "an entry ends with its flags");
    }

    /// The fuzzer knows numbers, not the members of an enum.
    function _limit(Fields memory f) private pure {
        f.state %= uint8(type(State).max) + 1;
        f.mode %= uint8(type(Mode).max) + 1;
        f.grade %= uint8(type(Grade).max) + 1;
        f.marks %= 64;
    }

    /// The layout as documented, written down a second time: from the lowest bit, one field after the other.
    function _pack(Fields memory f) private pure returns (uint256) {
        bytes memory nonces = abi.encodePacked(f.nonces[4], f.nonces[3], f.nonces[2], f.nonces[1], f.nonces[0]);
        bytes memory packed =
            abi.encodePacked(nonces, f.flags, f.fee, f.share, f.grade, f.marks << 2 | f.mode, f.parties, f.deadline);
        return uint256(bytes32(abi.encodePacked(packed, f.state, f.policy, f.length)));
    }

    function _requireFields(CaseWord c, Fields memory f) private pure {
        vm.assertEq(c.length(), f.length, "length");
        vm.assertEq(c.policy(), f.policy, "policy");
        vm.assertEq(uint8(c.state()), f.state, "state");
        vm.assertEq(c.stateNumber(), f.state, "state number");
        vm.assertEq(c.deadline(), f.deadline, "deadline");
        vm.assertEq(c.parties(), f.parties, "parties");
        vm.assertEq(uint8(c.mode()), f.mode, "mode");
        for (uint8 i = 0; i < 6; ++i) {
            vm.assertTrue(c.marked(uint8(1 << i)) == (f.marks >> i & 1 != 0), "marks");
        }
        vm.assertEq(uint8(c.grade()), f.grade, "grade");
        vm.assertEq(c.share(), f.share, "share");
        vm.assertEq(c.fee(), f.fee, "fee");
        vm.assertEq(c.flags(), f.flags, "flags");
        for (uint8 role = 1; role <= 5; ++role) {
            vm.assertEq(c.nonce(role), f.nonces[role - 1], "nonce");
        }
        vm.assertEq(CaseWord.unwrap(c), _pack(f), "the whole word");
    }
}
