"""SQL of erasures: what is destroyed of a case, what waits to be, and what still stands in the way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, exists, func, or_, update
from sqlmodel import Session, col, select

from ..domain.vocabulary import Kind
from .ours import REJECTED
from .tables import (
    Account,
    CaseKey,
    CaseRow,
    CaseWord,
    ChainCase,
    ChainRecord,
    ChainRefusal,
    DisclosureRow,
    Erasure,
    HeldKey,
    Hold,
    IdempotentRequest,
    Mail,
    OutboxRow,
    PersonalDataExport,
    PreparedCase,
    PreparedRecord,
    PreparedVote,
    RecordRow,
    StatusLink,
    WebhookEvent,
)

RESTORED = "restored"

# What goes as a whole with the case that it is of.
_OF_CASE: tuple[Any, ...] = (
    DisclosureRow,
    CaseKey,
    CaseWord,
    PreparedRecord,
    PreparedVote,
    PreparedCase,
    IdempotentRequest,
)


def destroy_case(session: Session, case: CaseRow, source: str | None, now: int) -> None:
    """Destroys the key and every personal field of a case, and what was told or answered of it. `source` takes the
    place of the import's."""
    case_id = case.case_id
    links = session.exec(select(StatusLink.jti).where(StatusLink.case_id == case_id)).all()
    by_link = col(IdempotentRequest.principal).in_([f"link:{jti}" for jti in links])
    session.execute(delete(IdempotentRequest).where(by_link))
    for table in _OF_CASE:
        session.execute(delete(table).where(col(table.case_id) == case_id))
    open_links = (col(StatusLink.case_id) == case_id) & col(StatusLink.revoked_at).is_(None)
    session.execute(update(StatusLink).where(open_links).values(revoked_at=now))
    unsent = (col(Mail.case_id) == case_id) & (col(Mail.state) == "due")
    session.execute(update(Mail).where(unsent).values(state="dropped"))
    for event in session.exec(select(WebhookEvent).where(WebhookEvent.case_id == case_id)):
        event.payload = _without_reference(event.payload)
        session.add(event)
    case.reference, case.source, case.tracking_index, case.consumer_index = "", source, None, None
    case.erased_at = now
    session.add(case)
    session.flush()


def _without_reference(payload: str) -> str:
    content = json.loads(payload)
    content["data"]["reference"] = ""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def destroy_consumer_key(session: Session, case: CaseRow) -> bool:
    """Destroys the key that was made for the consumer of this case, unless money was paid to it, or somebody else signs
    with it; whether it is gone now."""
    held = session.get(HeldKey, case.consumer)
    if held is None:
        return True
    if is_key_needed(session, case):
        return False
    session.delete(held)
    session.flush()
    return True


def is_key_needed(session: Session, case: CaseRow) -> bool:
    chain = session.get(ChainCase, case.case_id)
    is_account = session.exec(select(Account.id).where(Account.address == case.consumer)).first() is not None
    was_paid = chain is not None and chain.withdrawn > 0 and chain.withdrawn_to == case.consumer
    return is_account or was_paid or (chain is not None and chain.to_consumer > chain.withdrawn)


# --- what stands in the way ------------------------------------------------------------------------------------------


def is_anything_waiting(session: Session, case_id: str) -> bool:
    """Whether something of the case is still to be written to the chain, or to be judged there."""
    waiting = select(OutboxRow.id).where(OutboxRow.case_id == case_id, col(OutboxRow.done).is_(False))
    return session.exec(waiting.limit(1)).first() is not None


def has_mail_on_its_way(session: Session, case_id: str, now: int) -> bool:
    """Whether a message to the consumer is due now, being sent, or to be tried again."""
    begun = or_(col(Mail.due_at) <= now, col(Mail.attempts) > 0, col(Mail.claimed_until) > now)
    due = select(Mail.id).where(Mail.case_id == case_id, Mail.state == "due", begun)
    return session.exec(due.limit(1)).first() is not None


def last_block(session: Session, case_id: str) -> int | None:
    """The block of the newest record of a case; None for one that the chain does not know."""
    return session.exec(select(func.max(ChainRecord.block_number)).where(ChainRecord.case_id == case_id)).one()


