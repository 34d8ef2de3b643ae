// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// The votes of one round in one storage slot.
type Ballot is uint256;

using Ballots for Ballot global;

/// @notice Reads and writes a ballot.
/// @dev From the lowest bit: 16 bits an arbitrator in the panel's order, holding the share plus one, or zero before the
/// vote; room for 15; then 8 unused bits and the number of votes in the top 8. `ledger_service/domain/panels.py` is its
/// twin.
library Ballots {
    uint256 internal constant SEATS = 15;
    uint256 private constant COUNT = 248;

    function count(Ballot b) internal pure returns (uint256) {
        return Ballot.unwrap(b) >> COUNT;
    }

    /// @param seat from 0
    /// @return the share plus one; zero before the vote
    function mark(Ballot b, uint256 seat) internal pure returns (uint16) {
        return uint16(Ballot.unwrap(b) >> (seat * 16));
    }

    /// @dev The caller has made sure that the seat is below 15 and has not voted, and the share below 65,535.
    function adding(Ballot b, uint256 seat, uint16 share) internal pure returns (Ballot) {
        return Ballot.wrap(Ballot.unwrap(b) + ((uint256(share) + 1) << (seat * 16)) + (1 << COUNT));
    }

    /// @return the share in the middle; with an even number of votes, the higher one of the two there
    /// @dev At least one vote has been cast.
    function median(Ballot b) internal pure returns (uint16) {
        uint256 cast = b.count();
        uint16[] memory sorted = new uint16[](cast);
        uint256 filled = 0;
        for (uint256 seat = 0; filled < cast; ++seat) {
            uint16 marked = b.mark(seat);
            if (marked == 0) continue;
            uint256 place = filled++;
            for (; place > 0 && sorted[place - 1] > marked - 1; --place) {
                sorted[place] = sorted[place - 1];
            }
            sorted[place] = marked - 1;
        }
        return sorted[cast / 2];
    }
}
