"""Lines of CSV (RFC 4180) that a spreadsheet takes for what they are.

A cell that begins like a formula would be computed by whoever opens the file ("CSV injection", OWASP; CWE-1236), so an
apostrophe is put before it; quoting alone does not help. Numbers of ours are left as they are, a minus too.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Final

BOM: Final = "\ufeff"  # by which spreadsheets know UTF-8
_BEGINS_A_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")

Cell = str | int | None


def line(cells: Iterable[Cell]) -> str:
    """One line with its CRLF. None is an empty cell."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([plain(cell) for cell in cells])
    return text.getvalue()


def plain(cell: Cell) -> str:
    """The cell as text that is no formula."""
    text = "" if cell is None else str(cell)
    if _NUMBER.fullmatch(text):
        return text
    begins = {text[:1], text.lstrip()[:1]}  # some programs skip spaces
    return f"'{text}" if begins & _BEGINS_A_FORMULA else text


def header(columns: Sequence[str], *, bom: bool) -> str:
    return (BOM if bom else "") + line(columns)
