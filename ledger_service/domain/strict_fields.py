"""Values of JSON that others made, read strictly: each raises InvalidInput with the path of what is wrong."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from ..errors import InvalidInput
from .hashing import checksum_address, hex0x

MAX_ITEMS = 10_000  # of one list; a case of that length would take years
MAX_TEXT = 1 << 20  # characters of one text
LAST_MOMENT = 253_402_300_799  # seconds since 1970 UTC: the end of the year 9999, the last that a date can name


def members(value: Any, path: str, names: tuple[str, ...]) -> dict[str, Any]:
    body = dictionary(value, path)
    missing, beside = set(names) - set(body), set(body) - set(names)
    if missing or beside:
        what = f"lacks {sorted(missing)[0]!r}" if missing else f"has an unknown {sorted(beside)[0]!r}"
        raise refused(f"It {what}.", path)
    return body


def dictionary(value: Any, path: str) -> dict[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        raise refused("It is no JSON object.", path)
    return value


def items(value: Any, path: str) -> list[tuple[int, Any]]:
    if not isinstance(value, list) or len(value) > MAX_ITEMS:
        raise refused(f"It is no list of at most {MAX_ITEMS} items.", path)
    return list(enumerate(value))


def text(value: Any, path: str, most: int = MAX_TEXT) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise refused(f"It is no text of at most {most} characters.", path)
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise refused("It holds half a character.", path) from None
    return value


def integer(value: Any, path: str, bits: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise refused(f"It is no whole number of {bits} bits.", path)
    return value


def moment(value: Any, path: str) -> int:
    """Seconds since 1970 UTC that a date can name."""
    seconds = integer(value, path, 40)
    if seconds > LAST_MOMENT:
        raise refused("It is no time before the year 10000.", path)
    return seconds


def hex_bytes(value: Any, path: str) -> bytes:
    written = text(value, path)
    try:
        data = bytes.fromhex(written[2:])
    except ValueError:
        data = b""
    if hex0x(data) != written:
        raise refused("It is no 0x hex in lower case.", path)
    return data


def word(value: Any, path: str) -> bytes:
    data = hex_bytes(value, path)
    if len(data) != 32:
        raise refused("It is no 32 bytes.", path)
    return data


def address(value: Any, path: str) -> str:
    written = text(value, path)
    if not is_address(written):
        raise refused("It is no address with its checksum.", path)
    return written


@lru_cache(maxsize=4096)
def is_address(text: str) -> bool:
    """Whether a text is an address with its checksum."""
    return re.fullmatch(r"0x[0-9a-fA-F]{40}", text) is not None and checksum_address(bytes.fromhex(text[2:])) == text


def refused(what: str, path: str) -> InvalidInput:
    return InvalidInput(what, field=path, remedy="Ask for the evidence again, and pass it on unchanged.")
