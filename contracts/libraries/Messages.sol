// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Terms} from "../interfaces/CaseTypes.sol";

/// @notice The EIP-712 messages of the ledger. Each kind of act is a message type of its own, so that a wallet shows
/// its name; all have the same fields, but for an inspection and for what states a claim.
library Messages {
    string private constant FIELDS = "(bytes32 caseId,uint8 role,uint16 nonce,uint40 validUntil,bytes32 commitment";
    bytes32 internal constant TERMS = keccak256(
        "Terms(bytes32 salt,address consumer,bool consumerKeyHeld,bytes32 parties,bytes32 policy,uint32 panel,uint8 mode,address token,uint64 refund,uint64 freight,uint64 reserve)"
    );
    bytes32 internal constant OPEN = keccak256(
        "Open(Terms terms,bytes32 commitment,uint40 validUntil)Terms(bytes32 salt,address consumer,bool consumerKeyHeld,bytes32 parties,bytes32 policy,uint32 panel,uint8 mode,address token,uint64 refund,uint64 freight,uint64 reserve)"
    );
    bytes32 private constant AUTHORISED = keccak256(abi.encodePacked("Authorised", FIELDS, ")"));
    bytes32 private constant DECLINED = keccak256(abi.encodePacked("Declined", FIELDS, ")"));
    bytes32 private constant CANCELLED = keccak256(abi.encodePacked("Cancelled", FIELDS, ")"));
    bytes32 private constant PICKED_UP = keccak256(abi.encodePacked("PickedUp", FIELDS, ")"));
    bytes32 private constant RECEIVED = keccak256(abi.encodePacked("Received", FIELDS, ")"));
    bytes32 private constant INSPECTED =
        keccak256(abi.encodePacked("Inspected", FIELDS, ",uint8 grade,uint16 share,uint16 fee)"));
    bytes32 private constant ACCEPTED = keccak256(abi.encodePacked("Accepted", FIELDS, ")"));
    bytes32 private constant EXCHANGE_AGREED = keccak256(abi.encodePacked("ExchangeAgreed", FIELDS, ")"));
    bytes32 private constant EXCHANGE_SHIPPED = keccak256(abi.encodePacked("ExchangeShipped", FIELDS, ")"));
    bytes32 private constant EXCHANGE_DELIVERED = keccak256(abi.encodePacked("ExchangeDelivered", FIELDS, ")"));
    bytes32 private constant REFUNDED = keccak256(abi.encodePacked("Refunded", FIELDS, ")"));
    bytes32 private constant CHALLENGED = keccak256(abi.encodePacked("Challenged", FIELDS, ",uint16 share)"));
    bytes32 private constant DISPUTED = keccak256(abi.encodePacked("Disputed", FIELDS, ",uint16 share)"));
    bytes32 private constant EVIDENCE = keccak256(abi.encodePacked("Evidence", FIELDS, ")"));
    bytes32 private constant OBJECTED = keccak256(abi.encodePacked("Objected", FIELDS, ")"));
    bytes32 private constant APPEALED = keccak256(abi.encodePacked("Appealed", FIELDS, ",uint16 share)"));
    bytes32 private constant ERASED = keccak256(abi.encodePacked("Erased", FIELDS, ")"));

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
        if (kind == Kind.Disputed) return DISPUTED;
        if (kind == Kind.Challenged) return CHALLENGED;
        if (kind == Kind.Appealed) return APPEALED;
        if (kind == Kind.Objected) return OBJECTED;
        if (kind == Kind.ExchangeAgreed) return EXCHANGE_AGREED;
        if (kind == Kind.ExchangeShipped) return EXCHANGE_SHIPPED;
        if (kind == Kind.ExchangeDelivered) return EXCHANGE_DELIVERED;
        if (kind == Kind.Erased) return ERASED;
        return bytes32(0);
    }

    function signsShare(Kind kind) internal pure returns (bool) {
        return kind == Kind.Inspected || kind == Kind.Disputed || kind == Kind.Challenged || kind == Kind.Appealed;
    }

    /// @return whether the act holds no value that its message leaves out
    function isFullySigned(Act memory act) internal pure returns (bool) {
        if (act.kind == Kind.Inspected) return true;
        return act.grade == Grade.None && act.fee == 0 && (act.share == 0 || signsShare(act.kind));
    }

    function hashAct(Act memory act) internal pure returns (bytes32) {
        bytes memory fields =
            abi.encode(typeOf(act.kind), act.caseId, act.role, act.nonce, act.validUntil, act.commitment);
        if (act.kind == Kind.Inspected) fields = bytes.concat(fields, abi.encode(act.grade, act.share, act.fee));
        else if (signsShare(act.kind)) fields = bytes.concat(fields, abi.encode(act.share));
        return keccak256(fields);
    }

    function hashTerms(Terms calldata terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(TERMS, terms));
    }

    function hashOpen(bytes32 caseId, bytes32 commitment, uint40 validUntil) internal pure returns (bytes32) {
        return keccak256(abi.encode(OPEN, caseId, commitment, validUntil));
    }
}
