"""Signing keys that the service holds, as Ethereum keystores (Web3 Secret Storage, version 3).

The password is 32 random bytes from a file, so the key derivation needs no rounds to slow guessing down: one PBKDF2
round opens thousands of keys a second, and there is nothing to guess. A remote signer takes over by being a `Signer`.

The format is written here and not by a library, because the one there is (eth-keyfile) loads pairing cryptography that
takes a second at every start and lifts Python's recursion limit for the whole process. Tests hold the two together.
"""

from __future__ import annotations

import hmac
import json
import os
import uuid
from pathlib import Path
from typing import Any, Protocol

from coincurve import PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from .domain.hashing import keccak
from .domain.signatures import address_of, sign_digest
from .errors import IntegrityFailure

_ROUNDS = 1
_METHOD = ("aes-128-ctr", "pbkdf2", "hmac-sha256", 32)


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
    """The keystore's JSON text: PBKDF2-HMAC-SHA256, AES-128-CTR, keccak-256 MAC. The password is its hex text."""
    salt, nonce = os.urandom(32), os.urandom(16)
    derived = _derive(password, salt, _ROUNDS)
    encrypted = _cipher(derived, nonce, key.secret)
    return json.dumps(
        {
            "address": address_of(key.public_key)[2:].lower(),
            "crypto": {
                "cipher": "aes-128-ctr",
                "cipherparams": {"iv": nonce.hex()},
                "ciphertext": encrypted.hex(),
                "kdf": "pbkdf2",
                "kdfparams": {"c": _ROUNDS, "dklen": 32, "prf": "hmac-sha256", "salt": salt.hex()},
                "mac": keccak(derived[16:] + encrypted).hex(),
            },
            "id": str(uuid.uuid4()),
            "version": 3,
        }
    )


def decrypt_key(keystore: str, password: bytes) -> PrivateKey:
    """Raises IntegrityFailure if the password is another one, the text was changed, or it is no keystore of ours."""
    try:
        key = _open(json.loads(keystore)["crypto"], password)
    except (ValueError, KeyError, TypeError):
        key = None
    if key is None:
        raise IntegrityFailure("A keystore cannot be opened.", remedy="Restore the keystore password that made it.")
    return key


def _open(crypto: dict[str, Any], password: bytes) -> PrivateKey | None:
    params, encrypted = crypto["kdfparams"], bytes.fromhex(crypto["ciphertext"])
    derived = _derive(password, bytes.fromhex(params["salt"]), int(params["c"]))
    is_ours = (crypto["cipher"], crypto["kdf"], params["prf"], params["dklen"]) == _METHOD
    if not is_ours or not hmac.compare_digest(keccak(derived[16:] + encrypted), bytes.fromhex(crypto["mac"])):
        return None
    return PrivateKey(_cipher(derived, bytes.fromhex(crypto["cipherparams"]["iv"]), encrypted))


def _derive(password: bytes, salt: bytes, rounds: int) -> bytes:
    return PBKDF2HMAC(algorithm=SHA256(), length=32, salt=salt, iterations=rounds).derive(password.hex().encode())


def _cipher(derived: bytes, nonce: bytes, text: bytes) -> bytes:
    """AES in counter mode, which encrypts and decrypts alike."""
    return Cipher(AES(derived[:16]), CTR(nonce)).encryptor().update(text)


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
