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
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_OPENING, _CLOSING = b"[{", b"]}"


def load_json(data: bytes, *, parse_int: Callable[[str], int | float] = int) -> Any:
    """The value of JSON bytes. Raises ValueError for anything else."""
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH and _depth(data) > MAX_DEPTH:
        raise ValueError(f"this is nested more than {MAX_DEPTH} deep")
    return json.loads(data.decode("utf-8"), parse_int=parse_int, parse_constant=_no_number)


def _depth(data: bytes) -> int:
    deepest = depth = 0
    for byte in _STRING.sub(b"", data):
        if byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        elif byte in _CLOSING:
            depth -= 1
    return deepest


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"JSON has no {text}")
