"""What the chain says of the outbox's rows: that they are done, that they were refused, or that they are to be sent
once more.

A refusal counts once everything is done that its row was to follow: the contracts judge in the order in which they are
asked, and a reorg, or another sender with our key, can put that order upside down.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import ColumnElement, String, and_, cast, delete, exists, false, or_, update
from sqlmodel import Session, SQLModel, col, select

from .ours import COUNTED, RECORDED, REFUSED, VOTE_REFUSED
from .outbox import IN_TURN, OF_CASES, chunks
from .tables import (
    CaseRow,
    ChainAnchor,
    ChainBalance,
    ChainCase,
    ChainEvent,
    ChainPanel,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    OutboxRow,
    RecordRow,
    TransactionRow,
    VoteRow,
)

_OUTBOX = SQLModel.metadata.tables["outbox"]
_ALONE_AGAIN_AFTER = 60  # seconds after an attempt that was undone although nothing else was in it
_ASKED_AGAIN = ("poke", "withdraw", "withdraw_credit", "anchor")  # by whoever asked, while they are due

Place = tuple[int, int]  # block number and log index


def _registered(action: str, name: str) -> ColumnElement[bool]:
    return and_(
        col(OutboxRow.action) == action,
        col(ChainEvent.name) == name,
        col(ChainEvent.args).contains(col(OutboxRow.subject)),
    )


# What the chain can say of a record or a vote: its id, its commitment, the chain's table, and when a row is about it.
_JUDGED: tuple[tuple[Any, Any, Any, ColumnElement[bool]], ...] = (
    (col(RecordRow.record_id), col(RecordRow.commitment), ChainRecord, RECORDED),
    (col(VoteRow.vote_id), col(VoteRow.commitment), ChainVote, COUNTED),
    (col(RecordRow.record_id), col(RecordRow.commitment), ChainRefusal, REFUSED),
    (col(VoteRow.vote_id), col(VoteRow.commitment), ChainRefusal, VOTE_REFUSED),
)
_TOOK_EFFECT, _REFUSED = _JUDGED[:2], _JUDGED[2:]
_REGISTERED = {
    "register_policy": _registered("register_policy", "PolicyRegistered"),
    "register_parties": _registered("register_parties", "PartiesRegistered"),
}
# Where the chain shows that a row took effect: its table, and when one of its rows is about it. Refusals are looked at
# one by one, and panels by their version, which no row has before it is registered.
_SHOWN: tuple[tuple[Any, ColumnElement[bool]], ...] = (
    *((chain, is_ours & (identifier == col(OutboxRow.record_id))) for identifier, _, chain, is_ours in _TOOK_EFFECT),
    *((ChainEvent, is_shown) for is_shown in _REGISTERED.values()),
    (
        ChainRecord,
        (col(OutboxRow.action) == "poke")
        & (col(ChainRecord.case_id) == col(OutboxRow.case_id))
        & (col(OutboxRow.subject) == col(ChainRecord.case_id) + ":" + cast(col(ChainRecord.position), String)),
    ),
)


class Ending(Enum):
    """How a transaction came to be over. One that was undone is on the chain, and what it did is not."""

    MINED = auto()
    UNDONE = auto()
    OVERTAKEN = auto()  # by another with its number: the chain has seen nothing of it


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What came of rows whose transaction is over although they are not done: how many are sent again, how many were
    given up (the deadline worker asks for those again if they are still due)."""

    requeued: int
    dropped: int


# --- done, and not done after all ------------------------------------------------------------------------------------


def set_judged(session: Session, *, recorded: Sequence[str] = (), counted: Sequence[str] = ()) -> None:
    """Says that openings, acts and votes are done: those with these commitments of which the chain has a record or a
    vote."""
    for (identifier, commitment, _, is_ours), commitments in zip(_TOOK_EFFECT, (recorded, counted), strict=True):
        for some in chunks(commitments):
            judged = select(identifier).where(is_ours, commitment.in_(some))
            session.execute(update(_OUTBOX).where(_OUTBOX.c.record_id.in_(judged)).values(done=True))


