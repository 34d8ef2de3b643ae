"""Bulk imports."""

from __future__ import annotations

from pydantic import Field

from .common import Answer, Hash
from .lists import Money


class ImportProblem(Answer):
    row: int = Field(description="From 1, without a CSV's first line.")
    field: str
    error: str
    remedy: str


class ImportPreview(Answer):
    preview_id: str = Field(description="Send it with the same content to open the cases.")
    rows: int
    to_open: int
    known: list[int] = Field(description="Rows whose case was opened by an import before.")
    needed: list[Money] = Field(description="What the rows would lock.")
    problems: list[ImportProblem]


class ImportedRow(Answer):
    row: int
    reference: str
    case_id: Hash


class ImportDone(Answer):
    opened: list[ImportedRow]
    known: list[int]
    problems: list[ImportProblem]
