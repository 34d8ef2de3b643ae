"""What the escrow has to have moved for a case, given its terms and outcome, against what it did move."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .chain_facts import ChainFacts, LockState
from .evidence import EscrowEvent, Evidence
from .money import to_decimal
from .payout import split_lock
from .replay import Replay, Rules
from .vocabulary import Flag, Mode

Move = tuple[str, dict[str, Any]]


def movements_problem(evidence: Evidence, rules: Rules, replayed: Replay, facts: ChainFacts | None) -> str | None:
    """What is wrong with the escrow's events, in words; None where they are what records and outcome ask for."""
    found, moves = evidence.escrow, _expected(rules, replayed)
    if [(event.event, event.args) for event in found[: len(moves)]] != moves:
        return "The escrow moved other amounts than the records and the outcome say."
    causes = (evidence.links[:1] + evidence.links[-1:])[: len(moves)]
    for event, link in zip(found, causes, strict=False):
        if (event.place.block, event.place.tx_hash) != (link.place.block, link.place.tx_hash):
            return f"The escrow's {event.event} is not in the transaction of the record that caused it."
    if not _is_withdrawal(found[len(moves) :], moves):
        return "The escrow paid out something else than what was due."
    return _against_chain(evidence, facts) if facts is not None else None


def money_words(found: tuple[EscrowEvent, ...], currency: str) -> str:
    """What moved, in one or two sentences; `found` begins with a `Locked`."""
    by_name = {event.event: event.args for event in found}
    locked = by_name["Locked"]
    total = to_decimal(locked["refund"] + locked["freight"] + locked["reserve"], currency)
    if "Settled" not in by_name:
        return f"{total} {currency} are locked, as the terms say."
    consumers, merchants = (to_decimal(by_name["Settled"][name], currency) for name in ("toConsumer", "toMerchant"))
    words = (
        f"Of {total} {currency} locked, {consumers} are the consumer's and {merchants} went back to the merchant, as "
        "the outcome says."
    )
    if "Withdrawn" in by_name:
        paid = by_name["Withdrawn"]
        words += f" {to_decimal(paid['amount'], currency)} were withdrawn to {paid['to']}."
    return words


def _expected(rules: Rules, replayed: Replay) -> list[Move]:
    """The escrow's events that the records and the outcome ask for; a withdrawal may follow."""
    terms, case = rules.terms, replayed.case
    if terms.mode is Mode.NONE or case is None:
        return []
    amounts = {"refund": terms.refund, "freight": terms.freight, "reserve": terms.reserve}
    named = {"merchant": rules.parties.merchant, "token": terms.token}
    moves: list[Move] = [("Locked", {**named, **amounts})]
    if not case.state.is_live:
        payout = split_lock(
            **amounts,
            share=0 if replayed.released else case.share,
            fee=0 if replayed.released else case.fee,
            freight_to_consumer=not replayed.released and case.has(Flag.FREIGHT_TO_CONSUMER),
        )
        moves.append(("Settled", {**named, "toConsumer": payout.to_consumer, "toMerchant": payout.to_merchant}))
    return moves


def _is_withdrawal(after: tuple[EscrowEvent, ...], moves: list[Move]) -> bool:
    """Whether what follows the settlement is nothing, or one withdrawal of all that is due."""
    if not after:
        return True
    due = moves[-1][1].get("toConsumer", 0) if moves else 0
    event = after[0]
    return (
        len(after) == 1
        and event.event == "Withdrawn"
        and due > 0
        and (event.args["amount"], event.args["token"]) == (due, moves[-1][1]["token"])
    )


def _against_chain(evidence: Evidence, facts: ChainFacts) -> str | None:
    found, events = evidence.escrow, facts.events
    if events is not None and events.escrow[: len(found)] != found:
        return "The escrow has other events on the chain than these."
    if events is not None and len(events.links) == len(evidence.links):
        beyond = events.escrow[len(found) :]
        if any(event.event != "Withdrawn" for event in beyond):
            return "The escrow moved money on the chain that the evidence does not show."
    return _lock_problem(facts.lock, events.escrow if events else found)


def _lock_problem(lock: LockState | None, moved: tuple[EscrowEvent, ...]) -> str | None:
    """Whether the escrow's own storage is what its events lead to."""
    if lock is None:
        return None
    expected = LockState(0, 0, 0, settled=False)
    for event in moved:
        args = event.args
        if event.event == "Locked":
            expected = LockState(args["refund"], args["freight"], args["reserve"], settled=False)
        elif event.event == "Settled":
            expected = LockState(args["toConsumer"], 0, 0, settled=True)
        else:
            expected = replace(expected, refund=expected.refund - args["amount"])
    return None if lock == expected else "What the escrow holds for this case is not what its events lead to."
