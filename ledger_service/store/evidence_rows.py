"""SQL of evidence: everything that is kept about some cases, read at once."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, exists, func
from sqlalchemy import select as sql_select
from sqlmodel import Session, col, select

from .tables import (
    Account,
    CaseKey,
    CaseRow,
    ChainBalance,
    ChainBlock,
    ChainCase,
    ChainCursor,
    ChainEvent,
    ChainPanel,
    ChainRecord,
    ChainRefusal,
    ChainVote,
    DisclosureRow,
    ObservationRow,
    OutboxRow,
    RecordRow,
    TransactionRow,
    VoteRow,
)

REFUSALS = ("Skipped", "VoteSkipped")
MONEY_EVENTS = ("Locked", "Settled", "Credited", "RedirectGiven", "RedirectVoided", "Withdrawn")


@dataclass(slots=True)
class CaseRows:
    """All rows of one case. `events` and `counted` (votes) are the chain's in its order, `panels` the versions that may
    vote in the case, `key` is None once erased; `waiting` the ids of records and votes that are still to be sent or
    judged, `sent` the hashes of those of our transactions in which something of the case was refused."""

    case: CaseRow
    records: list[RecordRow] = field(default_factory=list)
    disclosures: list[DisclosureRow] = field(default_factory=list)
    links: list[ChainRecord] = field(default_factory=list)
    refusals: list[ChainRefusal] = field(default_factory=list)
    events: list[ChainEvent] = field(default_factory=list)
    votes: list[VoteRow] = field(default_factory=list)
    counted: list[ChainVote] = field(default_factory=list)
    panels: list[ChainPanel] = field(default_factory=list)
    key: CaseKey | None = None
    on_chain: ChainCase | None = None
    waiting: set[str] = field(default_factory=set)
    sent: set[str] = field(default_factory=set)

    @property
    def money(self) -> list[ChainEvent]:
        return [event for event in self.events if event.contract == "RefundEscrow" and event.name in MONEY_EVENTS]


def _in_order(table: Any) -> tuple[Any, Any]:
    return col(table.block_number), col(table.log_index)


# What a case has many of: table, attribute of `CaseRows`, order.
_LISTS: tuple[tuple[Any, str, tuple[Any, ...]], ...] = (
    (RecordRow, "records", (col(RecordRow.seq),)),
    (DisclosureRow, "disclosures", (col(DisclosureRow.id),)),
    (ChainRecord, "links", (col(ChainRecord.position),)),
    (ChainRefusal, "refusals", _in_order(ChainRefusal)),
    (ChainEvent, "events", _in_order(ChainEvent)),
    (VoteRow, "votes", (col(VoteRow.seq),)),
    (ChainVote, "counted", _in_order(ChainVote)),
)


def case_rows(session: Session, case_ids: Sequence[str]) -> dict[str, CaseRows]:
    """By case, in the order asked for; a case that is not there is left out. At most some hundred cases at a time."""
    found = {row.case_id: CaseRows(row) for row in session.exec(_of(CaseRow, case_ids))}
    known = list(found)
    for table, name, order in _LISTS:
        for row in session.exec(_of(table, known).order_by(*order)):
            getattr(found[row.case_id], name).append(row)
    for key in session.exec(_of(CaseKey, known)):
        found[key.case_id].key = key
    for state in session.exec(_of(ChainCase, known)):
        found[state.case_id].on_chain = state
    unsent = select(OutboxRow.case_id, OutboxRow.record_id).where(col(OutboxRow.case_id).in_(known))
    is_waiting = col(OutboxRow.done).is_(False) & col(OutboxRow.record_id).is_not(None)
    for case_id, record_id in session.exec(unsent.where(is_waiting)):
        found[str(case_id)].waiting.add(str(record_id))
    panels = {panel.version: panel for panel in session.exec(select(ChainPanel))}
    for rows in found.values():
        rows.sent = ours_among(session, {event.tx_hash for event in rows.events if event.name in REFUSALS})
        rows.panels = _panels_of(rows.case, panels)
    return {case_id: found[case_id] for case_id in case_ids if case_id in found}


def ours_among(session: Session, hashes: set[str]) -> set[str]:
    """Those of the transactions that are ours."""
    found = select(TransactionRow.tx_hash).where(col(TransactionRow.tx_hash).in_(hashes))
    return set(session.exec(found)) if hashes else set()


def _panels_of(case: CaseRow, panels: dict[int, ChainPanel]) -> list[ChainPanel]:
    """The panel that the terms name, with its fallback and its appeal panel, by version."""
    try:
        own = panels.get(json.loads(case.terms)["panel"])
    except (ValueError, LookupError, TypeError):
        return []  # somebody changed them by hand, which the checks tell
    versions = {own.version, own.fallback_panel, own.appeal_panel} if own else set()
    return [panels[version] for version in sorted(versions) if version in panels]


def _of(table: Any, case_ids: Sequence[str]) -> Any:
    return select(table).where(col(table.case_id).in_(case_ids))


def blocks_of(session: Session, numbers: Iterable[int]) -> dict[int, ChainBlock]:
    """Those that were read, by number."""
    wanted = sorted(set(numbers))
    found: dict[int, ChainBlock] = {}
    for start in range(0, len(wanted), 500):
        query = select(ChainBlock).where(col(ChainBlock.number).in_(wanted[start : start + 500]))
        found.update((block.number, block) for block in session.exec(query))
    return found


def cursor(session: Session) -> ChainCursor | None:
    return session.get(ChainCursor, 1)


def has_events(session: Session) -> bool:
    return session.exec(select(ChainEvent.name).limit(1)).first() is not None


# --- for the audit, which reads everything once and in order ----------------------------------------------------------


def counted(session: Session) -> tuple[int, int]:
    """How many cases and records there are."""
    cases = session.exec(select(func.count()).select_from(CaseRow)).one()
    return cases, session.exec(select(func.count()).select_from(RecordRow)).one()


def case_ids_after(session: Session, after: str, limit: int) -> list[str]:
    query = select(CaseRow.case_id).where(CaseRow.case_id > after).order_by(col(CaseRow.case_id)).limit(limit)
    return list(session.exec(query))


def blocks_between(session: Session, first: int, last: int) -> Sequence[ChainBlock]:
    query = select(ChainBlock).where(ChainBlock.number >= first, ChainBlock.number <= last)
    return session.exec(query.order_by(col(ChainBlock.number))).all()


def balances(session: Session) -> Sequence[ChainBalance]:
    return session.exec(select(ChainBalance)).all()


def counted_of(session: Session, case_id: str) -> int | None:
    """How many records a case has; None where there is no such case."""
    if session.get(CaseRow, case_id) is None:
        return None
    return session.exec(select(func.count()).select_from(RecordRow).where(RecordRow.case_id == case_id)).one()


def orphans(session: Session, limit: int = 20) -> Iterator[tuple[str, str, str]]:
    """What is stored about cases and records that are not there: its table, and the column and value that name it."""
    records = select(RecordRow.record_id).where(~_is_there(CaseRow.case_id, RecordRow.case_id)).limit(limit)
    yield from (("records", "record_id", record_id) for record_id in session.exec(records))
    votes = select(VoteRow.vote_id).where(~_is_there(CaseRow.case_id, VoteRow.case_id)).limit(limit)
    yield from (("votes", "vote_id", vote_id) for vote_id in session.exec(votes))
    named = (RecordRow.record_id, VoteRow.vote_id, ObservationRow.observation_id)
    without = [~_is_there(key, DisclosureRow.record_id) for key in named]
    shown = select(DisclosureRow.id).where(*without).limit(limit)
    yield from (("disclosures", "id", str(number)) for number in session.exec(shown))


def _is_there(key: Any, named: Any) -> ColumnElement[bool]:
    """Whether a table's key is what another one names. Never NOT IN: PostgreSQL would go through all of it for each
    row, once it is more than the memory of one statement."""
    return exists().where(col(key) == col(named))


def cases_without_their_merchant(session: Session, limit: int = 100) -> list[str]:
    """Cases whose account is not their merchant's."""
    query = select(CaseRow.case_id).join(Account, col(Account.id) == col(CaseRow.account_id), isouter=True)
    is_it = (col(Account.address) == col(CaseRow.merchant)) & (col(Account.role) == "merchant")
    return list(session.exec(query.where(col(Account.id).is_(None) | ~is_it).limit(limit)))


