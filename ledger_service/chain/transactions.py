"""Signing transactions: the legacy form with EIP-155, which every chain takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import rlp

from ..domain.hashing import from_hex, hex0x, keccak
from .abi import checksum


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
    body = [nonce, gas_price, gas, from_hex(to) if to else b"", value, data]
    signature = signer.sign(keccak(rlp.encode([*body, chain_id, 0, 0])))
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    v = chain_id * 2 + 35 + signature[64] - 27
    raw: bytes = rlp.encode([*body, v, r, s])
    return SignedTransaction(hex0x(keccak(raw)), raw, nonce)


def contract_address(deployer: str, nonce: int) -> str:
    """Where a contract will stand that `deployer` creates with its transaction number `nonce`."""
    return checksum(hex0x(keccak(rlp.encode([from_hex(deployer, 20), nonce]))[12:]))


def intrinsic_gas(data: bytes) -> int:
    """What a transaction costs before it does anything."""
    zeros = data.count(0)
    return 21_000 + 4 * zeros + 16 * (len(data) - zeros)
