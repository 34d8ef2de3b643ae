"""What events say of all that we sent: that it is done, or that it was refused."""

from __future__ import annotations

from typing import Any

from ..chain.codec import Event, explain_revert
from ..domain.hashing import ZERO_WORD, from_hex, hex0x
from ..store import judged
from .folding import Fold, Row
from .rewinding import DONE_BY_EVENT

_NO_COMMITMENT = hex0x(ZERO_WORD)


def refusals_of(events: list[Event], ours: set[str]) -> list[Row]:
    """What the contract refused of our own transactions: a stranger's batch can name our commitments and be refused
    for the stranger's own mistakes. A refused poke has no commitment, and nobody is told of it."""
    return [
        {
            "block_number": event.block_number,
            "log_index": event.log_index,
            "case_id": event.case_id,
            "commitment": event.args["commitment"],
            "reason": explain_revert(from_hex(event.args["reason"])),
            "tx_hash": event.tx_hash,
        }
        for event in events
        if event.name in ("Skipped", "VoteSkipped")
        and event.args["commitment"] != _NO_COMMITMENT
        and event.tx_hash in ours
    ]


def mark_done(session: Any, events: list[Event], fold: Fold, refusals: list[Row]) -> None:
    judged.set_judged(
        session,
        recorded=[row["commitment"] for row in fold.records if row["commitment"] != _NO_COMMITMENT],
        counted=[row["commitment"] for row in fold.votes],
    )
    # A poke is meant for the record that comes next in its case, whoever wrote that.
    judged.set_done_by_subject(session, "poke", [f"{row['case_id']}:{row['position']}" for row in fold.records])
    for action, name, subject in DONE_BY_EVENT:
        judged.set_done_by_subject(session, action, [subject(event.args) for event in events if event.name == name])
    paid = [event.tx_hash for event in events if event.name == "CreditWithdrawn"]
    judged.set_done_by_transaction(session, "withdraw_credit", paid)
    judged.set_refused(session, [row["commitment"] for row in refusals])
