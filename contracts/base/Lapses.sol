// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Freight, Kind, Mode, Notice, Policy, Role, State} from "../interfaces/CaseTypes.sol";
import {CaseFlags} from "../libraries/CaseFlags.sol";
import {CaseMachine} from "../libraries/CaseMachine.sol";
import {CaseMarks} from "../libraries/CaseMarks.sol";
import {CaseWord, CaseWords} from "../libraries/CaseWord.sol";
import {Payout} from "../libraries/Payout.sol";
import {PolicyWords} from "../libraries/PolicyWords.sol";
import {Refusal, Refusals} from "../libraries/Refusals.sol";
import {Disputes} from "./Disputes.sol";

/// @title What time does to a case: the end of a notice, or of a window in which somebody stayed silent
/// @notice The silent party loses, yet an open complaint never expires in the merchant's favour.
abstract contract Lapses is Disputes {
    using PolicyWords for Policy;

    function pokeOf(bytes32 caseId) external view returns (Kind kind, State to, uint40 after_) {
        Stored storage stored = _cases[caseId];
        CaseWord c = stored.word;
        if (!CaseMachine.isLive(c.stateNumber())) return (Kind.None, State.None, 0);
        after_ = uint40(_dueAt(stored, c));
        uint256 next;
        if (!_noticeIsFirst(stored, c)) {
            (kind, next,) = _lapse(stored, c);
            return (kind, State(uint8(next)), after_);
        }
        kind = stored.notice.kind;
        if (kind == Kind.KeyBound) next = c.stateNumber();
        else (, next) = _agreeing(c, uint8(kind), stored.notice.share);
        to = State(uint8(next));
    }

    /// @return refusal of a case that is not due; then nothing has changed
    function _poke(bytes32 caseId) internal returns (Refusal refusal) {
        Stored storage stored = _cases[caseId];
        CaseWord c = stored.word;
        if (!c.exists()) return Refusals.aboutCase(UnknownCase.selector);
        uint256 from = c.stateNumber();
        if (!CaseMachine.isLive(from)) return Refusals.with(NothingDue.selector, from);
        uint256 due = _dueAt(stored, c);
        if (block.timestamp <= due) return Refusals.with(DeadlineAhead.selector, due);

        if (_noticeIsFirst(stored, c)) {
            _applyNotice(caseId, stored, c.unmarking(CaseMarks.NOTICED));
            return refusal;
        }
        Kind kind;
        uint256 to;
        (kind, to, c) = _lapse(stored, c);
        if (to == uint8(State.Disputed)) c = _claiming(stored, c, uint8(kind), uint8(Role.None), 0);
        _advance(caseId, stored, c, to, CaseWords.saying(kind, Role.None), address(this), bytes32(0));
    }

    function _applyNotice(bytes32 caseId, Stored storage stored, CaseWord c) private {
        Notice memory notice = stored.notice;
        uint256 said = CaseWords.saying(notice.kind, Role.None);
        if (notice.kind == Kind.KeyBound) {
            c = _binding(caseId, stored, c, notice.key);
            _note(caseId, stored, c, said, address(this), bytes32(0));
            return;
        }
        uint256 to;
        (c, to) = _agreeing(c, uint8(notice.kind), notice.share);
        _advance(caseId, stored, c, to, said, address(this), bytes32(0));
    }

    function _noticeIsFirst(Stored storage stored, CaseWord c) private view returns (bool) {
        return c.marked(CaseMarks.NOTICED) && stored.notice.effectiveAt <= c.deadline();
    }

    /// @return kind what the contract states in the silent party's name once the deadline has passed
    /// @return to number of the state that follows, `Payable` where the outcome is decided
    /// @return after_ the case with that outcome
    function _lapse(Stored storage stored, CaseWord c) private view returns (Kind kind, uint256 to, CaseWord after_) {
        State from = c.state();
        if (from == State.Requested) return (Kind.Authorised, uint8(State.Authorised), c);
        if (from == State.Declined || from == State.Authorised) return (Kind.Closed, uint8(State.Closed), c);
        if (from == State.Disputed) return _lapseOfDispute(stored, c);
        if (from == State.Delivered) {
            return (Kind.Settled, uint8(State.Settled), _deciding(c, 0, 0, false)); // the replacement came instead
        }
        if (from == State.Refunded) return (Kind.Settled, uint8(State.Settled), c);
        if (from == State.Payable) {
            return (Kind.Settled, uint8(State.Settled), c.mode() == Mode.None ? c.flagging(CaseFlags.UNPAID) : c);
        }
        bool asItStands = from == State.Ruled;
        if (from == State.Inspected) {
            asItStands = c.has(CaseFlags.INSPECTOR_INDEPENDENT) || c.share() == Payout.FULL;
            if (!asItStands) return (Kind.Disputed, uint8(State.Disputed), c); // the merchant inspected for itself
        }
        if (asItStands) return (Kind.Accepted, uint8(State.Payable), _deciding(c, c.share(), c.fee(), false));
        bool pickupProven = c.has(CaseFlags.PICKUP_BY_CARRIER) && _policyOf(c).freightOf() == Freight.Supplied;
        if (from == State.PickedUp && !pickupProven) return (Kind.Disputed, uint8(State.Disputed), c);
        // Received, Exchanging, PickedUp
        return (Kind.Accepted, uint8(State.Payable), _deciding(c, Payout.FULL, 0, true));
    }

    /// A silent appeal leaves the ruling as it was. Else the fallback panel has its turn, once, and after its silence the
    /// consumer gets everything, or after a challenge what is still owed.
    function _lapseOfDispute(Stored storage stored, CaseWord c) private view returns (Kind, uint256, CaseWord) {
        bool isAppeal = CaseMachine.isAppeal(c);
        if (!isAppeal && !c.has(CaseFlags.FALLBACK) && stored.panel != 0 && panel.fallbackOf(stored.panel) != 0) {
            return (Kind.Disputed, uint8(State.Disputed), c.flagging(CaseFlags.FALLBACK));
        }
        if (isAppeal) c = _deciding(c, c.share(), c.fee(), false);
        else if (c.has(CaseFlags.CHALLENGED)) c = _deciding(c, stored.consumerClaim, 0, false);
        else c = _deciding(c, Payout.FULL, 0, true);
        return (Kind.Ruled, uint8(State.Payable), c);
    }
}
