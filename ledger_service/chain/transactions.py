"""Signing transactions: the legacy form with EIP-155, which every chain takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..domain.hashing import from_hex, hex0x, keccak
from ..domain.signatures import recover_signer
from .abi import checksum
from .rpc import Block


class Signer(Protocol):
    """Somebody who signs digests with the key of one address."""

    @property
    def address(self) -> str: ...

    def sign(self, digest: bytes) -> bytes:
        """65 bytes r, s, v over a 32-byte digest."""


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """`raw` is what is broadcast, `hash` the name that the chain will know it by."""

    hash: str
    raw: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class ReadTransaction:
    """What a signed transaction's bytes say. `writer` is None for a signature that is none."""

    hash: str
    writer: str | None
    nonce: int
    gas_price: int


def sign_transaction(
    signer: Signer,
    *,
    chain_id: int,
    nonce: int,
    gas_price: int,
    gas: int,
    to: str | None,
    data: bytes,
    value: int = 0,
) -> SignedTransaction:
    """`gas_price` and `value` are wei; `to` is None for a deployment."""
    body: list[int | bytes] = [nonce, gas_price, gas, from_hex(to) if to else b"", value, data]
    signature = signer.sign(keccak(_rlp([*body, chain_id, 0, 0])))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    v = chain_id * 2 + 35 + signature[64] - 27
    raw = _rlp([*body, v, r, s])
    return SignedTransaction(hex0x(keccak(raw)), raw, nonce)


def raise_price(signer: Signer, raw: bytes, gas_price: int, chain_id: int) -> SignedTransaction:
    """The same transaction for another price."""
    nonce, _, gas, to, value, data, *_ = _fields(raw)
    return sign_transaction(
        signer,
        chain_id=chain_id,
        nonce=int.from_bytes(nonce, "big"),
        gas_price=gas_price,
        gas=int.from_bytes(gas, "big"),
        to=hex0x(to) if to else None,
        data=data,
        value=int.from_bytes(value, "big"),
    )


def read_transaction(raw: bytes) -> ReadTransaction:
    """Of one that was signed here. Raises LookupError, ValueError or OverflowError for bytes that are none."""
    nonce, price, gas, to, value, data, v, r, s = _fields(raw)
    chain_id, parity = divmod(int.from_bytes(v, "big") - 35, 2)
    numbers = [int.from_bytes(one, "big") for one in (nonce, price, gas)]
    digest = keccak(_rlp([*numbers, to, int.from_bytes(value, "big"), data, chain_id, 0, 0]))
    signature = r.rjust(32, b"\0") + s.rjust(32, b"\0") + bytes([parity + 27])
    return ReadTransaction(hex0x(keccak(raw)), recover_signer(digest, signature), numbers[0], numbers[1])


def gas_price(suggested: int, latest: Block) -> int:
    """Wei that get a transaction mined soon: what the node suggests, and twice the present base fee.

    Never more than is suggested: where we are the main sender, a node suggests what we paid last, and would suggest
    ever more. What does not get on pays more by itself (`workers.sender`).
    """
    return max(suggested, latest.base_fee * 2, 1)


def contract_address(deployer: str, nonce: int) -> str:
    """Where a contract will stand that `deployer` creates with its transaction number `nonce`."""
    return checksum(hex0x(keccak(_rlp([from_hex(deployer, 20), nonce]))[12:]))


def intrinsic_gas(data: bytes) -> int:
    """What a transaction costs before it does anything."""
    zeros = data.count(0)
    return 21_000 + 4 * zeros + 16 * (len(data) - zeros)


def _rlp(items: list[int | bytes]) -> bytes:
    """A list of integers and byte strings in Ethereum's RLP."""
    body = b"".join(_rlp_item(item) for item in items)
    return _rlp_head(len(body), 0xC0) + body


def _rlp_item(item: int | bytes) -> bytes:
    data = item.to_bytes((item.bit_length() + 7) // 8, "big") if isinstance(item, int) else item
    if len(data) == 1 and data[0] < 0x80:
        return data
    return _rlp_head(len(data), 0x80) + data


def _rlp_head(length: int, base: int) -> bytes:
    if length < 56:
        return bytes([base + length])
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + 55 + len(size)]) + size


def _fields(raw: bytes) -> list[bytes]:
    """The fields of a transaction that was signed here: a list of byte strings."""
    at, _ = _rlp_span(raw, 0)
    fields = []
    while at < len(raw):
        start, length = _rlp_span(raw, at)
        fields.append(raw[start : start + length])
        at = start + length
    return fields


def _rlp_span(raw: bytes, at: int) -> tuple[int, int]:
    """Where the content of the string or list at `at` begins, and its length."""
    head = raw[at]
    if head < 0x80:
        return at, 1
    size = head - (0xC0 if head >= 0xC0 else 0x80)
    if size < 56:
        return at + 1, size
    after = at + 1 + size - 55
    return after, int.from_bytes(raw[at + 1 : after], "big")
