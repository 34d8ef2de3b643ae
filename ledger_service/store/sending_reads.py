"""For the audit: the numbers of our accounts' transactions, and payments by case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import func
from sqlmodel import Session, col, select

from .tables import ChainEvent, TransactionRow


@dataclass(slots=True)
class Numbers:
    """Nonces of an account: those `waiting` to be used, the highest one said to be `over`, and those given `twice`, to
    transactions that are not attempts at the same."""

    waiting: list[int] = field(default_factory=list)
    over: int = -1
    twice: list[int] = field(default_factory=list)


def numbers_by_account(session: Session) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    named = (col(TransactionRow.writer), col(TransactionRow.nonce))
    waiting = select(*named).where(col(TransactionRow.settled).is_(False)).distinct().order_by(*named)
    for writer, nonce in session.exec(waiting):
        found.setdefault(writer, Numbers()).waiting.append(nonce)
    over = select(TransactionRow.writer, func.max(TransactionRow.nonce)).where(col(TransactionRow.settled).is_(True))
    for writer, highest in session.exec(over.group_by(col(TransactionRow.writer))):
        found.setdefault(writer, Numbers()).over = int(highest)
    twice = select(*named).group_by(*named).having(func.count(func.distinct(TransactionRow.root)) > 1)
    for writer, nonce in session.exec(twice.order_by(*named)):
        found.setdefault(writer, Numbers()).twice.append(nonce)
    return found


def paid_twice(session: Session) -> Sequence[tuple[str, str, int]]:
    """Cases with more than one settlement or more than one payment: the case, the event, how many there are."""
    query = (
        select(ChainEvent.case_id, ChainEvent.name, func.count())
        .where(col(ChainEvent.name).in_(("Settled", "Withdrawn")))
        .group_by(col(ChainEvent.case_id), col(ChainEvent.name))
        .having(func.count() > 1)
    )
    return [(str(case_id), name, int(times)) for case_id, name, times in session.exec(query)]
