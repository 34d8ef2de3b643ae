"""The outbox: what the submitter sends, and what the indexer says became of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from sqlalchemy import (
    Cast,
    ColumnElement,
    CursorResult,
    Delete,
    Insert,
    String,
    Update,
    exists,
    false,
    func,
    literal,
    or_,
    true,
    union_all,
)
from sqlalchemy.orm import aliased
from sqlmodel import Session, SQLModel, col, select

from .tables import (
    CaseRow,
    ChainBalance,
    ChainCase,
    ChainPanel,
    ChainRefusal,
    OutboxRow,
    PanelRow,
    RecordRow,
    VoteRow,
)

_CHUNK = 500  # values in one IN list
_Value = TypeVar("_Value")
_SIGNATURE = 65  # bytes; the batch's layout takes no other
ACTIONS = (
    *("open", "act", "vote", "poke", "withdraw", "withdraw_credit"),
    *("register_policy", "register_parties", "register_panel", "anchor"),
)
OF_CASES = ("open", "act", "vote")  # what is sent in the order in which it was accepted
IN_TURN = (*OF_CASES, "poke")  # what changes how the contracts judge what follows in a case
# What is sent of a record, and who signed it: not its receipt, which is longer than all the rest.
_ACT = tuple(column for column in SQLModel.metadata.tables["records"].columns if column.name != "receipt")


@dataclass(frozen=True, slots=True)
class Share:
    """What one of several writers sends: `writer` is its account, `place` its number among `of` that take new cases.

    A case stays with the account that sent the first of it, however many there are later; until then its id decides.
    One that takes no new cases any more has the place None.
    """

    writer: str
    place: int | None = 0
    of: int = 1

    def condition(self) -> ColumnElement[bool]:
        if self.of == 1 and self.place == 0:
            return true() & ~self._pinned(lambda writer: writer != self.writer)
        mine = self._pinned(lambda writer: writer == self.writer)
        if self.place is None:
            return mine
        begins = [f"0x{number:02x}" for number in range(256) if number % self.of == self.place]
        start = func.substr(func.coalesce(col(OutboxRow.case_id), "0x00"), 1, 4)
        return mine | (start.in_(begins) & ~self._pinned(lambda _: true()))

    def _pinned(self, condition: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
        """Whether something of the row's case was sent already, by an account of which this holds."""
        sent = aliased(OutboxRow)
        writer = col(sent.writer)
        return exists().where(col(sent.case_id) == col(OutboxRow.case_id), writer.is_not(None), condition(writer))


def _unsent(action: str) -> ColumnElement[bool]:
    return (col(OutboxRow.action) == action) & col(OutboxRow.done).is_(False) & col(OutboxRow.tx_hash).is_(None)


# One look into an index for each, however much waits.
_WAITING_ACTIONS = union_all(*(select(literal(action)).where(exists().where(_unsent(action))) for action in ACTIONS))


# --- the submitter's -------------------------------------------------------------------------------------------------


def waiting(session: Session, action: str, limit: int, now: int, share: Share | None = None) -> Sequence[OutboxRow]:
    """Rows of an action that no transaction carries, and that need not wait any longer, oldest first; those of a
    writer's share."""
    query = select(OutboxRow).where(_unsent(action), col(OutboxRow.alone_from) <= now, _in(share))
    return session.exec(query.order_by(col(OutboxRow.id)).limit(limit)).all()


def waiting_actions(session: Session) -> set[str]:
    """The actions of which something is to be sent by somebody."""
    return set(session.execute(_WAITING_ACTIONS).scalars())


def openings_waiting(
    session: Session, limit: int, share: Share | None = None, alone: int | None = None
) -> Sequence[tuple[OutboxRow, RecordRow, CaseRow]]:
    """Openings to be sent: those that go together, or with `alone`, which is now, those that go one at a time.

    Without those that wait for a registration of what they name: of parties, not yet sent; of what another account
    sends, not yet done, since nonces do not put it first. One that was refused waits until its own is done.
    """
    pending = select(OutboxRow.subject).where(OutboxRow.action == "register_policy", col(OutboxRow.done).is_(False))
    query = (
        select(OutboxRow, RecordRow, CaseRow)
        .join(RecordRow, col(RecordRow.record_id) == col(OutboxRow.record_id))
        .join(CaseRow, col(CaseRow.case_id) == col(RecordRow.case_id))
        .where(
            _unsent("open"),
            _in(share),
            _together_or(alone),
            ~_parties_unsent(share),
            col(CaseRow.policy_id).not_in(pending),
            ~(_met_refusal() & _registering()),
        )
        .order_by(col(OutboxRow.id))
        .limit(limit)
    )
    return session.exec(query).all()


