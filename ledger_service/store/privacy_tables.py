"""What became of personal data, without any: erasures, exports, master keys that are over, and what is kept closed.

Hashes and ids are `0x` hex; moments are seconds since 1970 UTC.
"""

from __future__ import annotations

from sqlmodel import Field, SQLModel

from .columns import big


class Erasure(SQLModel, table=True):
    """A case whose personal data was destroyed. `cleared_at` is when what stood outside of the tables was gone too.

    `asked_by` is an account; None for the operator's command line, and for a record that the chain had.
    """

    __tablename__ = "erasures"
    case_id: str = Field(primary_key=True, foreign_key="cases.case_id")
    asked_by: int | None = Field(default=None, foreign_key="accounts.id")
    destroyed_at: int = Field(sa_column=big(nullable=False))
    cleared_at: int | None = Field(default=None, sa_column=big(nullable=True, index=True))


class PersonalDataExport(SQLModel, table=True):
    """Somebody was given all that is kept of a person: who asked, and of how many cases; not of whom."""

    __tablename__ = "personal_data_exports"
    id: int | None = Field(default=None, primary_key=True)
    made_at: int = Field(sa_column=big(nullable=False))
    asked_by: int | None = Field(default=None, foreign_key="accounts.id")  # None: the operator's command line
    cases: int


class RetiredKey(SQLModel, table=True):
    """A master key under which nothing is sealed any more, by its id."""

    __tablename__ = "retired_keys"
    key_id: str = Field(primary_key=True)
    retired_at: int = Field(sa_column=big(nullable=False))


class Hold(SQLModel, table=True):
    """Why personal fields stay closed: `restored` until the chain has said which cases were erased since a backup."""

    __tablename__ = "holds"
    name: str = Field(primary_key=True)
    since: int = Field(sa_column=big(nullable=False))
