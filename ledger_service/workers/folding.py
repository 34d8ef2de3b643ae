"""Events become facts: pure, so that reading the chain and replaying it after a reorg are the same code.

Amounts are minor units. The lock of a settled case is gone: `locked_*` go to zero, `to_consumer` and `to_merchant` say
where it went, and `withdrawn` what of `to_consumer` has left the escrow.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..chain.abi import ESCROW, LEDGER
from ..chain.codec import Event
from ..domain.entry import Entry, link
from ..domain.hashing import from_hex, hex0x
from ..domain.vocabulary import Mode, Role, State
from ..errors import IntegrityFailure

Row = dict[str, Any]
_SIGNING = range(Role.CONSUMER, Role.PANEL)  # roles that count nonces


class Fold:
    """`cases` and `balances` are the facts so far and are changed in place; `records` grows.

    Every event must be given once, in the chain's order. Raises IntegrityFailure where one does not fit: then events
    are missing.
    """

    def __init__(self, cases: dict[str, Row], balances: dict[tuple[str, str], Row]) -> None:
        self.cases = cases
        self.balances = balances
        self.records: list[Row] = []

    def apply(self, event: Event) -> None:
        step = _CASE_STEPS.get((event.contract, event.name))
        if step is not None:
            step(self, event)
        self.apply_balance(event)

    def apply_balance(self, event: Event) -> None:
        """What an event does to a merchant's balance alone."""
        move = _BALANCE_MOVES.get((event.contract, event.name))
        if move is None:
            return
        merchant, token = event.args["merchant"], event.args["token"]
        empty = {"merchant": merchant, "token": token, "minor": 0, "deposited": 0, "withdrawn": 0}
        balance = self.balances.setdefault((merchant, token), empty)
        for column, amount in move(event.args).items():
            balance[column] += amount

    # --- ReturnLedger ------------------------------------------------------------------------------------------------

    def _opened(self, event: Event) -> None:
        args, terms = event.args, event.args["terms"]
        self.cases[args["caseId"]] = {
            "case_id": args["caseId"],
            "state": State.NONE.wire,
            "mode": Mode(terms["mode"]).wire,
            "flags": 0,
            "grade": "none",
            "deadline": 0,
            "length": 0,
            "share": 0,
            "fee": 0,
            "nonces": json.dumps([0] * len(Role)),
            "head": args["caseId"],
            "merchant": args["merchant"],
            "consumer": args["consumer"],
            "token": terms["token"],
            "locked_refund": 0,
            "locked_freight": 0,
            "locked_reserve": 0,
            "to_consumer": 0,
            "to_merchant": 0,
            "withdrawn": 0,
            "withdrawn_to": None,
            "block_number": event.block_number,
        }

    def _recorded(self, event: Event) -> None:
        args, case = event.args, self._case(event)
        word = from_hex(args["entry"])
        entry = Entry.unpack(word)
        if entry.position != case["length"]:
            raise IntegrityFailure(
                f"Case {event.case_id} has {case['length']} records; the chain goes on with number {entry.position}.",
                remedy="Run `ledger rebuild`: events were missed.",
            )
        head = link(from_hex(case["head"]), args["actor"], from_hex(args["commitment"]), word)
        case |= {
            "state": entry.state.wire,
            "flags": entry.flags,
            "grade": entry.grade.wire,
            "deadline": entry.deadline,
            "length": entry.position + 1,
            "share": entry.share,
            "fee": entry.fee,
            "head": hex0x(head),
            "block_number": event.block_number,
        }
        if entry.role in _SIGNING:
            nonces = json.loads(case["nonces"])
            nonces[entry.role] += 1
            case["nonces"] = json.dumps(nonces)
        self.records.append(_record_row(event, entry, case["head"]))

    # --- RefundEscrow ------------------------------------------------------------------------------------------------

    def _locked(self, event: Event) -> None:
        args, case = event.args, self._case(event)
        case |= {
            "locked_refund": args["refund"],
            "locked_freight": args["freight"],
            "locked_reserve": args["reserve"],
            "block_number": event.block_number,
        }

    def _settled(self, event: Event) -> None:
        args, case = event.args, self._case(event)
        case |= {
            "locked_refund": 0,
            "locked_freight": 0,
            "locked_reserve": 0,
            "to_consumer": args["toConsumer"],
            "to_merchant": args["toMerchant"],
            "block_number": event.block_number,
        }

    def _withdrawn(self, event: Event) -> None:
        args, case = event.args, self._case(event)
        case |= {
            "withdrawn": case["withdrawn"] + args["amount"],
            "withdrawn_to": args["to"],
            "block_number": event.block_number,
        }

    # --- inside ------------------------------------------------------------------------------------------------------

    def _case(self, event: Event) -> Row:
        try:
            return self.cases[event.case_id or ""]
        except KeyError:
            raise IntegrityFailure(
                f"The chain says {event.name} of case {event.case_id}, whose opening was not read.",
                remedy="Run `ledger rebuild`: events were missed.",
            ) from None


def _record_row(event: Event, entry: Entry, head: str) -> Row:
    return {
        "case_id": event.case_id,
        "position": entry.position,
        "kind": entry.kind.wire,
        "role": entry.role.wire,
        "actor": event.args["actor"],
        "commitment": event.args["commitment"],
        "entry": event.args["entry"],
        "head": head,
        "time": entry.time,
        "block_number": event.block_number,
        "block_hash": event.block_hash,
        "log_index": event.log_index,
        "tx_hash": event.tx_hash,
    }


def _locked_sum(args: Row) -> int:
    return int(args["refund"] + args["freight"] + args["reserve"])


_CASE_STEPS: dict[tuple[str, str], Callable[[Fold, Event], None]] = {
    (LEDGER, "Opened"): Fold._opened,
    (LEDGER, "Recorded"): Fold._recorded,
    (ESCROW, "Locked"): Fold._locked,
    (ESCROW, "Settled"): Fold._settled,
    (ESCROW, "Withdrawn"): Fold._withdrawn,
}
_BALANCE_MOVES: dict[tuple[str, str], Callable[[Row], dict[str, int]]] = {
    (ESCROW, "Deposited"): lambda args: {"minor": args["amount"], "deposited": args["amount"]},
    (ESCROW, "Locked"): lambda args: {"minor": -_locked_sum(args)},
    (ESCROW, "Settled"): lambda args: {"minor": args["toMerchant"]},
    (ESCROW, "BalanceWithdrawn"): lambda args: {"minor": -args["amount"], "withdrawn": args["amount"]},
}
MOVES_BALANCE = tuple(name for _, name in _BALANCE_MOVES)


def merchants_of(events: list[Event]) -> set[str]:
    """Whose balances the events move."""
    return {event.args["merchant"] for event in events if (event.contract, event.name) in _BALANCE_MOVES}


def cases_of(events: list[Event]) -> set[str]:
    return {event.case_id for event in events if event.case_id is not None}