def set_refused(session: Session, commitments: Sequence[str]) -> None:
    """The same of those that the chain has refused and does not owe another look. To be called once everything else is
    said to be done that is."""
    found: list[OutboxRow] = []
    for identifier, commitment, _, is_ours in _REFUSED:
        for some in chunks(commitments):
            refused = select(identifier).where(is_ours, commitment.in_(some))
            undone = col(OutboxRow.record_id).in_(refused) & col(OutboxRow.done).is_(False)
            found += session.exec(select(OutboxRow).where(undone)).all()
    for row in sorted(found, key=lambda row: row.id or 0):  # what comes later in a case may wait for the one before
        if _is_refused(session, row):
            session.execute(update(_OUTBOX).where(_OUTBOX.c.id == row.id).values(done=True))


def undo_judged(session: Session, number: int) -> None:
    """Says of what the chain judged above a block that it is not done. To be called before that is forgotten."""
    for identifier, _, chain, is_ours in _JUDGED:
        judged = select(identifier).where(is_ours, chain.block_number > number)
        session.execute(update(_OUTBOX).where(_OUTBOX.c.record_id.in_(judged)).values(done=False))


def undo_everything(session: Session) -> None:
    session.execute(update(_OUTBOX).where(_OUTBOX.c.done.is_(True)).values(done=False))


def set_done_by_transaction(session: Session, action: str, hashes: Sequence[str], *, done: bool = True) -> None:
    for some in chunks(hashes):
        carried = (_OUTBOX.c.action == action) & _OUTBOX.c.tx_hash.in_(some)
        session.execute(update(_OUTBOX).where(carried).values(done=done))


def set_done_by_subject(session: Session, action: str, subjects: Sequence[str], *, done: bool = True) -> None:
    for some in chunks(subjects):
        named = (_OUTBOX.c.action == action) & _OUTBOX.c.subject.in_(some)
        session.execute(update(_OUTBOX).where(named).values(done=done))


# --- sent once more --------------------------------------------------------------------------------------------------


def clear_leftovers(session: Session, hashes: Sequence[str], ending: Ending = Ending.MINED) -> Leftovers:
    """Decides on rows that their transaction, which is over, left undone. Where it was undone whole, one of its rows
    may be why: each of them goes alone from now on. Where it was overtaken, nobody has judged any of them yet. A
    refusal counts only when it is read, since it is told then: an older one that came too early is not looked at again.
    """
    requeued = dropped = 0
    for row in _undone(session, hashes):
        this = _OUTBOX.c.id == row.id
        if _took_effect(session, row) or (ending is Ending.MINED and _is_refused(session, row)):
            session.execute(update(_OUTBOX).where(this).values(done=True))
        elif row.action in _ASKED_AGAIN and ending is not Ending.OVERTAKEN:
            session.execute(delete(_OUTBOX).where(this))
            dropped += 1
        else:
            alone = _alone_from(session, row) if ending is Ending.UNDONE else row.alone_from
            session.execute(update(_OUTBOX).where(this).values(tx_hash=None, alone_from=alone))
            requeued += 1
    return Leftovers(requeued, dropped)


def _undone(session: Session, hashes: Sequence[str]) -> list[OutboxRow]:
    found: list[OutboxRow] = []
    for some in chunks(hashes):
        query = select(OutboxRow).where(col(OutboxRow.tx_hash).in_(some), col(OutboxRow.done).is_(False))
        found += session.exec(query).all()
    return sorted(found, key=lambda row: row.id or 0)  # what comes later in a case may wait for the one before


def _alone_from(session: Session, row: OutboxRow) -> int:
    """At once the first time; after a pause if it went alone already, as a registration always does."""
    transaction = session.get(TransactionRow, row.tx_hash)
    sent = transaction.created_at if transaction else row.created_at
    went_alone = row.alone_from or row.action not in OF_CASES
    return sent + _ALONE_AGAIN_AFTER if went_alone else max(sent, 1)


def _took_effect(session: Session, row: OutboxRow) -> bool:
    """Whether the chain has what a row asked for, from whatever transaction."""
    if row.action == "register_panel":
        return False  # its event shows it done; the same content can stand in an earlier version
    if row.action in _REGISTERED:
        return _is_there(session, select(OutboxRow.id).where(OutboxRow.id == row.id, _REGISTERED[row.action]))
    if row.action == "anchor":  # a larger one stands for it
        return _is_there(session, select(ChainAnchor.size).where(ChainAnchor.size >= int(row.subject)))
    case = session.get(ChainCase, row.case_id) if row.case_id else None
    if row.action == "poke":
        return case is not None and case.length > int(row.subject.rpartition(":")[2])
    if row.action == "withdraw":
        return case is not None and 0 < case.to_consumer <= case.withdrawn
    if row.action == "withdraw_credit":
        account, token, sum_ = row.subject.split(":")
        kept_there = session.get(ChainBalance, (account, token))
        return kept_there is not None and kept_there.credited - kept_there.credit >= int(sum_)
    judged = (select(one).where(is_ours, one == row.record_id) for one, _, _, is_ours in _TOOK_EFFECT)
    return any(_is_there(session, query) for query in judged)


