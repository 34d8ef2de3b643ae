// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Kind, Terms} from "../interfaces/CaseTypes.sol";
import {ActWord} from "./ActWord.sol";
import {Rule} from "./CaseMachine.sol";

/// Where in memory what is signed begins: 0x1901, the domain, and room for the message's struct hash.
type Envelope is uint256;

/// @notice The EIP-712 messages of the ledger. Each kind of act is a message type of its own, so that a wallet shows
/// its name; all have the same fields, but for an inspection, for what states a claim or an offer, and for a new key.
library Messages {
    // Whole strings, since the compiler hashes only those ahead of time.
    bytes32 internal constant TERMS = keccak256(
        "Terms(bytes32 salt,address consumer,bool consumerKeyHeld,bytes32 parties,bytes32 policy,uint32 panel,uint8 mode,address token,uint64 refund,uint64 freight,uint64 reserve)"
    );
    bytes32 internal constant OPEN = keccak256(
        "Open(Terms terms,bytes32 commitment,uint40 validUntil)Terms(bytes32 salt,address consumer,bool consumerKeyHeld,bytes32 parties,bytes32 policy,uint32 panel,uint8 mode,address token,uint64 refund,uint64 freight,uint64 reserve)"
    );
    bytes32 private constant AUTHORISED =
        keccak256("Authorised(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant DECLINED =
        keccak256("Declined(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant CANCELLED =
        keccak256("Cancelled(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant PICKED_UP =
        keccak256("PickedUp(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant RECEIVED =
        keccak256("Received(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 internal constant INSPECTED = keccak256(
        "Inspected(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment,uint8 grade,uint16 share,uint16 fee)"
    );
    bytes32 private constant ACCEPTED =
        keccak256("Accepted(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant EXCHANGE_AGREED =
        keccak256("ExchangeAgreed(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant EXCHANGE_SHIPPED =
        keccak256("ExchangeShipped(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant EXCHANGE_DELIVERED =
        keccak256("ExchangeDelivered(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant REFUNDED =
        keccak256("Refunded(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant CHALLENGED = keccak256(
        "Challenged(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment,uint16 share)"
    );
    bytes32 private constant DISPUTED =
        keccak256("Disputed(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment,uint16 share)");
    bytes32 private constant EVIDENCE =
        keccak256("Evidence(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant OBJECTED =
        keccak256("Objected(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");
    bytes32 private constant APPEALED =
        keccak256("Appealed(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment,uint16 share)");
    bytes32 private constant SPLIT =
        keccak256("Split(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment,uint16 share)");
    bytes32 private constant KEY_BOUND =
        keccak256("KeyBound(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment,address key)");
    bytes32 private constant ERASED =
        keccak256("Erased(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment)");

    /// @param kind number of a Kind
    /// @return the type hash of the kind's message; zero for a kind that is no act
    function typeOf(uint256 kind) internal pure returns (bytes32) {
        if (kind == uint8(Kind.Received)) return RECEIVED;
        if (kind == uint8(Kind.PickedUp)) return PICKED_UP;
        if (kind == uint8(Kind.Authorised)) return AUTHORISED;
        if (kind == uint8(Kind.Inspected)) return INSPECTED;
        if (kind == uint8(Kind.Accepted)) return ACCEPTED;
        if (kind == uint8(Kind.Refunded)) return REFUNDED;
        if (kind == uint8(Kind.Declined)) return DECLINED;
        if (kind == uint8(Kind.Cancelled)) return CANCELLED;
        if (kind == uint8(Kind.Evidence)) return EVIDENCE;
        if (kind == uint8(Kind.Split)) return SPLIT;
        if (kind == uint8(Kind.Disputed)) return DISPUTED;
        if (kind == uint8(Kind.Challenged)) return CHALLENGED;
        if (kind == uint8(Kind.Appealed)) return APPEALED;
        if (kind == uint8(Kind.Objected)) return OBJECTED;
        if (kind == uint8(Kind.ExchangeAgreed)) return EXCHANGE_AGREED;
        if (kind == uint8(Kind.ExchangeShipped)) return EXCHANGE_SHIPPED;
        if (kind == uint8(Kind.ExchangeDelivered)) return EXCHANGE_DELIVERED;
        if (kind == uint8(Kind.KeyBound)) return KEY_BOUND;
        if (kind == uint8(Kind.Erased)) return ERASED;
        return bytes32(0);
    }

    /// @return whether the act holds no value that its message leaves out
    function isFullySigned(Rule rule, ActWord a, uint256 key) internal pure returns (bool) {
        uint256 unsigned = a.values();
        if (rule.signsProposal()) unsigned = 0;
        else if (rule.signsShare()) unsigned = a.grade() | a.fee();
        if (!rule.signsKey()) unsigned |= key;
        return unsigned == 0;
    }

    /// @return structHash the EIP-712 struct hash of an act. Its words stand behind the free memory for a moment only: a
    /// batch would pay for every item's memory again with each further one.
    function hashAct(Rule rule, bytes32 caseId, bytes32 commitment, ActWord a, uint256 key)
        internal
        pure
        returns (bytes32 structHash)
    {
        bytes32 name = typeOf(a.kind());
        (uint256 role, uint256 nonce, uint256 validUntil) = (a.role(), a.nonce(), a.validUntil());
        uint256 start;
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(start, name)
            mstore(add(start, 0x20), caseId)
            mstore(add(start, 0x40), role)
            mstore(add(start, 0x60), nonce)
            mstore(add(start, 0x80), validUntil)
            mstore(add(start, 0xa0), commitment)
        }
        uint256 size = 0xc0;
        if (rule.signsProposal()) {
            (uint256 grade, uint256 share, uint256 fee) = (a.grade(), a.share(), a.fee());
            assembly ("memory-safe") {
                mstore(add(start, 0xc0), grade)
                mstore(add(start, 0xe0), share)
                mstore(add(start, 0x100), fee)
            }
            size = 0x120;
        } else if (!rule.signsNoValue()) {
            uint256 value = rule.signsShare() ? a.share() : key;
            assembly ("memory-safe") {
                mstore(add(start, 0xc0), value)
            }
            size = 0xe0;
        }
        assembly ("memory-safe") {
            structHash := keccak256(start, size)
        }
    }

    /// @return what is signed on a domain but for the message: made once, and filled for each message of a batch
    function envelope(bytes32 domain) internal pure returns (Envelope) {
        uint256 start;
        assembly ("memory-safe") {
            start := mload(0x40)
            mstore(start, shl(240, 0x1901))
            mstore(add(start, 0x02), domain)
            mstore(0x40, add(start, 0x60))
        }
        return Envelope.wrap(start);
    }

    /// @return digest what is signed: the EIP-712 hash of a message on a domain
    function digestOf(Envelope domain, bytes32 structHash) internal pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            mstore(add(domain, 0x22), structHash)
            digest := keccak256(domain, 0x42)
        }
    }

    function hashTerms(Terms calldata terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(TERMS, terms));
    }

    function hashOpen(bytes32 caseId, bytes32 commitment, uint40 validUntil) internal pure returns (bytes32) {
        return keccak256(abi.encode(OPEN, caseId, commitment, validUntil));
    }
}