def unsent(session: Session, record_ids: Sequence[str]) -> set[str]:
    """Those of the records and votes that still wait in the outbox."""
    query = select(OutboxRow.record_id).where(col(OutboxRow.record_id).in_(record_ids), col(OutboxRow.done).is_(False))
    return {str(record_id) for record_id in session.exec(query)}


def cases_only_on_chain(session: Session, limit: int = 100) -> tuple[list[str], int]:
    """Cases of our merchants that the chain has and we have not, and how many there are of merchants we do not know."""
    is_ours = _is_there(Account.address, ChainCase.merchant)
    missing = select(ChainCase.case_id).where(~_is_there(CaseRow.case_id, ChainCase.case_id))
    lost = session.exec(missing.where(is_ours).limit(limit)).all()
    strange = missing.where(~is_ours).subquery()
    return list(lost), session.exec(select(func.count()).select_from(strange)).one()


@dataclass(slots=True)
class TokenSums:
    """Minor units of one token."""

    deposited: int = 0
    balances: int = 0
    withdrawn_by_merchants: int = 0
    locked: int = 0
    due: int = 0
    withdrawn_by_consumers: int = 0
    credits: int = 0
    fees: int = 0  # ever credited

    @property
    def withdrawn_by_arbitrators(self) -> int:
        return self.fees - self.credits

    @property
    def held(self) -> int:
        return self.balances + self.locked + self.due + self.credits

    @property
    def out(self) -> int:
        return self.withdrawn_by_consumers + self.withdrawn_by_merchants + self.withdrawn_by_arbitrators


