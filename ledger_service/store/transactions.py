"""Our transactions: what the submitter saved and sent, and what became of it.

A nonce of an account has one first attempt, its root, and those that pay more for the same. Whichever of them is mined
settles the root, and with it what the outbox says the root carries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import func, insert, or_, update
from sqlmodel import Session, SQLModel, col, select

from ..errors import Conflict
from .outbox import chunks, rows_changed
from .tables import OutboxRow, TransactionRow

_OUTBOX = SQLModel.metadata.tables["outbox"]
_TRANSACTIONS = SQLModel.metadata.tables["transactions"]


# --- the submitter's -------------------------------------------------------------------------------------------------


def next_nonce(session: Session, writer: str) -> int:
    """One more than the highest nonce of a saved transaction; 0 where there is none."""
    highest = session.exec(select(func.max(TransactionRow.nonce)).where(TransactionRow.writer == writer)).one()
    return 0 if highest is None else int(highest) + 1


def save_transaction(session: Session, transaction: TransactionRow, rows: Sequence[int]) -> None:
    """Keeps a signed transaction and the rows that it carries. Raises Conflict if one of them is carried already."""
    session.execute(insert(_TRANSACTIONS).values(**transaction.model_dump()))
    carried = 0
    for some in chunks(rows):
        free = _OUTBOX.c.id.in_(some) & _OUTBOX.c.tx_hash.is_(None) & _OUTBOX.c.done.is_(False)
        carried += rows_changed(
            session, update(_OUTBOX).where(free).values(tx_hash=transaction.root, writer=transaction.writer)
        )
    if carried != len(rows):
        raise Conflict("Another worker has sent some of this already.", remedy="Nothing is to be done.")


def unsettled(
    session: Session,
    *,
    writer: str | None = None,
    first: int = 0,
    sent_before: int | None = None,
    limit: int | None = 200,
) -> Sequence[TransactionRow]:
    """Attempts that are not known to be mined, by nonce from `first` on and by price: all, or those of `writer`. With
    `sent_before`: those not broadcast since then."""
    query = select(TransactionRow).where(col(TransactionRow.settled).is_(False), col(TransactionRow.nonce) >= first)
    if writer is not None:
        query = query.where(col(TransactionRow.writer) == writer)
    if sent_before is not None:
        sent = col(TransactionRow.broadcast_at)
        query = query.where(or_(sent.is_(None), sent <= sent_before))
    order = (col(TransactionRow.writer), col(TransactionRow.nonce), col(TransactionRow.gas_price))
    return session.exec(query.order_by(*order).limit(limit)).all()


def unsettled_of_each(session: Session) -> Sequence[TransactionRow]:
    """The first of every account, so that nobody's many attempts hide another's."""
    waiting = select(TransactionRow.writer).where(col(TransactionRow.settled).is_(False)).distinct()
    return [row for writer in sorted(session.exec(waiting)) for row in unsettled(session, writer=writer)]


def count_unsettled(session: Session, writer: str | None = None) -> int:
    """Nonces that are not known to be used."""
    query = select(func.count(func.distinct(TransactionRow.root))).where(col(TransactionRow.settled).is_(False))
    if writer is not None:
        query = query.where(col(TransactionRow.writer) == writer)
    return int(session.exec(query).one())


def nonces_from(session: Session, writer: str, first: int, limit: int) -> Sequence[int]:
    """Nonces of saved transactions from `first` on, in order."""
    query = select(TransactionRow.nonce).where(TransactionRow.writer == writer, col(TransactionRow.nonce) >= first)
    return session.exec(query.distinct().order_by(col(TransactionRow.nonce)).limit(limit)).all()


def mark_broadcast(session: Session, hashes: Sequence[str], now: int) -> None:
    for some in chunks(hashes):
        session.execute(update(_TRANSACTIONS).where(_TRANSACTIONS.c.tx_hash.in_(some)).values(broadcast_at=now))


# --- the indexer's ---------------------------------------------------------------------------------------------------


def roots_of(session: Session, hashes: Sequence[str]) -> dict[str, str]:
    """The roots of those of the hashes that are transactions of ours, by hash."""
    found: dict[str, str] = {}
    for some in chunks(hashes):
        query = select(TransactionRow.tx_hash, TransactionRow.root).where(col(TransactionRow.tx_hash).in_(some))
        found.update(session.exec(query).all())
    return found


def settle(session: Session, roots: Sequence[str]) -> None:
    """Says that one attempt is mined, or that none ever can be."""
    for some in chunks(roots):
        session.execute(update(_TRANSACTIONS).where(_TRANSACTIONS.c.root.in_(some)).values(settled=True))


def unsettle(session: Session, nonces: Mapping[str, int]) -> None:
    """Says that a reorg has removed the writers' transactions from these nonces on: they are broadcast again."""
    for writer, nonce in nonces.items():
        session.execute(
            update(_TRANSACTIONS)
            .where(_TRANSACTIONS.c.writer == writer, _TRANSACTIONS.c.nonce >= nonce)
            .values(settled=False, broadcast_at=None)
        )


def unsettle_undone(session: Session) -> None:
    """Says that transactions are not over whose work is not done (any more): another may have taken their number."""
    undone = select(OutboxRow.tx_hash).where(col(OutboxRow.done).is_(False), col(OutboxRow.tx_hash).is_not(None))
    over = _TRANSACTIONS.c.settled.is_(True) & _TRANSACTIONS.c.root.in_(undone)
    session.execute(update(_TRANSACTIONS).where(over).values(settled=False))


def writers(session: Session) -> Sequence[str]:
    """Every account that ever sent something of ours."""
    return session.exec(select(TransactionRow.writer).distinct()).all()
