// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

/// @notice A peer to measure against: a general registry of attestations, with schemas, references, expiry and
/// revocation, each kept as a struct under a unique id. It knows nothing of returns, states or money.
contract AttestationRegistry {
    struct Schema {
        bool revocable;
        string fields;
    }

    struct Data {
        address recipient;
        uint64 expirationTime; // 0 for never
        bool revocable;
        bytes32 refUID; // another attestation, zero for none
        bytes data;
    }

    struct Attestation {
        bytes32 uid;
        bytes32 schema;
        uint64 time;
        uint64 expirationTime;
        uint64 revocationTime;
        bytes32 refUID;
        address recipient;
        address attester;
        bool revocable;
        bytes data;
    }

    error UnknownSchema(bytes32 schema);
    error UnknownReference(bytes32 uid);
    error ExpiredAlready(uint64 expirationTime);
    error NotRevocable(bytes32 uid);
    error NotTheAttester(bytes32 uid);
    error TimestampedAlready(bytes32 data);

    event SchemaRegistered(bytes32 indexed schema, string fields);
    event Attested(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schema);
    event Revoked(address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schema);
    event Timestamped(bytes32 indexed data, uint64 indexed time);

    mapping(bytes32 schema => Schema) private _schemas;
    mapping(bytes32 uid => Attestation) private _attestations;
    mapping(bytes32 data => uint64) private _timestamps;

    function registerSchema(string calldata fields, bool revocable) external returns (bytes32 schema) {
        schema = keccak256(abi.encodePacked(fields, revocable));
        _schemas[schema] = Schema(revocable, fields);
        emit SchemaRegistered(schema, fields);
    }

    function attest(bytes32 schema, Data calldata request) external returns (bytes32 uid) {
        return _attest(schema, request);
    }

    function multiAttest(bytes32 schema, Data[] calldata requests) external returns (bytes32[] memory uids) {
        uids = new bytes32[](requests.length);
        for (uint256 i = 0; i < requests.length; ++i) {
            uids[i] = _attest(schema, requests[i]);
        }
    }

    function revoke(bytes32 uid) external {
        Attestation storage a = _attestations[uid];
        if (a.attester != msg.sender) revert NotTheAttester(uid);
        if (!a.revocable || a.revocationTime != 0) revert NotRevocable(uid);
        a.revocationTime = uint64(block.timestamp);
        emit Revoked(a.recipient, msg.sender, uid, a.schema);
    }

    function multiTimestamp(bytes32[] calldata data) external {
        uint64 time = uint64(block.timestamp);
        for (uint256 i = 0; i < data.length; ++i) {
            if (_timestamps[data[i]] != 0) revert TimestampedAlready(data[i]);
            _timestamps[data[i]] = time;
            emit Timestamped(data[i], time);
        }
    }

    function getAttestation(bytes32 uid) external view returns (Attestation memory) {
        return _attestations[uid];
    }

    function _attest(bytes32 schema, Data calldata request) private returns (bytes32 uid) {
        Schema storage known = _schemas[schema];
        if (bytes(known.fields).length == 0) revert UnknownSchema(schema);
        if (request.revocable && !known.revocable) revert NotRevocable(schema);
        uint64 time = uint64(block.timestamp);
        if (request.expirationTime != 0 && request.expirationTime <= time) {
            revert ExpiredAlready(request.expirationTime);
        }
        if (request.refUID != 0 && _attestations[request.refUID].uid == 0) revert UnknownReference(request.refUID);

        Attestation memory a = Attestation({
            uid: bytes32(0),
            schema: schema,
            time: time,
            expirationTime: request.expirationTime,
            revocationTime: 0,
            refUID: request.refUID,
            recipient: request.recipient,
            attester: msg.sender,
            revocable: request.revocable,
            data: request.data
        });
        uint32 bump = 0;
        do {
            uid = _uidOf(a, bump++);
        } while (_attestations[uid].uid != 0);
        a.uid = uid;
        _attestations[uid] = a;
        emit Attested(a.recipient, msg.sender, uid, schema);
    }

    function _uidOf(Attestation memory a, uint32 bump) private pure returns (bytes32) {
        bytes memory who = abi.encodePacked(a.schema, a.recipient, a.attester, a.time, a.expirationTime);
        return keccak256(abi.encodePacked(who, a.revocable, a.refUID, a.data, bump));
    }
}
