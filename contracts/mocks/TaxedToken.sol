// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @notice A token that keeps a part of every transfer: a tax out of what arrives, a surcharge out of what the sender
/// has left. Both in basis points.
contract TaxedToken is ERC20 {
    uint16 public tax;
    uint16 public surcharge;

    constructor() ERC20("Taxed token", "TAXED") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setRates(uint16 tax_, uint16 surcharge_) external {
        tax = tax_;
        surcharge = surcharge_;
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function _update(address from, address to, uint256 value) internal override {
        bool minted = from == address(0);
        uint256 kept = minted ? 0 : (value * tax) / 10_000;
        super._update(from, to, value - kept);
        if (!minted) super._update(from, address(0), kept + (value * surcharge) / 10_000);
    }
}
