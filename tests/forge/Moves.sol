// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {CaseView, Kind, Role, State} from "../../contracts/interfaces/CaseTypes.sol";
import {CaseFlags} from "../../contracts/libraries/CaseFlags.sol";

/// @notice What may happen next in a case, written down once more, for whoever has to act without being refused.
library Moves {
    struct Move {
        Kind kind;
        Role role;
    }

    struct List {
        Move[24] moves;
        uint256 length;
    }

    /// @return list the acts that this state takes, what is rare otherwise stands in it more than once
    function possible(CaseView memory v) internal pure returns (List memory list) {
        _common(list, v);
        (Role c, Role m) = (Role.Consumer, Role.Merchant);
        State s = v.state;
        if (s == State.Requested) {
            _add(list, Kind.Authorised, m);
            _add(list, Kind.Authorised, m);
            _add(list, Kind.Declined, m);
            _agree(list, v, Kind.Cancelled, c);
        } else if (s == State.Authorised) {
            _add(list, Kind.PickedUp, Role.Carrier);
            _add(list, Kind.PickedUp, c);
            _add(list, Kind.Received, Role.Carrier);
            _add(list, Kind.Received, Role.Warehouse);
            _agree(list, v, Kind.Cancelled, c);
        } else if (s == State.PickedUp) {
            _add(list, Kind.Received, Role.Carrier);
            _add(list, Kind.Received, Role.Warehouse);
        } else if (s == State.Received) {
            _add(list, Kind.Inspected, Role.Inspector);
            _add(list, Kind.Inspected, Role.Inspector);
        } else if (s == State.Inspected) {
            _agree(list, v, Kind.Accepted, c);
            for (uint256 i = 0; i < 6; ++i) {
                _agree(list, v, Kind.ExchangeAgreed, v.exchangeOffered ? c : m);
            }
        } else if (s == State.Exchanging) {
            _add(list, Kind.ExchangeShipped, m);
            for (uint256 i = 0; i < 4; ++i) {
                _add(list, Kind.ExchangeDelivered, Role.Carrier);
            }
        } else if (s == State.Ruled) {
            if (v.share < v.consumerClaim && v.share < 10_000) _add(list, Kind.Appealed, c);
            if (v.share > v.merchantClaim) _add(list, Kind.Appealed, m);
        } else if (s == State.Payable) {
            _add(list, Kind.Refunded, m);
            _add(list, Kind.Refunded, m);
        } else if (s == State.Refunded && v.share > v.fee) {
            _add(list, Kind.Challenged, c);
            _add(list, Kind.Challenged, c);
        }
        _disputes(list, v);
    }

    function isOver(State s) internal pure returns (bool) {
        return s == State.Settled || s == State.Closed;
    }

    function _common(List memory list, CaseView memory v) private pure {
        if (isOver(v.state)) {
            if (!v.erased) _add(list, Kind.Erased, Role.Merchant);
            return;
        }
        _agree(list, v, Kind.Split, Role.Consumer);
        _agree(list, v, Kind.Split, Role.Merchant);
        _agree(list, v, Kind.KeyBound, Role.Consumer);
        if (v.notice.kind != Kind.None) _add(list, Kind.Objected, Role.Consumer);
    }

    function _disputes(List memory list, CaseView memory v) private pure {
        State s = v.state;
        (Role c, Role m) = (Role.Consumer, Role.Merchant);
        bool byBoth = s == State.PickedUp || s == State.Received || s == State.Disputed;
        bool byConsumer = byBoth || s == State.Declined || s == State.Authorised || s == State.Inspected
            || s == State.Exchanging || s == State.Delivered;
        bool independent = v.flags & CaseFlags.INSPECTOR_INDEPENDENT != 0;
        if (byConsumer) _add(list, Kind.Disputed, c);
        if (byBoth || (s == State.Inspected && independent)) _add(list, Kind.Disputed, m);
        if (s != State.Disputed) return;
        _add(list, Kind.Evidence, c);
        _add(list, Kind.Evidence, m);
    }

    /// What nobody may do while a notice runs.
    function _agree(List memory list, CaseView memory v, Kind kind, Role role) private pure {
        if (v.notice.kind == Kind.None) _add(list, kind, role);
    }

    function _add(List memory list, Kind kind, Role role) private pure {
        list.moves[list.length++] = Move(kind, role);
    }
}
