"""How figures and memory change while the ledger grows: the last thousand records beside the first."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..chain.rpc import Rpc
from .audits import fill, read_heads
from .comparing import Figure, Row
from .history import write_history
from .http_writes import sustain
from .load import ask, get
from .scale import Scale
from .site import Site, chain, free_port, resident_megabytes, running, site, wait_for_http
from .status_reads import make_links

_FIRST = 1_000
_TARGET = 0.8
_THROUGH_THE_CHAIN = 100_000  # records; those beyond are written as the service and the indexer would have them


@dataclass(frozen=True, slots=True)
class Look:
    """What is measured at one size."""

    writes: Figure
    reads: Figure
    audit: Figure
    api: Figure
    worker: Figure


def measure_growth(folder: Path, scale: Scale) -> list[Row]:
    with ExitStack() as stack:
        local = stack.enter_context(chain("anvil", folder, automine=False))
        place = stack.enter_context(site(folder, local))
        first = _look(place, scale, range(0))
        with place.workers():
            fill(place, min(scale.grown, _THROUGH_THE_CHAIN) - place.recorded())
        left = scale.grown - place.recorded()
        past = write_history(place, left) if left > 0 else range(0)
        last = _look(place, scale, past)
    at, peer = f"at {scale.grown:,} records", f"the same at the first {_FIRST:,}"
    return [
        Row("growth.http", f"HTTP request to recorded, {at}", "records/s", peer, last.writes, first.writes, _TARGET),
        Row("growth.status", f"status page's answer, {at}", "requests/s", peer, last.reads, first.reads),
        Row("growth.audit", f"audit from chain events, {at}", "records/s", peer, last.audit, first.audit),
        Row("growth.memory.api", f"memory of the API, {at}", "MB", peer, last.api, first.api),
        Row("growth.memory.worker", f"memory of the workers, {at}", "MB", peer, last.worker, first.worker),
    ]


def _look(place: Site, scale: Scale, past: range) -> Look:
    """With processes that were just started, so that both looks begin alike. `past` are blocks whose events no node
    has."""
    with place.workers() as worker, place.api() as api:
        url = place.address
        links = [get("/v1/status", token) for token in make_links(place, scale.links)]
        ask(url, links, scale.connections, scale.seconds)  # to warm up
        records = min(_FIRST, scale.grown // 2)
        writes = [sustain(place, records, scale.connections) for _ in range(scale.rounds)]
        reads = [ask(url, links, scale.connections, scale.seconds).per_second for _ in range(scale.rounds)]
        with _reader(place, past, scale.grown > _THROUGH_THE_CHAIN) as rpc:
            heads = [read_heads(place, rpc) for _ in range(scale.rounds)]
        memory = [Figure((resident_megabytes(process),)) for process in (api, worker)]
    return Look(Figure(tuple(writes)), Figure(tuple(reads)), Figure(tuple(heads)), *memory)


@contextmanager
def _reader(place: Site, past: range, replayed: bool) -> Iterator[Rpc]:
    """Whom the audit asks: the chain; or, at both sizes alike, the node that also knows the past."""
    if not replayed:
        yield place.rpc
        return
    settings, port = place.app.settings, free_port()
    blocks = [str(number) for number in (past.start, past.stop - 1)]
    server = [sys.executable, "-m", "ledger_service.benchmarks.replaying", str(port), place.rpc.url]
    log = settings.data / "replaying.log"
    with running([*server, settings.database, *blocks], log, {}) as process:
        wait_for_http(f"http://127.0.0.1:{port}/", process)
        rpc = Rpc(f"http://127.0.0.1:{port}")
        try:
            yield rpc
        finally:
            rpc.close()
