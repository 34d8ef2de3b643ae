"""SQL of the anchors on the second chain."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_
from sqlmodel import Session, col, select

from .tables import SecondAnchor


def unsure(session: Session, final: int) -> Sequence[SecondAnchor]:
    """Those on their way, and those that a reorg can still take back: which stand above the block `final`."""
    number = col(SecondAnchor.block_number)
    query = select(SecondAnchor).where(or_(number.is_(None), number > final)).order_by(col(SecondAnchor.size))
    return session.exec(query).all()


def newest(session: Session) -> SecondAnchor | None:
    """The last that was sent."""
    return session.exec(select(SecondAnchor).order_by(col(SecondAnchor.size).desc()).limit(1)).first()


def put(session: Session, row: SecondAnchor) -> None:
    session.merge(row)


def forget(session: Session, size: int) -> None:
    row = session.get(SecondAnchor, size)
    if row is not None:
        session.delete(row)
