// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Freight, Grade, Kind, Mode, Notice, Parties, Policy, Role, State} from "../interfaces/CaseTypes.sol";
import {IArbitrationPanel} from "../interfaces/IArbitrationPanel.sol";
import {IRefundEscrow, Outcome} from "../interfaces/IRefundEscrow.sol";
import {CaseFlags} from "../libraries/CaseFlags.sol";
import {CaseMachine} from "../libraries/CaseMachine.sol";
import {CaseMarks} from "../libraries/CaseMarks.sol";
import {CaseWord, CaseWords} from "../libraries/CaseWord.sol";
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
                return (0, _reasonIn(refusal));
            }
            (uint64 first, uint64 onAppeal) = panel.feesOf(version);
            (admission.known, admission.first, admission.onAppeal) = (true, first, onAppeal);
        }
        if (mode != Mode.None) least = (mode == Mode.Bond ? 2 : 1) * admission.first + admission.onAppeal;
    }

    /// Whoever refuses gives a reason, unless the gas ran out there: that is no answer, and nothing may follow from it.
    function _reasonIn(bytes memory refusal) internal pure returns (bytes memory) {
        if (refusal.length == 0) revert BatchGasTooLow(0);
        return refusal;
    }

    /// Enters a state by one record, and at once the next where nothing is left to wait for; then moves the money.
    /// @param to number of a State
    /// @param said by `CaseWords.saying`, as in all that follows
    function _advance(
        bytes32 caseId,
        Stored storage stored,
        CaseWord c,
        uint256 to,
        uint256 said,
        address actor,
        bytes32 commitment
    ) internal {
        if (c.marked(CaseMarks.NOTICED)) emit NoticeVoided(caseId);
        if (to == uint8(State.Payable)) {
            bool atOnce;
            (c, atOnce) = _falling(c);
            if (atOnce) {
                _settling(caseId, stored, c, said, actor, commitment);
                return;
            }
        }
        uint256 from = c.stateNumber();
        c = _entering(c, to);
        _note(caseId, stored, c, said, actor, commitment);
        // Once the provider paid, the lock has done its work: nothing of it is the consumer's.
        if (!CaseMachine.isLive(to)) {
            _settle(caseId, stored, c, to == uint8(State.Closed) || from == uint8(State.Refunded));
        }
    }

    /// What `_advance` comes to for a milestone of a case in which no notice runs: it enters a state that is live and not
    /// `Payable`. Written out, since the compiler makes calls of what is used elsewhere too, and they add up in a batch.
    function _step(
        bytes32 caseId,
        Stored storage stored,
        CaseWord c,
        Policy storage policy,
        uint256 to,
        uint256 said,
        address actor,
        bytes32 commitment
    ) internal {
        unchecked {
            c = c.stepping(to, block.timestamp + PolicyWords.window(policy.windows, to)); // years away from 40 bits
        }
        bytes32 entry = c.entryOf(said);
        bytes32 head_ = stored.head;
        bytes32 topic = Recorded.selector;
        assembly ("memory-safe") {
            let start := mload(0x40) // as in `_link`
            mstore(start, head_)
            mstore(add(start, 0x20), actor)
            mstore(add(start, 0x40), commitment)
            mstore(add(start, 0x60), entry)
            log3(add(start, 0x40), 0x40, topic, caseId, actor)
            head_ := keccak256(start, 0x80)
        }
        stored.head = head_;
        stored.word = c.countingRecord();
    }

    /// Writes a record down and leaves the case where it is.
    function _note(bytes32 caseId, Stored storage stored, CaseWord c, uint256 said, address actor, bytes32 commitment)
        internal
    {
        stored.head = _link(stored.head, caseId, c, said, actor, commitment);
        stored.word = c.countingRecord();
    }

    /// Fixes the outcome. Whoever made the consumer wait past a deadline bears the freight as well.
    function _deciding(CaseWord c, uint256 share, uint256 fee, bool bySilence) internal view returns (CaseWord) {
        bool merchantBears = bySilence || c.grade() == Grade.Defective || _policyOf(c).freightOf() == Freight.Reimbursed;
        // A challenge is about an outcome that has said who bears it.
        if (c.has(CaseFlags.CHALLENGED)) merchantBears = c.has(CaseFlags.FREIGHT_TO_CONSUMER);
        c = share != 0 && merchantBears
            ? c.flagging(CaseFlags.FREIGHT_TO_CONSUMER)
            : c.unflagging(CaseFlags.FREIGHT_TO_CONSUMER);
        return c.deciding(share, fee);
    }

    /// The last second in which the case waits: of its deadline, or of a notice that ends before.
    function _dueAt(Stored storage stored, CaseWord c) internal view returns (uint256) {
        uint256 deadline = c.deadline();
        if (!c.marked(CaseMarks.NOTICED)) return deadline;
        uint256 effectiveAt = stored.notice.effectiveAt;
        return effectiveAt < deadline ? effectiveAt : deadline;
    }

    function _policyOf(CaseWord c) internal pure returns (Policy storage policy) {
        uint256 index = c.policy();
        assembly ("memory-safe") {
            policy.slot := add(_policies.slot, mul(index, 3)) // 16 bits, so it lies in the array
        }
    }

    function _partiesOf(CaseWord c) internal pure returns (Parties storage parties) {
        uint256 index = c.parties();
        assembly ("memory-safe") {
            parties.slot := add(_parties.slot, mul(index, 4)) // 32 bits, so it lies in the array
        }
    }

    /// Announces a record and gives the head that follows it.
    function _link(bytes32 head_, bytes32 caseId, CaseWord c, uint256 said, address actor, bytes32 commitment)
        internal
        returns (bytes32 next)
    {
        bytes32 entry = c.entryOf(said);
        bytes32 topic = Recorded.selector;
        // What the event holds is the second half of what the head is the hash of: both are written once, behind the free
        // memory, and nothing needs them afterwards.
        assembly ("memory-safe") {
            let start := mload(0x40)
            mstore(start, head_)
            mstore(add(start, 0x20), actor)
            mstore(add(start, 0x40), commitment)
            mstore(add(start, 0x60), entry)
            log3(add(start, 0x40), 0x40, topic, caseId, actor)
            next := keccak256(start, 0x80)
        }
    }

    function _entering(CaseWord c, uint256 to) internal view returns (CaseWord) {
        uint256 until = 0;
        if (CaseMachine.isLive(to)) {
            unchecked {
                until = block.timestamp + _policyOf(c).windowOf(to); // years away from 40 bits
            }
        }
        return c.entering(to, until);
    }

    /// @return the case, marked as unpaid where nobody here pays what is overdue
    /// @return atOnce whether an outcome waits for nobody: the escrow pays it, there is nothing to pay, or the provider
    /// had its turn, before a challenge or a split of what was stated as paid
    function _falling(CaseWord c) private pure returns (CaseWord, bool atOnce) {
        if (c.share() == 0) return (c, true);
        bool overdue = c.has(CaseFlags.CHALLENGED) || c.stateNumber() == uint8(State.Refunded);
        if (overdue && c.mode() == Mode.None) c = c.flagging(CaseFlags.UNPAID);
        return (c, overdue || c.mode() == Mode.Refund);
    }

    /// Enters Payable by one record and Settled by the contract's own, and moves the money.
    function _settling(
        bytes32 caseId,
        Stored storage stored,
        CaseWord c,
        uint256 said,
        address actor,
        bytes32 commitment
    ) private {
        c = _entering(c, uint8(State.Payable));
        bytes32 head_ = _link(stored.head, caseId, c, said, actor, commitment);
        c = _entering(c.countingRecord(), uint8(State.Settled));
        uint256 settled = CaseWords.saying(Kind.Settled, Role.None);
        stored.head = _link(head_, caseId, c, settled, address(this), bytes32(0));
        stored.word = c.countingRecord();
        _settle(caseId, stored, c, false);
    }

    function _settle(bytes32 caseId, Stored storage stored, CaseWord c, bool releases) private {
        if (c.mode() == Mode.None) return;
        Outcome memory outcome;
        if (!releases) {
            outcome.share = uint16(c.share());
            outcome.fee = uint16(c.fee());
            outcome.freightToConsumer = c.has(CaseFlags.FREIGHT_TO_CONSUMER);
        }
        if (c.marked(CaseMarks.RULED)) {
            uint64 onAppeal;
            (outcome.awards, onAppeal) = panel.awardsOf(caseId, stored.panel);
            if (stored.consumerLostAppeal) outcome.feesFromConsumer = onAppeal;
        }
        escrow.settle(caseId, _partiesOf(c).merchant, outcome);
    }
}
