// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @notice Whether somebody signed a digest: a key's own signature counts first, whatever code its account has; then a
/// wallet that is a contract is asked (ERC-1271).
/// @dev A wallet gets no more than a capped amount of gas and answers with one word, so it can waste or return no more
/// than that. With less gas at hand its answer would say nothing about the signature: a relayer could have a good one
/// refused. Then all of the transaction is undone with WalletGasTooLow, also in a batch; it is never a bad signature.
library Signatures {
    /// Gas that a wallet may use to check a signature.
    uint256 internal constant WALLET_GAS = 400_000;
    /// Half the order of secp256k1: of the two values of s that sign the same, the greater is refused (EIP-2).
    uint256 internal constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    /// What making the call itself takes, generously.
    uint256 private constant CALL_GAS = 5_000;

    /// Too little gas is left to ask a wallet.
    error WalletGasTooLow();

    function isSignedBy(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool) {
        return recovers(signer, digest, signature) || walletAgrees(signer, digest, signature, WALLET_GAS);
    }

    /// @return agrees whether these are 65 bytes by the signer's own key, with the lower of the two possible values of s
    function recovers(address signer, bytes32 digest, bytes calldata signature) internal view returns (bool agrees) {
        // As OpenZeppelin's ECDSA has it, written out because a batch asks it for every item. The precompiled contract
        // reads digest, v, r and s from behind the free memory, where nothing is kept. It answers with an address, or with
        // nothing: then what lay there before is no address. It fails only where its gas runs out, which undoes all.
        if (signature.length == 65) {
            assembly ("memory-safe") {
                let start := mload(0x40)
                mstore(start, digest)
                mstore(add(start, 0x20), byte(0, calldataload(add(signature.offset, 0x40))))
                calldatacopy(add(start, 0x40), signature.offset, 0x40)
                mstore(0, not(0))
                if iszero(staticcall(gas(), 1, start, 0x80, 0, 0x20)) { revert(0, 0) }
                agrees := and(eq(mload(0), signer), iszero(gt(mload(add(start, 0x60)), HALF_ORDER)))
            }
        }
    }

    /// @return agrees whether the wallet, if it is one, takes this signature within `gasCap`
    function walletAgrees(address wallet, bytes32 digest, bytes calldata signature, uint256 gasCap)
        internal
        view
        returns (bool agrees)
    {
        if (wallet.code.length == 0) return false;
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        // EIP-150 passes on 63/64 of the gas at most, and clips what is asked for above that without a word.
        uint256 left = gasleft();
        if (left < CALL_GAS || (left - CALL_GAS) / 64 * 63 < gasCap) revert WalletGasTooLow();
        bytes32 yes = bytes32(IERC1271.isValidSignature.selector);
        assembly ("memory-safe") {
            let done := staticcall(gasCap, wallet, add(question, 0x20), mload(question), 0, 0x20)
            agrees := and(and(done, gt(returndatasize(), 0x1f)), eq(mload(0), yes))
        }
    }
}
