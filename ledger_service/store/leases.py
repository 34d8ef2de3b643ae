"""Leases: who alone may do something for the next few seconds, by the database's own clock.

Machines' clocks differ; the database has one. Whoever keeps a lease's work in the same transaction as `require` can
never keep it after somebody else took over: the lease's row stays locked until that transaction ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlmodel import Session, SQLModel

from ..errors import Conflict
from .outbox import rows_changed

_LEASES = SQLModel.metadata.tables["leases"]
_NOW: dict[str, ColumnElement[Any]] = {  # milliseconds since 1970
    "sqlite": literal_column("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"),
    "postgresql": literal_column("CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"),
}


class LeaseLost(Conflict):
    """Somebody else has taken over what this holder was doing."""


def acquire(session: Session, name: str, holder: str, seconds: float) -> bool:
    """Takes a lease that nobody holds, or goes on with one's own; False if it is another's."""
    dialect = session.get_bind().dialect.name
    until = _NOW[dialect] + int(seconds * 1000)
    free = or_(_LEASES.c.holder == holder, _LEASES.c.expires_at <= _NOW[dialect])
    taken = update(_LEASES).where(_LEASES.c.name == name, free).values(holder=holder, expires_at=until)
    if rows_changed(session, taken) == 1:
        return True
    insert = sqlite_insert if dialect == "sqlite" else postgresql_insert
    made = insert(_LEASES).values(name=name, holder=holder, expires_at=until).on_conflict_do_nothing()
    return rows_changed(session, made) == 1


def take_over(session: Session, name: str, dead: str, holder: str, seconds: float) -> bool:
    """Takes the lease of a holder that is known to be gone, without waiting for its end."""
    until = _NOW[session.get_bind().dialect.name] + int(seconds * 1000)
    taken = update(_LEASES).where(_LEASES.c.name == name, _LEASES.c.holder == dead)
    return rows_changed(session, taken.values(holder=holder, expires_at=until)) == 1


def require(session: Session, name: str, holder: str) -> None:
    """Raises LeaseLost unless the lease is this holder's now, and keeps it so until the transaction ends."""
    mine = (_LEASES.c.name == name) & (_LEASES.c.holder == holder)
    live = mine & (_LEASES.c.expires_at > _NOW[session.get_bind().dialect.name])
    if session.execute(select(_LEASES.c.name).where(live).with_for_update()).first() is None:
        raise LeaseLost(f"Somebody else does {name} now.", remedy="Nothing is to be done: it goes on over there.")


def holder_of(session: Session, name: str) -> str | None:
    """Whoever held it last, be it over or not."""
    found = session.execute(select(_LEASES.c.holder).where(_LEASES.c.name == name)).first()
    return found[0] if found else None


def held(session: Session) -> dict[str, bool]:
    """What is done by one at a time, and whether somebody does it now."""
    live = _LEASES.c.expires_at > _NOW[session.get_bind().dialect.name]
    return {name: bool(is_live) for name, is_live in session.execute(select(_LEASES.c.name, live))}


def release(session: Session, names: Sequence[str], holder: str) -> None:
    session.execute(delete(_LEASES).where(_LEASES.c.name.in_(names), _LEASES.c.holder == holder))
