"""Changes at random, in the bytes of a file, in a text, in the structure of a JSON value. None touches its base."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from .builder import TOKENS

Where = tuple[str | int, ...]
Way = Callable[[random.Random, Any, str | int], None]
ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 255, 2**16, 2**31, 2**40 - 1, 2**53 - 1, 2**53, 2**64, 2**256, 10**400, 0.5, 1e308),
    *("", " ", "0x", "0x0", "0x" + "00" * 32, "0x" + "ff" * 32, "0x" + "00" * 20, "x" * 5_000, "\x00", "\ud800", "é"),
    *("requested", "ruled", "own", "sha-256", "2026-02-30T00:00:00Z", "-1", "1e9", "NaN"),
    *([], {}, [[]], [None], {"": {}}, [[[[[[[[[]]]]]]]]], {"reason": ""}, {"keys": [{}]}, ["0x80"], ["0xc0"]),
)
_PIECES = (b"[", b"{", b'"', b"\\", b"\\ud800", b"[" * 200, b"null", b"-", b"\xff", b"9" * 5_000, b"\xc0\x80", b"\n\n")


def in_bytes(chance: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 8))):
        start = chance.randrange(len(changed) + 1)
        end = min(len(changed), start + chance.choice((1, 1, 4, 64, 4_096)))
        how = chance.randrange(5)
        if how == 0 and start < len(changed):
            changed[start] ^= 1 << chance.randrange(8)
        elif how == 1:
            del changed[start:end]
        elif how == 2:
            changed[start:start] = changed[start:end] * chance.choice((1, 2, 50))
        elif how == 3:
            changed[start:end] = chance.randbytes(end - start)
        else:
            changed[start:start] = chance.choice(_PIECES)
    return bytes(changed)


def in_text(chance: random.Random, text: str) -> str:
    return in_bytes(chance, text.encode()).decode("utf-8", chance.choice(("replace", "surrogateescape", "ignore")))


# --- in the structure ------------------------------------------------------------------------------------------------


def places(value: Any, path: Where = ()) -> Iterator[Where]:
    """The paths of all values, whatever they hold."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield (*path, name)
        yield from places(item, (*path, name))


def at(value: Any, path: Where) -> Any:
    for part in path:
        value = value[part]
    return value


class Changer:
    """Changes JSON values, with `others` to borrow values from."""

    def __init__(self, others: list[Any]) -> None:
        self._others = [(other, list(places(other))) for other in others]
        self._ways: tuple[Way, ...] = (
            *(odd, gone, renamed, repeated, shuffled, shuffled),
            *(self._borrowed, within_document, within_token),
        )

    def changed(self, chance: random.Random, base: Any, where: list[Where]) -> Any:
        """The value with one to five changes in some of these places; what is not changed is shared with the base."""
        value = copy.copy(base)
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            path = chance.choice(where)
            try:
                chance.choice(self._ways)(chance, _own_parent(value, path), path[-1])
            except (AttributeError, LookupError, TypeError, ValueError):  # it is gone, or another, since the one before
                continue
        return value

    def _borrowed(self, chance: random.Random, parent: Any, name: str | int) -> None:
        """A value of another place, or of another bundle."""
        other, where = chance.choice(self._others)
        parent[name] = at(other, chance.choice(where))


def _own_parent(value: Any, path: Where) -> Any:
    """What holds the place, copied with all above it."""
    for part in path[:-1]:
        value[part] = copy.copy(value[part])
        value = value[part]
    return value


def odd(chance: random.Random, parent: Any, name: str | int) -> None:
    parent[name] = chance.choice(ODD)


def gone(_chance: random.Random, parent: Any, name: str | int) -> None:
    del parent[name]


def renamed(chance: random.Random, parent: Any, name: str | int) -> None:
    parent[chance.choice(("x", "__class__", name, ""))] = parent.pop(name)


def repeated(chance: random.Random, parent: Any, name: str | int) -> None:
    value = parent[name]
    parent[name] = value * chance.choice((0, 2, 60)) if isinstance(value, list | str) else [value, value]


def shuffled(chance: random.Random, parent: Any, name: str | int) -> None:
    value = parent[name]
    if isinstance(value, list):
        parent[name] = chance.sample(value, len(value))
    elif isinstance(value, str) and value:
        place = chance.randrange(len(value))
        parent[name] = value[:place] + chance.choice('0123456789abcdefghAZ _.{}[]"\\é') + value[place + 1 :]
    elif isinstance(value, int):
        parent[name] = value + chance.choice((-1, 1, 2**8, 2**32))


def within_document(chance: random.Random, parent: Any, name: str | int) -> None:
    """A document changed in its own structure."""
    if not isinstance(parent, dict) or "canonical" not in parent:
        return shuffled(chance, parent, name)
    inner = within(chance, json.loads(parent["canonical"]))
    parent["canonical"] = json.dumps(inner, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return None


def within_token(chance: random.Random, parent: Any, name: str | int) -> None:
    """A receipt with other claims, or a note with another text, signed by a key of the service's."""
    if isinstance(parent, dict) and "receipt" in parent:
        claims = {"iat": 0, "jti": "", "sub": "", "commitment": "", "chain_id": 1337, "contract": ""}
        parent["receipt"] = TOKENS.sign("receipt+jwt", within(chance, claims))
    elif isinstance(parent, dict) and parent.get("note"):
        parent["note"] = in_text(chance, parent["note"])
    else:
        odd(chance, parent, name)


def within(chance: random.Random, value: Any) -> Any:
    """A value, changed itself in one of its places."""
    path = chance.choice(list(places(value)))
    chance.choice((odd, gone, shuffled))(chance, at(value, path[:-1]), path[-1])
    return value
