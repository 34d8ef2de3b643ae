// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice A peer to measure against: returns as one would first write them down, in structs with strings. It has no
/// signatures, no deadlines and no rules of who may do what when; whoever is named sends the transaction itself.
contract NaiveReturns {
    struct Milestone {
        string kind;
        string actor;
        string location;
        string details;
        string documentHash;
        uint256 recordedAt;
    }

    struct Vote {
        address arbitrator;
        uint256 percent;
        string reason;
    }

    struct Return {
        string orderNumber;
        string product;
        string reason;
        string status;
        address merchant;
        address consumer;
        IERC20 token;
        uint256 amount;
        uint256 due;
    }

    error NotYours(string status);

    event ReturnOpened(string id, address merchant, address consumer, uint256 amount);
    event MilestoneRecorded(string id, string kind, string actor);
    event StatusChanged(string id, string status);
    event Paid(string id, address to, uint256 amount);

    mapping(string id => Return) public returns_;
    mapping(string id => Milestone[]) public milestones;
    mapping(string id => Vote[]) public votes;

    function openReturn(
        string calldata id,
        string calldata orderNumber,
        string calldata product,
        string calldata reason,
        address consumer,
        IERC20 token,
        uint256 amount
    ) external {
        returns_[id] = Return(orderNumber, product, reason, "requested", msg.sender, consumer, token, amount, 0);
        emit ReturnOpened(id, msg.sender, consumer, amount);
        if (!token.transferFrom(msg.sender, address(this), amount)) revert NotYours("requested");
    }

    function recordMilestone(
        string calldata id,
        string calldata kind,
        string calldata actor,
        string calldata location,
        string calldata details,
        string calldata documentHash
    ) external {
        milestones[id].push(Milestone(kind, actor, location, details, documentHash, block.timestamp));
        returns_[id].status = kind;
        emit MilestoneRecorded(id, kind, actor);
    }

    function openDispute(string calldata id, string calldata claim) external {
        Return storage r = returns_[id];
        if (msg.sender != r.consumer && msg.sender != r.merchant) revert NotYours(r.status);
        r.reason = claim;
        _setStatus(id, "disputed");
    }

    function castVote(string calldata id, uint256 percent, string calldata reason) external {
        votes[id].push(Vote(msg.sender, percent, reason));
        emit MilestoneRecorded(id, "vote", reason);
    }

    /// The average of the votes, or everything where nobody voted.
    function settle(string calldata id) external {
        Return storage r = returns_[id];
        Vote[] storage cast = votes[id];
        uint256 sum = 0;
        for (uint256 i = 0; i < cast.length; ++i) {
            sum += cast[i].percent;
        }
        r.due = cast.length == 0 ? r.amount : r.amount * sum / cast.length / 100;
        _setStatus(id, "settled");
    }

    function withdraw(string calldata id) external {
        Return storage r = returns_[id];
        uint256 due = r.due;
        r.due = 0;
        emit Paid(id, r.consumer, due);
        if (due == 0 || !r.token.transfer(r.consumer, due)) revert NotYours(r.status);
    }

    function _setStatus(string calldata id, string memory status) private {
        returns_[id].status = status;
        emit StatusChanged(id, status);
    }
}
