"""JSON from outside: UTF-8, numbers that are numbers, and no deeper than anything of ours is.

The depth is checked before the parser sees it: libraries of ours raise Python's recursion limit so far that the parser
would otherwise overrun the stack and take the process with it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn

MAX_DEPTH = 64
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_OPENING, _CLOSING = b"[{", b"]}"
_OTHER = bytes(set(range(256)) - {*_OPENING, *_CLOSING})


def load_json(
    data: bytes,
    *,
    parse_int: Callable[[str], int | float] = int,
    pairs: Callable[[list[tuple[str, Any]]], Any] | None = None,
) -> Any:
    """The value of JSON bytes; `pairs` makes an object of its members. Raises ValueError for anything else."""
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise ValueError(f"this is nested more than {MAX_DEPTH} deep")
    return json.loads(data.decode("utf-8"), parse_int=parse_int, parse_constant=_no_number, object_pairs_hook=pairs)


def _depth(data: bytes) -> int:
    deepest = depth = 0
    for byte in _STRING.sub(b"", data).translate(None, _OTHER):
        if byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"JSON has no {text}")
