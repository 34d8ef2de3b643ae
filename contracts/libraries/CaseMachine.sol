// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Kind, Role, State} from "../interfaces/CaseTypes.sol";
import {CaseFlags} from "./CaseFlags.sol";
import {CaseMarks} from "./CaseMarks.sol";
import {CaseWord} from "./CaseWord.sol";

/// @notice The case's table: who may move it from where to where. Pure; `ledger_service/domain/transitions.py` is its
/// twin.
library CaseMachine {
    /// @return to the state after the act: `Payable` where it decides the outcome, the same state where the act is only
    /// written down, `None` where it is not allowed
    function next(CaseWord c, Kind kind, Role role) internal pure returns (State to) {
        State from = c.state();
        if (kind == Kind.Authorised) return _when(from == State.Requested && role == Role.Merchant, State.Authorised);
        if (kind == Kind.PickedUp) {
            return _when(from == State.Authorised && (role == Role.Carrier || role == Role.Consumer), State.PickedUp);
        }
        if (kind == Kind.Received) {
            bool onTheWay = from == State.Authorised || from == State.PickedUp;
            return _when(onTheWay && (role == Role.Carrier || role == Role.Warehouse), State.Received);
        }
        if (kind == Kind.Inspected) return _when(from == State.Received && role == Role.Inspector, State.Inspected);
        if (kind == Kind.Accepted) return _when(from == State.Inspected && role == Role.Consumer, State.Payable);
        if (kind == Kind.Refunded) return _when(from == State.Payable && role == Role.Merchant, State.Refunded);
        if (kind == Kind.Declined) return _when(from == State.Requested && role == Role.Merchant, State.Declined);
        if (kind == Kind.Cancelled) {
            bool early = from == State.Requested || from == State.Authorised;
            return _when(early && role == Role.Consumer, State.Closed);
        }
        if (kind == Kind.ExchangeShipped) {
            return _when(from == State.Exchanging && (role == Role.Carrier || role == Role.Merchant), from);
        }
        if (kind == Kind.ExchangeDelivered) {
            return _when(from == State.Exchanging && role == Role.Carrier, State.Delivered);
        }
        if (kind == Kind.Challenged) return _when(from == State.Refunded && role == Role.Consumer, State.Disputed);
        if (kind == Kind.Erased) {
            bool over = from == State.Settled || from == State.Closed;
            return _when(over && role == Role.Merchant && !c.marked(CaseMarks.ERASED), from);
        }
        return _byParties(c, from, kind, role);
    }

    function isLive(State state) internal pure returns (bool) {
        return state != State.None && state < State.Settled;
    }

    /// @notice Whether the votes that count are those on an appeal. After a challenge there is none.
    function isAppeal(CaseWord c) internal pure returns (bool) {
        return c.has(CaseFlags.APPEALED) && !c.has(CaseFlags.CHALLENGED);
    }

    /// @return 0, 1 by the fallback panel, 2 on appeal; 3 and 4 the same as 0 and 1 after a challenge
    function round(CaseWord c) internal pure returns (uint8) {
        if (isAppeal(c)) return 2;
        return (c.has(CaseFlags.CHALLENGED) ? 3 : 0) + (c.has(CaseFlags.FALLBACK) ? 1 : 0);
    }

    /// What only the consumer and the merchant do, who can both object and agree.
    function _byParties(CaseWord c, State from, Kind kind, Role role) private pure returns (State) {
        bool isConsumer = role == Role.Consumer;
        if (!isConsumer && role != Role.Merchant) return State.None;
        if (kind == Kind.Disputed) return _when(_mayDispute(c, from, isConsumer), State.Disputed);
        if (kind == Kind.Evidence) return _when(from == State.Disputed, from);
        if (kind == Kind.Appealed) return _when(from == State.Ruled, State.Disputed);
        if (kind == Kind.ExchangeAgreed) {
            if (from != State.Inspected) return State.None;
            if (!isConsumer) return from; // an offer
            return _when(c.marked(CaseMarks.EXCHANGE_OFFERED), State.Exchanging);
        }
        if (kind == Kind.Split) return _when(isLive(from), from); // an offer, unless it meets the other's
        if (kind == Kind.KeyBound) return _when(isLive(from) && isConsumer, from);
        if (kind == Kind.Objected) return _when(isConsumer && c.marked(CaseMarks.NOTICED), from);
        return State.None;
    }

    /// The merchant that was its own inspector cannot dispute what it found. In a dispute both may state what they claim.
    function _mayDispute(CaseWord c, State from, bool isConsumer) private pure returns (bool) {
        if (from == State.PickedUp || from == State.Received || from == State.Disputed) return true;
        if (from == State.Inspected) return isConsumer || c.has(CaseFlags.INSPECTOR_INDEPENDENT);
        if (!isConsumer) return false;
        return from == State.Declined || from == State.Authorised || from == State.Exchanging || from == State.Delivered;
    }

    function _when(bool allowed, State to) private pure returns (State) {
        return allowed ? to : State.None;
    }
}
