"""What the escrow has to have moved for a case, given its terms and outcome, against what it did move."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .chain_facts import ChainFacts, LockState
from .evidence import EscrowEvent, Evidence
from .money import to_decimal
from .payout import split_lock
from .replay import Replay, Rules
from .rulings import awards_of, fees_on_appeal
from .vocabulary import Flag, Mode

Move = tuple[str, dict[str, Any]]
REDIRECTS = ("RedirectGiven", "RedirectVoided")
_PAID_OTHERWISE = "The escrow paid out something else than what was due."


def movements_problem(
    evidence: Evidence, rules: Rules, replayed: Replay, facts: ChainFacts | None, lock: LockState | None = None
) -> str | None:
    """What is wrong with the escrow's events, in words; None where they are what records and outcome ask for. `lock` is
    what the escrow is proven to hold at the evidence's newest block."""
    found, moves = evidence.escrow, _expected(rules, replayed)
    if [(event.event, event.args) for event in found[: len(moves)]] != moves:
        return "The escrow moved other amounts than the records and the outcome say."
    for event in found[: len(moves)]:
        position = 0 if event.event == "Locked" else replayed.ended_at
        cause = evidence.links[position or 0].place
        if (event.place.block, event.place.tx_hash) != (cause.block, cause.tx_hash):
            return f"The escrow's {event.event} is not in the transaction of the record that caused it."
    problem = _withdrawal_problem(rules, replayed, found[len(moves) :], moves)
    if problem is not None:
        return problem
    problem = _lock_problem(lock, found)
    return _against_chain(evidence, facts) if problem is None and facts is not None else problem


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
    if fees := by_name["Settled"]["fees"]:
        words += f" {to_decimal(fees, currency)} are the arbitrators' fees."
    if "Withdrawn" in by_name:
        paid = by_name["Withdrawn"]
        words += f" {to_decimal(paid['amount'], currency)} were withdrawn to {paid['to']}."
    return words


def _expected(rules: Rules, replayed: Replay) -> list[Move]:
    """The escrow's events that the records and the outcome ask for; redirects and a withdrawal may follow."""
    terms, case = rules.terms, replayed.case
    if terms.mode is Mode.NONE or case is None:
        return []
    amounts = {"refund": terms.refund, "freight": terms.freight, "reserve": terms.reserve}
    named = {"merchant": rules.parties.merchant, "token": terms.token}
    moves: list[Move] = [("Locked", {**named, **amounts})]
    if case.state.is_live:
        return moves
    awards = awards_of(replayed.rulings)
    payout = split_lock(
        **amounts,
        share=0 if replayed.released else case.share,
        fee=0 if replayed.released else case.fee,
        freight_to_consumer=not replayed.released and case.has(Flag.FREIGHT_TO_CONSUMER),
        fees=sum(amount for _, amount in awards),
        fees_from_consumer=fees_on_appeal(replayed.rulings) if case.consumer_lost_appeal else 0,
    )
    parts = {"toConsumer": payout.to_consumer, "toMerchant": payout.to_merchant, "fees": payout.to_panel}
    moves.append(("Settled", {**named, **parts}))
    for arbitrator, amount in awards:
        moves.append(("Credited", {"arbitrator": arbitrator, "token": terms.token, "amount": amount}))
    return moves


def _withdrawal_problem(
    rules: Rules, replayed: Replay, after: tuple[EscrowEvent, ...], moves: list[Move]
) -> str | None:
    """What follows the settlement may be redirects of the consumer's part, and then one withdrawal of all of it."""
    settled = next((args for name, args in moves if name == "Settled"), None)
    case = replayed.case
    if not after:
        return None
    if settled is None or case is None or not settled["toConsumer"]:
        return _PAID_OTHERWISE
    payee: str | None = case.consumer
    for event in after[:-1] if after[-1].event == "Withdrawn" else after:
        if event.event not in REDIRECTS:
            return _PAID_OTHERWISE
        payee = event.args["to"] if event.event == "RedirectGiven" else case.consumer
    paid = after[-1]
    if paid.event != "Withdrawn":
        return None
    if (paid.args["amount"], paid.args["token"]) != (settled["toConsumer"], settled["token"]):
        return _PAID_OTHERWISE
    held = case.has(Flag.CONSUMER_KEY_HELD) and rules.policy.notice > 0
    if held and paid.args["to"] != payee:  # with a key of their own, consumers withdraw to wherever they like
        return "The escrow paid somebody else than the consumer, without a redirect that ran its notice."
    return None


def _against_chain(evidence: Evidence, facts: ChainFacts) -> str | None:
    found, events = evidence.escrow, facts.events
    if events is not None and events.escrow[: len(found)] != found:
        return "The escrow has other events on the chain than these."
    if events is not None and len(events.links) == len(evidence.links):
        beyond = events.escrow[len(found) :]
        if any(event.event not in (*REDIRECTS, "Withdrawn") for event in beyond):
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
        elif event.event == "Withdrawn":
            expected = replace(expected, refund=expected.refund - args["amount"])
    return None if lock == expected else "What the escrow holds for this case is not what its events lead to."
