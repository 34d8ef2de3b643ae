"""The master key's file: the key that seals, and, while it is being rotated, the one before it, which still opens.

One key a line, 64 hex digits; the first seals. A process that runs reads the file again when it was replaced, so that
a rotation needs no restart. What is looked up by keyed hashes has a key of its own, which a rotation does not change.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from .errors import Conflict, IntegrityFailure

MASTER, INDEX = "master-key", "index-key"
_SIZE = 32
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class MasterKey:
    """What one master key is used for; its id says nothing about it."""

    id: bytes  # 4 bytes
    wrapping: AESGCM
    secrets: bytes

    @property
    def name(self) -> str:
        return self.id.hex()


@dataclass(frozen=True, slots=True)
class MasterKeys:
    """The key that seals, then those that only open; and the key of the keyed hashes."""

    keys: tuple[MasterKey, ...]
    index: bytes

    @property
    def current(self) -> MasterKey:
        return self.keys[0]

    @property
    def names(self) -> list[str]:
        return [key.name for key in self.keys]


class KeySource(Protocol):
    def now(self) -> MasterKeys:
        """The keys as they are now."""


class FixedKeys:
    """One master key that nobody rotates."""

    def __init__(self, master: bytes) -> None:
        self._keys = MasterKeys((_key_of(master),), _index_of(master))

    def now(self) -> MasterKeys:
        return self._keys


class KeyFile:
    """The keys in a folder, read again when the file is another one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / MASTER
        self._lock = threading.Lock()
        self._read: tuple[tuple[int, int, int], MasterKeys] | None = None

    def now(self) -> MasterKeys:
        """Raises IntegrityFailure for a file that holds no keys. One that is gone is known as it was."""
        read = self._read
        try:
            seen = self._path.stat()
        except FileNotFoundError:
            if read is None:
                raise
            return read[1]
        version = (seen.st_ino, seen.st_mtime_ns, seen.st_size)
        if read is not None and read[0] == version:
            return read[1]
        with self._lock:
            keys = _keys_of(self._folder, read_masters(self._path))
            self._read = (version, keys)
        return keys

    # --- for a rotation --------------------------------------------------------------------------------------------

    @contextmanager
    def held(self) -> Iterator[None]:
        """Raises Conflict while another rotation is at work on this file."""
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Conflict(
                "The master key is being rotated already.", field="--data", remedy="Let that end first."
            ) from error
        finally:
            os.close(descriptor)

    def begin(self) -> MasterKeys:
        """Puts a new key before the one that there is; one that a rotation before left half way is taken up."""
        masters = read_masters(self._path)
        if not (self._folder / INDEX).exists():
            write_private(self._folder / INDEX, _index_of(masters[0]).hex())
        if len(masters) == 1:
            write_private(self._path, "\n".join(key.hex() for key in (os.urandom(_SIZE), *masters)))
        return self.now()

    def end(self) -> MasterKeys:
        """Leaves the key that seals, alone."""
        write_private(self._path, read_masters(self._path)[0].hex())
        return self.now()


def read_masters(path: Path) -> list[bytes]:
    """The master keys in a file, the one that seals first. Raises IntegrityFailure for a file that holds none."""
    try:
        masters = [bytes.fromhex(line) for line in path.read_text("ascii").split()]
    except ValueError:
        masters = []
    if not masters or any(len(master) < _SIZE for master in masters):
        raise IntegrityFailure(f"{path} holds no master key.", remedy="Restore it from your backup.")
    return masters


def key_names(folder: Path) -> list[str]:
    """The ids of the master keys in a folder; none where there is no file."""
    path = folder / MASTER
    return [_key_of(master).name for master in read_masters(path)] if path.exists() else []


def _keys_of(folder: Path, masters: list[bytes]) -> MasterKeys:
    kept = folder / INDEX
    index = bytes.fromhex(kept.read_text("ascii").strip()) if kept.exists() else _index_of(masters[0])
    return MasterKeys(tuple(_key_of(master) for master in masters), index)


def _key_of(master: bytes) -> MasterKey:
    wrapping = AESGCM(_derive(master, b"wrap case keys"))
    return MasterKey(_derive(master, b"key id", 4), wrapping, _derive(master, b"seal secrets"))


def _index_of(master: bytes) -> bytes:
    return _derive(master, b"blind index")


def _derive(master: bytes, purpose: bytes, length: int = 32) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=None, info=purpose).derive(master)


def write_private(path: Path, text: str) -> None:
    """The file is there whole or as it was, also after a power cut, and its owner's alone."""
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
