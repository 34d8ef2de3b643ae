"""SQL of the messages to consumers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, update
from sqlmodel import Session, col, select

from .outbox import chunks, rows_changed
from .tables import ChainEvent, ChainRecord, Mail, OutboxRow, RecordRow
from .telling import insert_for


def due_mails(session: Session, now: int, limit: int) -> Sequence[Mail]:
    """Those to be sent now, and in nobody's hands."""
    free = and_(col(Mail.state) == "due", col(Mail.due_at) <= now, col(Mail.claimed_until) <= now)
    return session.exec(select(Mail).where(free).order_by(col(Mail.due_at), col(Mail.id)).limit(limit)).all()


def claim_mail(session: Session, mail_id: int, now: int, until: int) -> bool:
    """Whether the message is the caller's to send until then: of two workers one gets it."""
    free = and_(col(Mail.id) == mail_id, col(Mail.state) == "due", col(Mail.claimed_until) <= now)
    claimed = update(Mail).where(free).values(claimed_until=until, attempts=Mail.attempts + 1)
    return rows_changed(session, claimed) == 1


def told_cases(session: Session, case_ids: Iterable[str]) -> set[str]:
    """Those of the cases whose consumer has an address, and was told of the opening."""
    found: set[str] = set()
    for some in chunks(sorted(case_ids)):
        query = select(Mail.case_id).where(col(Mail.case_id).in_(some), Mail.position == 0, Mail.head == "")
        found |= set(session.exec(query).all())
    return found


def notice_of(session: Session, link: ChainRecord) -> ChainEvent | None:
    """The notice that what this record states waits out before it counts; None where it counts at once."""
    given = select(ChainEvent).where(
        ChainEvent.case_id == link.case_id,
        ChainEvent.name == "NoticeGiven",
        col(ChainEvent.args).contains(link.commitment),
    )
    return session.exec(given.limit(1)).first()


def add_mail(session: Session, *, case_id: str, template: str, position: int, due_at: int, **more: Any) -> None:
    """A message about one record; the same record and occasion twice is the same message. `more` are other columns."""
    values: dict[str, Any] = {
        "case_id": case_id,
        "template": template,
        "position": position,
        "due_at": due_at,
        "head": "",
        "occasion": "start",
        "block_number": -1,
        "deadline": 0,
        "state": "due",
        "attempts": 0,
        "claimed_until": 0,
        "corrected": False,
        **more,
    }
    session.execute(insert_for(session)(Mail).values(**values).on_conflict_do_nothing())


def mails_about(session: Session, case_id: str, position: int) -> Sequence[Mail]:
    """All that was, or is to be, said about the record at a position, whichever stood there; locked, so that nobody
    sends meanwhile what is decided upon."""
    about = select(Mail).where(Mail.case_id == case_id, Mail.position == position)
    return session.exec(about.order_by(col(Mail.id)).with_for_update()).all()


def went_out(mail: Mail) -> bool:
    """Or may have: a worker has it in its hands, or ended while it had."""
    return mail.state == "sent" or mail.claimed_until > 0


def is_going_out(session: Session, mail: Mail, now: int) -> bool:
    """Whether somebody is sending an earlier message about the same record right now."""
    earlier = select(Mail.id).where(
        Mail.case_id == mail.case_id,
        Mail.position == mail.position,
        col(Mail.id) < mail.id,
        Mail.state == "due",
        Mail.claimed_until > now,
    )
    return session.exec(earlier.limit(1)).first() is not None


def is_called_off(session: Session, mail: Mail) -> bool:
    """Whether a correction of the message was made, of which the last word is to be."""
    return any(other.occasion == "correction" for other in _of_same_head(session, mail) if other.id != mail.id)


def was_said(session: Session, correction: Mail) -> bool:
    """Whether any of what a message corrects went out."""
    return any(went_out(other) for other in _of_same_head(session, correction) if other.occasion != "correction")


def _of_same_head(session: Session, mail: Mail) -> Sequence[Mail]:
    same = (Mail.case_id == mail.case_id, Mail.position == mail.position, Mail.head == mail.head)
    return session.exec(select(Mail).where(*same)).all()


def link_of(session: Session, mail: Mail) -> ChainRecord | None:
    """The record that the message is about, if it stands on the chain now."""
    link = session.get(ChainRecord, (mail.case_id, mail.position))
    return link if link is not None and link.head == mail.head else None


def is_overtaken(session: Session, mail: Mail, now: int) -> bool:
    """Whether a later message about the same window is due as well."""
    later = select(Mail.id).where(
        Mail.case_id == mail.case_id,
        Mail.position == mail.position,
        Mail.head == mail.head,
        Mail.due_at > mail.due_at,
        Mail.due_at <= now,
    )
    return session.exec(later.limit(1)).first() is not None


def has_acted(session: Session, case_id: str) -> bool:
    """Whether something that the consumer stated is on its way to the chain."""
    on_its_way = (
        select(OutboxRow.id)
        .join(RecordRow, col(RecordRow.record_id) == col(OutboxRow.record_id))
        .where(OutboxRow.case_id == case_id, col(OutboxRow.done).is_(False), RecordRow.role == "consumer")
    )
    return session.exec(on_its_way.limit(1)).first() is not None
