"""Headers of Ethereum's blocks (Yellow Paper, section 4.4), as the RLP whose keccak-256 is the block's hash."""

from __future__ import annotations

from dataclasses import dataclass

from .hashing import hex0x, keccak
from .rlp import decode, number

MAX_BYTES = 2_048  # a header of today has some 600; what a chain adds stands in one field
_SIZES = {0: 32, 1: 32, 2: 20, 3: 32, 4: 32, 5: 32, 6: 256}  # of the fields that are hashes, an address and the bloom
_STATE_ROOT, _NUMBER, _TIME = 3, 8, 11
_FEWEST, _MOST = 15, 32  # fields; forks add theirs at the end


@dataclass(frozen=True, slots=True)
class Header:
    """`time` is seconds since 1970 UTC."""

    hash: str
    parent_hash: str
    number: int
    time: int
    state_root: bytes


def read_header(data: bytes) -> Header:
    """Raises ValueError for bytes that are no header."""
    if len(data) > MAX_BYTES:
        raise ValueError("a block's header is shorter than that")
    fields = decode(data, 1)
    if not isinstance(fields, list) or not _FEWEST <= len(fields) <= _MOST:
        raise ValueError("a block's header is a list of its fields")
    if any(len(fields[at]) != size for at, size in _SIZES.items()):
        raise ValueError("a field of the block's header has another length")
    root, parent = fields[_STATE_ROOT], fields[0]
    assert isinstance(root, bytes)  # noqa: S101 - lists within the list were refused
    assert isinstance(parent, bytes)  # noqa: S101
    return Header(hex0x(keccak(data)), hex0x(parent), number(fields[_NUMBER]), number(fields[_TIME]), root)
