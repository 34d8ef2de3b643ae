// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, CaseView, Grade, Kind, Role} from "../../contracts/interfaces/CaseTypes.sol";
import {Cheats} from "./Base.sol";
import {Handler} from "./Handler.sol";

/// @notice `recordPacked` knows a short way for what most items are. Whatever an item says, and however a case stands, it
/// comes to what `record` makes of the same act.
contract WaysTest is Handler {
    bytes32 private constant SKIPPED = keccak256("Skipped(bytes32,bytes32,uint256,bytes)");

    function setUp() external {
        vm.warp(1_780_000_000);
    }

    /// A life by chance; and after each step an act by chance, by the one way and by the other.
    function testFuzz_item_comes_to_what_the_act_comes_to(uint256 seed) external {
        for (uint256 i = 0; i < 12; ++i) {
            uint256 next = _pick(seed, i);
            if (i < 2) open(next);
            else if (next % 8 == 0) poke(next);
            else if (next % 8 == 1) vote(next);
            else if (next % 8 == 2) wait_(next);
            else act(next);
            _compare(_pick(next, "compared"));
        }
    }

    /// Every milestone of the usual way, by everybody who may state it, with one thing or nothing wrong about it.
    function testFuzz_milestones_come_to_the_same(uint256 seed) external {
        open(seed);
        Kind[4] memory way = [Kind.Authorised, Kind.PickedUp, Kind.Received, Kind.Inspected];
        Role[4] memory by = [Role.Merchant, Role.Carrier, Role.Warehouse, Role.Inspector];
        for (uint256 i = 0; i < 4; ++i) {
            CaseView memory v = lens.getCase(ids[0]);
            for (uint256 turn = 0; turn < 4; ++turn) {
                uint256 chance = _pick(seed, 8 * i + turn);
                Role role = turn == 0 ? Role.Consumer : by[i];
                _both(_spoilt(chance, v, _actOf(chance, ids[0], v, way[i], role)), v);
            }
            Act memory a = _actOf(seed, ids[0], v, way[i], by[i]);
            ledger.recordPacked(_pack(Sent(a, sign(_signerOf(v, a.role), lens.digestOf(a)))));
            vm.assertEq(uint256(lens.getCase(ids[0]).length), uint256(v.length) + 1, "a milestone was not taken");
        }
    }

    function _compare(uint256 seed) private {
        bytes32 id = ids[seed % ids.length];
        CaseView memory v = lens.getCase(id);
        Kind kind = Kind(_pick(seed, "kind") % (uint8(type(Kind).max) + 1));
        Act memory a;
        (a.caseId, a.kind, a.role) = (id, kind, Role(_pick(seed, "role") % (uint8(type(Role).max) + 1)));
        (a.nonce, a.validUntil) = (uint8(a.role) < 6 ? v.nonces[uint8(a.role)] : 0, FAR);
        (a.grade, a.share) = kind == Kind.Inspected ? (Grade.AsNew, FULL) : (Grade.None, 0);
        _both(_spoilt(seed, v, a), v);
    }

    /// Half of the acts stay as they are.
    function _spoilt(uint256 seed, CaseView memory v, Act memory a) private view returns (Act memory) {
        uint256 how = _pick(seed, "how") % 16;
        uint256 chance = _pick(seed, "value");
        if (how == 0) a.nonce = uint16(chance);
        else if (how == 1) a.validUntil = uint40(bound(chance, block.timestamp - 2, block.timestamp + 1));
        else if (how == 2) a.grade = Grade(chance % 6);
        else if (how == 3) a.share = uint16(chance % 10_003);
        else if (how == 4) a.fee = uint16(chance % 1_600);
        else if (how == 5) a.caseId = bytes32(chance);
        else if (how == 6) a.role = Role(1 + chance % 5);
        else if (how == 7 && v.deadline != 0) a.validUntil = v.deadline;
        return a;
    }

    function _both(Act memory a, CaseView memory v) private {
        address signer = uint8(a.role) % 6 == 0 ? newKey("nobody", 1) : _signerOf(v, a.role);
        uint256 how = uint256(a.commitment) % 8;
        if (how == 1) signer = newKey("stranger", 1);
        uint256 start = block.timestamp;
        if (how == 2 && v.deadline != 0) vm.warp(v.deadline);
        if (how == 3 && v.deadline != 0) vm.warp(uint256(v.deadline) + 1);
        bytes memory signature = sign(signer, lens.digestOf(a));
        if (how == 4) signature[64] = bytes1(uint8(uint256(a.commitment) >> 8));

        uint256 mark = vm.snapshotState();
        (bytes32 byAct, bytes memory refusal) = _record(a, signature);
        vm.revertToState(mark);
        vm.recordLogs();
        ledger.recordPacked(_pack(Sent(a, signature)));
        bytes memory reason = _skipped();
        vm.assertEq(keccak256(reason), keccak256(refusal), "another refusal");
        vm.assertEq(_slots(a.caseId), byAct, "another case");
        vm.revertToState(mark);
        vm.warp(start);
    }

    function _record(Act memory a, bytes memory signature) private returns (bytes32, bytes memory refusal) {
        try ledger.record(a, signature) {}
        catch (bytes memory reason) {
            refusal = reason;
        }
        return (_slots(a.caseId), refusal);
    }

    function _slots(bytes32 id) private view returns (bytes32) {
        return keccak256(abi.encode(ledger.slotsOf(id)));
    }

    function _skipped() private returns (bytes memory reason) {
        Cheats.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].topics[0] == SKIPPED) (, reason) = abi.decode(logs[i].data, (uint256, bytes));
        }
    }
}