# --- refused for good, or ahead of its turn --------------------------------------------------------------------------


def _is_refused(session: Session, row: OutboxRow) -> bool:
    """Whether the chain refused an opening, an act or a vote when everything was done that it follows."""
    return _Refusals(session).end(row) is not None


class _Refusals:
    """Looks at refusals of one moment; each is looked at once, however many rows follow it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._ends: dict[int | None, Place | None] = {}

    def end(self, row: OutboxRow) -> Place | None:
        """Where a row was refused for good: the first place at which nothing was missing that it follows."""
        if row.id not in self._ends:
            places = sorted(self._places(row))
            self._ends[row.id] = next((place for place in places if not self._came_too_early(row, place)), None)
        return self._ends[row.id]

    def _places(self, row: OutboxRow) -> list[Place]:
        found: list[Place] = []
        for identifier, _, _, is_ours in _REFUSED:
            places = select(ChainRefusal.block_number, ChainRefusal.log_index)
            found += self._session.exec(places.where(is_ours, identifier == row.record_id)).all()
        return found

    def _came_too_early(self, row: OutboxRow, place: Place) -> bool:
        """Whether something that the row follows is not done, or was judged only behind this place."""
        case = self._session.get(CaseRow, row.case_id) if row.action == "open" else None
        terms = json.loads(case.terms) if case else {}
        before = _goes_before(self._session, row, terms)
        later = or_(*(exists().where(is_shown, _is_behind(chain, place)) for chain, is_shown in _SHOWN))
        missing = select(OutboxRow.id).where(before, col(OutboxRow.done).is_(False) | later)
        if _is_there(self._session, missing) or self._panel_came_later(terms.get("panel", 0), place):
            return True
        ends = (self.end(each) for each in self._refused_again(before, place))
        return any(end is None or end > place for end in ends)

    def _refused_again(self, before: ColumnElement[bool], place: Place) -> Sequence[OutboxRow]:
        """What went before and took no effect, with a refusal behind this place: perhaps not its first."""
        took_effect = (exists().where(is_ours, one == col(OutboxRow.record_id)) for one, _, _, is_ours in _TOOK_EFFECT)
        behind = _is_behind(ChainRefusal, place)
        refused = (exists().where(is_ours, one == col(OutboxRow.record_id), behind) for one, _, _, is_ours in _REFUSED)
        return self._session.exec(select(OutboxRow).where(before, or_(*refused), ~or_(*took_effect))).all()

    def _panel_came_later(self, version: int, place: Place) -> bool:
        registered = select(ChainEvent.args).where(
            col(ChainEvent.name) == "PanelRegistered", _is_behind(ChainEvent, place)
        )
        return bool(version) and any(json.loads(args)["version"] == version for args in self._session.exec(registered))


def _goes_before(session: Session, row: OutboxRow, terms: dict[str, Any]) -> ColumnElement[bool]:
    """What a row follows: what was accepted before it in its case; an opening what its terms name. Of a panel that is
    not there, any that was asked for before may become it."""
    earlier = col(OutboxRow.id) < row.id
    of_case = earlier & (col(OutboxRow.case_id) == row.case_id) & col(OutboxRow.action).in_(IN_TURN)
    if not terms:
        return of_case
    names = col(OutboxRow.subject).in_((terms["policy"], terms["parties"]))
    named = names & col(OutboxRow.action).in_(list(_REGISTERED))
    is_there = not terms["panel"] or session.get(ChainPanel, terms["panel"]) is not None
    panel = false() if is_there else earlier & (col(OutboxRow.action) == "register_panel")
    return of_case | named | panel


def _is_behind(chain: Any, place: Place) -> ColumnElement[bool]:
    block, index = place
    same = and_(col(chain.block_number) == block, col(chain.log_index) > index)
    return or_(col(chain.block_number) > block, same)


def _is_there(session: Session, query: Any) -> bool:
    return session.exec(query.limit(1)).first() is not None
