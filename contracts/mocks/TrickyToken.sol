// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token with the habits an escrow has to survive: it keeps a tax, refuses recipients, and calls out in the
/// middle of a transfer.
contract TrickyToken is ERC20 {
    uint16 public tax; // basis points
    mapping(address account => bool) public blocked;
    address public target;
    bytes public message;
    /// What the last call out came back with, empty where it succeeded.
    bytes public answer;

    error Blocked(address account);

    constructor() ERC20("Tricky token", "TRICKY") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setTax(uint16 tax_) external {
        tax = tax_;
    }

    function setBlocked(address account, bool blocked_) external {
        blocked[account] = blocked_;
    }

    function setCall(address target_, bytes calldata message_) external {
        target = target_;
        message = message_;
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function _update(address from, address to, uint256 value) internal override {
        if (blocked[to]) revert Blocked(to);
        uint256 kept = from == address(0) ? 0 : (value * tax) / 10_000;
        super._update(from, to, value - kept);
        if (kept != 0) super._update(from, address(0), kept);
        if (target == address(0) || from == address(0)) return;
        (bool done, bytes memory result) = target.call(message);
        answer = done ? bytes("") : result;
    }
}
