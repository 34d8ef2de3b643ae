"""keccak-256, and values as the EVM's 32-byte words."""

from __future__ import annotations

from eth_hash.auto import keccak as _keccak

ZERO_WORD = bytes(32)
ZERO_ADDRESS = "0x" + "00" * 20


def keccak(data: bytes) -> bytes:
    return _keccak(data)


def hex0x(data: bytes) -> str:
    return "0x" + data.hex()


def from_hex(text: str, length: int | None = None) -> bytes:
    """Bytes of a `0x` string. Raises ValueError if it is no hex or, where given, not `length` bytes long."""
    if not text.startswith("0x"):
        raise ValueError("a hex value begins with 0x")
    data = bytes.fromhex(text[2:])
    if length is not None and len(data) != length:
        raise ValueError(f"{length} bytes are {2 * length} hex digits after 0x, not {2 * len(data)}")
    return data


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
