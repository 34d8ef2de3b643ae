"""ECDSA over secp256k1 as Ethereum uses it: 65 bytes r, s, v; s in the lower half of the order (EIP-2)."""

from __future__ import annotations

from coincurve import PrivateKey, PublicKey

from .hashing import checksum_address, keccak

_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def address_of(public_key: PublicKey) -> str:
    return checksum_address(keccak(public_key.format(compressed=False)[1:])[12:])


def sign_digest(key: PrivateKey, digest: bytes) -> bytes:
    """65 bytes; deterministic (RFC 6979)."""
    signature = key.sign_recoverable(digest, hasher=None)
    return signature[:64] + bytes([signature[64] + 27])


def recover_signer(digest: bytes, signature: bytes) -> str | None:
    """The address that signed, or None where the contract's ECDSA would refuse the signature."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        return None
    try:
        public = PublicKey.from_signature_and_message(signature[:64] + bytes([signature[64] - 27]), digest, hasher=None)
    except Exception:  # noqa: BLE001 - coincurve raises just that, and ValueError, for points that do not exist
        return None
    return address_of(public)