def acts_waiting(session: Session, limit: int, share: Share | None = None, alone: int | None = None) -> Sequence[Any]:
    """Acts to be sent, without those before which something else of their case has to be sent; `alone` as in
    `openings_waiting`. The records' columns, with the outbox's row as `row`: no objects, since there are many."""
    query = (
        select(col(OutboxRow.id).label("row"), *_ACT)
        .join(RecordRow, col(RecordRow.record_id) == col(OutboxRow.record_id))
        .where(
            _unsent("act"),
            _in(share),
            _together_or(alone),
            func.length(RecordRow.signature) == _SIGNATURE,
            ~_held_up("act"),
        )
        .order_by(col(OutboxRow.id))
        .limit(limit)
    )
    return list(session.execute(query))


def votes_waiting(
    session: Session, limit: int, share: Share | None = None, alone: int | None = None
) -> Sequence[tuple[OutboxRow, VoteRow]]:
    """Votes to be sent, as `acts_waiting`."""
    query = (
        select(OutboxRow, VoteRow)
        .join(VoteRow, col(VoteRow.vote_id) == col(OutboxRow.record_id))
        .where(_unsent("vote"), _in(share), _together_or(alone), ~_held_up("vote"))
        .order_by(col(OutboxRow.id))
        .limit(limit)
    )
    return session.exec(query).all()


def consumers_now(session: Session, case_ids: Sequence[str]) -> dict[str, str]:
    """Who acts for the consumer in these cases, as far as the chain was read."""
    found: dict[str, str] = {}
    for some in chunks(sorted(set(case_ids))):
        query = select(ChainCase.case_id, ChainCase.consumer).where(col(ChainCase.case_id).in_(some))
        found.update(session.exec(query).all())
    return found


def panels_of_cases(session: Session, case_ids: Sequence[str]) -> dict[str, int]:
    """The panel versions that cases of ours name in their terms."""
    found: dict[str, int] = {}
    for some in chunks(sorted(set(case_ids))):
        query = select(CaseRow.case_id, CaseRow.terms).where(col(CaseRow.case_id).in_(some))
        found.update((case_id, int(json.loads(terms)["panel"])) for case_id, terms in session.exec(query))
    return found


def panel_content(session: Session, panel_id: str) -> str | None:
    """JSON of a panel that was asked to be registered."""
    row = session.get(PanelRow, panel_id)
    return row.content if row else None


def case_with_parties(session: Session, case_id: str | None, parties: str) -> CaseRow | None:
    """A case that names these parties: the one given, else any."""
    case = session.get(CaseRow, case_id) if case_id else None
    if case is not None:
        return case
    return session.exec(select(CaseRow).where(col(CaseRow.terms).contains(parties)).limit(1)).first()


# --- the deadline worker's -------------------------------------------------------------------------------------------


def overdue_cases(session: Session, now: int, limit: int) -> Sequence[tuple[str, int]]:
    """Cases of ours, with their lengths, whose deadline or notice has passed and that nobody has poked since.

    Without those for which something is still on its way: what was accepted in time is to be judged first.
    """
    other = aliased(OutboxRow)
    on_its_way = exists().where(
        col(other.case_id) == col(ChainCase.case_id),
        col(other.done).is_(False),
        col(other.action).in_(IN_TURN),
    )
    query = (
        select(ChainCase.case_id, ChainCase.length)
        .join(CaseRow, col(CaseRow.case_id) == col(ChainCase.case_id))
        .where(col(ChainCase.due) > 0, col(ChainCase.due) < now, ~on_its_way)
        .order_by(col(ChainCase.due))
        .limit(limit)
    )
    return session.exec(query).all()


