// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IRefundEscrow} from "./interfaces/IRefundEscrow.sol";
import {IReturnLedger} from "./interfaces/IReturnLedger.sol";
import {Payout} from "./libraries/Payout.sol";

/// @title See IRefundEscrow, which says all there is to say
contract RefundEscrow is IRefundEscrow, EIP712, ReentrancyGuard {
    using SafeERC20 for IERC20;

    bytes32 private constant WITHDRAW_TO = keccak256("WithdrawTo(bytes32 caseId,address to,uint40 validUntil)");
    bytes32 private constant WITHDRAW_BALANCE = keccak256(
        "WithdrawBalance(address merchant,address token,uint256 amount,address to,uint256 nonce,uint40 validUntil)"
    );

    IReturnLedger public immutable ledger;

    address[] private _tokens;
    mapping(address token => TokenInfo) private _info;
    mapping(address merchant => mapping(address token => uint256)) private _balances;
    mapping(bytes32 caseId => Lock) private _locks;
    mapping(address merchant => uint256) private _withdrawalNonces;

    modifier onlyLedger() {
        if (msg.sender != address(ledger)) revert NotTheLedger(msg.sender);
        _;
    }

    constructor(IReturnLedger ledger_, Token[] memory list) EIP712("RefundEscrow", "1") {
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
        _debit(merchant, token, needed);

        _locks[caseId] = Lock(refund, freight, reserve, index, false);
        emit Locked(caseId, merchant, token, refund, freight, reserve);
    }

    function settle(bytes32 caseId, address merchant, uint16 share, uint16 fee, bool freightToConsumer)
        external
        onlyLedger
    {
        Lock memory held = _locks[caseId];
        if (held.token == 0 || held.settled) revert NotLocked(caseId);
        address token = _tokens[held.token - 1];
        (uint64 toConsumer, uint64 toMerchant) =
            Payout.split(held.refund, held.freight, held.reserve, share, fee, freightToConsumer);

        _locks[caseId] = Lock(toConsumer, 0, 0, held.token, true);
        if (toMerchant != 0) _balances[merchant][token] += toMerchant;
        emit Settled(caseId, merchant, token, toConsumer, toMerchant);
    }

    // --- money out -------------------------------------------------------------------------------------------------

    function withdrawFor(bytes32 caseId) external nonReentrant {
        _payDue(caseId, ledger.consumerOf(caseId));
    }

    function withdrawForBatch(bytes32[] calldata caseIds) external {
        for (uint256 i = 0; i < caseIds.length; ++i) {
            try this.withdrawFor(caseIds[i]) {}
            catch (bytes memory reason) {
                emit WithdrawalSkipped(caseIds[i], reason);
            }
        }
    }

    function withdrawTo(bytes32 caseId, address to, uint40 validUntil, bytes calldata signature) external nonReentrant {
        if (to == address(0)) revert ZeroRecipient();
        bytes32 structHash = keccak256(abi.encode(WITHDRAW_TO, caseId, to, validUntil));
        _requireSignature(ledger.consumerOf(caseId), structHash, validUntil, signature);
        _payDue(caseId, to);
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
        return _balances[merchant][token];
    }

    function lockOf(bytes32 caseId) external view returns (Lock memory) {
        return _locks[caseId];
    }

    function dueOf(bytes32 caseId) external view returns (uint64) {
        return _locks[caseId].settled ? _locks[caseId].refund : 0;
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

        _balances[merchant][token] += amount;
        emit Deposited(merchant, token, amount, msg.sender);
    }

    function _debit(address merchant, address token, uint256 amount) private {
        uint256 balance = _balances[merchant][token];
        if (balance < amount) revert BalanceTooLow(merchant, balance, amount);
        _balances[merchant][token] = balance - amount;
    }

    function _payDue(bytes32 caseId, address to) private {
        Lock memory held = _locks[caseId];
        uint64 amount = held.refund;
        if (!held.settled || amount == 0) revert NothingDueTo(caseId);
        address token = _tokens[held.token - 1];

        _locks[caseId].refund = 0;
        emit Withdrawn(caseId, to, token, amount);
        IERC20(token).safeTransfer(to, uint256(amount) * _info[token].unit);
    }

    function _payBalance(address merchant, address token, uint256 amount, address to) private {
        if (to == address(0)) revert ZeroRecipient();
        if (_info[token].index == 0) revert TokenNotAllowed(token);
        _debit(merchant, token, amount);
        emit BalanceWithdrawn(merchant, to, token, amount);
        IERC20(token).safeTransfer(to, amount * _info[token].unit);
    }

    function _requireSignature(address signer, bytes32 structHash, uint40 validUntil, bytes calldata signature)
        private
        view
    {
        if (block.timestamp > validUntil) revert WithdrawalExpired(validUntil);
        if (!SignatureChecker.isValidSignatureNow(signer, _hashTypedDataV4(structHash), signature)) {
            revert BadWithdrawalSignature(signer);
        }
    }
}
