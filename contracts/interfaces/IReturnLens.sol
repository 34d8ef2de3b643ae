// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, CaseView, Kind, Opening, State, Terms} from "./CaseTypes.sol";
import {IRefundEscrow} from "./IRefundEscrow.sol";

/// A case, its money, and what time will do to it.
struct Overview {
    CaseView details;
    Kind pokeKind; // what `poke` would state
    State pokeTo; // and the state that would follow; Payable may settle at once
    uint40 pokeAfter; // last second before it may
    IRefundEscrow.Lock lock;
    uint64 due; // minor units that the consumer can withdraw
    IRefundEscrow.Redirect redirect; // a payment elsewhere that waits out a notice
}

/// @title What a user interface asks, each in one call, and what a signer checks before signing
/// @notice Reads only, holds nothing, and can be deployed anew at any time.
interface IReturnLens {
    function getCase(bytes32 caseId) external view returns (CaseView memory);

    function overviewOf(bytes32 caseId) external view returns (Overview memory);

    /// @notice An address's free and locked balances and its credits, for each token of the escrow.
    function accountsOf(address account) external view returns (IRefundEscrow.Account[] memory);

    /// @notice The id that a case with these terms has, on any chain.
    function caseIdOf(Terms calldata terms) external pure returns (bytes32);

    /// @notice The EIP-712 digest that the actor of an act signs.
    function digestOf(Act calldata act) external view returns (bytes32);

    /// @notice The EIP-712 digest that the merchant of an opening signs.
    function openingDigestOf(Opening calldata opening) external view returns (bytes32);
}
