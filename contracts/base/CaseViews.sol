// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {Parties} from "../interfaces/CaseTypes.sol";
import {Cases} from "./Cases.sol";

/// @title What a reader asks of a case; `ReturnLens` spells it out
abstract contract CaseViews is Cases {
    function slotsOf(bytes32 caseId) external view returns (bytes32[4] memory slots) {
        Stored storage stored = _cases[caseId];
        for (uint256 i = 0; i < slots.length; ++i) {
            assembly ("memory-safe") {
                mstore(add(slots, mul(i, 32)), sload(add(stored.slot, i)))
            }
        }
    }

    function partiesAt(uint32 index) external view returns (Parties memory) {
        return _parties[index];
    }

    function policyAt(uint16 index) external view returns (bytes32) {
        return _policyIds[index];
    }

    function head(bytes32 caseId) external view returns (bytes32) {
        return _cases[caseId].head;
    }

    function consumerOf(bytes32 caseId) external view returns (address) {
        return _cases[caseId].consumer;
    }
}
