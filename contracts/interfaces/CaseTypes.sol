// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// Where a case stands. One window of its policy belongs to each live state.
enum State {
    None, // 0  not opened on this contract
    Requested, // 1  the merchant decides
    Declined, // 2  the consumer may object
    Authorised, // 3  the goods wait to be sent
    PickedUp, // 4  the goods are on their way
    Received, // 5  the goods wait to be inspected
    Inspected, // 6  a share is proposed
    Exchanging, // 7  a replacement is on its way
    Delivered, // 8  the replacement has arrived, the consumer may object
    Disputed, // 9  a panel votes
    Ruled, // 10 a ruling stands, an appeal is possible
    Payable, // 11 the outcome is known, the money has not moved
    Refunded, // 12 the merchant says it paid, the consumer may challenge
    Settled, // 13 terminal: the outcome took effect
    Closed // 14 terminal: the return did not happen
}

/// Who acts. A signature counts for one role in one case.
enum Role {
    None, // 0  the contract itself
    Consumer, // 1
    Merchant, // 2
    Carrier, // 3
    Warehouse, // 4
    Inspector, // 5
    Panel // 6  speaks through ArbitrationPanel only
}

/// What a record says. `Ruled`, `Settled` and `Closed` are the contract's own; where a deadline passes, the contract
/// states `Authorised`, `Accepted` or `Disputed` in the silent party's name.
enum Kind {
    None, // 0
    Requested, // 1
    Authorised, // 2
    Declined, // 3
    Cancelled, // 4
    PickedUp, // 5
    Received, // 6
    Inspected, // 7
    Accepted, // 8
    ExchangeAgreed, // 9
    ExchangeShipped, // 10
    ExchangeDelivered, // 11
    Refunded, // 12
    Challenged, // 13
    Disputed, // 14
    Evidence, // 15
    Objected, // 16
    KeyBound, // 17
    Ruled, // 18
    Appealed, // 19
    Split, // 20
    Settled, // 21
    Closed, // 22
    Erased // 23
}

/// Who pays the refund.
enum Mode {
    None, // 0  nobody here: the case is a record, its outcome is not enforced
    Refund, // 1  the escrow pays the consumer
    Bond // 2  a payment provider pays, the escrow guarantees it
}

/// What the inspector found. A policy fixes the least share for each.
enum Grade {
    None, // 0  not inspected
    AsNew, // 1
    Opened, // 2
    Used, // 3
    Damaged, // 4
    Defective // 5  the goods were at fault: no fee, and the merchant bears the freight
}

/// Who bears the freight of the return when the consumer is paid.
enum Freight {
    Consumer, // 0  the consumer, unless the goods were defective
    Reimbursed, // 1  the merchant, after the consumer paid the carrier
    Supplied // 2  the merchant, who hands out the label: nothing is locked for it
}

/// The rules of a case, registered once and named by `keccak256(abi.encode(policy))`.
/// The library `PolicyWords` says where each field stands.
struct Policy {
    uint256 windows; // hours that a state may last, by State; 0 where there is none
    uint256 rules; // least shares by Grade, cap of the restocking fee, who bears the freight, hours of notice
    bytes32 document; // keccak-256 of the policy file in RFC 8785 form
}

/// The parties that a merchant's cases have in common, registered once and named by `keccak256(abi.encode(parties))`.
struct Parties {
    address merchant;
    address carrier;
    address warehouse;
    address inspector;
}

/// Everything a case rests on. Its EIP-712 struct hash **is** the case's id, so an id cannot stand for other terms.
/// Amounts are minor units (ISO 4217) of the token's currency.
struct Terms {
    bytes32 salt; // 32 random bytes
    address consumer;
    bool consumerKeyHeld; // the service holds the consumer's key
    bytes32 parties;
    bytes32 policy;
    uint32 panel; // version of the arbitration panel; with 0, a dispute ends in the full refund
    Mode mode;
    address token; // zero in mode None
    uint64 refund; // zero in mode None
    uint64 freight;
    uint64 reserve; // arbitration fees come from it
}

/// One signed step. `grade`, `share`, `fee` and `key` are zero unless the kind's EIP-712 message names them.
struct Act {
    bytes32 caseId;
    Kind kind;
    Role role;
    uint16 nonce; // of this role in this case, from 0
    uint40 validUntil; // last block time at which the signature counts
    bytes32 commitment; // keccak-256 of the canonical record
    Grade grade;
    uint16 share; // basis points of the refund that the consumer gets, or claims
    uint16 fee; // basis points of the refund that the merchant keeps for restocking
    address key; // the consumer's new key
}

/// One request to open a case.
struct Opening {
    Terms terms;
    bytes32 commitment; // of the `requested` record
    uint40 validUntil;
    bytes signature; // by the merchant
}

/// What a service-held consumer key gave up: `poke` applies it once `effectiveAt` has passed, unless the consumer objects
/// or the case moves on before.
struct Notice {
    Kind kind; // None where no notice runs
    uint40 effectiveAt;
    uint16 share; // of a split
    address key; // of a key binding
}

/// A case as a reader wants it, in one call.
struct CaseView {
    State state;
    Mode mode;
    Grade grade;
    uint8 flags;
    uint16 share;
    uint16 fee;
    uint40 deadline;
    uint24 length;
    uint16[6] nonces; // by Role, None unused
    bytes32 head;
    address consumer;
    uint32 panel;
    Parties parties;
    bytes32 policy;
    uint16 consumerClaim; // basis points; of the last dispute
    uint16 merchantClaim; // basis points of the refund that the merchant would leave to the consumer
    Role appellant;
    uint8 round; // of the votes that count while the case is disputed
    Role offeredBy; // whose offer of a split stands, None for nobody's
    uint16 offer; // its share
    bool exchangeOffered;
    Notice notice;
    bool erased;
}
