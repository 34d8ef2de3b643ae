// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, CaseView, Kind, Role} from "../../contracts/interfaces/CaseTypes.sol";
import {IReturnLedger} from "../../contracts/interfaces/IReturnLedger.sol";
import {CaseWord} from "../../contracts/libraries/CaseWord.sol";
import {Handler} from "./Handler.sol";

/// @notice A role has nonces for 65,535 acts in a case. That many are not played: the case's word is written by hand.
contract NoncesTest is Handler {
    uint16 private constant LAST = type(uint16).max;

    function setUp() external {
        vm.warp(1_780_000_000);
        open(1);
        _send(Kind.Authorised, Role.Merchant, 1);
    }

    function test_last_act_of_a_role_is_taken_and_touches_no_other_nonce() external {
        _setNonce(Role.Carrier, LAST - 1);
        _send(Kind.PickedUp, Role.Carrier, LAST - 1);
        uint16[6] memory nonces = lens.getCase(ids[0]).nonces;
        vm.assertEq(uint256(nonces[uint8(Role.Carrier)]), LAST, "the carrier's");
        vm.assertEq(uint256(nonces[uint8(Role.Warehouse)]), 0, "its neighbour's");
        vm.assertEq(uint256(nonces[uint8(Role.Merchant)]), 2, "its other neighbour's");
    }

    function test_role_without_a_nonce_is_refused_by_either_way() external {
        _setNonce(Role.Carrier, LAST);
        Sent memory message = _signed(Kind.PickedUp, Role.Carrier, LAST);
        bytes32 head = ledger.head(ids[0]);
        bytes memory refusal = abi.encodeWithSelector(IReturnLedger.WrongNonce.selector, Role.Carrier, LAST, LAST);
        try ledger.record(message.act, message.signature) {
            vm.assertTrue(false, "an act beyond the last nonce was taken");
        } catch (bytes memory reason) {
            vm.assertEq(keccak256(reason), keccak256(refusal), "another refusal");
        }
        ledger.recordPacked(_pack(message));
        vm.assertEq(ledger.head(ids[0]), head, "an item beyond the last nonce was taken");
    }

    function test_case_goes_on_by_the_others_and_by_its_deadlines() external {
        _setNonce(Role.Carrier, LAST);
        _send(Kind.Received, Role.Warehouse, 0);
        CaseView memory v = lens.getCase(ids[0]);
        vm.warp(uint256(v.deadline) + 1);
        ledger.poke(ids[0]);
        vm.assertTrue(lens.getCase(ids[0]).length > v.length, "a deadline did nothing");
    }

    function _send(Kind kind, Role role, uint16 nonce) private {
        ledger.recordPacked(_pack(_signed(kind, role, nonce)));
        vm.assertEq(uint256(lens.getCase(ids[0]).nonces[uint8(role)]), uint256(nonce) + 1, "an act was not taken");
    }

    function _signed(Kind kind, Role role, uint16 nonce) private returns (Sent memory) {
        CaseView memory v = lens.getCase(ids[0]);
        Act memory a = _actOf(uint256(nonce), ids[0], v, kind, role);
        a.nonce = nonce;
        return Sent(a, sign(_signerOf(v, role), lens.digestOf(a)));
    }

    /// The first slot that a reader of the case is given is its word; nonces are its highest bits, 16 a role.
    function _setNonce(Role role, uint16 nonce) private {
        vm.record();
        uint256 word = uint256(ledger.slotsOf(ids[0])[0]);
        (bytes32[] memory reads,) = vm.accesses(address(ledger));
        uint256 place = 176 + 16 * (uint256(uint8(role)) - 1);
        word = (word & ~(uint256(LAST) << place)) | (uint256(nonce) << place);
        vm.store(address(ledger), reads[0], bytes32(word));
        vm.assertEq(CaseWord.wrap(word).nonce(uint8(role)), nonce, "the word");
        vm.assertEq(uint256(lens.getCase(ids[0]).nonces[uint8(role)]), nonce, "the case");
    }
}