def token_sums(session: Session) -> dict[str, TokenSums]:
    """By token, what the indexer read."""
    found: dict[str, TokenSums] = {}
    summed = ("deposited", "minor", "withdrawn", "credit", "credited")
    per_balance = sql_select(
        col(ChainBalance.token), *(func.sum(getattr(ChainBalance, name)) for name in summed)
    ).group_by(col(ChainBalance.token))
    for token, deposited, minor, withdrawn, credit, credited in session.execute(per_balance):
        found[token] = TokenSums(int(deposited), int(minor), int(withdrawn), credits=int(credit), fees=int(credited))
    per_case = (
        select(
            ChainCase.token,
            func.sum(ChainCase.locked_refund + ChainCase.locked_freight + ChainCase.locked_reserve),
            func.sum(ChainCase.to_consumer - ChainCase.withdrawn),
            func.sum(ChainCase.withdrawn),
        )
        .where(ChainCase.mode != "none")
        .group_by(col(ChainCase.token))
    )
    for token, locked, due, withdrawn in session.exec(per_case):
        sums = found.setdefault(token, TokenSums())
        sums.locked, sums.due, sums.withdrawn_by_consumers = int(locked), int(due), int(withdrawn)
    return found


def claimed(session: Session) -> dict[str, int]:
    """By currency, what all cases ask for, in minor units."""
    query = select(CaseRow.currency, func.sum(CaseRow.refund_minor)).group_by(col(CaseRow.currency))
    return {currency: int(minor) for currency, minor in session.exec(query.order_by(col(CaseRow.currency)))}
