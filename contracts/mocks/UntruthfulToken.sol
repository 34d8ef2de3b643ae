// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that can stop moving anything, and then answers a transfer with what it was told to: false, or true
/// all the same.
contract UntruthfulToken is ERC20 {
    bool public stopped;
    bool public answer;

    constructor() ERC20("Untruthful token", "UNTRUE") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function stop(bool answer_) external {
        stopped = true;
        answer = answer_;
    }

    function goOn() external {
        stopped = false;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return stopped ? answer : super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return stopped ? answer : super.transferFrom(from, to, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
