"""Personal fields at rest: AES-256-GCM under a key per case, wrapped by a master key.

Destroying a case's wrapped key makes its disclosures unreadable for good, also in every backup that lacks the key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import IntegrityFailure

_NONCE = 12


class Vault:
    """Seals and opens. The master key never leaves it."""

    def __init__(self, master: bytes) -> None:
        """`master` is 32 bytes."""
        self._wrapping = AESGCM(_derive(master, b"wrap case keys"))
        self._secrets = _derive(master, b"seal secrets")
        self._index = _derive(master, b"blind index")

    def new_case_key(self, case_id: str) -> tuple[bytes, bytes]:
        """A fresh key for a case, and the same key wrapped for the database."""
        key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE)
        return key, nonce + self._wrapping.encrypt(nonce, key, case_id.encode())

    def unwrap(self, case_id: str, wrapped: bytes) -> bytes:
        """Raises IntegrityFailure if it was wrapped for another case, by another master key, or changed."""
        return _open(self._wrapping, case_id, wrapped, "The case's key")

    @staticmethod
    def seal(key: bytes, about: str, plain: bytes) -> bytes:
        """`about` binds the result to its place; it is needed again to open it."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(key).encrypt(nonce, plain, about.encode())

    @staticmethod
    def open(key: bytes, about: str, sealed: bytes) -> bytes:
        """Raises IntegrityFailure if it was sealed elsewhere or changed."""
        return _open(AESGCM(key), about, sealed, "A sealed field")

    def seal_secret(self, about: str, secret: bytes) -> bytes:
        """For secrets that belong to no case, such as a provider's webhook secret."""
        return self.seal(self._secrets, about, secret)

    def open_secret(self, about: str, sealed: bytes) -> bytes:
        """Raises IntegrityFailure if it was sealed elsewhere or changed."""
        return self.open(self._secrets, about, sealed)

    def blind_index(self, *parts: str) -> str:
        """A keyed hash by which a personal value can be looked up without being stored."""
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.new(self._index, message, hashlib.sha256).hexdigest()


def _derive(master: bytes, purpose: bytes) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=purpose).derive(master)


def _open(cipher: AESGCM, about: str, sealed: bytes, what: str) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
    except (InvalidTag, ValueError) as error:
        raise IntegrityFailure(
            f"{what} cannot be opened.", remedy="It was changed, or the master key is another one: restore it."
        ) from error


def read_or_create_secret(path: Path, size: int = 32) -> bytes:
    """The secret in a file that only its owner can read, made at first use.

    Raises IntegrityFailure if it is too short.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(os.urandom(size).hex())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # fails where another process was first, which then is the one that counts
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    secret = bytes.fromhex(path.read_text().strip())
    if len(secret) < size:
        raise IntegrityFailure(f"{path} is too short.", remedy="Restore it from your backup.")
    return secret
