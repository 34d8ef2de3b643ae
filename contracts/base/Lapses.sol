// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Freight, Kind, Mode, Notice, Policy, Role, State} from "../interfaces/CaseTypes.sol";
import {CaseFlags} from "../libraries/CaseFlags.sol";
import {CaseMachine} from "../libraries/CaseMachine.sol";
import {CaseMarks} from "../libraries/CaseMarks.sol";
import {CaseWord} from "../libraries/CaseWord.sol";
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
        if (!CaseMachine.isLive(c.state())) return (Kind.None, State.None, 0);
        after_ = _dueAt(stored, c);
        if (!_noticeIsFirst(stored, c)) {
            (kind, to,) = _lapse(stored, c);
            return (kind, to, after_);
        }
        kind = stored.notice.kind;
        if (kind == Kind.KeyBound) to = c.state();
        else (, to) = _agreeing(c, kind, stored.notice.share);
    }

    /// @return refusal of a case that is not due; then nothing has changed
    function _poke(bytes32 caseId) internal returns (Refusal refusal) {
        Stored storage stored = _cases[caseId];
        CaseWord c = stored.word;
        if (!c.exists()) return Refusals.aboutCase(UnknownCase.selector);
        State from = c.state();
        if (!CaseMachine.isLive(from)) return Refusals.with(NothingDue.selector, uint8(from));
        uint40 due = _dueAt(stored, c);
        if (block.timestamp <= due) return Refusals.with(DeadlineAhead.selector, due);

        if (_noticeIsFirst(stored, c)) {
            _applyNotice(caseId, stored, c.unmarking(CaseMarks.NOTICED));
            return refusal;
        }
        Kind kind;
        State to;
        (kind, to, c) = _lapse(stored, c);
        if (to == State.Disputed) c = _claiming(stored, c, kind, Role.None, 0);
        _advance(caseId, stored, c, to, _ownLink(kind));
    }

    function _applyNotice(bytes32 caseId, Stored storage stored, CaseWord c) private {
        Notice memory notice = stored.notice;
        if (notice.kind == Kind.KeyBound) {
            _note(caseId, stored, _binding(caseId, stored, c, notice.key), _ownLink(notice.kind));
            return;
        }
        State to;
        (c, to) = _agreeing(c, notice.kind, notice.share);
        _advance(caseId, stored, c, to, _ownLink(notice.kind));
    }

    function _noticeIsFirst(Stored storage stored, CaseWord c) private view returns (bool) {
        return c.marked(CaseMarks.NOTICED) && stored.notice.effectiveAt <= c.deadline();
    }

    /// @return kind what the contract states in the silent party's name once the deadline has passed
    /// @return to the state that follows, `Payable` where the outcome is decided
    /// @return after_ the case with that outcome
    function _lapse(Stored storage stored, CaseWord c) private view returns (Kind kind, State to, CaseWord after_) {
        State from = c.state();
        if (from == State.Requested) return (Kind.Authorised, State.Authorised, c);
        if (from == State.Declined || from == State.Authorised) return (Kind.Closed, State.Closed, c);
        if (from == State.Disputed) return _lapseOfDispute(stored, c);
        if (from == State.Delivered) return (Kind.Settled, State.Settled, _deciding(c, 0, 0, false)); // replaced
        if (from == State.Refunded) return (Kind.Settled, State.Settled, c);
        if (from == State.Payable) {
            return (Kind.Settled, State.Settled, c.mode() == Mode.None ? c.flagging(CaseFlags.UNPAID) : c);
        }
        if (from == State.Ruled) return (Kind.Accepted, State.Payable, _deciding(c, c.share(), c.fee(), false));
        if (from == State.Inspected) {
            bool selfInspected = !c.has(CaseFlags.INSPECTOR_INDEPENDENT) && c.share() < Payout.FULL;
            if (selfInspected) return (Kind.Disputed, State.Disputed, c);
            return (Kind.Accepted, State.Payable, _deciding(c, c.share(), c.fee(), false));
        }
        bool pickupProven = c.has(CaseFlags.PICKUP_BY_CARRIER) && _policies[c.policy()].freightOf() == Freight.Supplied;
        if (from == State.PickedUp && !pickupProven) return (Kind.Disputed, State.Disputed, c);
        return (Kind.Accepted, State.Payable, _deciding(c, Payout.FULL, 0, true)); // Received, Exchanging, PickedUp
    }

    /// A silent appeal leaves the ruling as it was. Else the fallback panel has its turn, once, and after its silence the
    /// consumer gets everything, or after a challenge what is still owed.
    function _lapseOfDispute(Stored storage stored, CaseWord c) private view returns (Kind, State, CaseWord) {
        if (CaseMachine.isAppeal(c)) return (Kind.Ruled, State.Payable, _deciding(c, c.share(), c.fee(), false));
        if (!c.has(CaseFlags.FALLBACK) && stored.panel != 0 && panel.fallbackOf(stored.panel) != 0) {
            return (Kind.Disputed, State.Disputed, c.flagging(CaseFlags.FALLBACK));
        }
        if (c.has(CaseFlags.CHALLENGED)) {
            return (Kind.Ruled, State.Payable, _deciding(c, stored.consumerClaim, 0, false));
        }
        return (Kind.Ruled, State.Payable, _deciding(c, Payout.FULL, 0, true));
    }
}
