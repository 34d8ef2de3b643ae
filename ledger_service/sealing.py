"""Personal fields at rest: AES-256-GCM under a key per case, wrapped by a master key.

Destroying a case's wrapped key makes its disclosures unreadable for good, also in every backup that lacks the key.
What is sealed under a master key names it by its id, so that there can be several while one takes over from another.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import IntegrityFailure, Unavailable
from .master_keys import FixedKeys, KeySource, MasterKey

_NONCE = 12
_NAMED = b"\x01"  # begins what names its master key; what an earlier release sealed begins with its nonce
_ID = 4


class Vault:
    """Seals and opens. The master keys never leave it.

    `gate` says whether cases' keys may be unwrapped now.
    """

    def __init__(self, keys: bytes | KeySource, gate: Callable[[], bool] = lambda: True) -> None:
        """`keys` may be one master key of 32 bytes."""
        self._source: KeySource = FixedKeys(keys) if isinstance(keys, bytes) else keys
        self._gate = gate

    def new_case_key(self, case_id: str) -> tuple[bytes, bytes]:
        """A fresh key for a case, and the same key wrapped for the database."""
        key = AESGCM.generate_key(256)
        return key, self.wrap(case_id, key)

    def wrap(self, case_id: str, key: bytes) -> bytes:
        current, nonce = self._source.now().current, os.urandom(_NONCE)
        return _NAMED + current.id + nonce + current.wrapping.encrypt(nonce, key, case_id.encode())

    def unwrap(self, case_id: str, wrapped: bytes) -> bytes:
        """Raises IntegrityFailure if it was wrapped for another case, by another master key, or changed; Unavailable
        while the gate is closed."""
        if not self._gate():
            raise Unavailable(
                "Personal fields stay closed until the chain has said which cases were erased since the backup.",
                remedy="Wait until the restored service has read the chain, or run `ledger rebuild`.",
            )
        return self.unwrap_ungated(case_id, wrapped)

    def is_open(self) -> bool:
        return self._gate()

    def unwrap_ungated(self, case_id: str, wrapped: bytes) -> bytes:
        """For a rotation, which shows nobody anything."""
        return self._opened(wrapped, case_id, lambda key: key.wrapping, "The case's key")

    @staticmethod
    def seal(key: bytes, about: str, plain: bytes) -> bytes:
        """`about` binds the result to its place; it is needed again to open it."""
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(key).encrypt(nonce, plain, about.encode())

    @staticmethod
    def open(key: bytes, about: str, sealed: bytes) -> bytes:
        """Raises IntegrityFailure if it was sealed elsewhere or changed."""
        plain = _open(AESGCM(key), about, sealed)
        if plain is None:
            raise _closed("A sealed field")
        return plain

    def seal_secret(self, about: str, secret: bytes) -> bytes:
        """For secrets that belong to no case, such as a provider's webhook secret."""
        current = self._source.now().current
        return _NAMED + current.id + self.seal(current.secrets, about, secret)

    def open_secret(self, about: str, sealed: bytes) -> bytes:
        """Raises IntegrityFailure if it was sealed elsewhere or changed."""
        return self._opened(sealed, about, lambda key: AESGCM(key.secrets), "A sealed field")

    def is_current(self, sealed: bytes) -> bool:
        """Whether the master key that seals now sealed this."""
        return sealed.startswith(_NAMED + self._source.now().current.id)

    def blind_index(self, *parts: str) -> str:
        """A keyed hash by which a personal value can be looked up without being stored."""
        message = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hmac.new(self._source.now().index, message, hashlib.sha256).hexdigest()

    def _opened(self, sealed: bytes, about: str, cipher: Callable[[MasterKey], AESGCM], what: str) -> bytes:
        for key, rest in self._ways(sealed):
            plain = _open(cipher(key), about, rest)
            if plain is not None:
                return plain
        raise _closed(what)

    def _ways(self, sealed: bytes) -> Iterator[tuple[MasterKey, bytes]]:
        """The key that is named; and all keys, in case that was the beginning of a nonce."""
        keys = self._source.now().keys
        if sealed.startswith(_NAMED):
            named = sealed[1 : 1 + _ID]
            yield from ((key, sealed[1 + _ID :]) for key in keys if key.id == named)
        yield from ((key, sealed) for key in keys)


def _open(cipher: AESGCM, about: str, sealed: bytes) -> bytes | None:
    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
    except (InvalidTag, ValueError):
        return None


def _closed(what: str) -> IntegrityFailure:
    return IntegrityFailure(
        f"{what} cannot be opened.", remedy="It was changed, or the master key is another one: restore it."
    )


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
