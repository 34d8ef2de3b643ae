"""Columns that every database has to hold alike."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary


def big(**options: object) -> Column[int]:
    return Column(BigInteger, **options)  # type: ignore[arg-type]


def raw(*, nullable: bool = False) -> Column[bytes]:
    return Column(LargeBinary, nullable=nullable)
