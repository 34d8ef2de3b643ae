// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";

import {Act, CaseView, Kind, Notice, Opening, Role, Terms} from "./interfaces/CaseTypes.sol";
import {IRefundEscrow} from "./interfaces/IRefundEscrow.sol";
import {IReturnLedger} from "./interfaces/IReturnLedger.sol";
import {IReturnLens, Overview} from "./interfaces/IReturnLens.sol";
import {ActWords} from "./libraries/ActWord.sol";
import {CaseMachine} from "./libraries/CaseMachine.sol";
import {CaseMarks} from "./libraries/CaseMarks.sol";
import {CaseWord} from "./libraries/CaseWord.sol";
import {Messages} from "./libraries/Messages.sol";

/// @title See IReturnLens, which says all there is to say
contract ReturnLens is IReturnLens {
    bytes32 private constant DOMAIN =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    IReturnLedger public immutable ledger;
    IRefundEscrow public immutable escrow;

    constructor(IReturnLedger ledger_, IRefundEscrow escrow_) {
        ledger = ledger_;
        escrow = escrow_;
    }

    function getCase(bytes32 caseId) public view returns (CaseView memory v) {
        bytes32[4] memory slots = ledger.slotsOf(caseId);
        CaseWord c = CaseWord.wrap(uint256(slots[0]));
        _viewWord(v, c);
        v.parties = ledger.partiesAt(c.parties());
        v.policy = ledger.policyAt(c.policy());
        v.head = slots[1];
        _viewDispute(v, uint256(slots[2]));
        if (c.marked(CaseMarks.NOTICED)) v.notice = _notice(uint256(slots[3]));
    }

    function overviewOf(bytes32 caseId) external view returns (Overview memory o) {
        o.details = getCase(caseId);
        (o.pokeKind, o.pokeTo, o.pokeAfter) = ledger.pokeOf(caseId);
        o.lock = escrow.lockOf(caseId);
        o.due = escrow.dueOf(caseId);
        o.redirect = escrow.redirectOf(caseId);
    }

    function accountsOf(address account) external view returns (IRefundEscrow.Account[] memory) {
        return escrow.accountsOf(account);
    }

    function caseIdOf(Terms calldata terms) external pure returns (bytes32) {
        return Messages.hashTerms(terms);
    }

    function digestOf(Act calldata act) external view returns (bytes32) {
        return _digest(
            Messages.hashAct(
                CaseMachine.ruleOf(uint8(act.kind)), act.caseId, act.commitment, ActWords.of_(act), uint160(act.key)
            )
        );
    }

    function openingDigestOf(Opening calldata opening) external view returns (bytes32) {
        bytes32 caseId = Messages.hashTerms(opening.terms);
        return _digest(Messages.hashOpen(caseId, opening.commitment, opening.validUntil));
    }

    function _viewWord(CaseView memory v, CaseWord c) private pure {
        v.state = c.state();
        v.mode = c.mode();
        v.grade = c.grade();
        v.flags = c.flags();
        v.share = uint16(c.share());
        v.fee = uint16(c.fee());
        v.deadline = uint40(c.deadline());
        v.length = c.length();
        for (uint8 role = uint8(Role.Consumer); role <= uint8(Role.Inspector); ++role) {
            v.nonces[role] = uint16(c.nonce(role));
        }
        v.round = CaseMachine.round(c);
        if (c.marked(CaseMarks.OFFER_BY_CONSUMER)) v.offeredBy = Role.Consumer;
        else if (c.marked(CaseMarks.OFFER_BY_MERCHANT)) v.offeredBy = Role.Merchant;
        v.exchangeOffered = c.marked(CaseMarks.EXCHANGE_OFFERED);
        v.erased = c.marked(CaseMarks.ERASED);
    }

    /// @dev As `Cases.Stored` lays it out: consumer 160, panel 32, both claims 16, offer 16, appellant 8.
    function _viewDispute(CaseView memory v, uint256 slot) private pure {
        v.consumer = address(uint160(slot));
        v.panel = uint32(slot >> 160);
        v.consumerClaim = uint16(slot >> 192);
        v.merchantClaim = uint16(slot >> 208);
        if (v.offeredBy != Role.None) v.offer = uint16(slot >> 224);
        v.appellant = Role(uint8(slot >> 240));
    }

    /// @dev As `Notice` lies in storage: kind 8, time 40, share 16, key 160.
    function _notice(uint256 slot) private pure returns (Notice memory) {
        return Notice(Kind(uint8(slot)), uint40(slot >> 8), uint16(slot >> 48), address(uint160(slot >> 64)));
    }

    function _digest(bytes32 structHash) private view returns (bytes32) {
        (, string memory name, string memory version, uint256 chainId, address verifier,,) =
            IERC5267(address(ledger)).eip712Domain();
        bytes32 separator =
            keccak256(abi.encode(DOMAIN, keccak256(bytes(name)), keccak256(bytes(version)), chainId, verifier));
        return MessageHashUtils.toTypedDataHash(separator, structHash);
    }
}
