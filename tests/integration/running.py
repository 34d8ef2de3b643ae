"""An installation as its operator has it: a folder, a process tree, a port. Used from outside: HTTP and `ledger`."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import text

from ledger_service.store.database import Database

ROOT = Path(__file__).resolve().parents[2]
LEDGER = Path(sys.executable).with_name("ledger")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], *, seconds: float = 60, what: str = "it") -> Any:
    """What the condition answers once it is true. Fails when it does not become so in time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


class Running:
    """`ledger run` on a folder of its own."""

    def __init__(self, data: Path, chain: str, *options: str, database_url: str = "") -> None:
        """On SQLite in its folder, unless a database is named."""
        self.data, self.chain, self.port, self.options = data, chain, free_port(), options
        self.database_url = database_url or f"sqlite:///{data.resolve() / 'ledger.db'}"
        self._environment = {**os.environ, "LEDGER_DATABASE_URL": database_url}
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._clients: list[httpx.Client] = []
        self.output = data.parent / f"{data.name}.log"

    def start(self, *, seconds: float = 120) -> None:
        arguments = [str(LEDGER), "run", "--chain", self.chain, "--port", str(self.port), "--data", str(self.data)]
        with self.output.open("ab") as log:
            self.process = subprocess.Popen(
                [*arguments, *self.options],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env=self._environment,
            )
        wait_for(self._is_ready, seconds=seconds, what="the start")

    def _is_ready(self) -> bool:
        if self.process is not None and self.process.poll() is not None:
            raise AssertionError(f"ledger run ended:\n{self.output.read_text()[-3000:]}")
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> int:
        """Ctrl-C; answers the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def kill_tree(self) -> None:
        """kill -9 of the process and of all that descend from it, none of which gets to say a word."""
        assert self.process is not None
        for pid in [self.process.pid, *_descendants(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def ledger(self, *arguments: str, code: int = 0) -> str:
        """Runs a command beside the service; its output. Fails on another exit code."""
        done = self.spawn(*arguments)
        out, err = done.communicate(timeout=300)
        assert done.returncode == code, (
            f"ledger {arguments} ended with {done.returncode}:\n{out.decode()}\n{err.decode()}"
        )
        return out.decode()

    def ledger_json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.ledger(*arguments, "--json", code=code))

    def spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(LEDGER), *arguments, "--data", str(self.data)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=ROOT,
            env=self._environment,
        )

    def client(self, api_key: str) -> httpx.Client:
        made = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {api_key}"}, timeout=60)
        self._clients.append(made)
        return made

    def close(self) -> None:
        """Ends what a test left behind."""
        for client in self._clients:
            client.close()
        if self.process is not None and self.process.poll() is None:
            self.kill_tree()

    def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What the database answers, beside the service."""
        with contextlib.closing(Database(self.database_url)) as database, database.read() as session:
            return [tuple(row) for row in session.execute(text(query), values)]

    def change(self, statement: str, **values: Any) -> None:
        """Changes the database behind the service's back."""
        with contextlib.closing(Database(self.database_url)) as database, database.write() as session:
            session.execute(text(statement), values)

    def wait_recorded(self, client: httpx.Client, case_id: str, state: str) -> dict[str, Any]:
        """The case once it is in this state and all of it stands on the chain."""

        def look() -> dict[str, Any] | None:
            case: dict[str, Any] = client.get(f"/v1/cases/{case_id}").raise_for_status().json()
            return case if case["state"] == state and case["stage"] in ("recorded", "final") else None

        found: dict[str, Any] = wait_for(look, what=f"state {state}")
        return found


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
            if parent == pid:
                found += [int(entry.name), *_descendants(int(entry.name))]
    return found
