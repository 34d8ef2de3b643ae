// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

import {Freight, Grade, Parties, Policy, State} from "../interfaces/CaseTypes.sol";
import {IReturnLedger} from "../interfaces/IReturnLedger.sol";
import {CaseMachine} from "../libraries/CaseMachine.sol";
import {Payout} from "../libraries/Payout.sol";
import {PolicyWords} from "../libraries/PolicyWords.sol";

/// @title What cases have in common and refer to by number: policies, parties, independent inspectors
/// @dev Entries are never changed, so a case's rules are those it opened with.
abstract contract Registers is IReturnLedger, AccessControl {
    bytes32 public constant OPERATOR = keccak256("OPERATOR");
    uint32 internal constant SHORTEST_WINDOW = 1 hours;
    uint32 internal constant LONGEST_WINDOW = 180 days;

    mapping(bytes32 policy => uint16) internal _policyIndex; // from 1
    mapping(uint16 index => bytes32) internal _policyIds;
    mapping(bytes32 parties => uint32) internal _partiesIndex; // from 1
    mapping(address inspector => bool) private _independent;
    // Arrays of all that an index can be: where an entry stands is added up, not hashed.
    Policy[2 ** 16] internal _policies;
    Parties[2 ** 32] internal _parties;
    uint16 private _policyCount;
    uint32 private _partiesCount;

    function registerPolicy(Policy calldata policy) external onlyRole(OPERATOR) returns (bytes32 id) {
        id = keccak256(abi.encode(policy));
        if (_policyIndex[id] != 0) return id;
        _requireBounds(policy);

        uint16 index = ++_policyCount;
        _policyIndex[id] = index;
        _policies[index] = policy;
        _policyIds[index] = id;
        emit PolicyRegistered(id, index, policy);
    }

    function registerParties(Parties calldata parties) external returns (bytes32 id) {
        id = keccak256(abi.encode(parties));
        if (_partiesIndex[id] != 0) return id;
        if (
            parties.merchant == address(0) || parties.carrier == address(0) || parties.warehouse == address(0)
                || parties.inspector == address(0)
        ) revert ZeroAddress();

        uint32 index = ++_partiesCount;
        _partiesIndex[id] = index;
        _parties[index] = parties;
        emit PartiesRegistered(id, index, parties);
    }

    function registerInspector(address inspector, bool independent) external onlyRole(OPERATOR) {
        _independent[inspector] = independent;
        emit InspectorRegistered(inspector, independent);
    }

    function isPolicy(bytes32 policy) external view returns (bool) {
        return _policyIndex[policy] != 0;
    }

    function isParties(bytes32 parties) external view returns (bool) {
        return _partiesIndex[parties] != 0;
    }

    function isIndependent(address inspector) external view returns (bool) {
        return _independent[inspector];
    }

    /// A merchant that inspects its own returns is never independent, even if it inspects those of others as well.
    function _isIndependent(Parties storage parties) internal view returns (bool) {
        return _independent[parties.inspector] && parties.inspector != parties.merchant;
    }

    function _requireBounds(Policy calldata policy) private pure {
        for (uint8 i = 0; i < 16; ++i) {
            State state = i <= uint8(type(State).max) ? State(i) : State.None; // the last place stands for no state
            uint256 window = PolicyWords.window(policy.windows, i);
            bool live = CaseMachine.isLive(uint8(state));
            if (live ? (window < SHORTEST_WINDOW || window > LONGEST_WINDOW) : window != 0) {
                revert WindowOutOfBounds(state, uint32(window));
            }
        }
        uint256 rules = policy.rules;
        uint256 notice = PolicyWords.notice(rules);
        if (notice > LONGEST_WINDOW) revert NoticeOutOfBounds(uint32(notice));
        for (uint8 i = 0; i <= uint8(type(Grade).max); ++i) {
            _requireBasisPoints(PolicyWords.minShare(rules, i));
        }
        _requireBasisPoints(PolicyWords.feeCap(rules));
        bool freightKnown = PolicyWords.freightByte(rules) <= uint8(type(Freight).max);
        if (!freightKnown || rules >> PolicyWords.RULES_BITS != 0) revert RulesMalformed(rules);
    }

    function _requireBasisPoints(uint256 value) private pure {
        if (value > Payout.FULL) revert BasisPointsOutOfBounds(uint16(value));
    }
}
