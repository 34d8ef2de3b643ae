"""SQL of cases: one case with its lock, and what it is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, SQLModel, col, select

from .tables import (
    CaseKey,
    CaseRow,
    ChainBalance,
    ChainCase,
    ChainPanel,
    DisclosureRow,
    OutboxRow,
    PreparedRecord,
    RecordRow,
    StatusLink,
)

_OUTBOX = SQLModel.metadata.tables["outbox"]
# Built once: this stands on the path of every accepted record.
_ENQUEUE: dict[str, Any] = {
    "sqlite": sqlite_insert(_OUTBOX).inline().on_conflict_do_nothing(),
    "postgresql": postgresql_insert(_OUTBOX).inline().on_conflict_do_nothing(),
}


def find_case(session: Session, case_id: str, *, for_update: bool = False) -> CaseRow | None:
    """The case; `for_update` keeps other acts on it waiting until this unit of work ends."""
    query = select(CaseRow).where(CaseRow.case_id == case_id)
    return session.exec(query.with_for_update(key_share=True) if for_update else query).first()


def case_by_source(session: Session, source: str) -> CaseRow | None:
    return session.exec(select(CaseRow).where(CaseRow.source == source)).first()


def known_sources(session: Session, prefix: str) -> set[str]:
    return set(session.exec(select(CaseRow.source).where(col(CaseRow.source).startswith(prefix))).all()) - {None}  # type: ignore[return-value]


def chain_case(session: Session, case_id: str) -> ChainCase | None:
    return session.get(ChainCase, case_id)


def chain_panel(session: Session, version: int) -> ChainPanel | None:
    """The content of a panel's version; None for none, and for one that was not read yet."""
    return session.get(ChainPanel, version)


def case_key(session: Session, case_id: str) -> CaseKey | None:
    return session.get(CaseKey, case_id)


def disclosures_of(session: Session, case_id: str) -> Sequence[DisclosureRow]:
    return session.exec(
        select(DisclosureRow).where(DisclosureRow.case_id == case_id).order_by(col(DisclosureRow.id))
    ).all()


def opening_disclosures(session: Session, case_id: str) -> Sequence[DisclosureRow]:
    """The sealed fields of the record that opened a case, without those that anybody stated later."""
    opened = select(RecordRow.record_id).where(RecordRow.case_id == case_id, RecordRow.kind == "requested")
    query = select(DisclosureRow).where(DisclosureRow.case_id == case_id, col(DisclosureRow.record_id).in_(opened))
    return session.exec(query.order_by(col(DisclosureRow.id))).all()


def prepared_record(session: Session, record_id: str) -> PreparedRecord | None:
    return session.get(PreparedRecord, record_id)


def record_by_id(session: Session, record_id: str) -> RecordRow | None:
    return session.exec(select(RecordRow).where(RecordRow.record_id == record_id)).first()


def requested_record(session: Session, case_id: str) -> RecordRow | None:
    return session.exec(select(RecordRow).where(RecordRow.case_id == case_id, RecordRow.kind == "requested")).first()


def status_link(session: Session, jti: str) -> StatusLink | None:
    return session.get(StatusLink, jti)


def first_link(session: Session, case_id: str, scopes: str, now: int) -> StatusLink | None:
    """The earliest link of a case with just these scopes that still works."""
    works = (StatusLink.scopes == scopes, col(StatusLink.revoked_at).is_(None), StatusLink.expires_at > now)
    earliest = (col(StatusLink.created_at), col(StatusLink.jti))
    return session.exec(select(StatusLink).where(StatusLink.case_id == case_id, *works).order_by(*earliest)).first()


def cases_by_tracking(session: Session, account_id: int, tracking_index: str) -> Sequence[CaseRow]:
    return session.exec(
        select(CaseRow)
        .where(CaseRow.account_id == account_id, CaseRow.tracking_index == tracking_index)
        .order_by(col(CaseRow.opened_at).desc())
    ).all()


def balance_of(session: Session, merchant: str, token: str) -> int:
    """Free minor units of a merchant, as the chain has them."""
    row = session.get(ChainBalance, (merchant, token))
    return row.minor if row else 0


def promised(session: Session, merchant: str, token: str) -> int:
    """Minor units that openings which the chain has not judged yet will lock."""
    query = (
        select(func.coalesce(func.sum(CaseRow.refund_minor + CaseRow.freight_minor + CaseRow.reserve_minor), 0))
        .join(OutboxRow, (col(OutboxRow.case_id) == col(CaseRow.case_id)) & (col(OutboxRow.action) == "open"))
        .where(
            CaseRow.merchant == merchant, CaseRow.token == token, CaseRow.mode != "none", col(OutboxRow.done).is_(False)
        )
    )
    return int(session.exec(query).one())


def enqueue(
    session: Session,
    action: str,
    subject: str,
    now: int,
    *,
    case_id: str | None = None,
    record_id: str | None = None,
) -> None:
    """Adds work for the chain; the same subject twice is the same work."""
    values = {
        "action": action,
        "subject": subject,
        "case_id": case_id,
        "record_id": record_id,
        "created_at": now,
        "done": False,
    }
    session.execute(_ENQUEUE[session.get_bind().dialect.name], values)
