// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.24;

import {IPayees, IRefundEscrow, Outcome} from "../interfaces/IRefundEscrow.sol";

/// @notice A ledger that says to its escrow whatever it is told, so that the escrow can be tried alone.
contract LedgerStub is IPayees {
    struct Payee {
        address consumer;
        uint32 notice;
    }

    IRefundEscrow public escrow;
    mapping(bytes32 caseId => Payee) public payeeOf;

    function setEscrow(IRefundEscrow escrow_) external {
        escrow = escrow_;
    }

    function setPayee(bytes32 caseId, address consumer, uint32 notice) external {
        payeeOf[caseId] = Payee(consumer, notice);
    }

    function lock(bytes32 caseId, address merchant, address token, uint64 refund, uint64 freight, uint64 reserve)
        external
    {
        escrow.lock(caseId, merchant, token, refund, freight, reserve);
    }

    function settle(bytes32 caseId, address merchant, Outcome calldata outcome) external {
        escrow.settle(caseId, merchant, outcome);
    }
}