def cases_with_dues(session: Session, now: int, limit: int) -> Sequence[str]:
    """Cases of ours whose consumer can withdraw something now, and nobody has asked for it yet."""
    other = aliased(OutboxRow)
    asked = exists().where(col(other.action) == "withdraw", col(other.subject) == col(ChainCase.case_id))
    query = (
        select(ChainCase.case_id)
        .join(CaseRow, col(CaseRow.case_id) == col(ChainCase.case_id))
        .where(col(ChainCase.to_consumer) > col(ChainCase.withdrawn), col(ChainCase.redirect_at) <= now, ~asked)
        .limit(limit)
    )
    return session.exec(query).all()


def credits_due(session: Session, limit: int) -> Sequence[str]:
    """Arbitrators' credits that nobody has asked to be paid, as subjects of `withdraw_credit`."""
    credited = Cast(col(ChainBalance.credited), String)
    subject = col(ChainBalance.account) + ":" + col(ChainBalance.token) + ":" + credited
    asked = exists().where(
        col(OutboxRow.action) == "withdraw_credit", col(OutboxRow.subject) == subject, col(OutboxRow.done).is_(False)
    )
    query = select(subject).where(col(ChainBalance.credit) > 0, ~asked)
    return sorted(session.exec(query.limit(limit)).all())


# --- inside ----------------------------------------------------------------------------------------------------------


def _in(share: Share | None) -> ColumnElement[bool]:
    return true() if share is None else share.condition()


def _together_or(alone: int | None) -> ColumnElement[bool]:
    """What goes with others; or, at the moment `alone`, what is to go in a transaction of its own."""
    if alone is None:
        return col(OutboxRow.alone_from) == 0
    return col(OutboxRow.alone_from).between(1, alone)


def _held_up(action: str) -> ColumnElement[bool]:
    """Whether something else of the same case was accepted before and is not sent yet; or anything at all that goes
    alone and is not done yet, since it may be undone once more. Once something of the case was refused, whatever is not
    done: what goes ahead of its turn is refused again."""
    # Written so that no index fits but the case's: PostgreSQL would go through all that waits, for every row of it.
    before = aliased(OutboxRow)
    unsent = (col(before.action) != action) & col(before.tx_hash).is_(None)
    return exists().where(
        col(before.case_id) == col(OutboxRow.case_id),
        (col(before.action) + "").in_(IN_TURN),
        col(before.id) - col(OutboxRow.id) < 0,
        col(before.done).is_not(True),
        (col(before.action).in_(OF_CASES) & ((col(before.alone_from) > 0) | unsent)) | _met_refusal(),
    )


def _met_refusal() -> ColumnElement[bool]:
    """Whether anything of the row's case was ever refused."""
    return exists().where(col(ChainRefusal.case_id) == col(OutboxRow.case_id)).correlate(OutboxRow)


def _parties_unsent(share: Share | None) -> ColumnElement[bool]:
    """Whether the parties that an opening names are still to be registered, or are being so by another account."""
    before = aliased(OutboxRow)
    others = col(before.writer) != share.writer if share is not None else false()
    unsent = col(before.done).is_(False) & or_(col(before.tx_hash).is_(None), others)
    return exists().where(_names_parties(before), unsent)


def _registering() -> ColumnElement[bool]:
    """Whether something is being registered that an opening names; its policy's holds it up anyway. A panel has its
    version only then: it may be the one that is named and is not there."""
    before, known = aliased(OutboxRow), aliased(ChainPanel)
    there = exists().where(
        or_(*(col(CaseRow.terms).contains('"panel": ' + Cast(col(known.version), String) + end) for end in ",}"))
    )
    needed = ~there & ~col(CaseRow.terms).contains('"panel": 0')
    panel = (col(before.action) == "register_panel") & (col(before.id) < col(OutboxRow.id)) & needed
    return exists().where(_names_parties(before) | panel, col(before.done).is_(False))


def _names_parties(before: Any) -> ColumnElement[bool]:
    return (col(before.action) == "register_parties") & col(CaseRow.terms).contains(col(before.subject))


def chunks(values: Sequence[_Value]) -> Iterator[Sequence[_Value]]:
    """A long list in parts that a database takes as one IN list."""
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))


def rows_changed(session: Session, statement: Update | Insert | Delete) -> int:
    """Runs an update, a deletion, or an insert that may find its row there already, and says how many rows it wrote."""
    return cast("CursorResult[Any]", session.execute(statement)).rowcount
