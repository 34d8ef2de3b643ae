// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title Who may rule on a dispute, and how their votes become one ruling
/// @notice A vote is an EIP-712 message on this contract's domain:
///
///     Vote(bytes32 caseId,uint8 round,uint16 share,uint40 validUntil,bytes32 commitment)
///
/// signed by an arbitrator (EOA or ERC-1271), one a round. Once `threshold` have voted, the median is the ruling and
/// later votes are refused; the threshold is odd, so that the median is somebody's vote.
interface IArbitrationPanel {
    /// A version of a panel; a case freezes the version it opened with.
    struct Panel {
        address[] arbitrators;
        uint8 threshold;
        uint32 appealPanel; // version of the larger panel, 0 for none
        uint32 fallbackPanel; // version that takes over when this one stays silent, 0 for none
        uint64 fee; // minor units for each vote that counted
    }

    event PanelRegistered(uint32 indexed version, Panel content);
    event Voted(
        bytes32 indexed caseId, address indexed arbitrator, uint8 indexed round, uint16 share, bytes32 commitment
    );
    event MedianReached(bytes32 indexed caseId, uint8 indexed round, uint16 share);

    error UnknownPanelVersion(uint32 version);
    error ThresholdOutOfBounds(uint8 threshold);
    error DuplicateArbitrator(address arbitrator);
    error AppealPanelNotLarger(uint32 version);
    error NotAnArbitrator(address account);
    error PartyOnPanel(address account);
    error AlreadyVoted(address arbitrator, uint8 round);
    error RoundOver(uint8 round);
    error WrongRound(uint8 expected, uint8 given);
    error VoteOutOfBounds(uint16 share);
    error VoteExpired(uint40 validUntil);
    error BadVoteSignature(address arbitrator);

    /// @notice Registers a new version; earlier versions stay as they are for the cases that froze them.
    function registerPanel(Panel calldata panel) external returns (uint32 version);

    /// @notice Counts one signed vote.
    function vote(
        bytes32 caseId,
        address arbitrator,
        uint8 round,
        uint16 share,
        uint40 validUntil,
        bytes32 commitment,
        bytes calldata signature
    ) external;

    function panelOf(uint32 version) external view returns (Panel memory);
}
