"""SQL of the messages to consumers."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import and_, exists
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from .tables import ChainEvent, ChainRecord, Mail


def due_mails(session: Session, now: int, limit: int) -> Sequence[Mail]:
    return session.exec(
        select(Mail).where(col(Mail.sent_at).is_(None), Mail.due_at <= now).order_by(col(Mail.id)).limit(limit)
    ).all()


def unannounced_links(session: Session, kinds: Sequence[str], from_block: int) -> Sequence[ChainRecord]:
    """Links of these kinds without a message, of cases whose consumer was told of the opening."""
    opened, told = aliased(Mail), aliased(Mail)
    return session.exec(
        select(ChainRecord)
        .join(opened, and_(col(opened.case_id) == col(ChainRecord.case_id), col(opened.position) == 0))
        .where(
            ChainRecord.block_number >= from_block,
            col(ChainRecord.kind).in_(kinds),
            ~exists().where(
                col(told.case_id) == col(ChainRecord.case_id), col(told.position) == col(ChainRecord.position)
            ),
        )
        .order_by(col(ChainRecord.block_number), col(ChainRecord.log_index))
    ).all()


def was_noticed(session: Session, link: ChainRecord) -> bool:
    """Whether what this record states waits out a notice before it counts."""
    given = select(ChainEvent.tx_hash).where(
        ChainEvent.case_id == link.case_id,
        ChainEvent.name == "NoticeGiven",
        col(ChainEvent.args).contains(link.commitment),
    )
    return session.exec(given.limit(1)).first() is not None


def add_mail(session: Session, *, case_id: str, template: str, position: int, due_at: int) -> None:
    """A message about one record; the same record twice is the same message."""
    values = {"case_id": case_id, "template": template, "position": position, "due_at": due_at, "attempts": 0}
    insert = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    session.execute(insert(Mail).values(**values).on_conflict_do_nothing())
