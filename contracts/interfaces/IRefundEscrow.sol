// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// What one arbitrator gets for its vote, in minor units of the case's token.
struct Award {
    address arbitrator;
    uint64 amount;
}

/// What a case ended with, as its ledger says it.
struct Outcome {
    uint16 share; // basis points of the refund that are the consumer's
    uint16 fee; // basis points of the refund that the merchant keeps for restocking, out of the consumer's part
    bool freightToConsumer; // whether the locked freight is the consumer's
    uint64 feesFromConsumer; // minor units of the awards that the consumer bears, as far as its part reaches
    Award[] awards; // arbitration fees: the rest of them comes from the reserve
}

/// @notice Whom the money of a case is for; the ledger answers it.
interface IPayees {
    /// @return consumer the zero address for an unknown case
    /// @return notice seconds that a withdrawal to elsewhere has to wait, 0 for none
    function payeeOf(bytes32 caseId) external view returns (address consumer, uint32 notice);
}

/// @title The money: merchants' balances, locks of cases, what is due to consumers, and arbitrators' credits
/// @notice Amounts of balances, locks, dues and credits are minor units (ISO 4217) of the token's currency, so that
/// every payment is a whole number of cents; a token's `unit` says how many token units one minor unit is.
///
///     units of a token held >= unit x (merchants' free and locked balances + dues + credits)
///
/// People pull what is due to them, so nobody's wallet can block anybody else's payment. Messages, in EIP-712 form on
/// this contract's domain, signed by an EOA or an ERC-1271 contract:
///
///     WithdrawTo(bytes32 caseId,address to,uint32 nonce,uint40 validUntil)
///     KeepPayee(bytes32 caseId,uint32 nonce,uint40 validUntil)
///     WithdrawBalance(address merchant,address token,uint256 amount,address to,uint256 nonce,uint40 validUntil)
///
/// The first two share one nonce per case. While a service holds the consumer's key, a `WithdrawTo` is a redirect that
/// waits: for the notice that the ledger names the money stays where it is, and `KeepPayee` drops the redirect.
/// @dev Not protected here: what an allow-listed token does to its own holders (pausing, blocking, changing balances).
/// A token that moves another amount than asked is refused, so that no payment takes from other people's.
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

    /// What somebody has in one token, in minor units.
    struct Account {
        address token;
        uint128 free; // a merchant's balance that no case has locked
        uint128 locked; // in the locks of the merchant's cases
        uint256 credit; // fees of an arbitrator
    }

    /// Where the money of a case goes instead of to its consumer, one storage slot.
    struct Redirect {
        address to; // zero for none
        uint40 effectiveAt; // block time from which `withdrawFor` pays `to`
        uint32 nonce; // the next that `WithdrawTo` and `KeepPayee` of this case need
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
    /// The lock is gone: `toConsumer` is due, `toMerchant` is back in the merchant's balance, `fees` are credited.
    event Settled(
        bytes32 indexed caseId,
        address indexed merchant,
        address indexed token,
        uint64 toConsumer,
        uint64 toMerchant,
        uint64 fees
    );
    event Credited(bytes32 indexed caseId, address indexed arbitrator, address indexed token, uint64 amount);
    event CreditWithdrawn(address indexed account, address indexed token, uint256 amount);
    event RedirectGiven(bytes32 indexed caseId, address indexed to, uint40 effectiveAt);
    event RedirectVoided(bytes32 indexed caseId);
    event Withdrawn(bytes32 indexed caseId, address indexed to, address indexed token, uint64 amount);
    /// An item of a batch was refused; `reason` is the ABI-encoded error, cut off after 256 bytes, and empty where the
    /// token burned the item's gas. What is due stays due.
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
    /// The token moved another amount out of this contract than it was asked to.
    error OtherAmountMoved(uint256 asked, uint256 moved);
    error AmountTooLarge(uint256 amount);
    error BalanceTooLow(address merchant, uint256 balance, uint256 needed);
    error AlreadyLocked(bytes32 caseId);
    error NotLocked(bytes32 caseId);
    /// The arbitration fees pass what the reserve and the consumer's part hold for them.
    error FeesExceedReserve(uint256 fees, uint256 covered);
    error NothingDueTo(bytes32 caseId);
    error NothingCredited(address account, address token);
    error ZeroRecipient();
    error WithdrawalExpired(uint40 validUntil);
    error BadWithdrawalSignature(address signer);
    error WrongWithdrawalNonce(uint256 expected, uint256 given);
    /// Until that time the money of the case stays where it is.
    error RedirectRuns(uint40 effectiveAt);
    error NoRedirect(bytes32 caseId);
    /// The transaction carries too little gas to judge this item fairly; the whole batch is undone.
    error BatchGasTooLow(uint256 index);

    /// @notice Adds to a merchant's balance. Anyone may pay in.
    /// @param units token units, taken from the caller by `transferFrom`; what really arrived counts.
    /// @dev Reverts if
    /// - the token is not allowed (TokenNotAllowed)
    /// - the merchant is the zero address (ZeroRecipient)
    /// - nothing arrives (NothingReceived), or no whole number of minor units (NotWholeMinorUnits)
    /// - the merchant's money would pass 128 bits (AmountTooLarge)
    /// - the token refuses the transfer (its own error, or SafeERC20FailedOperation)
    function deposit(address merchant, address token, uint256 units) external;

    /// @notice The same with the caller's ERC-2612 permit. A permit that somebody else has used first does no harm.
    /// @dev Reverts as `deposit` does; a permit that does not count shows as the token's own refusal.
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

    /// @notice Turns an outcome into what is due to the consumer, what goes back to the merchant, and credits of the
    /// arbitrators. Moves no token.
    /// @param merchant the one whose balance the lock came from
    /// @dev Reverts if
    /// - the caller is not the ledger (NotTheLedger)
    /// - there is no lock (NotLocked)
    /// - the awards pass what the reserve and the consumer's part hold for them (FeesExceedReserve)
    function settle(bytes32 caseId, address merchant, Outcome calldata outcome) external;

    /// @notice Pays what is due to the consumer of a case, to the consumer's address or where an effective redirect
    /// says. Anyone may call it.
    /// @dev Reverts if
    /// - nothing is due (NothingDueTo)
    /// - a redirect waits for its time (RedirectRuns)
    /// - the token refuses the transfer (its own error, or SafeERC20FailedOperation), or moves another amount
    ///   (OtherAmountMoved)
    function withdrawFor(bytes32 caseId) external;

    /// @notice Pays many; a case that `withdrawFor` refuses is skipped with its reason.
    /// @dev Reverts if the gas left does not suffice to judge an item (BatchGasTooLow)
    function withdrawForBatch(bytes32[] calldata caseIds) external;

    /// @notice Pays it elsewhere, as the consumer signed: at once, or where the ledger names a notice, at its end by
    /// `withdrawFor`. A redirect that has taken effect can be replaced by another.
    /// @dev Reverts if
    /// - `to` is the zero address (ZeroRecipient)
    /// - nothing is due (NothingDueTo)
    /// - a redirect waits for its time (RedirectRuns)
    /// - the nonce is not the case's next (WrongWithdrawalNonce)
    /// - `validUntil` has passed (WithdrawalExpired)
    /// - the consumer did not sign (BadWithdrawalSignature)
    /// - the gas left does not suffice to ask an ERC-1271 wallet (WalletGasTooLow)
    /// - the token does as under `withdrawFor`
    function withdrawTo(bytes32 caseId, address to, uint32 nonce, uint40 validUntil, bytes calldata signature) external;

    /// @notice Drops a redirect before its time, as the consumer signed.
    /// @dev Reverts if
    /// - no redirect waits for its time (NoRedirect)
    /// - the nonce is not the case's next (WrongWithdrawalNonce)
    /// - `validUntil` has passed (WithdrawalExpired)
    /// - the consumer did not sign (BadWithdrawalSignature)
    /// - the gas left does not suffice to ask an ERC-1271 wallet (WalletGasTooLow)
    function keepPayee(bytes32 caseId, uint32 nonce, uint40 validUntil, bytes calldata signature) external;

    /// @notice Pays an account all that is credited to it in a token. Anyone may call it.
    /// @dev Reverts if
    /// - nothing is credited (NothingCredited)
    /// - the token does as under `withdrawFor`
    function withdrawCredit(address account, address token) external;

    /// @notice Pays a part of the caller's own balance.
    /// @dev Reverts if
    /// - `to` is the zero address (ZeroRecipient)
    /// - the token is not allowed (TokenNotAllowed)
    /// - the balance that no case has locked does not suffice (BalanceTooLow)
    /// - the token does as under `withdrawFor`
    function withdrawBalance(address token, uint256 amount, address to) external;

    /// @notice The same for a merchant without gas, as the merchant signed.
    /// @dev Reverts if
    /// - `validUntil` has passed (WithdrawalExpired)
    /// - the nonce is not the merchant's next (WrongWithdrawalNonce)
    /// - the merchant did not sign (BadWithdrawalSignature)
    /// - the gas left does not suffice to ask an ERC-1271 wallet (WalletGasTooLow)
    /// - `withdrawBalance` would refuse it
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

    /// @notice What an address has in a token, in minor units: as a merchant, free and locked; as an arbitrator, credit.
    function accountOf(address owner, address token)
        external
        view
        returns (uint128 free, uint128 locked, uint256 credit);

    /// @notice The same for every token of the list, in its order.
    function accountsOf(address owner) external view returns (Account[] memory);

    function lockOf(bytes32 caseId) external view returns (Lock memory);

    /// @notice What the consumer of a settled case can withdraw, in minor units.
    function dueOf(bytes32 caseId) external view returns (uint64);

    function redirectOf(bytes32 caseId) external view returns (Redirect memory);

    function tokenInfo(address token) external view returns (TokenInfo memory);

    function tokens() external view returns (address[] memory);

    function withdrawalNonce(address merchant) external view returns (uint256);
}
