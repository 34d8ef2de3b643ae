// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

import {ICheckpointAnchor} from "./interfaces/ICheckpointAnchor.sol";

/// @title See ICheckpointAnchor, which says all there is to say
contract CheckpointAnchor is ICheckpointAnchor, AccessControl {
    bytes32 public constant OPERATOR = keccak256("OPERATOR");

    uint64 public immutable mostGrowth;

    /// Who writes and how far the log has grown stand in one slot: an anchor reads both and changes one.
    address public writer;
    uint64 private _size;
    bytes32 private _root;
    address public successor;

    constructor(address operator, address writer_, uint64 mostGrowth_) {
        if (operator == address(0) || writer_ == address(0)) revert ZeroAddress();
        if (mostGrowth_ == 0) revert ZeroGrowth();
        mostGrowth = mostGrowth_;
        _grantRole(DEFAULT_ADMIN_ROLE, operator);
        _grantRole(OPERATOR, operator);
        _appoint(writer_);
    }

    function anchor(uint64 size, bytes32 root) external {
        if (msg.sender != writer) revert NotTheWriter(msg.sender);
        if (successor != address(0)) revert LogHasSuccessor(successor);
        uint64 current = _size;
        if (size <= current) revert SizeDoesNotGrow(size, current);
        if (size - current > mostGrowth) revert GrowsTooFast(size, current + mostGrowth);

        _size = size;
        _root = root;
        emit Anchored(size, root);
    }

    function replaceWriter(address writer_) external onlyRole(OPERATOR) {
        if (writer_ == address(0)) revert ZeroAddress();
        _appoint(writer_);
    }

    function nameSuccessor(address successor_) external onlyRole(OPERATOR) {
        if (successor_ == address(0)) revert ZeroAddress();
        if (successor_ == address(this)) revert SuccessorIsThis();
        if (successor != address(0)) revert LogHasSuccessor(successor);
        successor = successor_;
        emit SuccessorNamed(successor_);
    }

    function latest() external view returns (uint64 size, bytes32 root) {
        return (_size, _root);
    }

    function _appoint(address writer_) private {
        writer = writer_;
        emit WriterReplaced(writer_);
    }
}
