// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {CaseView, Role} from "../interfaces/CaseTypes.sol";
import {CaseMachine} from "../libraries/CaseMachine.sol";
import {CaseMarks} from "../libraries/CaseMarks.sol";
import {CaseWord} from "../libraries/CaseWord.sol";
import {Cases} from "./Cases.sol";

/// @title What a reader asks of a case
abstract contract CaseViews is Cases {
    function getCase(bytes32 caseId) external view returns (CaseView memory v) {
        Stored storage stored = _cases[caseId];
        CaseWord c = stored.word;
        _viewWord(v, c);
        v.head = stored.head;
        v.consumer = stored.consumer;
        v.panel = stored.panel;
        v.consumerClaim = stored.consumerClaim;
        v.merchantClaim = stored.merchantClaim;
        v.appellant = stored.appellant;
        if (v.offeredBy != Role.None) v.offer = stored.offer;
        if (c.marked(CaseMarks.NOTICED)) v.notice = stored.notice;
    }

    function head(bytes32 caseId) external view returns (bytes32) {
        return _cases[caseId].head;
    }

    function consumerOf(bytes32 caseId) external view returns (address) {
        return _cases[caseId].consumer;
    }

    function _viewWord(CaseView memory v, CaseWord c) private view {
        v.state = c.state();
        v.mode = c.mode();
        v.grade = c.grade();
        v.flags = c.flags();
        v.share = c.share();
        v.fee = c.fee();
        v.deadline = c.deadline();
        v.length = c.length();
        for (uint8 role = uint8(Role.Consumer); role <= uint8(Role.Inspector); ++role) {
            v.nonces[role] = c.nonce(Role(role));
        }
        v.parties = _parties[c.parties()];
        v.policy = _policyIds[c.policy()];
        v.round = CaseMachine.round(c);
        if (c.marked(CaseMarks.OFFER_BY_CONSUMER)) v.offeredBy = Role.Consumer;
        else if (c.marked(CaseMarks.OFFER_BY_MERCHANT)) v.offeredBy = Role.Merchant;
        v.exchangeOffered = c.marked(CaseMarks.EXCHANGE_OFFERED);
        v.erased = c.marked(CaseMarks.ERASED);
    }
}
