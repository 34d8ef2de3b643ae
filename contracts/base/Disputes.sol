// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Kind, Notice, Parties, Policy, Role, State} from "../interfaces/CaseTypes.sol";
import {ActWord} from "../libraries/ActWord.sol";
import {CaseFlags} from "../libraries/CaseFlags.sol";
import {CaseMachine} from "../libraries/CaseMachine.sol";
import {CaseMarks} from "../libraries/CaseMarks.sol";
import {CaseWord, CaseWords} from "../libraries/CaseWord.sol";
import {Payout} from "../libraries/Payout.sol";
import {PolicyWords} from "../libraries/PolicyWords.sol";
import {Refusal, Refusals} from "../libraries/Refusals.sol";
import {Cases} from "./Cases.sol";

/// @title Where the parties disagree, agree, or give something up: claims, rulings, offers and notices
abstract contract Disputes is Cases {
    using PolicyWords for Policy;

    function rule(bytes32 caseId, uint16 share, bytes32 ballot, bool hasAppealPanel) external {
        if (msg.sender != address(panel)) revert NotThePanel(msg.sender);
        Stored storage stored = _cases[caseId];
        CaseWord c = stored.word;
        if (c.state() != State.Disputed || block.timestamp > _dueAt(stored, c)) revert NotDisputed(caseId);

        if (CaseMachine.isAppeal(c)) {
            bool consumerAppealed = stored.appellant == Role.Consumer;
            stored.consumerLostAppeal = consumerAppealed ? share <= c.share() : share < c.share();
        }
        c = c.marking(CaseMarks.RULED).deciding(share, 0);
        uint256 to = uint8(State.Payable);
        bool contested = share < stored.consumerClaim || share > stored.merchantClaim;
        if (contested && hasAppealPanel && !c.has(CaseFlags.APPEALED) && !c.has(CaseFlags.CHALLENGED)) {
            to = uint8(State.Ruled);
        } else {
            c = _deciding(c, share, 0, false);
        }
        _advance(caseId, stored, c, to, CaseWords.saying(Kind.Ruled, Role.Panel), msg.sender, ballot);
    }

    function disputeOf(bytes32 caseId)
        external
        view
        returns (uint32 version, uint8 round, uint40 deadline, uint16 most, address consumer, bool disputed)
    {
        Stored storage stored = _cases[caseId];
        CaseWord c = stored.word;
        version = stored.panel;
        round = CaseMachine.round(c);
        deadline = uint40(_dueAt(stored, c));
        most = c.has(CaseFlags.CHALLENGED) ? stored.consumerClaim : Payout.FULL;
        consumer = stored.consumer;
        disputed = c.state() == State.Disputed;
    }

    function payeeOf(bytes32 caseId) external view returns (address consumer, uint32 notice) {
        Stored storage stored = _cases[caseId];
        return (stored.consumer, _noticeOf(stored.word));
    }

    // --- what the acts of the two parties are checked for, beside the table ----------------------------------------

    /// @return refusal of a claim, an offer or an appeal that cannot be
    function _judgeShare(Stored storage stored, CaseWord c, ActWord a) internal view returns (Refusal refusal) {
        uint256 kind = a.kind();
        uint256 share = a.share();
        bool isConsumer = a.role() == uint8(Role.Consumer);
        if (share > Payout.FULL) return Refusals.with(BasisPointsOutOfBounds.selector, share);
        bool restates = kind == uint8(Kind.Disputed) && isConsumer;
        bool claimsRest = restates && c.has(CaseFlags.CHALLENGED);
        if (kind == uint8(Kind.Challenged) || claimsRest) {
            uint256 owed = c.share() > c.fee() ? c.share() - c.fee() : 0;
            if (share == 0 || share > owed) return Refusals.with(ShareAboveOwed.selector, share, owed);
        }
        if (restates && c.stateNumber() == uint8(State.Disputed) && share < stored.consumerClaim && _noticeOf(c) != 0) {
            return Refusals.with(ClaimLowered.selector, share, stored.consumerClaim);
        }
        if (kind == uint8(Kind.Appealed)) {
            uint256 ruling = c.share();
            uint256 claim = isConsumer ? stored.consumerClaim : stored.merchantClaim;
            bool gains = isConsumer ? ruling < claim && ruling < share : ruling > claim && ruling > share;
            if (!gains) return Refusals.with(NothingToAppeal.selector, ruling, claim);
        }
    }

    /// @return whether an act of this kind crosses a notice, while one runs
    function _crossesNotice(uint256 kind) internal pure returns (bool) {
        return kind == uint8(Kind.Cancelled) || kind == uint8(Kind.Accepted) || kind == uint8(Kind.ExchangeAgreed)
            || kind == uint8(Kind.Split) || kind == uint8(Kind.KeyBound);
    }

    function _isUsableKey(Stored storage stored, CaseWord c, address key) internal view returns (bool) {
        Parties storage parties = _partiesOf(c);
        return key != address(0) && key != stored.consumer && key != parties.merchant && key != parties.carrier
            && key != parties.warehouse && key != parties.inspector;
    }

    // --- what they do ----------------------------------------------------------------------------------------------

    /// What a dispute, a challenge or an appeal claims. Until they say otherwise, the consumer claims everything, and
    /// the merchant what inspection proposed.
    function _claiming(Stored storage stored, CaseWord c, uint256 kind, uint256 role, uint256 share)
        internal
        returns (CaseWord)
    {
        if (kind == uint8(Kind.Challenged)) {
            (stored.consumerClaim, stored.merchantClaim) = (uint16(share), 0);
            return c.unflagging(CaseFlags.APPEALED | CaseFlags.FALLBACK).flagging(CaseFlags.CHALLENGED);
        }
        if (kind == uint8(Kind.Appealed)) {
            stored.appellant = Role(uint8(role));
            c = c.flagging(CaseFlags.APPEALED);
        } else if (c.stateNumber() != uint8(State.Disputed)) {
            (stored.consumerClaim, stored.merchantClaim) = (Payout.FULL, uint16(c.share()));
        }
        if (role == uint8(Role.Consumer)) stored.consumerClaim = uint16(share);
        else if (role == uint8(Role.Merchant)) stored.merchantClaim = uint16(share);
        return c;
    }

    /// @return met whether the other party has offered the same
    function _offering(Stored storage stored, CaseWord c, uint256 role, uint256 share)
        internal
        returns (CaseWord, bool met)
    {
        (uint8 mine, uint8 theirs) = role == uint8(Role.Consumer)
            ? (CaseMarks.OFFER_BY_CONSUMER, CaseMarks.OFFER_BY_MERCHANT)
            : (CaseMarks.OFFER_BY_MERCHANT, CaseMarks.OFFER_BY_CONSUMER);
        if (c.marked(theirs) && stored.offer == share) return (c, true);
        stored.offer = uint16(share);
        return (c.unmarking(theirs).marking(mine), false);
    }

    /// @return whether this gives up something of the consumer's that only a notice may take while the key is held
    function _givesUp(CaseWord c, uint256 kind) internal view returns (bool) {
        if (kind == uint8(Kind.Accepted) && c.share() == Payout.FULL && c.fee() == 0) return false;
        return _noticeOf(c) != 0;
    }

    function _givingNotice(
        bytes32 caseId,
        bytes32 commitment,
        Stored storage stored,
        CaseWord c,
        uint256 kind,
        uint256 share,
        address key
    ) internal returns (CaseWord) {
        uint40 effectiveAt = uint40(block.timestamp) + _noticeOf(c);
        stored.notice = Notice(Kind(uint8(kind)), effectiveAt, uint16(share), key);
        emit NoticeGiven(caseId, commitment, effectiveAt);
        return c.marking(CaseMarks.NOTICED);
    }

    /// @notice What a cancellation, an acceptance, an exchange or a split comes to when it takes effect.
    function _agreeing(CaseWord c, uint256 kind, uint256 share) internal view returns (CaseWord, uint256 to) {
        if (kind == uint8(Kind.Cancelled)) return (c, uint8(State.Closed));
        if (kind == uint8(Kind.ExchangeAgreed)) return (c, uint8(State.Exchanging));
        if (kind == uint8(Kind.Split)) return (_deciding(c, share, 0, false), uint8(State.Payable));
        return (_deciding(c, c.share(), c.fee(), false), uint8(State.Payable)); // Accepted
    }

    function _binding(bytes32 caseId, Stored storage stored, CaseWord c, address key) internal returns (CaseWord) {
        stored.consumer = key;
        emit KeyBound(caseId, key);
        // What the held key has offered, the new one has not.
        return c.unflagging(CaseFlags.CONSUMER_KEY_HELD).unmarking(CaseMarks.OFFER_BY_CONSUMER);
    }

    /// Seconds that what a held consumer key gives up has to wait.
    function _noticeOf(CaseWord c) private view returns (uint32) {
        return c.has(CaseFlags.CONSUMER_KEY_HELD) ? uint32(_policyOf(c).noticeOf()) : 0;
    }
}
