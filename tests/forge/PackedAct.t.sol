// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Role} from "../../contracts/interfaces/CaseTypes.sol";
import {IReturnLedger} from "../../contracts/interfaces/IReturnLedger.sol";
import {PackedAct} from "../../contracts/libraries/PackedAct.sol";
import {Base} from "./Base.sol";
import {RawAct} from "./RawAct.sol";

contract PackedActTest is Base {
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
        (Act memory read, bytes memory signed, bytes memory reason, uint256 end) =
            this.unpack(abi.encodePacked(before, item, behind), before.length);
        vm.assertEq(keccak256(abi.encode(read)), keccak256(abi.encode(act)), "act");
        vm.assertEq(keccak256(signed), keccak256(signature), "signature");
        vm.assertEq(reason.length, 0, "reason");
        vm.assertEq(end, before.length + item.length, "end");
    }

    function testFuzz_number_that_stands_for_nothing_is_named(RawAct calldata raw, uint8 kind, uint8 role, uint8 grade)
        external
        view
    {
        Act memory act = raw.toAct();
        bool known = kind <= uint8(type(Kind).max) && role <= uint8(type(Role).max) && grade <= uint8(type(Grade).max);
        (,, bytes memory reason,) = this.unpack(_pack(act, kind, role, grade, new bytes(65)), 0);
        bytes memory expected =
            known ? bytes("") : abi.encodeWithSelector(IReturnLedger.UnknownWord.selector, kind, role, grade);
        vm.assertEq(keccak256(reason), keccak256(expected), "reason");
    }

    function unpack(bytes calldata items, uint256 start)
        external
        pure
        returns (Act memory act, bytes memory signature, bytes memory reason, uint256 end)
    {
        (act, reason) = PackedAct.unpack(items, start);
        signature = PackedAct.signature(items, start);
        end = PackedAct.endOf(items, start);
    }

    /// As documented: a KeyBound has its key behind the signature.
    function _pack(Act memory act, uint8 kind, uint8 role, uint8 grade, bytes memory signature)
        private
        pure
        returns (bytes memory)
    {
        bytes memory fields = abi.encodePacked(act.validUntil, kind, role, act.nonce, grade, act.share, act.fee);
        bytes memory key = kind == uint8(Kind.KeyBound) ? abi.encodePacked(act.key) : bytes("");
        return abi.encodePacked(act.caseId, act.commitment, fields, signature, key);
    }
}
