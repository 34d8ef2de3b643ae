// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Ballot, Ballots} from "../../contracts/libraries/Ballot.sol";
import {Base} from "./Base.sol";

contract BallotTest is Base {
    uint256 private constant FULL = 10_000;

    function testFuzz_median_is_the_one_in_the_middle_of_the_sorted_votes(
        uint16[15] memory shares,
        uint256 order,
        uint256 cast
    ) external pure {
        cast = bound(cast, 1, Ballots.SEATS);
        uint256[] memory sorted = new uint256[](cast);
        Ballot ballot;
        uint256 taken;
        for (uint256 i = 0; i < cast; ++i) {
            (uint256 seat, uint16 share) = (order % Ballots.SEATS, uint16(shares[i] % (FULL + 1)));
            while (taken >> seat & 1 != 0) seat = (seat + 1) % Ballots.SEATS;
            taken |= 1 << seat;
            order /= Ballots.SEATS;
            ballot = ballot.adding(seat, share);
            sorted[i] = share;
        }
        _sort(sorted);
        vm.assertEq(ballot.count(), cast, "count");
        vm.assertEq(ballot.median(), sorted[cast / 2], "median");
    }

    function testFuzz_vote_is_read_where_it_was_cast(uint16[15] memory shares, uint256 who) external pure {
        Ballot ballot;
        for (uint256 seat = 0; seat < Ballots.SEATS; ++seat) {
            if (who >> seat & 1 != 0) ballot = ballot.adding(seat, uint16(shares[seat] % (FULL + 1)));
        }
        uint256 cast;
        for (uint256 seat = 0; seat < Ballots.SEATS; ++seat) {
            bool voted = who >> seat & 1 != 0;
            if (voted) ++cast;
            vm.assertEq(ballot.mark(seat), voted ? shares[seat] % (FULL + 1) + 1 : 0, "mark");
        }
        vm.assertEq(ballot.count(), cast, "count");
    }

    /// What fewer than half of a quorum say cannot carry the ruling beyond what the others said.
    function testFuzz_minority_cannot_carry_the_ruling_away(uint16[15] memory shares, uint256 size, uint256 rogues)
        external
        pure
    {
        uint256 cast = 2 * bound(size, 0, 7) + 1;
        rogues = bound(rogues, 0, cast / 2);
        (uint256 least, uint256 most) = (FULL, 0);
        Ballot ballot;
        for (uint256 i = 0; i < cast; ++i) {
            uint16 share = uint16(shares[i] % (FULL + 1));
            ballot = ballot.adding(i, share);
            if (i < rogues) continue;
            if (share < least) least = share;
            if (share > most) most = share;
        }
        vm.assertLe(least, ballot.median(), "below every honest vote");
        vm.assertLe(ballot.median(), most, "above every honest vote");
    }

    function _sort(uint256[] memory values) private pure {
        for (uint256 i = 0; i + 1 < values.length; ++i) {
            for (uint256 k = i + 1; k < values.length; ++k) {
                if (values[k] < values[i]) (values[i], values[k]) = (values[k], values[i]);
            }
        }
    }
}
