// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice A ledger that says of a case whatever a test wants to put to the panel, and keeps the ruling.
contract DisputeStub {
    struct Dispute {
        uint32 panel;
        uint8 round;
        uint40 deadline;
        uint16 most;
        address consumer;
        bool disputed;
    }

    event RuledBy(address caller, bytes32 caseId, uint16 share, bytes32 ballot, bool hasAppealPanel);

    mapping(bytes32 caseId => Dispute) public disputeOf;
    /// Whether a ruling leaves the case in dispute, which no real ledger does.
    bool public staysInDispute;

    function set(bytes32 caseId, Dispute calldata dispute) external {
        disputeOf[caseId] = dispute;
    }

    function stay(bool yes) external {
        staysInDispute = yes;
    }

    function rule(bytes32 caseId, uint16 share, bytes32 ballot, bool hasAppealPanel) external {
        if (!staysInDispute) disputeOf[caseId].disputed = false;
        emit RuledBy(msg.sender, caseId, share, ballot, hasAppealPanel);
    }
}
