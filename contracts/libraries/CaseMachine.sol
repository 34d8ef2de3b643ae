// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Kind, Role, State} from "../interfaces/CaseTypes.sol";

/// @notice The case's table: who may move it from where to where. Pure; `ledger_service/domain/machine.py` is its twin.
library CaseMachine {
    /// @return to the state after the act, `Payable` where it decides the outcome, `None` where it is not allowed
    function next(State from, Kind kind, Role role) internal pure returns (State to) {
        if (from == State.Requested) {
            if (role == Role.Merchant) {
                if (kind == Kind.Authorised) return State.Authorised;
                if (kind == Kind.Declined) return State.Declined;
            }
            if (kind == Kind.Cancelled && role == Role.Consumer) return State.Closed;
        } else if (from == State.Authorised) {
            if (kind == Kind.PickedUp && (role == Role.Carrier || role == Role.Consumer)) return State.PickedUp;
            if (kind == Kind.Received && (role == Role.Carrier || role == Role.Warehouse)) return State.Received;
            if (kind == Kind.Cancelled && role == Role.Consumer) return State.Closed;
        } else if (from == State.PickedUp) {
            if (kind == Kind.Received && (role == Role.Carrier || role == Role.Warehouse)) return State.Received;
        } else if (from == State.Received) {
            if (kind == Kind.Inspected && role == Role.Inspector) return State.Inspected;
        } else if (from == State.Inspected) {
            if (kind == Kind.Accepted && role == Role.Consumer) return State.Payable;
        } else if (from == State.Payable) {
            if (kind == Kind.Refunded && role == Role.Merchant) return State.Refunded;
        }
        return State.None;
    }

    /// @return kind what the contract states in the silent party's name once the deadline of `from` has passed
    /// @return to the state that follows, `Payable` where the outcome is decided
    /// @param pickupProven the carrier stated the pickup, on a label that the merchant supplied
    /// @param selfInspected the merchant was its own inspector and proposes less than the full share
    function lapse(State from, bool pickupProven, bool selfInspected) internal pure returns (Kind kind, State to) {
        if (from == State.Requested) return (Kind.Authorised, State.Authorised);
        if (from == State.Declined || from == State.Authorised) return (Kind.Closed, State.Closed);
        if (from == State.PickedUp) {
            return pickupProven ? (Kind.Accepted, State.Payable) : (Kind.Disputed, State.Disputed);
        }
        if (from == State.Inspected && selfInspected) return (Kind.Disputed, State.Disputed);
        if (from == State.Disputed) return (Kind.Ruled, State.Payable);
        if (from == State.Payable || from == State.Refunded || from == State.Delivered) {
            return (Kind.Settled, State.Settled);
        }
        return (Kind.Accepted, State.Payable); // Received, Inspected, Exchanging, Ruled
    }

    /// @notice Whether a lapse of this state gives the consumer everything, whatever was proposed.
    function lapsesInFull(State from) internal pure returns (bool) {
        return from == State.PickedUp || from == State.Received || from == State.Exchanging || from == State.Disputed;
    }

    function isLive(State state) internal pure returns (bool) {
        return state != State.None && state < State.Settled;
    }
}
