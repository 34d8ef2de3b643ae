"""What is to be told of what the indexer wrote: mails to consumers, events to businesses, each once.

The read model is gone through in the chain's order, and the place where reading stands is kept together with what came
of it, so that a kill at any moment loses and doubles nothing. A reorg shows by the hash of the block last read. Then
reading goes back by as many blocks as a reorg can undo; what was told and is not on the chain any more is noted, and
after a grace, in which it usually comes back, corrected by a second message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session

from ..domain.vocabulary import Kind
from ..services import webhook_events as events
from ..services.app import App
from ..services.webhook_events import Listeners
from ..store import mails as mail_sql
from ..store import telling as sql
from ..store import webhooks_out
from ..store.disputes import links_of
from ..store.stages import head_block, staged_record
from ..store.tables import CaseRow, ChainRecord, ChainRefusal, ChainVote, WebhookEvent
from .announcing import ANNOUNCED
from .mailing import call_off_opening, correct_mail, make_mails

GRACE = 120  # seconds for which a record that moved back may come again before it is corrected
_AT_ONCE = 200

Events = Sequence[tuple[CaseRow, int, webhooks_out.Row]]


@dataclass(frozen=True, slots=True)
class _Source:
    """A table of the read model to go through: up to which block, and what to do with its rows."""

    name: str
    table: sql.Source
    confirmed: bool
    tell: Callable[[Session, Sequence[Any], Listeners, int], None]


class Teller:
    """`step()` makes the next mails and events; whether there was anything to do."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._sources = (
            _Source("refused", ChainRefusal, False, self._tell_refused),
            _Source("recorded", ChainRecord, False, self._tell_recorded),
            _Source("voted", ChainVote, False, self._tell_votes),
            _Source("final", ChainRecord, True, self._tell_final),
            _Source("refused_for_good", ChainRefusal, True, _tell_refused_openings),
        )

    def step(self) -> bool:
        now = self._app.clock.seconds()
        with self._app.database.read() as session:
            if not self._is_due(session, now):
                return False
        with self._app.database.write() as session:
            for source in self._sources:
                self._read_on(session, source, now)
            self._correct(session, now)
        return True

    def _is_due(self, session: Session, now: int) -> bool:
        for source in self._sources:
            stands = sql.read_place(session, source.name)
            if stands.undone or sql.rows_after(session, source.table, stands.place, self._up_to(session, source), 1):
                return True
        return sql.is_anything_missing(session, now - GRACE, now)

    def _up_to(self, session: Session, source: _Source) -> int:
        return head_block(session) - (self._app.settings.confirmations_needed if source.confirmed else 0)

    def _read_on(self, session: Session, source: _Source, now: int) -> None:
        stands = sql.read_place(session, source.name)
        place = stands.place
        if stands.undone:
            depth = max(self._app.settings.finality_blocks, sql.DEEPEST)
            place = max(place[0] - depth, -1), -1
            sql.keep_place(session, source.name, place, None)
            sql.mark_missing(session, place[0], now)
        found = sql.rows_after(session, source.table, place, self._up_to(session, source), _AT_ONCE)
        if found:
            source.tell(session, [row for row, _ in found], Listeners(webhooks_out.listeners(session)), now)
            last, block_hash = found[-1]
            sql.keep_place(session, source.name, (last.block_number, last.log_index), block_hash)

    # --- what is new -------------------------------------------------------------------------------------------------

    def _tell_recorded(self, session: Session, links: Sequence[ChainRecord], listeners: Listeners, now: int) -> None:
        announced = [link for link in links if link.kind in ANNOUNCED]
        told = mail_sql.told_cases(session, {link.case_id for link in announced})
        for link in announced:
            if link.case_id in told:
                make_mails(session, link, now)
        if listeners:
            self._add(session, events.events_of_records(session, _with_cases(session, links), now), listeners, now)

    def _tell_final(self, session: Session, links: Sequence[ChainRecord], listeners: Listeners, now: int) -> None:
        if listeners:
            self._add(session, events.events_of_finals(session, _with_cases(session, links), now), listeners, now)

    def _tell_refused(self, session: Session, rows: Sequence[ChainRefusal], listeners: Listeners, now: int) -> None:
        if not listeners:
            return
        records = sql.refused_records(session, rows)
        cases = sql.cases_of(session, [row.case_id for row in rows])
        last = sql.last_refusals(session, rows)
        ours = [(row, records.get((row.case_id, row.commitment)), cases.get(row.case_id)) for row in last]
        found = [(case, row, record) for row, record, case in ours if record is not None and case is not None]
        self._add(session, events.events_of_refusals(session, found, now), listeners, now)

    def _tell_votes(self, session: Session, votes: Sequence[ChainVote], listeners: Listeners, now: int) -> None:
        if listeners:
            cases = sql.cases_of(session, [vote.case_id for vote in votes])
            found = [(cases[vote.case_id], vote) for vote in votes if vote.case_id in cases]
            self._add(session, events.events_of_votes(session, found, now), listeners, now)

    def _add(self, session: Session, made: Events, listeners: Listeners, now: int) -> None:
        rows: list[webhooks_out.Row] = []
        deliveries: list[webhooks_out.Row] = []
        for case, block, event in made:
            if told := listeners.of(case, event["type"], block):
                rows.append(event)
                deliveries += events.deliveries_for(event, told, now)
        webhooks_out.add_events(session, rows, deliveries)

    # --- what is no longer so ----------------------------------------------------------------------------------------

    def _correct(self, session: Session, now: int) -> None:
        before = now - GRACE
        if not sql.is_anything_missing(session, before, now):
            return
        sql.unmark_found(session)
        for mail in sql.missing_mails(session, before, now, _AT_ONCE):
            correct_mail(session, mail, now)
        listeners = Listeners(webhooks_out.listeners(session))
        for event in sql.missing_events(session, before, now, _AT_ONCE):
            self._correct_event(session, event, listeners, now)

    def _correct_event(self, session: Session, event: WebhookEvent, listeners: Listeners, now: int) -> None:
        """Nothing more is said where the record stands again and was told with its new head."""
        event.corrected, event.missing_since = True, None
        session.add(event)
        session.flush()
        case = sql.cases_of(session, [str(event.case_id)])[str(event.case_id)]
        said = json.loads(event.payload)["data"]
        again = [link for link in links_of(session, case.case_id, said.get("kind", "")) if events.is_same(event, link)]
        made: Events
        if not again:
            found = staged_record(session, said.get("record_id") or "", self._app.settings.confirmations_needed)
            row = events.moved_back(event, found.stage.wire if found else None, now)
            made = [(case, event.block_number or 0, row)]
        elif again[0].head == said.get("replaces"):  # it went to and fro: what was told before holds again
            made = self._say_anew(session, event.type, again[0], now)
        else:
            return
        self._add(session, made, listeners, now)

    def _say_anew(self, session: Session, type_: str, link: ChainRecord, now: int) -> Events:
        """The event of a type about a record that was told before, and stands as it was told."""
        for told in webhooks_out.events_about(session, [link.head]):
            told.corrected = told.corrected or told.type == type_
            session.add(told)
        session.flush()
        made = events.events_of_records if type_ == events.RECORDED else events.events_of_finals
        return [each for each in made(session, _with_cases(session, [link]), now) if each[2]["type"] == type_]


def _with_cases(session: Session, links: Sequence[ChainRecord]) -> list[tuple[CaseRow, ChainRecord, Any]]:
    """Links of cases of ours, each with the record of ours that it is."""
    cases = sql.cases_of(session, [link.case_id for link in links])
    records = sql.records_of(session, links)
    return [
        (cases[link.case_id], link, records.get((link.case_id, link.position)))
        for link in links
        if link.case_id in cases
    ]


def _tell_refused_openings(session: Session, rows: Sequence[ChainRefusal], _: Listeners, now: int) -> None:
    """To consumers who were told that a return was opened for them."""
    records = sql.refused_records(session, rows)
    openings = {row.case_id for row in records.values() if row.kind == Kind.REQUESTED.wire}
    for case_id in mail_sql.told_cases(session, openings):
        call_off_opening(session, case_id, now)
