"""RLP (Ethereum Yellow Paper, appendix B), read strictly: bytes and lists of them, with one way to write each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

Item: TypeAlias = "bytes | list[Item]"
_SHORT = 55  # bytes whose length stands in the first byte
MAX_DEPTH = 16  # of lists within lists; a block's header has one, a trie's node a few


def decode(data: bytes, depth: int = MAX_DEPTH) -> Item:
    """The one item that these bytes are. Raises ValueError for anything else."""
    item, end = _read(data, 0, depth)
    if end != len(data):
        raise ValueError("there are bytes after the RLP item")
    return item


def encode(item: bytes | Sequence[Item]) -> bytes:
    """The bytes of an item."""
    if isinstance(item, bytes):
        return item if len(item) == 1 and item[0] < 0x80 else _head(len(item), 0x80) + item
    payload = b"".join(map(encode, item))
    return _head(len(payload), 0xC0) + payload


def encode_number(value: int) -> bytes:
    """A whole number as the bytes that RLP has for it: none for zero, no leading zeros."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def number(item: Item) -> int:
    """Raises ValueError for what is no whole number in its one form."""
    if isinstance(item, list) or item[:1] == b"\0":
        raise ValueError("an RLP number is bytes without leading zeros")
    return int.from_bytes(item, "big")


def _head(length: int, base: int) -> bytes:
    if length <= _SHORT:
        return bytes([base + length])
    size = encode_number(length)
    return bytes([base + _SHORT + len(size)]) + size


def _read(data: bytes, at: int, depth: int) -> tuple[Item, int]:
    """The item that begins there, and where it ends."""
    if at >= len(data):
        raise ValueError("the RLP item is cut off")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    base = 0x80 if first < 0xC0 else 0xC0
    start, end = _span(data, at, first - base)
    if base == 0xC0:
        return _items(data, start, end, depth), end
    payload = data[start:end]
    if len(payload) == 1 and payload[0] < 0x80:
        raise ValueError("a small byte is its own RLP item")
    return payload, end


def _items(data: bytes, at: int, end: int, depth: int) -> list[Item]:
    if depth == 0:
        raise ValueError(f"RLP lists are nested more than {MAX_DEPTH} deep")
    found: list[Item] = []
    inner = data[:end]  # so that nothing in a list reaches beyond it
    while at < end:
        item, at = _read(inner, at, depth - 1)
        found.append(item)
    return found


def _span(data: bytes, at: int, size: int) -> tuple[int, int]:
    """Where an item's payload begins and ends."""
    start, length = at + 1, size
    if size > _SHORT:
        start += size - _SHORT
        written = data[at + 1 : start]
        length = int.from_bytes(written, "big")
        if len(written) != size - _SHORT or written[:1] == b"\0" or length <= _SHORT:
            raise ValueError("an RLP length is not in its one form")
    if start + length > len(data):
        raise ValueError("the RLP item is cut off")
    return start, start + length
