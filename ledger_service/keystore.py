"""Signing keys that the service holds, as Ethereum keystores (Web3 Secret Storage, version 3).

The password is 32 random bytes from a file, so the key derivation needs no rounds to slow guessing down: one PBKDF2
round opens thousands of keys a second, and there is nothing to guess. A remote signer takes over by being a `Signer`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Protocol

from coincurve import PrivateKey
from eth_account import Account

from .domain.signatures import address_of, sign_digest
from .errors import IntegrityFailure

_ROUNDS = 1


class Signer(Protocol):
    """Somebody who signs digests with the key of one address."""

    @property
    def address(self) -> str: ...

    def sign(self, digest: bytes) -> bytes:
        """65 bytes r, s, v over a 32-byte digest."""


class LocalSigner:
    """A key in this process's memory."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.address = address_of(key.public_key)

    def sign(self, digest: bytes) -> bytes:
        return sign_digest(self._key, digest)

    def __repr__(self) -> str:
        return f"LocalSigner({self.address})"


def new_key() -> PrivateKey:
    return PrivateKey()


def encrypt_key(key: PrivateKey, password: bytes) -> str:
    """The keystore's JSON text."""
    return json.dumps(Account.encrypt(key.secret, password.hex(), kdf="pbkdf2", iterations=_ROUNDS))


def decrypt_key(keystore: str, password: bytes) -> PrivateKey:
    """Raises IntegrityFailure if the password is another one or the text was changed."""
    try:
        return PrivateKey(bytes(Account.decrypt(keystore, password.hex())))
    except (ValueError, KeyError) as error:
        raise IntegrityFailure(
            "A keystore cannot be opened.", remedy="Restore the keystore password that made it."
        ) from error


def read_or_create_signer(path: Path, password: bytes) -> LocalSigner:
    """The key of a keystore file; made at first use."""
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(encrypt_key(new_key(), password))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    return LocalSigner(decrypt_key(path.read_text(), password))
