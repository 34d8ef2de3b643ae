"""Writing and reading what every accepted record needs, with statements that are built once: this is the hot path.

Rows go in as dictionaries by column, as the indexer's do (`chain_facts.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, insert
from sqlmodel import Session, SQLModel, select

from .tables import ChainRecord

Row = dict[str, Any]
_INSERTS = {name: insert(table).inline() for name, table in SQLModel.metadata.tables.items()}


def insert_many(session: Session, table: type[SQLModel], rows: Sequence[Row]) -> None:
    """Rows that have the same columns. None is none."""
    if rows:
        session.execute(_INSERTS[str(table.__tablename__)], list(rows))


def count_links(session: Session) -> int:
    """Records that stand on the chain, as far as it was read."""
    return session.exec(select(func.count()).select_from(ChainRecord)).one()
