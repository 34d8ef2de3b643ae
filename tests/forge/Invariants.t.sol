// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Kind, State} from "../../contracts/interfaces/CaseTypes.sol";
import {Actions} from "./Actions.sol";
import {Base} from "./Base.sol";

/// @notice The invariants of the contracts, after every step of lives by chance. What concerns one step is checked in it:
/// (2) and (4) in `Book`, (5) in `Handler.withdrawAll`, (6), (7) and (9) in `Attacker`. What is checked here holds at any
/// time, and `afterInvariant` brings every life to its end.
contract InvariantsTest is Base {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Actions private _actions;

    function setUp() external {
        vm.warp(1_780_000_000);
        _actions = new Actions();
    }

    function targetContracts() external view returns (address[] memory list) {
        list = new address[](1);
        list[0] = address(_actions);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory list) {
        list = new FuzzSelector[](1);
        list[0] = FuzzSelector(address(_actions), _actions.steps());
    }

    /// All of them in one function, since forge would live a life of its own for each.
    function invariant_contracts_keep_their_promises() external view {
        _actions.requireCovered(); // (1) and (6)
        _actions.requireSharesOfEnds(); // (2)
        _actions.requireEnds(); // (3)
        _actions.requireLocks(); // (4)
        _actions.requireDeadlines(); // (7) and (8)
        _actions.requireFees(); // (10)
    }

    /// So that none of it holds only because nothing happened: as many lives as that takes, of 60 steps each.
    function test_steps_reach_every_state_round_and_act() external {
        uint256 contractsOwn = 1 << uint8(Kind.Ruled) | 1 << uint8(Kind.Settled) | 1 << uint8(Kind.Closed);
        uint256 acts = 0xffffff & ~(3 | contractsOwn); // but None and Requested
        (uint256 states, uint256 rounds, uint256 kinds) = (0, 0, 0);
        for (uint256 life = 0; life < 100 && !(states == 0x7ffe && rounds == 0x1f && kinds == acts); ++life) {
            Actions actions = new Actions();
            bytes4[] memory steps = actions.steps();
            for (uint256 i = 0; i < 60; ++i) {
                uint256 seed = uint256(keccak256(abi.encode(life, i)));
                (bool done,) = address(actions).call(abi.encodeWithSelector(steps[seed % steps.length], seed));
                vm.assertTrue(done, "a step failed");
            }
            states |= actions.statesSeen() | 1 << uint8(State.Requested);
            rounds |= actions.roundsSeen();
            kinds |= actions.kindsSeen();
        }
        vm.assertEq(states, 0x7ffe, "every state but None");
        vm.assertEq(rounds, 0x1f, "every round of votes");
        vm.assertEq(kinds, acts, "every kind of act");
    }

    /// Nobody is needed to bring everything to its end, and then everybody gets what is theirs.
    function afterInvariant() external {
        _actions.finish();
    }
}
