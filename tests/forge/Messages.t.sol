// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Role} from "../../contracts/interfaces/CaseTypes.sol";
import {ActWords} from "../../contracts/libraries/ActWord.sol";
import {CaseMachine} from "../../contracts/libraries/CaseMachine.sol";
import {Messages} from "../../contracts/libraries/Messages.sol";
import {Base} from "./Base.sol";
import {RawAct} from "./RawAct.sol";

/// @notice Each act's EIP-712 hash, composed here a second time from the names and types of its fields.
contract MessagesTest is Base {
    string private constant COMMON = "(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment";

    function testFuzz_hash_is_that_of_the_named_message(RawAct memory raw) external view {
        Act memory act = raw.toAct();
        (string memory name, string memory more) = _typeOf(act.kind);
        bytes memory fields = abi.encode(act.caseId, act.role, act.nonce, act.validUntil, act.commitment);
        if (_ends(more, "fee")) fields = abi.encodePacked(fields, abi.encode(act.grade, act.share, act.fee));
        else if (_ends(more, "share")) fields = abi.encodePacked(fields, abi.encode(act.share));
        else if (_ends(more, "key")) fields = abi.encodePacked(fields, abi.encode(act.key));

        bytes32 kind = bytes(name).length == 0 ? bytes32(0) : keccak256(abi.encodePacked(name, COMMON, more, ")"));
        vm.assertEq(Messages.typeOf(uint8(act.kind)), kind, "type");
        vm.assertEq(_hash(act), keccak256(abi.encodePacked(kind, fields)), "hash");
    }

    function testFuzz_act_counts_as_signed_only_if_its_message_holds_every_value(RawAct memory raw) external view {
        Act memory act = raw.toAct();
        if (raw.caseId[31] & 0x01 != 0) act.grade = Grade.None;
        if (raw.caseId[31] & 0x02 != 0) act.share = 0;
        if (raw.caseId[31] & 0x04 != 0) act.fee = 0;
        if (raw.caseId[31] & 0x08 != 0) act.key = address(0);
        bool lost = (act.grade != Grade.None && !_counts(act, 0)) || (act.share != 0 && !_counts(act, 1))
            || (act.fee != 0 && !_counts(act, 2)) || (act.key != address(0) && !_counts(act, 3));
        vm.assertTrue(this.isFullySigned(act) == !lost, "what is no value of the message has to be zero");
    }

    function testFuzz_two_kinds_never_share_a_hash(RawAct memory raw, uint8 kind) external view {
        Act memory act = raw.toAct();
        Act memory other = _copy(act);
        other.kind = Kind(kind % (uint8(type(Kind).max) + 1));
        bool same = other.kind == act.kind
            || (Messages.typeOf(uint8(other.kind)) == 0 && Messages.typeOf(uint8(act.kind)) == 0);
        bool collide = _hash(other) == _hash(act);
        vm.assertTrue(collide == same, "two messages, one hash");
    }

    function testFuzz_every_field_counts(RawAct memory raw, uint8 field) external view {
        Act memory act = raw.toAct();
        bytes32 before = _hash(act);
        Act memory other = _copy(act);
        field %= 5;
        if (field == 0) other.caseId = ~act.caseId;
        if (field == 1) other.role = Role((uint8(act.role) + 1) % (uint8(type(Role).max) + 1));
        if (field == 2) other.nonce = ~act.nonce;
        if (field == 3) other.validUntil = ~act.validUntil;
        if (field == 4) other.commitment = ~act.commitment;
        vm.assertTrue(_hash(other) != before, "a field is not signed");
    }

    function hash(Act calldata a) external pure returns (bytes32) {
        return
            Messages.hashAct(CaseMachine.ruleOf(uint8(a.kind)), a.caseId, a.commitment, ActWords.of_(a), uint160(a.key));
    }

    function isFullySigned(Act calldata a) external pure returns (bool) {
        return Messages.isFullySigned(CaseMachine.ruleOf(uint8(a.kind)), ActWords.of_(a), uint160(a.key));
    }

    function _hash(Act memory a) private view returns (bytes32) {
        return this.hash(a);
    }

    /// Whether the message is another one without the value.
    function _counts(Act memory act, uint256 field) private view returns (bool) {
        Act memory other = _copy(act);
        if (field == 0) other.grade = Grade.None;
        if (field == 1) other.share = 0;
        if (field == 2) other.fee = 0;
        if (field == 3) other.key = address(0);
        return _hash(other) != _hash(act);
    }

    function _copy(Act memory a) private pure returns (Act memory) {
        return abi.decode(abi.encode(a), (Act));
    }

    function _ends(string memory more, string memory word) private pure returns (bool) {
        (bytes memory a, bytes memory b) = (bytes(more), bytes(word));
        if (a.length < b.length) return false;
        for (uint256 i = 0; i < b.length; ++i) {
            if (a[a.length - b.length + i] != b[i]) return false;
        }
        return true;
    }

    function _typeOf(Kind kind) private pure returns (string memory name, string memory more) {
        string memory share = ",uint16 share";
        if (kind == Kind.Authorised) return ("Authorised", "");
        if (kind == Kind.Declined) return ("Declined", "");
        if (kind == Kind.Cancelled) return ("Cancelled", "");
        if (kind == Kind.PickedUp) return ("PickedUp", "");
        if (kind == Kind.Received) return ("Received", "");
        if (kind == Kind.Inspected) return ("Inspected", ",uint8 grade,uint16 share,uint16 fee");
        if (kind == Kind.Accepted) return ("Accepted", "");
        if (kind == Kind.ExchangeAgreed) return ("ExchangeAgreed", "");
        if (kind == Kind.ExchangeShipped) return ("ExchangeShipped", "");
        if (kind == Kind.ExchangeDelivered) return ("ExchangeDelivered", "");
        if (kind == Kind.Refunded) return ("Refunded", "");
        if (kind == Kind.Challenged) return ("Challenged", share);
        if (kind == Kind.Disputed) return ("Disputed", share);
        if (kind == Kind.Evidence) return ("Evidence", "");
        if (kind == Kind.Objected) return ("Objected", "");
        if (kind == Kind.KeyBound) return ("KeyBound", ",address key");
        if (kind == Kind.Appealed) return ("Appealed", share);
        if (kind == Kind.Split) return ("Split", share);
        if (kind == Kind.Erased) return ("Erased", "");
        return ("", "");
    }
}
