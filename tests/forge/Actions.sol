// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {CaseView, Grade, Kind, Mode, State, Terms} from "../../contracts/interfaces/CaseTypes.sol";
import {IRefundEscrow} from "../../contracts/interfaces/IRefundEscrow.sol";
import {Attacker} from "./Attacker.sol";
import {Moves} from "./Moves.sol";
import {IMintable} from "./World.sol";

/// @notice All that can happen, and what has to hold whatever happened.
contract Actions is Attacker {
    /// @return the steps that a life by chance is made of; what moves cases stands in it more than once
    function steps() external pure returns (bytes4[] memory) {
        bytes4[18] memory fixed_ = [
            this.open.selector,
            this.act.selector,
            this.poke.selector,
            this.silence.selector,
            this.wait_.selector,
            this.vote.selector,
            this.deposit.selector,
            this.withdraw.selector,
            this.withdrawAll.selector,
            this.withdrawElsewhere.selector,
            this.withdrawCredit.selector,
            this.withdrawBalance.selector,
            this.replay.selector,
            this.forge_.selector,
            this.overreach.selector,
            this.trespass.selector,
            this.administer.selector,
            this.play.selector
        ];
        bytes4[] memory list = new bytes4[](fixed_.length);
        for (uint256 i = 0; i < list.length; ++i) {
            list[i] = fixed_[i];
        }
        return list;
    }

    /// Several steps that move cases, so that lives get far.
    function play(uint256 seed) external {
        open(_pick(seed, "open"));
        act(_pick(seed, "act"));
        vote(_pick(seed, "vote"));
        act(_pick(seed, "more"));
    }

    /// (1) and (6): exactly what was deposited and not paid out, by a book of our own.
    function requireCovered() external view {
        for (uint256 t = 0; t < tokens.length; ++t) {
            uint256 held = creditsOf(tokens[t]);
            for (uint256 m = 0; m < merchants.length; ++m) {
                (uint256 free, uint256 locked,) = escrow.accountOf(merchants[m], tokens[t]);
                held += free + locked;
            }
            for (uint256 i = 0; i < ids.length; ++i) {
                if (tokenOf[ids[i]] == t) held += escrow.dueOf(ids[i]);
            }
            uint256 balance = IMintable(tokens[t]).balanceOf(address(escrow));
            vm.assertLe(held * units[t], balance, "the escrow owes more than it holds");
            vm.assertEq(balance, (deposited[t] - paidOut[t]) * units[t], "the books differ");
            vm.assertEq(held, deposited[t] - paidOut[t], "money belongs to nobody");
        }
    }

    /// (2): what the outcome gave the consumer is due or paid, to the last unit.
    function requireSharesOfEnds() external view {
        for (uint256 i = 0; i < ids.length; ++i) {
            vm.assertEq(escrow.dueOf(ids[i]) + paid[ids[i]], owed[ids[i]], "due and paid are what was decided");
        }
    }

    /// (3)
    function requireEnds() external view {
        for (uint256 i = 0; i < ids.length; ++i) {
            bool over = Moves.isOver(lens.getCase(ids[i]).state);
            vm.assertTrue(over == (frozen[ids[i]] != 0), "a case came back from its end");
            if (over) vm.assertEq(endOf(ids[i]), frozen[ids[i]], "an end changed");
            bool funded = termsOf[ids[i]].mode != Mode.None;
            vm.assertTrue(escrow.lockOf(ids[i]).settled == (over && funded), "settled, once, at the end");
        }
    }

    /// (4): and the merchants' locked money is the sum of them.
    function requireLocks() external view {
        uint256[3][3] memory locked; // by merchant and token
        for (uint256 i = 0; i < ids.length; ++i) {
            bytes32 id = ids[i];
            IRefundEscrow.Lock memory lock = escrow.lockOf(id);
            if (lock.settled) continue;
            Terms storage t = termsOf[id];
            vm.assertEq(lock.refund, t.refund, "refund");
            vm.assertEq(lock.freight, t.freight, "freight");
            vm.assertEq(lock.reserve, t.reserve, "reserve");
            locked[partiesOf[id]][tokenOf[id]] += totalOf(id);
        }
        for (uint256 m = 0; m < merchants.length; ++m) {
            for (uint256 t = 0; t < tokens.length; ++t) {
                (, uint256 sum,) = escrow.accountOf(merchants[m], tokens[t]);
                vm.assertEq(sum, locked[m][t], "locked");
            }
        }
    }

    /// (7) and (8): windows and panel are those of the opening, and time moves every live case.
    function requireDeadlines() external view {
        for (uint256 i = 0; i < ids.length; ++i) {
            CaseView memory v = lens.getCase(ids[i]);
            bool over = Moves.isOver(v.state);
            vm.assertTrue((v.deadline == 0) == over, "a live case has a deadline, an ended one has none");
            (Kind kind,, uint40 after_) = ledger.pokeOf(ids[i]);
            vm.assertTrue((kind == Kind.None) == over, "something happens to a live case, and nothing to an ended one");
            vm.assertEq(v.policy, termsOf[ids[i]].policy, "the policy of the opening");
            vm.assertEq(v.panel, termsOf[ids[i]].panel, "the panel of the opening");
            if (over) continue;
            vm.assertEq(after_, _dueOf(v), "poke is due with the deadline or the notice");
            uint256 window = (240 + 24 * uint256(uint8(v.state))) * 1 hours;
            vm.assertLe(v.deadline, block.timestamp + window, "a window cannot grow");
        }
    }

    /// (10)
    function requireFees() external view {
        for (uint256 i = 0; i < ids.length; ++i) {
            CaseView memory v = lens.getCase(ids[i]);
            vm.assertLe(v.fee, v.grade == Grade.Defective ? 0 : FEE_CAP, "restocking");
            vm.assertLe(v.share, FULL, "share");
        }
    }

    /// Pokes alone, until nothing lives; then everybody is paid, and the escrow is empty.
    function finish() external {
        for (uint256 steps_ = 0; steps_ < 12 * MOST_CASES; ++steps_) {
            (bytes32 id, uint256 due) = _dueFirst();
            if (id == 0) break;
            if (block.timestamp <= due) vm.warp(due + 1);
            Snapshot memory s = _before(id);
            ledger.poke(id);
            _after(id, s);
        }
        (bytes32 live,) = _dueFirst();
        vm.assertEq(live, 0, "a case that no deadline ends");
        vm.warp(block.timestamp + NOTICE * 1 hours);
        escrow.withdrawForBatch(ids);
        for (uint256 t = 0; t < tokens.length; ++t) {
            for (uint256 i = 0; i < arbitrators.length; ++i) {
                (,, uint256 credit) = escrow.accountOf(arbitrators[i], tokens[t]);
                if (credit != 0) escrow.withdrawCredit(arbitrators[i], tokens[t]);
            }
            for (uint256 i = 0; i < merchants.length; ++i) {
                uint256 free = escrow.balanceOf(merchants[i], tokens[t]);
                vm.prank(merchants[i]);
                escrow.withdrawBalance(tokens[t], free, merchants[i]);
            }
            vm.assertEq(IMintable(tokens[t]).balanceOf(address(escrow)), 0, "something stayed behind");
        }
    }
}
