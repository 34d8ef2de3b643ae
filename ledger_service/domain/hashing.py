"""keccak-256, and values as the EVM's 32-byte words."""

from __future__ import annotations

from functools import lru_cache

from eth_hash.backends.pysha3 import backend  # ten times faster than the one that eth_hash picks by itself
from eth_hash.main import Keccak256

_keccak = Keccak256(backend)

ZERO_WORD = bytes(32)
ZERO_ADDRESS = "0x" + "00" * 20


def keccak(data: bytes) -> bytes:
    return _keccak(data)


def hex0x(data: bytes) -> str:
    return "0x" + data.hex()


@lru_cache(maxsize=16_384)
def checksum_address(account: bytes) -> str:
    """20 bytes as an address with its checksum (EIP-55): a letter is upper case where the hash of all has 8 or more."""
    digits = account.hex()
    marks = keccak(digits.encode("ascii")).hex()
    return "0x" + "".join([digit.upper() if mark > "7" else digit for digit, mark in zip(digits, marks, strict=False)])


def from_hex(text: str, length: int | None = None) -> bytes:
    """Bytes of a `0x` string. Raises ValueError if it is no hex or, where given, not `length` bytes long."""
    try:
        data = bytes.fromhex(text[2:])
    except (TypeError, ValueError):
        raise _no_hex() from None
    if 2 + 2 * len(data) != len(text) or text[:2] != "0x":  # bytes.fromhex takes spaces between the digits
        raise _no_hex()
    if length is not None and len(data) != length:
        raise ValueError(f"{length} bytes are {2 * length} hex digits after 0x, not {2 * len(data)}")
    return data


def _no_hex() -> ValueError:
    return ValueError("a hex value is 0x and an even number of hex digits")


def word(value: int | bool | bytes | str) -> bytes:
    """A value as one ABI word: integers right-aligned, an address (a `0x` string of 20 bytes) likewise, bytes32 as is.

    Raises ValueError for bytes of another length, OverflowError for an integer beyond 256 bits or below zero.
    """
    if isinstance(value, int):
        return int(value).to_bytes(32, "big")
    if isinstance(value, str):
        return bytes(12) + from_hex(value, 20)
    if len(value) != 32:
        raise ValueError(f"a bytes32 has 32 bytes, not {len(value)}")
    return value
