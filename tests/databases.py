"""Databases for tests: SQLite in a file, and PostgreSQL on a server that the tests start in a folder of their own.

The server listens on a socket in that folder and on no port. It dies with the process that started it, and what a
killed run left behind is cleared away by the next.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from ledger_service.store import tables  # noqa: F401  (fills the metadata)
from ledger_service.store.database import Database

KINDS = ("sqlite", "postgresql")
_PREFIX = "ledger-postgresql-"
_PROGRAMS = ("initdb", "postgres")
_CLUSTER = ("--encoding=UTF8", "--locale=C", "--no-sync")
# Tests ask whether the service commits at the right moments, not whether a disk keeps what it says: what crashes here
# is a process, never the machine.
_OPTIONS = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "32MB",
    "max_connections": "200",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "listen_addresses": "",
    "log_min_messages": "warning",
    "log_statement": "none",
}


class PostgresServer:
    """A server of its own; `url` makes a fresh database on it, `copy` one like another."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_place()))
        self._programs = _programs()
        self._as = _account()
        self._process: subprocess.Popen[bytes] | None = None
        self._template: str | None = None

    def start(self) -> None:
        """Raises RuntimeError with the server's own words if it does not come up."""
        _clear_leftovers()
        data = self.folder / "data"
        if self._as:
            shutil.chown(self.folder, *self._as)
        made = subprocess.run(
            [
                self._programs["initdb"],
                "-D",
                data,
                "-U",
                "ledger",
                "-E",
                "UTF8",
                "--locale=C",
                "--no-sync",
                "-A",
                "trust",
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            **self._identity(),
        )
        if made.returncode:
            raise RuntimeError(f"initdb failed in {data}:\n{made.stdout}{made.stderr}")
        self.resume()

    def resume(self) -> None:
        """Starts the server on its data, which may be those of one that was killed."""
        options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
        command = [self._programs["postgres"], "-D", self.folder / "data", "-k", self.folder, *options]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                process_group=0,
                preexec_fn=self._prepare,
                **self._identity(),
            )
        self._wait()

    def stop(self) -> None:
        """Ends the server and removes all that it kept."""
        self._engine.dispose()
        self.kill(signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT is the end without a checkpoint, as in a power cut; `resume` recovers."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(how)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def url(self) -> str:
        """A fresh database with this release's tables."""
        if self._template is None:
            empty = self.empty_url()
            database = Database(empty)
            SQLModel.metadata.create_all(database.engine)
            database.close()
            self._template = _name_of(empty)
        return self._create(self._template)

    def empty_url(self) -> str:
        return self._create("template0")

    def copy(self, url: str) -> str:
        """A database like this one, to which nobody may be connected now."""
        return self._create(_name_of(url))

    def drop(self, url: str) -> None:
        self._execute(f"DROP DATABASE IF EXISTS {_name_of(url)} WITH (FORCE)")

    def _create(self, template: str) -> str:
        name = f"t{uuid.uuid4().hex[:12]}"
        self._execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
        return self._url_of(name)

    def _url_of(self, name: str) -> str:
        return f"postgresql://ledger@/{name}?unix_sock={self.folder}/.s.PGSQL.5432"

    @functools.cached_property
    def _engine(self):
        url = self._url_of("postgres").replace("postgresql:", "postgresql+pg8000:")
        return create_engine(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)

    def _execute(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.execute(text(statement))

    def _wait(self, seconds: float = 30) -> None:
        ends = time.monotonic() + seconds
        while True:
            try:
                return self._execute("SELECT 1")
            except DBAPIError as error:
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > ends:
                    raise RuntimeError(f"PostgreSQL does not start:\n{(self.folder / 'log').read_text()}") from error
                time.sleep(0.02)

    def _prepare(self) -> None:
        """In the server's process, before it becomes the server, under the account that it runs as."""
        _die_with_parent()

    def _identity(self) -> dict[str, object]:
        return {"user": self._as[0], "group": self._as[1], "extra_groups": []} if self._as else {}


@functools.cache
def postgres_server() -> PostgresServer:
    """The one of this run, started at first use. `stop_server` ends it."""
    server = PostgresServer()
    server.start()
    return server


def stop_server() -> None:
    if postgres_server.cache_info().currsize:
        postgres_server().stop()
        postgres_server.cache_clear()


class Databases:
    """Fresh databases of one kind, all closed and gone at the end."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self._folder = kind, folder
        self._opened: list[Database] = []
        self._urls: list[str] = []

    def empty_url(self) -> str:
        """A database without a single table."""
        return self._keep(postgres_server().empty_url()) if self.kind == "postgresql" else self._file()

    def url(self) -> str:
        """A database with this release's tables."""
        if self.kind == "postgresql":
            return self._keep(postgres_server().url())
        url = self._file()
        database = Database(url)
        SQLModel.metadata.create_all(database.engine)
        database.close()
        return url

    def make(self) -> Database:
        return self.open(self.url())

    def open(self, url: str) -> Database:
        self._opened.append(Database(url))
        return self._opened[-1]

    def copy(self, database: Database) -> Database:
        """One like this, to be changed."""
        if self.kind == "postgresql":
            database.engine.dispose()
            return self.open(self._keep(postgres_server().copy(database.url)))
        url = self._file()
        paths = (one.removeprefix("sqlite:///") for one in (database.url, url))
        with contextlib.ExitStack() as opened:
            source, target = (opened.enter_context(contextlib.closing(sqlite3.connect(path))) for path in paths)
            source.backup(target)
        return self.open(url)

    def close(self) -> None:
        for database in self._opened:
            database.close()
        for url in self._urls:
            postgres_server().drop(url)

    def _file(self) -> str:
        return f"sqlite:///{self._folder / f'{uuid.uuid4().hex[:12]}.db'}"

    def _keep(self, url: str) -> str:
        self._urls.append(url)
        return url


@contextlib.contextmanager
def databases_in(kind: str, folder: Path) -> Iterator[Databases]:
    made = Databases(kind, folder)
    try:
        yield made
    finally:
        made.close()


def _programs() -> dict[str, str]:
    """Raises RuntimeError where PostgreSQL is not installed. Debian keeps its programs out of the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    for places in (os.environ.get("PATH", ""), *map(str, reversed(installed))):
        found = {name: shutil.which(name, path=places) for name in _PROGRAMS}
        if all(found.values()):
            return {name: str(path) for name, path in found.items()}
    raise RuntimeError(
        "These tests need PostgreSQL's programs initdb and postgres. "
        "Install them (on Debian: apt-get install postgresql) and start again."
    )


def _account() -> tuple[int, int] | None:
    """Whose name the server runs under: PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            found = pwd.getpwnam(name)
            return found.pw_uid, found.pw_gid
    raise RuntimeError("PostgreSQL does not run as root, and there is no account postgres or nobody to run it as.")


def _place() -> Path:
    """In memory where there is room: a fresh database is some three hundred files."""
    memory = Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2**31:
        return memory
    return Path(tempfile.gettempdir())


def _die_with_parent() -> None:
    """Linux ends the server when the process that started it is gone; elsewhere the next run does."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def _clear_leftovers() -> None:
    """Ends the servers of runs that are no more, and removes their folders."""
    places = {_place(), Path("/tmp"), Path(tempfile.gettempdir())}
    for folder in [found for place in places for found in place.glob(f"{_PREFIX}*")]:
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not owner.isdigit() or Path(f"/proc/{owner}").exists() or _is_alive(int(owner)):
            continue
        with contextlib.suppress(OSError, ValueError, IndexError):
            os.kill(int((folder / "data" / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
            time.sleep(0.5)
        shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _name_of(url: str) -> str:
    return url.rpartition("/?")[0].rpartition("/")[2] or url.partition("?")[0].rpartition("/")[2]


def files_of(database: Database) -> bytes:
    """The raw files: SQLite's with its write-ahead log, PostgreSQL's of this database."""
    if database.is_sqlite:
        path = Path(database.url.removeprefix("sqlite:///"))
        return b"".join(each.read_bytes() for each in sorted(path.parent.glob(f"{path.name}*")))
    with database.engine.connect() as connection:
        oid = connection.execute(text("SELECT oid FROM pg_database WHERE datname = current_database()")).scalar_one()
    connection = postgres_server()._engine.connect()
    connection.execute(text("CHECKPOINT"))
    connection.close()
    folder = postgres_server().folder / "data" / "base" / str(oid)
    return b"".join(each.read_bytes() for each in sorted(folder.iterdir()) if each.is_file())
