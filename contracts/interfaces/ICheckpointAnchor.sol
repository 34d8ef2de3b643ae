// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title The size and root of the observation log (RFC 6962), anchored
/// @notice The log grows with every checkpoint, and by no more than a bound at a time, so that a stolen writer key cannot
/// end it by anchoring the greatest size there is. The operator replaces a lost key, and names the anchor that goes on
/// from here where this one has to end.
/// @dev Not protected here: whether a root is that of the log, and whether one log continues another (RFC 6962 has
/// consistency proofs for that, which need no chain); what an operator does who holds both roles.
interface ICheckpointAnchor {
    event Anchored(uint64 indexed size, bytes32 root);
    event WriterReplaced(address indexed writer);
    event SuccessorNamed(address indexed successor);

    error ZeroAddress();
    error ZeroGrowth();
    error NotTheWriter(address caller);
    error SizeDoesNotGrow(uint64 size, uint64 current);
    error GrowsTooFast(uint64 size, uint64 most);
    error LogHasSuccessor(address successor);
    /// A log cannot go on where it ends.
    error SuccessorIsThis();

    /// @notice Keeps the newest checkpoint; the earlier ones stay in the events.
    /// @param size the number of observations in the log
    /// @param root the RFC 6962 tree hash over them
    /// @dev Reverts if
    /// - the caller is not the writer (NotTheWriter)
    /// - a successor is named (LogHasSuccessor)
    /// - the size is not above the last one (SizeDoesNotGrow)
    /// - the size is above the last one by more than `mostGrowth` (GrowsTooFast)
    function anchor(uint64 size, bytes32 root) external;

    /// @notice Lets another key write from now on, and the one before no more.
    /// @dev Reverts if
    /// - the caller is not an operator (AccessControlUnauthorizedAccount)
    /// - the writer is zero (ZeroAddress)
    function replaceWriter(address writer) external;

    /// @notice Ends this log for good, with its last checkpoint, and says where it goes on.
    /// @dev Reverts if
    /// - the caller is not an operator (AccessControlUnauthorizedAccount)
    /// - the successor is zero (ZeroAddress)
    /// - the successor is this contract (SuccessorIsThis)
    /// - a successor is named already (LogHasSuccessor)
    function nameSuccessor(address successor) external;

    /// @return size of the newest checkpoint, 0 before the first
    /// @return root of the newest checkpoint
    function latest() external view returns (uint64 size, bytes32 root);

    function writer() external view returns (address);

    /// @return the anchor that goes on with this log, zero while this one does
    function successor() external view returns (address);

    /// @return the most that a checkpoint may be larger than the one before
    function mostGrowth() external view returns (uint64);
}
