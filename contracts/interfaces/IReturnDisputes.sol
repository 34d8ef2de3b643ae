// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title What the ledger takes from both parties together, from a new key, and from the panel
/// @notice The part of the ledger that disputes need. Its messages, in EIP-712 form on the ledger's domain:
///
///     Split(bytes32 caseId,uint16 share,uint16 fee,bool freightToConsumer,uint16 consumerNonce,
///           uint16 merchantNonce,uint40 validUntil,bytes32 commitment)
///     BindKey(bytes32 caseId,address key,uint16 nonce,uint40 validUntil,bytes32 commitment)
///
/// Disputes, evidence, appeals, exchanges, challenges and objections are acts like any other (`record`).
interface IReturnDisputes {
    /// The consumer's next acts are signed by another key.
    event KeyBound(bytes32 indexed caseId, address indexed consumer);
    /// What a service-held consumer key gave up, and the time from which `poke` applies it.
    event NoticeGiven(bytes32 indexed caseId, bytes32 indexed commitment, uint40 effectiveAt);
    event NoticeVoided(bytes32 indexed caseId);

    error NotThePanel(address caller);
    error NoticeRuns(uint40 effectiveAt);
    error SameKey(address key);
    error AlreadyAppealed();
    error NothingToAppeal();

    /// What the two parties agreed on.
    struct Agreement {
        bytes32 caseId;
        uint16 share;
        uint16 fee;
        bool freightToConsumer;
        uint16 consumerNonce;
        uint16 merchantNonce;
        uint40 validUntil;
        bytes32 commitment;
    }

    /// @notice Ends a live case with what both signed.
    /// @dev Reverts if the case is not live, either signature is not theirs or too old, a nonce is not the next, or a
    /// value is out of bounds.
    function split(Agreement calldata agreement, bytes calldata consumerSignature, bytes calldata merchantSignature)
        external;

    /// @notice Binds a key of the consumer's own; the key before it can no longer act.
    /// @dev Reverts if the case is not live, the key is zero, a party's or already bound, or the present key did not
    /// sign.
    function bindKey(
        bytes32 caseId,
        address key,
        uint16 nonce,
        uint40 validUntil,
        bytes32 commitment,
        bytes calldata signature
    ) external;

    /// @notice Writes a panel's ruling.
    /// @dev Reverts if the caller is not the panel contract, the case is not disputed, or the share is out of bounds.
    function rule(bytes32 caseId, uint16 share, bytes32 commitment) external;
}
