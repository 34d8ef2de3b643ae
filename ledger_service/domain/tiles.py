"""The Merkle tree of a log in tiles of 256 hashes (C2SP tlog-tiles), so that it need not be held in memory.

A tile of level 0 holds leaf hashes; one of level L + 1 holds, for each of 256 full tiles of level L, the hash over that
tile. The rightmost tile of a level can be partly filled; a full one never changes. Appending touches only the open
tiles, and a root or a proof reads a few tiles, whatever the size.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ..errors import InvalidInput, NotFound
from .merkle import Tree, node_hash

WIDTH = 256  # hashes of a full tile
MAX_LEVEL = 5  # 2^48 entries, and the last level that the specification has
_BITS = 8
_HASH = 32
_PART = re.compile(r"x?[0-9]{3}")

Tile = tuple[int, int]  # level and index
TileReader = Callable[[int, int], bytes]  # the hashes of a tile, one after the other; as many as there are


class TiledTree(Tree):
    """A tree of `size` entries whose tiles are read when they are needed, each once, and folded once: the proofs of
    many entries share most of their hashes."""

    def __init__(self, size: int, read: TileReader) -> None:
        self._size_now = size
        self._read = read
        self._tiles: dict[Tile, bytes] = {}
        self._folded: dict[Tile, bytes] = {}  # by height and index

    def __len__(self) -> int:
        return self._size_now

    def complete(self, height: int, index: int) -> bytes:
        """Raises ValueError where a tile that has to be there lacks the hashes: the tiles were changed."""
        key = (height, index)
        if key not in self._folded:
            self._folded[key] = self._fold(height, index)
        return self._folded[key]

    def _fold(self, height: int, index: int) -> bytes:
        level, within = divmod(height, _BITS)
        first = index << within  # of 2^within hashes that stand beside each other in one tile
        number, offset = divmod(first, WIDTH)
        tile = self._tile(level, number)
        start, end = offset * _HASH, (offset + (1 << within)) * _HASH
        if len(tile) < end:
            raise ValueError(f"tile {number} of level {level} lacks hashes")
        return _fold(tile[start:end])

    def _tile(self, level: int, number: int) -> bytes:
        key = (level, number)
        if key not in self._tiles:
            self._tiles[key] = self._read(level, number)
        return self._tiles[key]


def open_tiles(size: int) -> list[Tile]:
    """The partly filled tiles of a tree, which are all that appending to it, and its root, take."""
    found, level = [], 0
    while size >> (_BITS * level):
        entries = size >> (_BITS * level)
        if entries % WIDTH:
            found.append((level, entries // WIDTH))
        level += 1
    return found


def append(size: int, tiles: Mapping[Tile, bytes], leaves: Sequence[bytes]) -> dict[Tile, bytes]:
    """The tiles that change when `leaves` (leaf hashes) follow the first `size` entries, whose open tiles are given.

    Raises ValueError or KeyError where those are not the tiles of that size.
    """
    changed: dict[Tile, bytes] = {}
    row, level, count = leaves, 0, size
    while row:
        number = count // WIDTH
        hashes = bytearray(tiles[level, number] if count % WIDTH else b"")
        if len(hashes) != count % WIDTH * _HASH:
            raise ValueError(f"tile {number} of level {level} does not hold {count % WIDTH} hashes")
        above: list[bytes] = []
        for entry in row:
            hashes += entry
            if len(hashes) == WIDTH * _HASH:
                changed[level, number] = bytes(hashes)
                above.append(_fold(bytes(hashes)))
                hashes.clear()
                number += 1
        if hashes:
            changed[level, number] = bytes(hashes)
        row, level, count = above, level + 1, count // WIDTH
    return changed


def width_of(size: int, tile: Tile) -> int:
    """How many hashes a tile holds in a tree of `size` entries."""
    level, number = tile
    return max(0, min(WIDTH, (size >> (_BITS * level)) - number * WIDTH))


def _fold(hashes: bytes) -> bytes:
    """The hash over a power of two of hashes."""
    row = [hashes[at : at + _HASH] for at in range(0, len(hashes), _HASH)]
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


# --- addresses -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TilePath:
    """What follows `tile/` in an address. `level` is None for the entries themselves; `width` is 256 for a full one."""

    level: int | None
    number: int
    width: int


def parse_tile_path(path: str) -> TilePath:
    """`0/x001/x234/067` or `entries/067.p/12` (C2SP tlog-tiles). Raises NotFound for any other way to write it."""
    level_text, _, rest = path.partition("/")
    number_text, partial, width_text = rest.partition(".p/")
    try:
        level = None if level_text == "entries" else _decimal(level_text, MAX_LEVEL)
        width = _decimal(width_text, WIDTH - 1) if partial else WIDTH
        number = _number(number_text)
    except ValueError:
        raise _no_tile() from None
    if width == 0 or number_path(number) != number_text:
        raise _no_tile()
    return TilePath(level, number, width)


def number_path(number: int) -> str:
    """`x001/x234/067` of 1234067: three digits an element, all but the last marked."""
    parts = [f"{number % 1000:03d}"]
    while number >= 1000:
        number //= 1000
        parts.append(f"x{number % 1000:03d}")
    return "/".join(reversed(parts))


def entry_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries as tlog-tiles has them: each after its length in two bytes. Raises InvalidInput for one of 64 KiB."""
    if any(len(entry) > 0xFFFF for entry in entries):
        raise InvalidInput("An entry of a log has less than 64 KiB.", field="entry")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def _decimal(text: str, most: int) -> int:
    if not text.isascii() or not text.isdigit() or str(int(text)) != text or int(text) > most:
        raise ValueError(text)
    return int(text)


def _number(text: str) -> int:
    parts = text.split("/")
    if len(parts) > MAX_LEVEL + 1 or not all(_PART.fullmatch(part) for part in parts):
        raise ValueError(text)
    return int("".join(part[-3:] for part in parts))


def _no_tile() -> NotFound:
    return NotFound(
        "There is no such tile.", field="tile", remedy="Ask for LEVEL/NUMBER, or LEVEL/NUMBER.p/WIDTH, as tlog-tiles."
    )
