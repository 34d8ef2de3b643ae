// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that calls out while it is at work, wherever its hook says, and remembers what came of it. It takes
/// any permit.
contract CallingToken is ERC20 {
    enum Hook {
        None,
        Permit,
        BeforeTransferFrom,
        AfterTransferFrom,
        BeforeTransfer,
        AfterTransfer
    }

    Hook public hook;
    address public target;
    bytes public message;
    uint256 public calls;
    bool public succeeded;
    /// What the last call out came back with.
    bytes public answer;

    constructor() ERC20("Calling token", "CALLING") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setCall(Hook hook_, address target_, bytes calldata message_) external {
        hook = hook_;
        target = target_;
        message = message_;
    }

    function permit(address owner, address spender, uint256 value, uint256, uint8, bytes32, bytes32) external {
        _approve(owner, spender, value);
        _callOut(Hook.Permit);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        _callOut(Hook.BeforeTransfer);
        super.transfer(to, amount);
        _callOut(Hook.AfterTransfer);
        return true;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        _callOut(Hook.BeforeTransferFrom);
        super.transferFrom(from, to, amount);
        _callOut(Hook.AfterTransferFrom);
        return true;
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function _callOut(Hook here) private {
        if (here != hook) return;
        ++calls;
        (succeeded, answer) = target.call(message);
    }
}