# --- what is to be done ----------------------------------------------------------------------------------------------


def note_erasure(session: Session, case_id: str, asked_by: int | None, now: int) -> None:
    row = session.get(Erasure, case_id) or Erasure(case_id=case_id, asked_by=asked_by, destroyed_at=now)
    row.cleared_at = None
    session.add(row)
    session.flush()


def uncleared(session: Session, limit: int = 1_000) -> Sequence[str]:
    """Erased cases of which something may stand outside of the tables."""
    query = select(Erasure.case_id).where(col(Erasure.cleared_at).is_(None)).order_by(col(Erasure.case_id))
    return session.exec(query.limit(limit)).all()


def mark_cleared(session: Session, case_ids: Sequence[str], now: int) -> None:
    session.execute(update(Erasure).where(col(Erasure.case_id).in_(case_ids)).values(cleared_at=now))


def mails_of(session: Session, case_ids: Sequence[str]) -> Sequence[int]:
    """The numbers of all messages about some cases."""
    query = select(Mail.id).where(col(Mail.case_id).in_(case_ids))
    return [int(each) for each in session.exec(query) if each is not None]


def erased_on_chain(session: Session, since: int = 0) -> Sequence[tuple[str, int]]:
    """Cases that the chain says were erased, in blocks from `since` on, and whose key is here all the same; each with
    the block that says so."""
    kept = exists().where(col(CaseKey.case_id) == col(ChainRecord.case_id))
    erased = select(ChainRecord.case_id, ChainRecord.block_number).where(
        ChainRecord.kind == Kind.ERASED.wire, ChainRecord.block_number >= since, kept
    )
    return session.exec(erased).all()


def refused_openings(session: Session) -> Sequence[tuple[str, int]]:
    """Cases that the contract refused to open, and whose key is here; each with the last block that says so."""
    kept = exists().where(col(CaseKey.case_id) == col(RecordRow.case_id))
    opened = exists().where(col(ChainCase.case_id) == col(RecordRow.case_id))
    refused = select(RecordRow.case_id, func.max(ChainRefusal.block_number)).where(
        RecordRow.kind == Kind.REQUESTED.wire, REJECTED, kept, ~opened
    )
    return session.exec(refused.group_by(RecordRow.case_id)).all()


def hold(session: Session, name: str) -> Hold | None:
    return session.get(Hold, name)


def end_hold(session: Session, name: str) -> None:
    session.execute(delete(Hold).where(col(Hold.name) == name))


# --- exports ---------------------------------------------------------------------------------------------------------


def cases_of_consumer(session: Session, indexes: Sequence[str]) -> Sequence[CaseRow]:
    """The cases under these keyed hashes of an e-mail address, oldest first."""
    query = select(CaseRow).where(col(CaseRow.consumer_index).in_(indexes))
    return session.exec(query.order_by(col(CaseRow.opened_at), col(CaseRow.case_id))).all()


def cases_without_index(session: Session, account_id: int | None, after: str, limit: int) -> Sequence[CaseRow]:
    """Cases that were opened before addresses were hashed, and are not erased."""
    query = select(CaseRow).where(
        col(CaseRow.consumer_index).is_(None), col(CaseRow.erased_at).is_(None), CaseRow.case_id > after
    )
    if account_id is not None:
        query = query.where(CaseRow.account_id == account_id)
    return session.exec(query.order_by(col(CaseRow.case_id)).limit(limit)).all()


def merchants(session: Session) -> Sequence[int]:
    """The accounts that may have opened cases."""
    return [int(each or 0) for each in session.exec(select(Account.id).where(Account.role == "merchant"))]


def all_mails(session: Session, case_id: str) -> Sequence[Mail]:
    return session.exec(select(Mail).where(Mail.case_id == case_id).order_by(col(Mail.id))).all()


def all_links(session: Session, case_id: str) -> Sequence[StatusLink]:
    return session.exec(
        select(StatusLink).where(StatusLink.case_id == case_id).order_by(col(StatusLink.created_at))
    ).all()


def note_export(session: Session, asked_by: int | None, cases: int, now: int) -> None:
    session.add(PersonalDataExport(made_at=now, asked_by=asked_by, cases=cases))
