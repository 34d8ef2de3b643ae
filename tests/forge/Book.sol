// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {CaseView, Mode, State, Terms} from "../../contracts/interfaces/CaseTypes.sol";
import {Award, IRefundEscrow} from "../../contracts/interfaces/IRefundEscrow.sol";
import {CaseFlags} from "../../contracts/libraries/CaseFlags.sol";
import {Moves} from "./Moves.sol";
import {IMintable, World} from "./World.sol";

/// @notice A second book of the money and of the ends of cases, kept beside the contracts' own. Whoever moves a case does
/// it between `_before` and `_after`, which compare.
abstract contract Book is World {
    /// What the escrow says before a case moves.
    struct Snapshot {
        uint256 free;
        uint256 locked;
        uint256 due;
        uint256 credits;
        bytes32 others;
        bool over;
        uint24 length;
    }

    bytes32[] public ids;
    mapping(bytes32 caseId => Terms) internal termsOf;
    mapping(bytes32 caseId => uint256) internal tokenOf; // index
    mapping(bytes32 caseId => uint256) internal partiesOf; // index
    mapping(bytes32 caseId => bytes32) internal frozen; // what cannot change once a case is over
    mapping(bytes32 caseId => uint256) internal paid; // minor units
    mapping(bytes32 caseId => uint256) internal owed; // by the outcome, minor units
    uint256 public statesSeen; // one bit each
    uint256 public roundsSeen;
    uint256 public kindsSeen; // by acts
    uint256[3] internal deposited; // minor units by token
    uint256[3] internal paidOut;

    function count() public view returns (uint256) {
        return ids.length;
    }

    function merchantOf(bytes32 id) internal view returns (address) {
        return parties[partiesOf[id]].merchant;
    }

    function totalOf(bytes32 id) internal view returns (uint256) {
        Terms storage t = termsOf[id];
        return uint256(t.refund) + t.freight + t.reserve;
    }

    function creditsOf(address token) internal view returns (uint256 sum) {
        for (uint256 i = 0; i < arbitrators.length; ++i) {
            (,, uint256 credit) = escrow.accountOf(arbitrators[i], token);
            sum += credit;
        }
    }

    function _before(bytes32 id) internal view returns (Snapshot memory s) {
        address token = tokens[tokenOf[id]];
        (s.free, s.locked,) = escrow.accountOf(merchantOf(id), token);
        s.due = escrow.dueOf(id);
        s.credits = creditsOf(token);
        s.others = _locksBut(id);
        CaseView memory v = lens.getCase(id);
        s.over = Moves.isOver(v.state);
        s.length = v.length;
    }

    function _see(bytes32 id) internal {
        CaseView memory v = lens.getCase(id);
        statesSeen |= 1 << uint8(v.state);
        if (v.state == State.Ruled || v.state == State.Disputed) roundsSeen |= 1 << v.round;
    }

    /// A case that has just ended has shared out its lock to the last unit; any other has moved nothing. No other case's
    /// lock has changed.
    function _after(bytes32 id, Snapshot memory s) internal {
        Snapshot memory now_ = _before(id);
        vm.assertEq(now_.others, s.others, "a case moved another case's lock");
        vm.assertTrue(now_.length > s.length, "a move without a record");
        Terms storage t = termsOf[id];
        if (t.mode == Mode.None || s.over || !now_.over) {
            vm.assertEq(now_.free, s.free, "a live case moved a merchant's balance");
            vm.assertEq(now_.locked, s.locked, "a live case moved a lock");
            vm.assertEq(now_.due, s.due, "a live case moved a due");
            vm.assertEq(now_.credits, s.credits, "a live case moved credits");
        } else {
            _requireSharedOut(id, t, s, now_);
        }
        if (now_.over && !s.over) frozen[id] = endOf(id);
        _see(id);
    }

    function _requireSharedOut(bytes32 id, Terms storage t, Snapshot memory s, Snapshot memory now_) private {
        uint256 total = totalOf(id);
        uint256 fees = now_.credits - s.credits;
        vm.assertEq(s.locked - now_.locked, total, "the lock is gone, all of it");
        vm.assertEq(now_.free - s.free + now_.due + fees, total, "the shares add up to the lock");
        vm.assertLe(now_.due, uint256(t.refund) + t.freight, "no more than refund and freight is the consumer's");
        vm.assertEq(fees, _earned(id, t.panel), "each vote of a quorum is paid, and nothing else");
        vm.assertTrue(escrow.lockOf(id).settled, "settled");
        owed[id] = now_.due;
    }

    function _earned(bytes32 id, uint32 version) private view returns (uint256 sum) {
        if (version == 0) return 0;
        (Award[] memory awards,) = panel.awardsOf(id, version);
        for (uint256 i = 0; i < awards.length; ++i) {
            sum += awards[i].amount;
        }
    }

    /// @return a fingerprint of how a case ended
    function endOf(bytes32 id) internal view returns (bytes32) {
        CaseView memory v = lens.getCase(id);
        return keccak256(abi.encode(v.state, v.share, v.fee, v.flags, v.grade, v.consumer, v.consumerClaim));
    }

    function _locksBut(bytes32 id) private view returns (bytes32 hash) {
        for (uint256 i = 0; i < ids.length; ++i) {
            if (ids[i] != id) hash = keccak256(abi.encode(hash, escrow.lockOf(ids[i])));
        }
    }
}
