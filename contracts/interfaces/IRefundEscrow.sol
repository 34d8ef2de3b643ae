// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @title The money: merchants' balances, locks of cases, and what is due to whom
/// @notice Amounts of balances, locks and dues are minor units (ISO 4217) of the token's currency, so that every
/// payment is a whole number of cents; a token's `unit` says how many token units one minor unit is.
///
///     units of a token held >= unit x (merchants' balances + locks + dues)
///
/// People pull what is due to them, so nobody's wallet can block anybody else's payment. Messages, in EIP-712 form on
/// this contract's domain:
///
///     WithdrawTo(bytes32 caseId,address to,uint40 validUntil)
///     WithdrawBalance(address merchant,address token,uint256 amount,address to,uint256 nonce,uint40 validUntil)
///
/// @dev Not protected here: what an allow-listed token does to its own holders (pausing, blocking, changing balances).
interface IRefundEscrow {
    /// A token that this escrow takes. The list is fixed at deployment.
    struct Token {
        address token;
        bytes3 currency; // ISO 4217 code
        uint8 exponent; // ISO 4217 minor unit
    }

    /// A token of the list. A token that it does not name has unit 0.
    struct TokenInfo {
        bytes3 currency;
        uint16 index; // from 1
        uint128 unit; // token units in one minor unit
    }

    /// The money of one case, one storage slot. Once it is settled, `refund` is what the consumer can still withdraw,
    /// and the other amounts are zero.
    struct Lock {
        uint64 refund;
        uint64 freight;
        uint64 reserve;
        uint16 token; // index, from 1
        bool settled;
    }

    event TokenAllowed(address indexed token, bytes3 currency, uint8 exponent, uint128 unit);
    event Deposited(address indexed merchant, address indexed token, uint256 amount, address from);
    event Locked(
        bytes32 indexed caseId,
        address indexed merchant,
        address indexed token,
        uint64 refund,
        uint64 freight,
        uint64 reserve
    );
    /// The lock is gone: `toConsumer` is due, `toMerchant` is back in the merchant's balance.
    event Settled(
        bytes32 indexed caseId, address indexed merchant, address indexed token, uint64 toConsumer, uint64 toMerchant
    );
    event Withdrawn(bytes32 indexed caseId, address indexed to, address indexed token, uint64 amount);
    /// An item of a batch was refused; `reason` is the ABI-encoded error. What is due stays due.
    event WithdrawalSkipped(bytes32 indexed caseId, bytes reason);
    event BalanceWithdrawn(address indexed merchant, address indexed to, address indexed token, uint256 amount);

    error NotTheLedger(address caller);
    error TokenNotAllowed(address token);
    error TokenListedTwice(address token);
    /// The token is too coarse for its currency's minor unit.
    error TokenTooCoarse(address token, uint8 decimals, uint8 exponent);
    /// What arrived is no whole number of minor units.
    error NotWholeMinorUnits(uint256 received, uint128 unit);
    error NothingReceived();
    error AmountTooLarge(uint256 amount);
    error BalanceTooLow(address merchant, uint256 balance, uint256 needed);
    error AlreadyLocked(bytes32 caseId);
    error NotLocked(bytes32 caseId);
    error NothingDueTo(bytes32 caseId);
    error ZeroRecipient();
    error WithdrawalExpired(uint40 validUntil);
    error BadWithdrawalSignature(address signer);
    error WrongWithdrawalNonce(uint256 expected, uint256 given);

    /// @notice Adds to a merchant's balance. Anyone may pay in.
    /// @param units token units, taken from the caller by `transferFrom`; what really arrived counts.
    /// @dev Reverts if
    /// - the token is not allowed (TokenNotAllowed)
    /// - the merchant is the zero address (ZeroRecipient)
    /// - nothing arrives (NothingReceived), or no whole number of minor units (NotWholeMinorUnits)
    function deposit(address merchant, address token, uint256 units) external;

    /// @notice The same with an ERC-2612 permit. A permit that somebody else has used first does no harm.
    function depositWithPermit(
        address merchant,
        address token,
        uint256 units,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Moves money from a merchant's balance into a case's lock.
    /// @dev Reverts if
    /// - the caller is not the ledger (NotTheLedger)
    /// - the token is not allowed (TokenNotAllowed)
    /// - the case has a lock (AlreadyLocked)
    /// - the amounts together pass 64 bits (AmountTooLarge)
    /// - the balance does not suffice (BalanceTooLow)
    function lock(bytes32 caseId, address merchant, address token, uint64 refund, uint64 freight, uint64 reserve)
        external;

    /// @notice Turns an outcome into what is due to the consumer and what goes back to the merchant. Moves no token.
    /// @param share basis points of the refund that are the consumer's
    /// @param fee basis points of the refund that the merchant keeps out of the consumer's part
    /// @param freightToConsumer whether the locked freight is the consumer's
    /// @dev Reverts if
    /// - the caller is not the ledger (NotTheLedger)
    /// - there is no lock (NotLocked)
    function settle(bytes32 caseId, address merchant, uint16 share, uint16 fee, bool freightToConsumer) external;

    /// @notice Pays what is due to the consumer of a case, to the consumer's address. Anyone may call it.
    /// @dev Reverts if nothing is due (NothingDueTo)
    function withdrawFor(bytes32 caseId) external;

    /// @notice Pays many; a case that `withdrawFor` refuses is skipped with its reason.
    function withdrawForBatch(bytes32[] calldata caseIds) external;

    /// @notice Pays it elsewhere, as the consumer signed.
    /// @dev Reverts if
    /// - nothing is due (NothingDueTo)
    /// - `to` is the zero address (ZeroRecipient)
    /// - `validUntil` has passed (WithdrawalExpired)
    /// - the consumer did not sign (BadWithdrawalSignature)
    function withdrawTo(bytes32 caseId, address to, uint40 validUntil, bytes calldata signature) external;

    /// @notice Pays a part of the caller's own balance.
    /// @dev Reverts if the balance does not suffice (BalanceTooLow), or `to` is the zero address (ZeroRecipient)
    function withdrawBalance(address token, uint256 amount, address to) external;

    /// @notice The same for a merchant without gas, as the merchant signed.
    /// @dev Reverts if
    /// - `validUntil` has passed (WithdrawalExpired)
    /// - the nonce is not the merchant's next (WrongWithdrawalNonce)
    /// - the merchant did not sign (BadWithdrawalSignature)
    /// - the balance does not suffice (BalanceTooLow), or `to` is the zero address (ZeroRecipient)
    function withdrawBalanceFor(
        address merchant,
        address token,
        uint256 amount,
        address to,
        uint256 nonce,
        uint40 validUntil,
        bytes calldata signature
    ) external;

    /// @notice A merchant's balance that no case has locked, in minor units.
    function balanceOf(address merchant, address token) external view returns (uint256);

    function lockOf(bytes32 caseId) external view returns (Lock memory);

    /// @notice What the consumer of a settled case can withdraw, in minor units.
    function dueOf(bytes32 caseId) external view returns (uint64);

    function tokenInfo(address token) external view returns (TokenInfo memory);

    function tokens() external view returns (address[] memory);

    function withdrawalNonce(address merchant) external view returns (uint256);
}
