// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Role} from "../../contracts/interfaces/CaseTypes.sol";
import {ActWord, ActWords} from "../../contracts/libraries/ActWord.sol";
import {PackedAct, PackedActs} from "../../contracts/libraries/PackedAct.sol";
import {Base} from "./Base.sol";
import {RawAct} from "./RawAct.sol";

contract PackedActTest is Base {
    struct Item {
        bytes32 caseId;
        bytes32 commitment;
        ActWord fields;
        address key;
        bytes signature;
        uint256 end;
    }

    function testFuzz_act_comes_out_as_it_was_packed(
        RawAct calldata raw,
        bytes32[2] calldata rs,
        uint8 v,
        bytes calldata before,
        bytes calldata behind
    ) external view {
        Act memory act = raw.toAct();
        if (act.kind != Kind.KeyBound) act.key = address(0);
        bytes memory signature = abi.encodePacked(rs, v);
        bytes memory item = _pack(act, uint8(act.kind), uint8(act.role), uint8(act.grade), signature);
        vm.assertEq(item.length, act.kind == Kind.KeyBound ? 163 : 143, "length");
        Item memory read = this.unpack(abi.encodePacked(before, item, behind), before.length);
        vm.assertEq(read.caseId, act.caseId, "case");
        vm.assertEq(read.commitment, act.commitment, "commitment");
        vm.assertEq(read.key, act.key, "key");
        vm.assertEq(keccak256(read.signature), keccak256(signature), "signature");
        vm.assertEq(read.end, before.length + item.length, "end");
        vm.assertEq(ActWord.unwrap(read.fields), ActWord.unwrap(this.wordOf(act)), "the same word as an act's own");
        vm.assertTrue(read.fields.isKnown(), "known");
    }

    function testFuzz_fields_are_read_where_they_stand(RawAct calldata raw) external view {
        Act memory act = raw.toAct();
        ActWord word = this.wordOf(act);
        vm.assertEq(word.kind(), uint8(act.kind), "kind");
        vm.assertEq(word.role(), uint8(act.role), "role");
        vm.assertEq(word.nonce(), act.nonce, "nonce");
        vm.assertEq(word.validUntil(), act.validUntil, "validUntil");
        vm.assertEq(word.grade(), uint8(act.grade), "grade");
        vm.assertEq(word.share(), act.share, "share");
        vm.assertEq(word.fee(), act.fee, "fee");
        uint256 values = (uint256(act.fee) << 24) | (uint256(act.share) << 8) | uint8(act.grade);
        vm.assertEq(word.values(), values, "values");
    }

    function testFuzz_number_that_stands_for_nothing_is_unknown(
        RawAct calldata raw,
        uint8 kind,
        uint8 role,
        uint8 grade
    ) external view {
        bool known = kind <= uint8(type(Kind).max) && role <= uint8(type(Role).max) && grade <= uint8(type(Grade).max);
        Item memory read = this.unpack(_pack(raw.toAct(), kind, role, grade, new bytes(65)), 0);
        vm.assertTrue(read.fields.isKnown() == known, "known");
    }

    function unpack(bytes calldata items, uint256 start) external pure returns (Item memory item) {
        (PackedAct first,) = PackedActs.all(items);
        PackedAct read = PackedAct.wrap(PackedAct.unwrap(first) + start);
        item.caseId = read.caseId();
        item.commitment = read.commitment();
        item.fields = read.fields();
        item.signature = read.signature();
        item.key = address(uint160(read.key(item.fields)));
        item.end = PackedAct.unwrap(read.end(item.fields)) - PackedAct.unwrap(first);
    }

    function wordOf(Act calldata act) external pure returns (ActWord) {
        return ActWords.of_(act);
    }

    /// As documented: a KeyBound has its key behind the signature.
    function _pack(Act memory act, uint8 kind, uint8 role, uint8 grade, bytes memory signature)
        private
        pure
        returns (bytes memory)
    {
        bytes memory fields = abi.encodePacked(act.validUntil, act.nonce, role, kind, act.fee, act.share, grade);
        bytes memory key = kind == uint8(Kind.KeyBound) ? abi.encodePacked(act.key) : bytes("");
        return abi.encodePacked(act.caseId, act.commitment, fields, signature, key);
    }
}
