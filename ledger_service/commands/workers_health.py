"""What /readyz says of workers that run in the same process."""

from __future__ import annotations

from collections.abc import Mapping

from ..services.health import Part, part
from ..workers.loop import Workers

_FEW_BLOCKS = 30  # that the indexer may be behind while it keeps up


class WorkersHealth:
    """By component: `ok`, and what is wrong or how far it is in words. Until `started` is set, the start goes on.

    `accounts` are the addresses, by name, that the workers send with.
    """

    def __init__(self, workers: Workers, accounts: Mapping[str, str] | None = None, *, started: bool = True) -> None:
        self._workers = workers
        self.accounts: Mapping[str, str] = accounts or {}
        self.started = started

    def health(self) -> Mapping[str, Part]:
        seen = self._workers.health()
        behind = seen.behind if seen.behind is not None else 0
        where = f"{behind} blocks behind" if behind else f"at block {seen.head}"
        reading = seen.failures.get("index")
        return {
            "chain": part(seen.chain_reachable, "reachable" if seen.chain_reachable else "not reached"),
            "indexer": part(
                reading is None and seen.head is not None and behind <= _FEW_BLOCKS, reading or where, lag=behind
            ),
            "start": part(self.started, "done" if self.started else "loading sample returns"),
            **{name: part(False, failure) for name, failure in seen.failures.items() if name != "index"},
            # A node that is away, or stumbles, delays what is accepted; another chain must stop it.
            **({"index": part(False, reading)} if reading and seen.wrong_chain else {}),
        }
