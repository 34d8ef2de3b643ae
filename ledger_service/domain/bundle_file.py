"""A bundle's file: its bytes, read with bounds before anything looks at what they say."""

from __future__ import annotations

from typing import Any

from ..errors import InvalidInput
from .strict_json import load_json

MAX_BYTES = 64 * 1024 * 1024


def read_json(data: bytes, name: str) -> Any:
    """The value of a JSON file. Raises InvalidInput for a file that is too large, nested too deep, no JSON, or one that
    two readers could read in two ways."""
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"It is larger than {MAX_BYTES} bytes.", field=name, remedy="Is it the right file?")
    try:
        return load_json(data, pairs=_once)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("It is no JSON.", field=name, remedy="Ask for the file again.") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two members of one name would let two readers see two files."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members
