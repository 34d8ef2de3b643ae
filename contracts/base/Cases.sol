// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Freight, Grade, Kind, Mode, Notice, Policy, Role, State} from "../interfaces/CaseTypes.sol";
import {IArbitrationPanel} from "../interfaces/IArbitrationPanel.sol";
import {Award, IRefundEscrow, Outcome} from "../interfaces/IRefundEscrow.sol";
import {CaseFlags} from "../libraries/CaseFlags.sol";
import {CaseMachine} from "../libraries/CaseMachine.sol";
import {CaseMarks} from "../libraries/CaseMarks.sol";
import {CaseWord} from "../libraries/CaseWord.sol";
import {PolicyWords} from "../libraries/PolicyWords.sol";
import {Registers} from "./Registers.sol";

/// @title How a case is kept, how it moves, and what its end does to the money
abstract contract Cases is Registers {
    using PolicyWords for Policy;

    /// What the rest of a case's life needs. An undisputed case reads the first two slots, and the third where the
    /// consumer acts.
    struct Stored {
        CaseWord word;
        bytes32 head;
        address consumer;
        uint32 panel;
        uint16 consumerClaim;
        uint16 merchantClaim;
        uint16 offer;
        Role appellant;
        bool consumerLostAppeal;
        Notice notice;
    }

    /// One record to be linked.
    struct Link {
        Kind kind;
        Role role;
        address actor;
        bytes32 commitment;
    }

    IRefundEscrow public immutable escrow;
    IArbitrationPanel public immutable panel;

    /// What a panel can cost, remembered with the parties that are known not to sit on it.
    struct Admission {
        bool known;
        uint64 first;
        uint64 onAppeal;
    }

    mapping(bytes32 caseId => Stored) internal _cases;
    mapping(uint256 partiesAndPanel => Admission) private _admissions;

    constructor(IRefundEscrow escrow_, IArbitrationPanel panel_) {
        if (address(escrow_) == address(0) || address(panel_) == address(0)) revert ZeroAddress();
        escrow = escrow_;
        panel = panel_;
    }

    /// The least reserve that pays the arbitrators of every round a case can have: the first and an appeal, and where a
    /// provider pays, that of a challenge as well.
    /// @return least minor units
    /// @return reason the panel's error for parties that it does not admit, ABI-encoded; else empty
    function _leastReserve(uint32 parties, uint32 version, Mode mode)
        internal
        returns (uint64 least, bytes memory reason)
    {
        if (version == 0) return (0, "");
        Admission storage admission = _admissions[(uint256(parties) << 32) | version];
        if (!admission.known) {
            try panel.requireClear(version, _parties[parties]) {}
            catch (bytes memory refusal) {
                return (0, refusal);
            }
            (uint64 first, uint64 onAppeal) = panel.feesOf(version);
            (admission.known, admission.first, admission.onAppeal) = (true, first, onAppeal);
        }
        if (mode != Mode.None) least = (mode == Mode.Bond ? 2 : 1) * admission.first + admission.onAppeal;
    }

    /// Enters a state by one record, and at once the next where nothing is left to wait for; then moves the money.
    function _advance(bytes32 caseId, Stored storage stored, CaseWord c, State to, Link memory by) internal {
        State from = c.state();
        if (c.marked(CaseMarks.NOTICED)) emit NoticeVoided(caseId);
        // After a challenge, and for a split of what was stated as paid, nobody waits for the provider again.
        bool overdue = c.has(CaseFlags.CHALLENGED) || from == State.Refunded;
        bool atOnce = to == State.Payable && (c.mode() == Mode.Refund || c.share() == 0 || overdue);
        if (atOnce && overdue && c.mode() == Mode.None && c.share() != 0) c = c.flagging(CaseFlags.UNPAID);

        c = _entering(c, to);
        bytes32 head_ = _link(stored.head, caseId, c, by);
        c = c.countingRecord();
        if (atOnce) {
            to = State.Settled;
            c = _entering(c, to);
            head_ = _link(head_, caseId, c, _ownLink(Kind.Settled));
            c = c.countingRecord();
        }
        stored.word = c;
        stored.head = head_;

        if (CaseMachine.isLive(to) || c.mode() == Mode.None) return;
        // Once the provider paid, the lock has done its work: nothing of it is the consumer's.
        bool releases = to == State.Closed || (from == State.Refunded && by.kind == Kind.Settled);
        _settle(caseId, stored, c, releases);
    }

    /// Writes a record down and leaves the case where it is.
    function _note(bytes32 caseId, Stored storage stored, CaseWord c, Link memory by) internal {
        stored.head = _link(stored.head, caseId, c, by);
        stored.word = c.countingRecord();
    }

    /// Fixes the outcome. Whoever made the consumer wait past a deadline bears the freight as well.
    function _deciding(CaseWord c, uint16 share, uint16 fee, bool bySilence) internal view returns (CaseWord) {
        bool merchantBears =
            bySilence || c.grade() == Grade.Defective || _policies[c.policy()].freightOf() == Freight.Reimbursed;
        // A challenge is about an outcome that has said who bears it.
        if (c.has(CaseFlags.CHALLENGED)) merchantBears = c.has(CaseFlags.FREIGHT_TO_CONSUMER);
        c = share != 0 && merchantBears
            ? c.flagging(CaseFlags.FREIGHT_TO_CONSUMER)
            : c.unflagging(CaseFlags.FREIGHT_TO_CONSUMER);
        return c.deciding(share, fee);
    }

    /// The last second in which the case waits: of its deadline, or of a notice that ends before.
    function _dueAt(Stored storage stored, CaseWord c) internal view returns (uint40) {
        uint40 deadline = c.deadline();
        if (!c.marked(CaseMarks.NOTICED)) return deadline;
        uint40 effectiveAt = stored.notice.effectiveAt;
        return effectiveAt < deadline ? effectiveAt : deadline;
    }

    function _ownLink(Kind kind) internal view returns (Link memory) {
        return Link(kind, Role.None, address(this), bytes32(0));
    }

    /// Announces a record and gives the head that follows it.
    function _link(bytes32 head_, bytes32 caseId, CaseWord c, Link memory by) internal returns (bytes32) {
        bytes32 entry = c.entryOf(by.kind, by.role);
        emit Recorded(caseId, by.actor, by.commitment, entry);
        return keccak256(abi.encode(head_, by.actor, by.commitment, entry));
    }

    function _entering(CaseWord c, State to) internal view returns (CaseWord) {
        if (!CaseMachine.isLive(to)) return c.entering(to, 0);
        return c.entering(to, uint40(block.timestamp) + _policies[c.policy()].windowOf(to));
    }

    function _settle(bytes32 caseId, Stored storage stored, CaseWord c, bool releases) private {
        Outcome memory outcome;
        if (!releases) {
            outcome.share = c.share();
            outcome.fee = c.fee();
            outcome.freightToConsumer = c.has(CaseFlags.FREIGHT_TO_CONSUMER);
        }
        if (c.marked(CaseMarks.RULED)) {
            uint64 onAppeal;
            (outcome.awards, onAppeal) = panel.awardsOf(caseId, stored.panel);
            if (stored.consumerLostAppeal) outcome.feesFromConsumer = onAppeal;
        }
        escrow.settle(caseId, _parties[c.parties()].merchant, outcome);
    }
}
