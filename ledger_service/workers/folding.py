"""Events become facts: pure, so that reading the chain and replaying it after a reorg are the same code.

Amounts are minor units. The lock of a settled case is gone: `locked_*` go to zero, `to_consumer` and `to_merchant` say
where it went, and `withdrawn` what of `to_consumer` has left the escrow.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from ..chain.abi import ANCHOR, ESCROW, LEDGER, PANEL
from ..chain.codec import Event
from ..domain.case_state import CaseState, PanelTerms
from ..domain.entry import Entry, link
from ..domain.following import follow
from ..domain.hashing import from_hex, hex0x
from ..domain.messages import Act
from ..domain.policies import Policy
from ..domain.vocabulary import Flag, Mode, State
from ..errors import IntegrityFailure
from ..store.case_states import columns_of, state_of

Row = dict[str, Any]
_LOCK = ("locked_refund", "locked_freight", "locked_reserve")


class Known(Protocol):
    """What we hold of what the chain shows as hashes only; None for what is other people's."""

    def policy(self, policy_id: str) -> Policy | None: ...

    def act(self, link: Row) -> Act | None:
        """What was signed for this very link, by its columns; another's act with the same commitment is not it."""
        ...


class Fold:
    """`cases`, `balances` and `panels` are the facts so far and are changed in place; `records`, `votes`, `anchors`
    and `new_panels` grow.

    Every event must be given once, in the chain's order. Raises IntegrityFailure where one does not fit: then events
    are missing.
    """

    def __init__(
        self,
        known: Known,
        cases: dict[str, Row] | None = None,
        balances: dict[tuple[str, str], Row] | None = None,
        panels: dict[int, Row] | None = None,
    ) -> None:
        self._known = known
        self.cases = {} if cases is None else cases
        self.balances = {} if balances is None else balances
        self.panels = {} if panels is None else panels
        self.records: list[Row] = []
        self.votes: list[Row] = []
        self.anchors: list[Row] = []
        self.new_panels: list[Row] = []
        # What the chain says before the event that it belongs to, by case: locks before openings, keys before records.
        self._locks: dict[str, Row] = {}
        self._bound: dict[str, str] = {}

    def apply(self, event: Event) -> None:
        step = _CASE_STEPS.get((event.contract, event.name))
        if step is not None:
            step(self, event)
        self.apply_balance(event)

    def apply_balance(self, event: Event, times: int = 1) -> None:
        """What an event does to what is an account's own, alone; -1 times takes it back."""
        move = _BALANCE_MOVES.get((event.contract, event.name))
        moved = move(event.args) if move is not None else {}
        if not any(moved.values()):
            return  # an account has a row once something moved: nobody can tell later what moved nothing
        account, token = _account_of(event), event.args["token"]
        empty = {"account": account, "token": token, **dict.fromkeys(SUMS, 0)}
        balance = self.balances.setdefault((account, token), empty)
        for column, amount in moved.items():
            balance[column] += times * amount

    # --- ReturnLedger ------------------------------------------------------------------------------------------------

    def _opened(self, event: Event) -> None:
        args, terms = event.args, event.args["terms"]
        opened = CaseState(
            State.NONE,
            Mode(terms["mode"]),
            flags=Flag.CONSUMER_KEY_HELD if terms["consumerKeyHeld"] else 0,
            consumer=args["consumer"],
            panel=self._panel_terms(event, terms["panel"]),
        )
        self.cases[args["caseId"]] = {
            "case_id": args["caseId"],
            **columns_of(opened),
            "policy": terms["policy"],
            "head": args["caseId"],
            "merchant": args["merchant"],
            "token": terms["token"],
            **self._locks.pop(args["caseId"], dict.fromkeys(_LOCK, 0)),
            "to_consumer": 0,
            "to_merchant": 0,
            "fees": 0,
            "withdrawn": 0,
            "withdrawn_to": None,
            "redirect_to": None,
            "redirect_at": 0,
            "block_number": event.block_number,
        }

    def _panel_terms(self, event: Event, version: int) -> PanelTerms:
        if version == 0:
            return PanelTerms()
        panel = self.panels.get(version)
        if panel is None:
            raise IntegrityFailure(
                f"Case {event.case_id} names the panel {version}, whose registration was not read.",
                remedy="Run `ledger rebuild`: events were missed.",
            )
        return PanelTerms(version, panel["appeal_panel"], panel["fallback_panel"])

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
        row = _record_row(event, entry, hex0x(head))
        after = follow(state_of(case), entry, self._known.act(row), self._known.policy(case["policy"]))
        bound = self._bound.pop(args["caseId"], None)
        if bound is not None:
            after = replace(after, consumer=bound)
        case |= {**columns_of(after), "head": row["head"], "block_number": event.block_number}
        self.records.append(row)

    def _key_bound(self, event: Event) -> None:
        self._bound[event.args["caseId"]] = event.args["consumer"]

    # --- ArbitrationPanel --------------------------------------------------------------------------------------------

    def _panel_registered(self, event: Event) -> None:
        content = event.args["content"]
        row = {
            "version": event.args["version"],
            "arbitrators": json.dumps(content["arbitrators"]),
            "threshold": content["threshold"],
            "appeal_panel": content["appealPanel"],
            "fallback_panel": content["fallbackPanel"],
            "fee": content["fee"],
            "block_number": event.block_number,
            "tx_hash": event.tx_hash,
        }
        self.panels[row["version"]] = row
        self.new_panels.append(row)

    def _voted(self, event: Event) -> None:
        args, case = event.args, self._case(event)
        case["block_number"] = event.block_number
        self.votes.append(
            {
                "case_id": event.case_id,
                "round": args["round"],
                "arbitrator": args["arbitrator"],
                "share": args["share"],
                "commitment": args["commitment"],
                "block_number": event.block_number,
                "block_hash": event.block_hash,
                "log_index": event.log_index,
                "tx_hash": event.tx_hash,
            }
        )

    # --- CheckpointAnchor --------------------------------------------------------------------------------------------

    def _anchored(self, event: Event) -> None:
        self.anchors.append(
            {
                "size": event.args["size"],
                "root": event.args["root"],
                "block_number": event.block_number,
                "block_hash": event.block_hash,
                "log_index": event.log_index,
                "tx_hash": event.tx_hash,
            }
        )

    # --- RefundEscrow ------------------------------------------------------------------------------------------------

    def _locked(self, event: Event) -> None:
        args = event.args
        amounts = {column: args[column.removeprefix("locked_")] for column in _LOCK}
        if args["caseId"] in self.cases:
            self._case(event).update(amounts, block_number=event.block_number)
        else:
            self._locks[args["caseId"]] = amounts

    def _settled(self, event: Event) -> None:
        args, case = event.args, self._case(event)
        case |= {
            **dict.fromkeys(_LOCK, 0),
            "to_consumer": args["toConsumer"],
            "to_merchant": args["toMerchant"],
            "fees": args["fees"],
            "block_number": event.block_number,
        }

    def _redirected(self, event: Event) -> None:
        args, case = event.args, self._case(event)
        case |= {
            "redirect_to": args.get("to"),
            "redirect_at": args.get("effectiveAt", 0),
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


def event_row(event: Event) -> Row:
    return {
        "block_number": event.block_number,
        "log_index": event.log_index,
        "block_hash": event.block_hash,
        "tx_hash": event.tx_hash,
        "contract": event.contract,
        "name": event.name,
        "case_id": event.case_id,
        "args": json.dumps(event.args),
    }


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


def _account_of(event: Event) -> str:
    args = event.args
    return str(args.get("merchant") or args.get("arbitrator") or args["account"])


_CASE_STEPS: dict[tuple[str, str], Callable[[Fold, Event], None]] = {
    (LEDGER, "Opened"): Fold._opened,
    (LEDGER, "Recorded"): Fold._recorded,
    (LEDGER, "KeyBound"): Fold._key_bound,
    (PANEL, "PanelRegistered"): Fold._panel_registered,
    (PANEL, "Voted"): Fold._voted,
    (ANCHOR, "Anchored"): Fold._anchored,
    (ESCROW, "Locked"): Fold._locked,
    (ESCROW, "Settled"): Fold._settled,
    (ESCROW, "RedirectGiven"): Fold._redirected,
    (ESCROW, "RedirectVoided"): Fold._redirected,
    (ESCROW, "Withdrawn"): Fold._withdrawn,
}
SUMS = ("minor", "deposited", "withdrawn", "credit", "credited")
_BALANCE_MOVES: dict[tuple[str, str], Callable[[Row], dict[str, int]]] = {
    (ESCROW, "Deposited"): lambda args: {"minor": args["amount"], "deposited": args["amount"]},
    (ESCROW, "Locked"): lambda args: {"minor": -_locked_sum(args)},
    (ESCROW, "Settled"): lambda args: {"minor": args["toMerchant"]},
    (ESCROW, "BalanceWithdrawn"): lambda args: {"minor": -args["amount"], "withdrawn": args["amount"]},
    (ESCROW, "Credited"): lambda args: {"credit": args["amount"], "credited": args["amount"]},
    (ESCROW, "CreditWithdrawn"): lambda args: {"credit": -args["amount"]},
}


def accounts_of(events: list[Event]) -> set[str]:
    """Whose balances and credits the events move."""
    return {_account_of(event) for event in events if (event.contract, event.name) in _BALANCE_MOVES}


def cases_of(events: list[Event]) -> set[str]:
    return {event.case_id for event in events if event.case_id is not None}
