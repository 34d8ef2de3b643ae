"""What /readyz says of workers that run in the same process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..workers.loop import Workers


class WorkersHealth:
    """By component: `ok`, and what is wrong or how far it is in words. Until `started` is set, the start goes on."""

    def __init__(self, workers: Workers, *, started: bool = True) -> None:
        self._workers = workers
        self.started = started

    def health(self) -> Mapping[str, Any]:
        seen = self._workers.health()
        parts = {
            "chain": (seen.chain_reachable, "reachable" if seen.chain_reachable else "not reached"),
            "indexer": (seen.behind == 0, f"{seen.behind} blocks behind" if seen.behind else f"at block {seen.head}"),
            "start": (self.started, "done" if self.started else "loading sample returns"),
            **{name: (False, failure) for name, failure in seen.failures.items()},
        }
        health: dict[str, dict[str, Any]] = {name: {"ok": ok, "detail": detail} for name, (ok, detail) in parts.items()}
        health["indexer"]["lag"] = seen.behind
        return health
