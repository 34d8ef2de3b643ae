// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Award, IPayees, IRefundEscrow, Outcome} from "./interfaces/IRefundEscrow.sol";
import {BoundedCall} from "./libraries/BoundedCall.sol";
import {Payout} from "./libraries/Payout.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title See IRefundEscrow, which says all there is to say
contract RefundEscrow is IRefundEscrow, EIP712, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// Gas that an item of a batch may use. A batch that cannot give it to an item is undone, so that a relayer cannot
    /// have an item refused by sending too little gas.
    uint256 public constant ITEM_GAS = 400_000;

    bytes32 private constant WITHDRAW_TO =
        keccak256("WithdrawTo(bytes32 caseId,address to,uint32 nonce,uint40 validUntil)");
    bytes32 private constant KEEP_PAYEE = keccak256("KeepPayee(bytes32 caseId,uint32 nonce,uint40 validUntil)");
    bytes32 private constant WITHDRAW_BALANCE = keccak256(
        "WithdrawBalance(address merchant,address token,uint256 amount,address to,uint256 nonce,uint40 validUntil)"
    );

    /// A merchant's money in a token, one storage slot. The two together fit 128 bits.
    struct Balance {
        uint128 free;
        uint128 locked;
    }

    IPayees public immutable ledger;

    address[] private _tokens;
    mapping(address token => TokenInfo) private _info;
    mapping(address merchant => mapping(address token => Balance)) private _balances;
    mapping(address account => mapping(address token => uint256)) private _credits;
    mapping(bytes32 caseId => Lock) private _locks;
    mapping(bytes32 caseId => Redirect) private _redirects;
    mapping(address merchant => uint256) private _withdrawalNonces;

    modifier onlyLedger() {
        if (msg.sender != address(ledger)) revert NotTheLedger(msg.sender);
        _;
    }

    constructor(IPayees ledger_, Token[] memory list) EIP712("RefundEscrow", "1") {
        ledger = ledger_;
        for (uint256 i = 0; i < list.length; ++i) {
            _allow(list[i]);
        }
    }

    // --- money in --------------------------------------------------------------------------------------------------

    function deposit(address merchant, address token, uint256 units) external nonReentrant {
        _deposit(merchant, token, units);
    }

    function depositWithPermit(
        address merchant,
        address token,
        uint256 units,
        uint256 deadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        if (_info[token].index == 0) revert TokenNotAllowed(token);
        // A permit that was front-run has already set the allowance; if it has not, `transferFrom` says so.
        try IERC20Permit(token).permit(msg.sender, address(this), units, deadline, v, r, s) {} catch {}
        _deposit(merchant, token, units);
    }

    // --- the ledger's word -----------------------------------------------------------------------------------------

    function lock(bytes32 caseId, address merchant, address token, uint64 refund, uint64 freight, uint64 reserve)
        external
        onlyLedger
    {
        uint16 index = _info[token].index;
        if (index == 0) revert TokenNotAllowed(token);
        if (_locks[caseId].token != 0) revert AlreadyLocked(caseId);
        uint256 needed = uint256(refund) + freight + reserve;
        if (needed > type(uint64).max) revert AmountTooLarge(needed); // so that no share of it can overflow
        Balance memory balance = _balances[merchant][token];
        if (balance.free < needed) revert BalanceTooLow(merchant, balance.free, needed);

        _balances[merchant][token] = Balance(balance.free - uint128(needed), balance.locked + uint128(needed));
        _locks[caseId] = Lock(refund, freight, reserve, index, false);
        emit Locked(caseId, merchant, token, refund, freight, reserve);
    }

    function settle(bytes32 caseId, address merchant, Outcome calldata outcome) external onlyLedger {
        Lock memory held = _locks[caseId];
        if (held.token == 0 || held.settled) revert NotLocked(caseId);
        address token = _tokens[held.token - 1];
        uint256 fees = _sumOf(outcome.awards);
        (uint64 toConsumer, uint64 toMerchant, uint64 toPanel) = Payout.split(
            Payout.Held(held.refund, held.freight, held.reserve),
            outcome.share,
            outcome.fee,
            outcome.freightToConsumer,
            fees,
            outcome.feesFromConsumer
        );
        if (toPanel != fees) revert FeesExceedReserve(fees, toPanel);

        _locks[caseId] = Lock(toConsumer, 0, 0, held.token, true);
        uint128 total = uint128(toConsumer) + toMerchant + toPanel;
        Balance memory balance = _balances[merchant][token];
        _balances[merchant][token] = Balance(balance.free + toMerchant, balance.locked - total);
        emit Settled(caseId, merchant, token, toConsumer, toMerchant, toPanel);
        for (uint256 i = 0; i < outcome.awards.length; ++i) {
            Award calldata award = outcome.awards[i];
            _credits[award.arbitrator][token] += award.amount;
            emit Credited(caseId, award.arbitrator, token, award.amount);
        }
    }

    // --- money out -------------------------------------------------------------------------------------------------

    function withdrawFor(bytes32 caseId) external nonReentrant {
        Redirect memory redirect = _redirects[caseId];
        uint64 amount = _dueOf(caseId);
        if (block.timestamp < redirect.effectiveAt) revert RedirectRuns(redirect.effectiveAt);
        address to = redirect.to;
        if (to == address(0)) (to,) = ledger.payeeOf(caseId);
        _payDue(caseId, amount, to);
    }

    function withdrawForBatch(bytes32[] calldata caseIds) external {
        for (uint256 i = 0; i < caseIds.length; ++i) {
            // EIP-150 passes on 63/64 of the gas; the rest is for the event that names a refused item.
            if (gasleft() < ITEM_GAS + ITEM_GAS / 63 + 20_000) revert BatchGasTooLow(i);
            (bool done, bytes memory reason) =
                BoundedCall.run(address(this), ITEM_GAS, abi.encodeCall(this.withdrawFor, (caseIds[i])));
            if (!done) emit WithdrawalSkipped(caseIds[i], reason);
        }
    }

    function withdrawTo(bytes32 caseId, address to, uint32 nonce, uint40 validUntil, bytes calldata signature)
        external
        nonReentrant
    {
        if (to == address(0)) revert ZeroRecipient();
        uint64 amount = _dueOf(caseId);
        Redirect memory redirect = _redirects[caseId];
        if (block.timestamp < redirect.effectiveAt) revert RedirectRuns(redirect.effectiveAt);
        if (nonce != redirect.nonce) revert WrongWithdrawalNonce(redirect.nonce, nonce);
        (address consumer, uint32 notice) = ledger.payeeOf(caseId);
        bytes32 structHash = keccak256(abi.encode(WITHDRAW_TO, caseId, to, nonce, validUntil));
        _requireSignature(consumer, structHash, validUntil, signature);

        if (notice == 0) {
            _redirects[caseId] = Redirect(address(0), 0, nonce + 1);
            _payDue(caseId, amount, to);
        } else {
            uint40 effectiveAt = uint40(block.timestamp + notice);
            _redirects[caseId] = Redirect(to, effectiveAt, nonce + 1);
            emit RedirectGiven(caseId, to, effectiveAt);
        }
    }

    function keepPayee(bytes32 caseId, uint32 nonce, uint40 validUntil, bytes calldata signature) external {
        Redirect memory redirect = _redirects[caseId];
        if (block.timestamp >= redirect.effectiveAt) revert NoRedirect(caseId);
        if (nonce != redirect.nonce) revert WrongWithdrawalNonce(redirect.nonce, nonce);
        (address consumer,) = ledger.payeeOf(caseId);
        bytes32 structHash = keccak256(abi.encode(KEEP_PAYEE, caseId, nonce, validUntil));
        _requireSignature(consumer, structHash, validUntil, signature);

        _redirects[caseId] = Redirect(address(0), 0, nonce + 1);
        emit RedirectVoided(caseId);
    }

    function withdrawCredit(address account, address token) external nonReentrant {
        uint256 amount = _credits[account][token];
        if (amount == 0) revert NothingCredited(account, token);

        _credits[account][token] = 0;
        emit CreditWithdrawn(account, token, amount);
        _send(token, account, amount);
    }

    function withdrawBalance(address token, uint256 amount, address to) external nonReentrant {
        _payBalance(msg.sender, token, amount, to);
    }

    function withdrawBalanceFor(
        address merchant,
        address token,
        uint256 amount,
        address to,
        uint256 nonce,
        uint40 validUntil,
        bytes calldata signature
    ) external nonReentrant {
        uint256 expected = _withdrawalNonces[merchant];
        if (nonce != expected) revert WrongWithdrawalNonce(expected, nonce);
        bytes32 structHash = keccak256(abi.encode(WITHDRAW_BALANCE, merchant, token, amount, to, nonce, validUntil));
        _requireSignature(merchant, structHash, validUntil, signature);
        _withdrawalNonces[merchant] = expected + 1;
        _payBalance(merchant, token, amount, to);
    }

    // --- views -----------------------------------------------------------------------------------------------------

    function balanceOf(address merchant, address token) external view returns (uint256) {
        return _balances[merchant][token].free;
    }

    function accountOf(address owner, address token)
        external
        view
        returns (uint128 free, uint128 locked, uint256 credit)
    {
        Balance memory balance = _balances[owner][token];
        return (balance.free, balance.locked, _credits[owner][token]);
    }

    function accountsOf(address owner) external view returns (Account[] memory accounts) {
        accounts = new Account[](_tokens.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            address token = _tokens[i];
            Balance memory balance = _balances[owner][token];
            accounts[i] = Account(token, balance.free, balance.locked, _credits[owner][token]);
        }
    }

    function lockOf(bytes32 caseId) external view returns (Lock memory) {
        return _locks[caseId];
    }

    function dueOf(bytes32 caseId) external view returns (uint64) {
        return _locks[caseId].settled ? _locks[caseId].refund : 0;
    }

    function redirectOf(bytes32 caseId) external view returns (Redirect memory) {
        return _redirects[caseId];
    }

    function tokenInfo(address token) external view returns (TokenInfo memory) {
        return _info[token];
    }

    function tokens() external view returns (address[] memory) {
        return _tokens;
    }

    function withdrawalNonce(address merchant) external view returns (uint256) {
        return _withdrawalNonces[merchant];
    }

    // --- inside ----------------------------------------------------------------------------------------------------

    function _allow(Token memory listed) private {
        address token = listed.token;
        if (_info[token].index != 0) revert TokenListedTwice(token);
        uint8 decimals = IERC20Metadata(token).decimals();
        if (decimals < listed.exponent || decimals - listed.exponent > 36) {
            revert TokenTooCoarse(token, decimals, listed.exponent);
        }
        uint128 unit = uint128(10 ** (decimals - listed.exponent)); // at most 10^36
        _tokens.push(token);
        _info[token] = TokenInfo(listed.currency, uint16(_tokens.length), unit);
        emit TokenAllowed(token, listed.currency, listed.exponent, unit);
    }

    function _deposit(address merchant, address token, uint256 units) private {
        TokenInfo memory info = _info[token];
        if (info.index == 0) revert TokenNotAllowed(token);
        if (merchant == address(0)) revert ZeroRecipient();

        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransferFrom(msg.sender, address(this), units);
        uint256 balance = IERC20(token).balanceOf(address(this));
        if (balance <= before) revert NothingReceived();
        uint256 received = balance - before;
        if (received % info.unit != 0) revert NotWholeMinorUnits(received, info.unit);
        uint256 amount = received / info.unit;

        Balance memory held = _balances[merchant][token];
        uint256 room = type(uint128).max - held.free - held.locked; // so that nothing of it can overflow later
        if (amount > room) revert AmountTooLarge(amount);

        _balances[merchant][token].free = held.free + uint128(amount);
        emit Deposited(merchant, token, amount, msg.sender);
    }

    /// What is due to a case's consumer, which has to be something.
    function _dueOf(bytes32 caseId) private view returns (uint64 amount) {
        Lock storage held = _locks[caseId];
        amount = held.refund;
        if (!held.settled || amount == 0) revert NothingDueTo(caseId);
    }

    function _payDue(bytes32 caseId, uint64 amount, address to) private {
        address token = _tokens[_locks[caseId].token - 1];
        _locks[caseId].refund = 0;
        emit Withdrawn(caseId, to, token, amount);
        _send(token, to, amount);
    }

    function _payBalance(address merchant, address token, uint256 amount, address to) private {
        if (to == address(0)) revert ZeroRecipient();
        if (_info[token].index == 0) revert TokenNotAllowed(token);
        uint128 free = _balances[merchant][token].free;
        if (free < amount) revert BalanceTooLow(merchant, free, amount);

        _balances[merchant][token].free = free - uint128(amount);
        emit BalanceWithdrawn(merchant, to, token, amount);
        _send(token, to, amount);
    }

    /// Pays minor units. What leaves is measured, as what arrives is: a token that takes more would pay with other
    /// people's money, and one that moves less would leave a due unpaid and forgotten.
    function _send(address token, address to, uint256 amount) private {
        uint256 units = amount * _info[token].unit;
        uint256 before = IERC20(token).balanceOf(address(this));
        IERC20(token).safeTransfer(to, units);
        uint256 left = IERC20(token).balanceOf(address(this));
        uint256 moved = left < before ? before - left : 0;
        if (moved != units) revert OtherAmountMoved(units, moved);
    }

    function _sumOf(Award[] calldata awards) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < awards.length; ++i) {
            sum += awards[i].amount;
        }
    }

    function _requireSignature(address signer, bytes32 structHash, uint40 validUntil, bytes calldata signature)
        private
        view
    {
        if (block.timestamp > validUntil) revert WithdrawalExpired(validUntil);
        bool signed = Signatures.isSignedBy(signer, _hashTypedDataV4(structHash), signature);
        if (!signed) revert BadWithdrawalSignature(signer);
    }
}
