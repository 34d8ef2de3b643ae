"""What every use of the service works with, put together once at start."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from sqlmodel import Session

from ..chain.deployments import Deployment
from ..clock import Clock
from ..config import Settings
from ..errors import IntegrityFailure
from ..keystore import LocalSigner, Signer, decrypt_key, encrypt_key, new_key
from ..master_keys import MASTER, KeyFile
from ..sealing import Vault, read_or_create_secret
from ..store.database import Database
from ..store.keys import held_key, held_keys
from ..store.tables import HeldKey
from ..tokens import TokenService, read_or_create_keys
from .holding import Gate
from .policies import Policies, shipped_policies
from .uses import Uses

_REMEMBERED_KEYS = 2_000


class KeyRing:
    """The signing keys that the service holds for others, opened when they are needed."""

    def __init__(self, database: Database, password: bytes) -> None:
        self._database = database
        self._password = password
        self._open: OrderedDict[str, LocalSigner] = OrderedDict()
        self._lock = threading.Lock()

    def create(self, session: Session, now: int) -> LocalSigner:
        """A fresh key, kept if the session commits."""
        key = new_key()
        signer = LocalSigner(key)
        session.add(HeldKey(address=signer.address, keystore=encrypt_key(key, self._password), created_at=now))
        return signer

    def open(self, session: Session, addresses: Iterable[str]) -> None:
        """Opens the held keys among these that are not open yet, by one question to the database. One that cannot be
        opened stays closed: whoever needs it is told by `signer`."""
        with self._lock:
            closed = [address for address in addresses if address not in self._open]
        for row in held_keys(session, closed):
            with suppress(IntegrityFailure):
                self._keep(LocalSigner(decrypt_key(row.keystore, self._password)))

    def signer(self, session: Session, address: str) -> Signer | None:
        """The signer of a held key; None if the service does not hold the key of this address."""
        with self._lock:
            if address in self._open:
                self._open.move_to_end(address)
                return self._open[address]
        row = held_key(session, address)
        if row is None:
            return None
        signer = LocalSigner(decrypt_key(row.keystore, self._password))
        self._keep(signer)
        return signer

    def forget(self, address: str) -> None:
        """Once the key was destroyed."""
        with self._lock:
            self._open.pop(address, None)

    def _keep(self, signer: LocalSigner) -> None:
        with self._lock:
            self._open[signer.address] = signer
            while len(self._open) > _REMEMBERED_KEYS:
                self._open.popitem(last=False)


@dataclass(frozen=True)
class App:
    settings: Settings
    database: Database
    clock: Clock
    deployment: Deployment
    keys: KeyRing
    vault: Vault
    tokens: TokenService
    policies: Policies
    wake: threading.Event = field(default_factory=threading.Event)
    uses: Uses = field(default_factory=Uses)


def keystore_password(settings: Settings) -> bytes:
    return read_or_create_secret(settings.key_password_file or settings.data / "secrets" / "keystore-password")


def _master_keys(settings: Settings) -> KeyFile:
    folder = settings.data / "secrets"
    if not (folder / MASTER).exists():
        read_or_create_secret(folder / MASTER)
    return KeyFile(folder)


def make_app(settings: Settings, deployment: Deployment, clock: Clock, database: Database | None = None) -> App:
    """The app of an installation. Its secrets are made in the data folder at first use."""
    database = database or Database(settings.database)
    return App(
        settings=settings,
        database=database,
        clock=clock,
        deployment=deployment,
        keys=KeyRing(database, keystore_password(settings)),
        vault=Vault(_master_keys(settings), Gate(database)),
        tokens=TokenService(read_or_create_keys(settings.data / "secrets" / "token-keys.json")),
        policies=shipped_policies(),
    )
