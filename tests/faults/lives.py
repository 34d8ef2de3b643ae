"""Services that are killed: started by the nursery, spoken to over HTTP, and at rest before the oracle looks."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from ledger_service.chain.rpc import wait_until

from .site import FINALITY, NO_LIMIT, PATIENCE, Site

_TESTS = Path(__file__).resolve().parents[1]


class Nursery:
    """Starts service processes of an installation, quickly."""

    def __init__(self, site: Site) -> None:
        self._site = site
        settings = {
            "LEDGER_DATABASE_URL": site.database.url,
            "LEDGER_CONFIRMATIONS": str(site.settings.confirmations),
            "LEDGER_FINALITY": str(FINALITY),
            "LEDGER_RATE_LIMIT": NO_LIMIT,
            "LEDGER_RATE_LIMIT_FAILURES": NO_LIMIT,
            "LEDGER_PUBLIC_URL": site.settings.url,
            "PYTHONPATH": f"{_TESTS}{os.pathsep}{_TESTS.parent}",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **settings},
            text=True,
        )

    def __enter__(self) -> Nursery:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(PATIENCE)
        self._process.stdout.close()

    def start(self, point: str | None = None, nth: int = 1) -> Service:
        """Beside workers that have stopped, and without waiting for the leases of those that were killed."""
        self._site.workers.stop()
        self._site.forget_leases()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        data = str(self._site.folder.resolve())
        pid = self._ask("start", data=data, port=port, point=point, nth=nth)["pid"]
        return Service(self, pid, port)

    def wait(self, pid: int, seconds: float) -> int | None:
        """How the process ended, -9 for a kill; None if it still runs."""
        ended: int | None = self._ask("wait", pid=pid, seconds=seconds)["ended"]
        return ended

    def _ask(self, what: str, **values: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({what: values}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class Service:
    """One life of the service, API and workers, from its start to its kill."""

    def __init__(self, nursery: Nursery, pid: int, port: int) -> None:
        self._nursery, self.pid = nursery, pid
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE)
        self.ended: int | None = None

    def __enter__(self) -> Service:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self.ended is None:
            self.kill()
        self.client.close()

    def is_up(self, seconds: float = PATIENCE) -> bool:
        """Whether it answers; it may die before it ever does."""

        def answers() -> bool:
            try:
                return self.client.get("/healthz").status_code == 200
            except httpx.HTTPError:
                return self.died(0) is not None

        return wait_until(answers, seconds=seconds) and self.ended is None

    def died(self, seconds: float = PATIENCE) -> int | None:
        """How it ended, if it does in time."""
        if self.ended is None:
            self.ended = self._nursery.wait(self.pid, seconds)
        return self.ended

    def kill(self) -> None:
        if self.died(0) is None:
            os.kill(self.pid, signal.SIGKILL)
            assert self.died() == -signal.SIGKILL
