// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Kind, Role, State} from "../interfaces/CaseTypes.sol";
import {ActWord} from "./ActWord.sol";
import {CaseFlags} from "./CaseFlags.sol";
import {CaseMarks} from "./CaseMarks.sol";
import {CaseWord} from "./CaseWord.sol";

/// What the table says of a kind of act.
type Rule is uint256;

using CaseMachine for Rule global;

/// @notice The case's table: who may move it from where to where. Pure; `ledger_service/domain/transitions.py` is its
/// twin.
/// @dev A rule has 32 bits, from the lowest: whether its message signs a share 1, whether grade, share and fee 1, whether
/// it proves a pickup if it is the carrier's 1, which is that flag's own bit, whether its message signs a key 1, whether
/// more is to be asked than the table 1, whether it does more than to move the case 1, the state after the act 4 (none
/// where the case stays where it is), the states in which roles may 16, the roles that may 6 by their numbers from 1:
/// behind them there is nothing that a greater number could find, and before them the bit of a state that does not exist.
library CaseMachine {
    uint256 private constant SHARE = 1;
    uint256 private constant PROPOSAL = 2;
    uint256 private constant PICKUP = CaseFlags.PICKUP_BY_CARRIER;
    uint256 private constant KEY = 8;
    uint256 private constant GUARDED = 16;
    uint256 private constant RARE = 32;
    uint256 private constant TARGET = 6;
    uint256 private constant STATES = 10;
    uint256 private constant ROLES = 25;

    uint256 private constant CONSUMER = 1 << (ROLES + uint8(Role.Consumer));
    uint256 private constant MERCHANT = 1 << (ROLES + uint8(Role.Merchant));
    uint256 private constant CARRIER = 1 << (ROLES + uint8(Role.Carrier));
    uint256 private constant WAREHOUSE = 1 << (ROLES + uint8(Role.Warehouse));
    uint256 private constant INSPECTOR = 1 << (ROLES + uint8(Role.Inspector));

    uint256 private constant REQUESTED = 1 << (STATES + uint8(State.Requested));
    uint256 private constant DECLINED = 1 << (STATES + uint8(State.Declined));
    uint256 private constant AUTHORISED = 1 << (STATES + uint8(State.Authorised));
    uint256 private constant PICKED_UP = 1 << (STATES + uint8(State.PickedUp));
    uint256 private constant RECEIVED = 1 << (STATES + uint8(State.Received));
    uint256 private constant INSPECTED = 1 << (STATES + uint8(State.Inspected));
    uint256 private constant EXCHANGING = 1 << (STATES + uint8(State.Exchanging));
    uint256 private constant DELIVERED = 1 << (STATES + uint8(State.Delivered));
    uint256 private constant DISPUTED = 1 << (STATES + uint8(State.Disputed));
    uint256 private constant RULED = 1 << (STATES + uint8(State.Ruled));
    uint256 private constant PAYABLE = 1 << (STATES + uint8(State.Payable));
    uint256 private constant REFUNDED = 1 << (STATES + uint8(State.Refunded));
    uint256 private constant ENDED = (1 << (STATES + uint8(State.Settled))) | (1 << (STATES + uint8(State.Closed)));
    uint256 private constant LIVE = REQUESTED | DECLINED | AUTHORISED | PICKED_UP | RECEIVED | INSPECTED | EXCHANGING
        | DELIVERED | DISPUTED | RULED | PAYABLE | REFUNDED;
    uint256 private constant DISPUTABLE =
        DECLINED | AUTHORISED | PICKED_UP | RECEIVED | INSPECTED | EXCHANGING | DELIVERED | DISPUTED;

    uint256 private constant TO_AUTHORISED = uint256(uint8(State.Authorised)) << TARGET;
    uint256 private constant TO_DECLINED = uint256(uint8(State.Declined)) << TARGET;
    uint256 private constant TO_PICKED_UP = uint256(uint8(State.PickedUp)) << TARGET;
    uint256 private constant TO_RECEIVED = uint256(uint8(State.Received)) << TARGET;
    uint256 private constant TO_INSPECTED = uint256(uint8(State.Inspected)) << TARGET;
    uint256 private constant TO_EXCHANGING = uint256(uint8(State.Exchanging)) << TARGET;
    uint256 private constant TO_DELIVERED = uint256(uint8(State.Delivered)) << TARGET;
    uint256 private constant TO_DISPUTED = uint256(uint8(State.Disputed)) << TARGET;
    uint256 private constant TO_PAYABLE = uint256(uint8(State.Payable)) << TARGET;
    uint256 private constant TO_REFUNDED = uint256(uint8(State.Refunded)) << TARGET;
    uint256 private constant TO_CLOSED = uint256(uint8(State.Closed)) << TARGET;

    /// Kinds 0 to 7, 8 to 15 and 16 to 23, a rule each; a kind that nobody signs has none.
    uint256 private constant MILESTONES = ((REQUESTED | MERCHANT | TO_AUTHORISED) << (32 * uint8(Kind.Authorised)))
        | ((REQUESTED | MERCHANT | TO_DECLINED) << (32 * uint8(Kind.Declined)))
        | ((AUTHORISED | CARRIER | CONSUMER | PICKUP | TO_PICKED_UP) << (32 * uint8(Kind.PickedUp)))
        | ((AUTHORISED | PICKED_UP | CARRIER | WAREHOUSE | TO_RECEIVED) << (32 * uint8(Kind.Received)))
        | ((RECEIVED | INSPECTOR | PROPOSAL | TO_INSPECTED) << (32 * uint8(Kind.Inspected)));
    uint256 private constant FIRST_KINDS =
        MILESTONES | ((REQUESTED | AUTHORISED | CONSUMER | RARE | TO_CLOSED) << (32 * uint8(Kind.Cancelled)));
    uint256 private constant NEXT_KINDS =
        ((INSPECTED | CONSUMER | RARE | TO_PAYABLE) << (32 * (uint8(Kind.Accepted) - 8)))
            | ((INSPECTED | CONSUMER | MERCHANT | GUARDED | RARE | TO_EXCHANGING)
                << (32 * (uint8(Kind.ExchangeAgreed) - 8)))
            | ((EXCHANGING | CARRIER | MERCHANT) << (32 * (uint8(Kind.ExchangeShipped) - 8)))
            | ((EXCHANGING | CARRIER | TO_DELIVERED) << (32 * (uint8(Kind.ExchangeDelivered) - 8)))
            | ((PAYABLE | MERCHANT | TO_REFUNDED) << (32 * (uint8(Kind.Refunded) - 8)))
            | ((REFUNDED | CONSUMER | SHARE | RARE | TO_DISPUTED) << (32 * (uint8(Kind.Challenged) - 8)))
            | ((DISPUTABLE | CONSUMER | MERCHANT | SHARE | GUARDED | RARE | TO_DISPUTED)
                << (32 * (uint8(Kind.Disputed) - 8)))
            | ((DISPUTED | CONSUMER | MERCHANT) << (32 * (uint8(Kind.Evidence) - 8)));
    uint256 private constant LAST_KINDS = ((LIVE | CONSUMER | GUARDED | RARE) << (32 * (uint8(Kind.Objected) - 16)))
        | ((LIVE | CONSUMER | KEY | RARE) << (32 * (uint8(Kind.KeyBound) - 16)))
        | ((RULED | CONSUMER | MERCHANT | SHARE | RARE | TO_DISPUTED) << (32 * (uint8(Kind.Appealed) - 16)))
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

    /// @return the rule of a milestone, which does no more than to move the case; zero for any other kind
    function milestoneOf(uint256 kind) internal pure returns (Rule) {
        return Rule.wrap((MILESTONES >> (32 * kind)) & 0xffffffff);
    }

    function isNone(Rule rule) internal pure returns (bool) {
        return Rule.unwrap(rule) == 0;
    }

    /// @return whether the table lets this role do this in the case's state
    function allows(Rule rule, CaseWord c, uint256 role) internal pure returns (bool) {
        uint256 both = (1 << (STATES + c.stateNumber())) | (1 << (ROLES + role));
        return Rule.unwrap(rule) & both == both;
    }

    /// @return 1 where the table allows it, else 0
    function allowance(Rule rule, CaseWord c, uint256 role) internal pure returns (uint256) {
        uint256 bits = Rule.unwrap(rule);
        unchecked {
            return (bits >> (STATES + c.stateNumber())) & (bits >> (ROLES + role)) & 1;
        }
    }

    /// @return number of the state that the table leads to, `Payable` where the act decides the outcome, and that of `None`
    /// where the case stays where it is
    function target(Rule rule) internal pure returns (uint256) {
        return (Rule.unwrap(rule) >> TARGET) & 0xf;
    }

    /// @param act of the rule's kind, by a role that the table allows
    /// @return to number of the state after the act where more than the table decides: the present one where the act is
    /// only written down, that of `None` where it is not allowed
    function guarded(Rule rule, CaseWord c, ActWord act) internal pure returns (uint256 to) {
        to = rule.target();
        if (to == 0) to = c.stateNumber();
        if (Rule.unwrap(rule) & GUARDED != 0) to = _guarded(c, c.stateNumber(), act.kind(), act.role(), to);
    }

    /// @return the flag that the act sets in the case if it is the carrier's, or none
    function pickup(Rule rule) internal pure returns (uint256) {
        return Rule.unwrap(rule) & PICKUP;
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
