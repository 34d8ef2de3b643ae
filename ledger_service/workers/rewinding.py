"""After a reorg: delete what the chain no longer has, and replay what it touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from ..chain.codec import Event
from ..domain.panels import Panel
from ..errors import Conflict
from ..services.consistency import event_of
from ..store import chain_facts, judged, transactions
from ..store.tables import ChainBlock, ChainCursor
from .folding import SUMS, Fold, accounts_of, cases_of
from .holding import Held, PolicyById


def _named(argument: str) -> Any:
    return lambda args: args[argument]


DONE_BY_EVENT: tuple[tuple[str, str, Any], ...] = (  # the outbox's action, the event that shows it done, its subject
    ("withdraw", "Withdrawn", _named("caseId")),
    ("register_policy", "PolicyRegistered", _named("policy")),
    ("register_parties", "PartiesRegistered", _named("parties")),
    ("register_panel", "PanelRegistered", lambda args: Panel.from_json(args["content"]).id()),
    ("anchor", "Anchored", lambda args: str(args["size"])),
)


def rewind(
    session: Session,
    cursor: ChainCursor,
    ancestor: ChainBlock | None,
    nonces: Mapping[str, int],
    policy_by_id: PolicyById,
) -> ChainCursor | None:
    """Goes back to `ancestor`; None where no block is common, and reading begins anew.

    `nonces` are the chain's next ones of our writers: what stood above is on its way again. Raises Conflict if another
    indexer has moved the cursor.
    """
    if ancestor is None:
        forget_everything(session)
        return None
    removed = [event_of(row) for row in chain_facts.events_after(session, ancestor.number)]
    judged.undo_judged(session, ancestor.number)
    _undo_outbox(session, removed)
    transactions.unsettle(session, nonces)
    transactions.unsettle_undone(session)
    if not chain_facts.move_cursor(session, cursor.block_hash, ancestor.number, ancestor.hash):
        raise Conflict("Another indexer has moved the cursor.", remedy="Run one worker for one database.")
    chain_facts.delete_after(session, ancestor.number)
    _replay(session, cases_of(removed), policy_by_id)
    _take_back(session, removed, policy_by_id)
    return ChainCursor(id=1, block_number=ancestor.number, block_hash=ancestor.hash)


def forget_everything(session: Session) -> None:
    """As if nothing was ever read: what is on the chain shows what is done once it is read again, and what is not is
    sent again."""
    judged.undo_everything(session)
    transactions.unsettle(session, dict.fromkeys(transactions.writers(session), 0))
    chain_facts.delete_everything(session)


def _undo_outbox(session: Session, removed: list[Event]) -> None:
    pokes = [f"{event.case_id}:{_position(event)}" for event in removed if event.name == "Recorded"]
    judged.set_done_by_subject(session, "poke", pokes, done=False)
    for action, name, subject in DONE_BY_EVENT:
        subjects = [subject(event.args) for event in removed if event.name == name]
        judged.set_done_by_subject(session, action, subjects, done=False)
    paid = [event.tx_hash for event in removed if event.name == "CreditWithdrawn"]
    judged.set_done_by_transaction(session, "withdraw_credit", paid, done=False)


def _position(event: Event) -> int:
    return int(event.args["entry"], 16) & 0xFFFFFF


def _replay(session: Session, case_ids: set[str], policy_by_id: PolicyById) -> None:
    """Cases anew from the events that remain."""
    chain_facts.delete_cases(session, case_ids)
    events = [event_of(row) for row in chain_facts.events_of_cases(session, case_ids)]
    fold = Fold(Held(session, events, policy_by_id), panels=chain_facts.panels_by_version(session))
    for event in events:
        fold.apply(event)
    chain_facts.put_cases(session, list(fold.cases.values()))


def _take_back(session: Session, removed: list[Event], policy_by_id: PolicyById) -> None:
    """Balances without what was removed, which is all that is looked at: they are sums. Of an account that nothing has
    moved any more there is none."""
    accounts = accounts_of(removed)
    fold = Fold(Held(session, [], policy_by_id), balances=chain_facts.balances_by_account(session, accounts))
    for event in removed:
        fold.apply_balance(event, times=-1)
    chain_facts.delete_balances(session, accounts)
    moved = [row for row in fold.balances.values() if any(row[name] for name in SUMS)]
    chain_facts.put_balances(session, moved)
