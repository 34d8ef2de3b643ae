// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title The size and root of the observation log (RFC 6962), anchored
/// @notice Sizes only grow, and by no more than a bound at a time, so that a stolen writer key cannot end the log by
/// anchoring the greatest size; a log that has to end names its successor.
interface ICheckpointAnchor {
    event Anchored(uint64 indexed size, bytes32 root);
    event SuccessorNamed(address indexed successor);

    error NotTheWriter(address caller);
    error SizeDoesNotGrow(uint64 size, uint64 current);
    error GrowsTooFast(uint64 size, uint64 most);
    error LogHasSuccessor(address successor);

    /// @dev Reverts if the caller is not the writer, a successor is named, or the size does not grow within the bound.
    function anchor(uint64 size, bytes32 root) external;

    /// @dev Reverts if the caller is not the writer, or a successor is named already.
    function nameSuccessor(address successor) external;

    function latest() external view returns (uint64 size, bytes32 root);
}
