"""Where a page ends, as one word that callers hand back: of cases a moment and a case id, of what a case has a
number, of an ordered list its order, a key and a case id."""

from __future__ import annotations

import json

from ..domain.disclosures import base64url, from_base64url
from ..domain.hashing import from_hex
from ..errors import InvalidInput


def write_cursor(moment: int, case_id: str) -> str:
    return base64url(f"{moment}:{case_id}".encode())


def read_cursor(cursor: str | None) -> tuple[int, str] | None:
    """What `write_cursor` wrote; None for no cursor. Raises InvalidInput for anything else."""
    if cursor is None:
        return None
    try:
        moment, case_id = from_base64url(cursor).decode().split(":")
        if not moment.isdigit() or len(moment) > 12 or len(from_hex(case_id)) != 32:
            raise ValueError("no moment and case id")  # noqa: TRY301 - one answer for whatever is wrong with it
        return int(moment), case_id
    except ValueError as error:
        raise _not_ours() from error


def write_number(number: int) -> str:
    return base64url(str(number).encode())


def read_number(cursor: str | None) -> int:
    """What `write_number` wrote; 0 for no cursor. Raises InvalidInput for anything else."""
    if cursor is None:
        return 0
    try:
        text = from_base64url(cursor).decode("ascii")
        if not text.isdigit() or len(text) > 9 or str(int(text)) != text:
            raise ValueError("no number")  # noqa: TRY301 - as above
        return int(text)
    except ValueError as error:
        raise _not_ours() from error


def write_place(sort: str, key: int | str, case_id: str) -> str:
    return base64url(json.dumps([sort, key, case_id], separators=(",", ":")).encode())


def read_place(cursor: str | None, sort: str) -> tuple[int | str, str] | None:
    """What `write_place` wrote for this order; None for no cursor. Raises InvalidInput for anything else."""
    if cursor is None:
        return None
    try:
        ordered, key, case_id = json.loads(from_base64url(cursor))
        is_text = sort == "reference"
        if ordered != sort or type(key) is not (str if is_text else int) or len(from_hex(case_id)) != 32:
            raise ValueError("another order, key or case id")  # noqa: TRY301 - as above
        if (isinstance(key, int) and not 0 <= key < 2**63) or (isinstance(key, str) and not is_storable(key)):
            raise ValueError("no key")  # noqa: TRY301 - as above
    except (ValueError, TypeError, RecursionError) as error:
        raise _not_ours() from error
    return key, case_id


def is_storable(text: str) -> bool:
    """Whether both databases take it as text. Raises UnicodeEncodeError, a ValueError, for a lone surrogate."""
    return b"\0" not in text.encode()


def _not_ours() -> InvalidInput:
    return InvalidInput(
        "This cursor is none of ours.", field="cursor", remedy="Send next_cursor as it was given, or none."
    )
