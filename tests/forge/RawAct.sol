// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Act, Grade, Kind, Role} from "../../contracts/interfaces/CaseTypes.sol";

/// @notice An act as the fuzzer makes one up: it knows numbers, not the members of an enum.
struct RawAct {
    bytes32 caseId;
    uint8 kind;
    uint8 role;
    uint16 nonce;
    uint40 validUntil;
    bytes32 commitment;
    uint8 grade;
    uint16 share;
    uint16 fee;
    address key;
}

using RawActs for RawAct global;

library RawActs {
    function toAct(RawAct memory raw) internal pure returns (Act memory) {
        return Act({
            caseId: raw.caseId,
            kind: Kind(raw.kind % (uint8(type(Kind).max) + 1)),
            role: Role(raw.role % (uint8(type(Role).max) + 1)),
            nonce: raw.nonce,
            validUntil: raw.validUntil,
            commitment: raw.commitment,
            grade: Grade(raw.grade % (uint8(type(Grade).max) + 1)),
            share: raw.share,
            fee: raw.fee,
            key: raw.key
        });
    }
}
