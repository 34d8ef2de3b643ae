// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that harms whoever pays certain recipients: it burns all gas it gets, or refuses at great length.
contract WastefulToken is ERC20 {
    enum Waste {
        None,
        BurnGas,
        LongRefusal
    }

    mapping(address recipient => Waste) public wasteOf;

    constructor() ERC20("Wasteful token", "WASTEFUL") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setWaste(address recipient, Waste waste) external {
        wasteOf[recipient] = waste;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        Waste waste = wasteOf[to];
        if (waste == Waste.BurnGas) {
            while (gasleft() > 0) {}
        }
        if (waste == Waste.LongRefusal) {
            assembly {
                revert(mload(0x40), 100000)
            }
        }
        return super.transfer(to, amount);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }
}
