"""A PostgreSQL server for one measurement, durable as one would run it, in a folder that goes with it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ..chain.rpc import wait_until
from ..errors import Unavailable

_STARTUP = 60.0
_ACCOUNTS = ("postgres", "nobody")


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`, which Debian keeps out of the PATH; None where there is none."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda found: int(found.parent.name))
    beside = shutil.which("initdb")
    for folder in (*([Path(beside).resolve().parent] if beside else []), *reversed(debian)):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database. Raises Unavailable where PostgreSQL is not installed or does not start."""
    found = programs()
    if found is None:
        raise Unavailable("PostgreSQL is not installed here.", remedy="On Debian: apt-get install postgresql")
    user = _user()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ledger-bench-")))
        if user is not None:
            shutil.chown(folder, user)
        data, log = folder / "data", folder / "log"
        made = [str(found / "initdb"), "-D", str(data), "-U", "ledger", "-E", "UTF8", "--locale=C", "-A", "trust"]
        server = [str(found / "postgres"), "-D", str(data), "-k", str(folder), "-c", "listen_addresses="]
        with log.open("wb") as file:
            subprocess.run(made, check=True, stdout=file, stderr=file, cwd="/", user=user)  # noqa: S603 - all of it is ours
            process = subprocess.Popen(server, stdout=file, stderr=file, cwd="/", user=user)  # noqa: S603
        stack.callback(_end, process)
        socket = folder / ".s.PGSQL.5432"
        if not wait_until(lambda: socket.exists() or process.poll() is not None, seconds=_STARTUP):
            raise Unavailable("PostgreSQL does not start.", remedy=log.read_text(encoding="utf-8")[-500:])
        yield f"postgresql://ledger@/postgres?unix_sock={socket}"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _user() -> str | None:
    """Whose name the server runs under: it refuses to run as root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    found = next((name for name in _ACCOUNTS if name in known), None)
    if found is None:
        raise Unavailable(
            "PostgreSQL does not run as root, and there is no other account.", remedy="Run it as another."
        )
    return found
