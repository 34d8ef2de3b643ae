// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Kind, Role, State} from "../interfaces/CaseTypes.sol";
import {CaseFlags} from "./CaseFlags.sol";
import {CaseMarks} from "./CaseMarks.sol";
import {CaseWord} from "./CaseWord.sol";

/// What the table says of a kind of act.
type Rule is uint256;

using CaseMachine for Rule global;

/// @notice The case's table: who may move it from where to where. Pure; `ledger_service/domain/transitions.py` is its
/// twin.
/// @dev A rule has 32 bits, from the lowest: the state after the act 4 (none where the case stays where it is), whether
/// its message signs a share 1, whether grade, share and fee 1, whether more is to be asked than the table 1, whether it
/// does more than to move the case 1, whether its message signs a key 1, the roles that may 6 by their numbers from 1,
/// whether it sets a flag 1, the states in which they may 16.
library CaseMachine {
    uint256 private constant SHARE = 1 << 4;
    uint256 private constant PROPOSAL = 1 << 5;
    uint256 private constant GUARDED = 1 << 6;
    uint256 private constant RARE = 1 << 7;
    uint256 private constant KEY = 1 << 8; // no role has number 0,
    uint256 private constant FLAGS = 1 << 15; // nor number 7

    uint256 private constant CONSUMER = 1 << (8 + uint8(Role.Consumer));
    uint256 private constant MERCHANT = 1 << (8 + uint8(Role.Merchant));
    uint256 private constant CARRIER = 1 << (8 + uint8(Role.Carrier));
    uint256 private constant WAREHOUSE = 1 << (8 + uint8(Role.Warehouse));
    uint256 private constant INSPECTOR = 1 << (8 + uint8(Role.Inspector));

    uint256 private constant ALL_ROLES = 0x7e << 8;

    uint256 private constant REQUESTED = 1 << (16 + uint8(State.Requested));
    uint256 private constant DECLINED = 1 << (16 + uint8(State.Declined));
    uint256 private constant AUTHORISED = 1 << (16 + uint8(State.Authorised));
    uint256 private constant PICKED_UP = 1 << (16 + uint8(State.PickedUp));
    uint256 private constant RECEIVED = 1 << (16 + uint8(State.Received));
    uint256 private constant INSPECTED = 1 << (16 + uint8(State.Inspected));
    uint256 private constant EXCHANGING = 1 << (16 + uint8(State.Exchanging));
    uint256 private constant DELIVERED = 1 << (16 + uint8(State.Delivered));
    uint256 private constant DISPUTED = 1 << (16 + uint8(State.Disputed));
    uint256 private constant RULED = 1 << (16 + uint8(State.Ruled));
    uint256 private constant PAYABLE = 1 << (16 + uint8(State.Payable));
    uint256 private constant REFUNDED = 1 << (16 + uint8(State.Refunded));
    uint256 private constant ENDED = (1 << (16 + uint8(State.Settled))) | (1 << (16 + uint8(State.Closed)));
    uint256 private constant LIVE = REQUESTED | DECLINED | AUTHORISED | PICKED_UP | RECEIVED | INSPECTED | EXCHANGING
        | DELIVERED | DISPUTED | RULED | PAYABLE | REFUNDED;
    uint256 private constant DISPUTABLE =
        DECLINED | AUTHORISED | PICKED_UP | RECEIVED | INSPECTED | EXCHANGING | DELIVERED | DISPUTED;

    /// Kinds 0 to 7, 8 to 15 and 16 to 23, a rule each; a kind that nobody signs has none.
    uint256 private constant FIRST_KINDS =
        ((REQUESTED | MERCHANT | uint8(State.Authorised)) << (32 * uint8(Kind.Authorised)))
            | ((REQUESTED | MERCHANT | uint8(State.Declined)) << (32 * uint8(Kind.Declined)))
            | ((REQUESTED | AUTHORISED | CONSUMER | RARE | uint8(State.Closed)) << (32 * uint8(Kind.Cancelled)))
            | ((AUTHORISED | CARRIER | CONSUMER | FLAGS | uint8(State.PickedUp)) << (32 * uint8(Kind.PickedUp)))
            | ((AUTHORISED | PICKED_UP | CARRIER | WAREHOUSE | uint8(State.Received)) << (32 * uint8(Kind.Received)))
            | ((RECEIVED | INSPECTOR | PROPOSAL | uint8(State.Inspected)) << (32 * uint8(Kind.Inspected)));
    uint256 private constant NEXT_KINDS =
        ((INSPECTED | CONSUMER | RARE | uint8(State.Payable)) << (32 * (uint8(Kind.Accepted) - 8)))
            | ((INSPECTED | CONSUMER | MERCHANT | GUARDED | RARE | uint8(State.Exchanging))
                << (32 * (uint8(Kind.ExchangeAgreed) - 8)))
            | ((EXCHANGING | CARRIER | MERCHANT) << (32 * (uint8(Kind.ExchangeShipped) - 8)))
            | ((EXCHANGING | CARRIER | uint8(State.Delivered)) << (32 * (uint8(Kind.ExchangeDelivered) - 8)))
            | ((PAYABLE | MERCHANT | uint8(State.Refunded)) << (32 * (uint8(Kind.Refunded) - 8)))
            | ((REFUNDED | CONSUMER | SHARE | RARE | uint8(State.Disputed)) << (32 * (uint8(Kind.Challenged) - 8)))
            | ((DISPUTABLE | CONSUMER | MERCHANT | SHARE | GUARDED | RARE | uint8(State.Disputed))
                << (32 * (uint8(Kind.Disputed) - 8)))
            | ((DISPUTED | CONSUMER | MERCHANT) << (32 * (uint8(Kind.Evidence) - 8)));
    uint256 private constant LAST_KINDS = ((LIVE | CONSUMER | GUARDED | RARE) << (32 * (uint8(Kind.Objected) - 16)))
        | ((LIVE | CONSUMER | KEY | RARE) << (32 * (uint8(Kind.KeyBound) - 16)))
        | ((RULED | CONSUMER | MERCHANT | SHARE | RARE | uint8(State.Disputed)) << (32 * (uint8(Kind.Appealed) - 16)))
        | ((LIVE | CONSUMER | MERCHANT | SHARE | RARE) << (32 * (uint8(Kind.Split) - 16)))
        | ((ENDED | MERCHANT | GUARDED | RARE) << (32 * (uint8(Kind.Erased) - 16)));

    /// @param kind number of a Kind
    function ruleOf(uint256 kind) internal pure returns (Rule) {
        uint256 shift = 32 * (kind & 7);
        // Each on its own, so that the compiler keeps the rule rather than the table and what it takes to look it up again.
        uint256 bits = 0;
        if (kind < 8) bits = (FIRST_KINDS >> shift) & 0xffffffff;
        else if (kind < 16) bits = (NEXT_KINDS >> shift) & 0xffffffff;
        else if (kind < 24) bits = (LAST_KINDS >> shift) & 0xffffffff;
        return Rule.wrap(bits);
    }

    /// @return 1 if the table lets this role do this in the case's state, else 0
    function allowance(Rule rule, CaseWord c, uint256 role) internal pure returns (uint256) {
        uint256 bits = Rule.unwrap(rule);
        // The roles' bits end below those of the states, so a number beyond them could find one that is not its own.
        unchecked {
            return (bits >> (16 + c.stateNumber())) & ((bits & ALL_ROLES) >> (8 + role)) & 1;
        }
    }

    /// @return to number of the state that the table leads to: `Payable` where the act decides the outcome
    function target(Rule rule, CaseWord c) internal pure returns (uint256 to) {
        to = Rule.unwrap(rule) & 0xf;
        if (to == 0) to = c.stateNumber();
    }

    /// @param kind number of the rule's Kind
    /// @param role number of a Role that the table allows
    /// @param to number of the state that the table leads to
    /// @return number of the state after the act where more than the table decides: the present one where the act is
    /// only written down, that of `None` where it is not allowed
    function guarded(Rule rule, CaseWord c, uint256 kind, uint256 role, uint256 to) internal pure returns (uint256) {
        return Rule.unwrap(rule) & GUARDED == 0 ? to : _guarded(c, c.stateNumber(), kind, role, to);
    }

    function setsFlag(Rule rule) internal pure returns (bool) {
        return Rule.unwrap(rule) & FLAGS != 0;
    }

    /// @return whether its message has the five common fields and no more
    function signsNoValue(Rule rule) internal pure returns (bool) {
        return Rule.unwrap(rule) & (SHARE | PROPOSAL | KEY) == 0;
    }

    function signsShare(Rule rule) internal pure returns (bool) {
        return Rule.unwrap(rule) & SHARE != 0;
    }

    function signsKey(Rule rule) internal pure returns (bool) {
        return Rule.unwrap(rule) & KEY != 0;
    }

    function signsProposal(Rule rule) internal pure returns (bool) {
        return Rule.unwrap(rule) & PROPOSAL != 0;
    }

    /// @return whether the act does more than to move the case; so does every kind that signs a share or a key, or that
    /// asks more than the table
    function isRare(Rule rule) internal pure returns (bool) {
        return Rule.unwrap(rule) & RARE != 0;
    }

    function isLive(uint256 state) internal pure returns (bool) {
        unchecked {
            return state - 1 < uint256(uint8(State.Settled)) - 1; // None becomes the greatest number
        }
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

    /// What depends on more than state and role.
    function _guarded(CaseWord c, uint256 from, uint256 kind, uint256 role, uint256 to) private pure returns (uint256) {
        bool isMerchant = role == uint8(Role.Merchant);
        if (kind == uint8(Kind.Disputed)) return !isMerchant || _merchantMayDispute(c, from) ? to : 0;
        if (kind == uint8(Kind.Objected)) return c.marked(CaseMarks.NOTICED) ? to : 0;
        if (kind == uint8(Kind.Erased)) return c.marked(CaseMarks.ERASED) ? 0 : to;
        if (isMerchant) return from; // ExchangeAgreed: an offer, which the consumer can take up
        return c.marked(CaseMarks.EXCHANGE_OFFERED) ? to : 0;
    }

    /// A merchant that was its own inspector cannot dispute what it found. In a dispute it may state what it claims.
    function _merchantMayDispute(CaseWord c, uint256 from) private pure returns (bool) {
        if (from == uint8(State.Inspected)) return c.has(CaseFlags.INSPECTOR_INDEPENDENT);
        return from == uint8(State.PickedUp) || from == uint8(State.Received) || from == uint8(State.Disputed);
    }
}
