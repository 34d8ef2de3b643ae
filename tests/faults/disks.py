"""A PostgreSQL server whose tables lie on a small disk of their own, in memory, which a test fills up.

The disk is mounted by the server's process, in a name space that it alone sees: that takes no rights but those that
most machines give to everybody.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import PostgresServer
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError

_SIZE = "24m"  # a database takes some eight
_NEW_USERS, _NEW_MOUNTS = 0x10000000, 0x00020000  # for unshare(2)
_SET_DUMPABLE = 4  # for prctl(2)
_DISK_FULL = "53100"


class SmallDisk(PostgresServer):
    def start(self) -> None:
        self._disk = self.folder / "disk"
        self._disk.mkdir(mode=0o777)
        self._disk.chmod(0o777)
        super().start()
        self._execute(f"CREATE TABLESPACE small LOCATION '{self._disk}'")

    def url(self) -> str:
        """A database on the small disk, without a table."""
        self._execute("CREATE DATABASE crowded TEMPLATE template0 TABLESPACE small STRATEGY FILE_COPY")
        return self._url_of("crowded")

    @contextlib.contextmanager
    def full(self, url: str) -> Iterator[None]:
        """Another table takes all that is left, and gives it back at the end."""
        engine = create_engine(url.replace("postgresql:", "postgresql+pg8000:"), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as other:
                other.execute(text("CREATE TABLE ballast (filling text)"))
                for rows in (1_000, 100, 1):
                    _fill(other, rows)
                yield
                other.execute(text("DROP TABLE ballast"))
        finally:
            engine.dispose()

    def _prepare(self) -> None:
        libc, user, group = ctypes.CDLL(None, use_errno=True), os.getuid(), os.getgid()
        if libc.unshare(_NEW_USERS | _NEW_MOUNTS):
            raise OSError(ctypes.get_errno(), "no name spaces")
        libc.prctl(_SET_DUMPABLE, 1)  # without it, a process that has changed its user may not write what follows
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
        options = f"size={_SIZE},mode=0700,uid={user},gid={group}".encode()
        if libc.mount(b"small", bytes(self._disk), b"tmpfs", 0, options):
            raise OSError(ctypes.get_errno(), "no file system")
        super()._prepare()


@contextlib.contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """Skips the test where this machine lets nobody mount anything."""
    server = SmallDisk()
    try:
        server.start()
    except subprocess.SubprocessError:  # from between fork and exec, where only `_prepare` can fail
        shutil.rmtree(server.folder, ignore_errors=True)
        pytest.skip("this machine gives nobody name spaces of their own, in which to mount a small disk")
    try:
        yield server
    finally:
        server.stop()


def _fill(connection: Connection, rows: int) -> None:
    more = text("INSERT INTO ballast SELECT repeat(md5(n::text), 60) FROM generate_series(1, :rows) AS n")
    while True:
        try:
            connection.execute(more, {"rows": rows})
        except DBAPIError as error:
            if _DISK_FULL in str(error.orig):
                return
            raise
