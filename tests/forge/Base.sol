// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Vm} from "forge-std/Vm.sol";

import {Act, Grade, Kind, Role} from "../../contracts/interfaces/CaseTypes.sol";

/// @notice Cheatcodes of today's forge that the npm release of forge-std does not declare.
interface Cheats is Vm {
    function assertEq(uint256 left, uint256 right, string calldata what) external pure;
    function assertEq(bytes32 left, bytes32 right, string calldata what) external pure;
    function assertEq(address left, address right, string calldata what) external pure;
    function assertTrue(bool condition, string calldata what) external pure;
    function assertLe(uint256 left, uint256 right, string calldata what) external pure;
}

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
}

/// @notice What every test here starts from. forge-std's own `Test` needs a library that npm does not carry.
abstract contract Base {
    Cheats internal constant vm = Cheats(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// @return a value from `least` to `most`, both included
    function bound(uint256 value, uint256 least, uint256 most) internal pure returns (uint256) {
        if (value >= least && value <= most) return value;
        uint256 size = most - least + 1;
        return size == 0 ? value : least + value % size;
    }

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
            fee: raw.fee
        });
    }
}
