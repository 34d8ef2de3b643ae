// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Terms} from "../interfaces/CaseTypes.sol";

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
    bytes32 private constant INSPECTED = keccak256(
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

    /// One bit a kind, for those whose message has a share.
    uint256 private constant SIGNING_SHARE = (1 << uint8(Kind.Inspected)) | (1 << uint8(Kind.Disputed))
        | (1 << uint8(Kind.Challenged)) | (1 << uint8(Kind.Appealed)) | (1 << uint8(Kind.Split));

    /// @return the type hash of the kind's message; zero for a kind that is no act
    function typeOf(Kind kind) internal pure returns (bytes32) {
        if (kind == Kind.Authorised) return AUTHORISED;
        if (kind == Kind.PickedUp) return PICKED_UP;
        if (kind == Kind.Received) return RECEIVED;
        if (kind == Kind.Inspected) return INSPECTED;
        if (kind == Kind.Accepted) return ACCEPTED;
        if (kind == Kind.Refunded) return REFUNDED;
        if (kind == Kind.Declined) return DECLINED;
        if (kind == Kind.Cancelled) return CANCELLED;
        if (kind == Kind.Evidence) return EVIDENCE;
        if (kind == Kind.Split) return SPLIT;
        if (kind == Kind.Disputed) return DISPUTED;
        if (kind == Kind.Challenged) return CHALLENGED;
        if (kind == Kind.Appealed) return APPEALED;
        if (kind == Kind.Objected) return OBJECTED;
        if (kind == Kind.ExchangeAgreed) return EXCHANGE_AGREED;
        if (kind == Kind.ExchangeShipped) return EXCHANGE_SHIPPED;
        if (kind == Kind.ExchangeDelivered) return EXCHANGE_DELIVERED;
        if (kind == Kind.KeyBound) return KEY_BOUND;
        if (kind == Kind.Erased) return ERASED;
        return bytes32(0);
    }

    /// @return whether the act holds no value that its message leaves out
    function isFullySigned(Act memory act) internal pure returns (bool) {
        Kind kind = act.kind;
        if (act.key != address(0) && kind != Kind.KeyBound) return false;
        if (kind == Kind.Inspected) return true;
        return act.grade == Grade.None && act.fee == 0 && (act.share == 0 || _signsShare(kind));
    }

    function hashAct(Act memory a) internal pure returns (bytes32) {
        Kind kind = a.kind;
        bytes32 name = typeOf(kind);
        if (kind == Kind.Inspected) {
            return
                keccak256(
                    abi.encode(name, a.caseId, a.role, a.nonce, a.validUntil, a.commitment, a.grade, a.share, a.fee)
                );
        }
        if (_signsShare(kind)) {
            return keccak256(abi.encode(name, a.caseId, a.role, a.nonce, a.validUntil, a.commitment, a.share));
        }
        if (kind == Kind.KeyBound) {
            return keccak256(abi.encode(name, a.caseId, a.role, a.nonce, a.validUntil, a.commitment, a.key));
        }
        return keccak256(abi.encode(name, a.caseId, a.role, a.nonce, a.validUntil, a.commitment));
    }

    function hashTerms(Terms calldata terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(TERMS, terms));
    }

    function hashOpen(bytes32 caseId, bytes32 commitment, uint40 validUntil) internal pure returns (bytes32) {
        return keccak256(abi.encode(OPEN, caseId, commitment, validUntil));
    }

    function _signsShare(Kind kind) private pure returns (bool) {
        return (SIGNING_SHARE >> uint8(kind)) & 1 != 0;
    }
}
