"""After a reorg: delete what the chain no longer has, and replay what it touched."""

from __future__ import annotations

from collections.abc import Mapping

from sqlmodel import Session

from ..chain.codec import Event
from ..domain.hashing import ZERO_WORD, hex0x
from ..errors import Conflict
from ..services.consistency import event_of
from ..store import chain_facts, outbox
from ..store.tables import ChainBlock, ChainCursor
from .folding import MOVES_BALANCE, Fold, cases_of, merchants_of

_NO_COMMITMENT = hex0x(ZERO_WORD)
DONE_BY_EVENT = (  # the outbox's action, the event that shows it done, and the argument that is its subject
    ("withdraw", "Withdrawn", "caseId"),
    ("register_policy", "PolicyRegistered", "policy"),
    ("register_parties", "PartiesRegistered", "parties"),
)


def rewind(
    session: Session, cursor: ChainCursor, ancestor: ChainBlock | None, nonces: Mapping[str, int]
) -> ChainCursor | None:
    """Goes back to `ancestor`; None where no block is common, and reading begins anew.

    `nonces` are the chain's next ones of our writers: what stood above is on its way again. Raises Conflict if another
    indexer has moved the cursor.
    """
    back_to = ancestor.number if ancestor is not None else -1
    removed = [event_of(row) for row in chain_facts.events_after(session, back_to)]
    commitments = [c for c in chain_facts.commitments_after(session, back_to) if c != _NO_COMMITMENT]
    _undo_outbox(session, removed, commitments)
    for writer, nonce in nonces.items():
        outbox.unsettle(session, writer, nonce)
    if ancestor is None:
        chain_facts.delete_everything(session)
        return None
    if not chain_facts.move_cursor(session, cursor.block_hash, ancestor.number, ancestor.hash):
        raise Conflict("Another indexer has moved the cursor.", remedy="Run one worker for one database.")
    chain_facts.delete_after(session, ancestor.number)
    _replay(session, cases_of(removed), merchants_of(removed))
    return ChainCursor(id=1, block_number=ancestor.number, block_hash=ancestor.hash)


def _undo_outbox(session: Session, removed: list[Event], commitments: list[str]) -> None:
    outbox.set_done_by_commitment(session, commitments, done=False)
    pokes = [f"{event.case_id}:{_position(event)}" for event in removed if event.name == "Recorded"]
    outbox.set_done_by_subject(session, "poke", pokes, done=False)
    for action, name, key in DONE_BY_EVENT:
        subjects = [event.args[key] for event in removed if event.name == name]
        outbox.set_done_by_subject(session, action, subjects, done=False)


def _position(event: Event) -> int:
    return int(event.args["entry"], 16) & 0xFFFFFF


def _replay(session: Session, case_ids: set[str], merchants: set[str]) -> None:
    """Cases and balances anew from the events that remain."""
    chain_facts.delete_cases(session, case_ids)
    chain_facts.delete_balances(session, merchants)
    cases = Fold({}, {})
    for row in chain_facts.events_of_cases(session, case_ids):
        cases.apply(event_of(row))
    chain_facts.put_cases(session, list(cases.cases.values()))
    balances = Fold({}, {})
    if merchants:
        for row in chain_facts.events_by_name(session, MOVES_BALANCE):
            event = event_of(row)
            if event.args.get("merchant") in merchants:
                balances.apply_balance(event)
    chain_facts.put_balances(session, list(balances.balances.values()))
