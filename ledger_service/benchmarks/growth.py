"""How figures and memory change while the ledger grows: the last thousand records beside the first."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .audits import fill, read_heads
from .comparing import Figure, Row
from .http_writes import sustain
from .load import ask, get
from .scale import Scale
from .site import Site, chain, resident_megabytes, site
from .status_reads import make_links

_FIRST = 1_000
_TARGET = 0.8


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
        first = _look(place, scale)
        with place.workers():
            fill(place, scale.grown - place.recorded())
        last = _look(place, scale)
    at, peer = f"at {scale.grown:,} records", f"the same at the first {_FIRST:,}"
    return [
        Row("growth.http", f"HTTP request to recorded, {at}", "records/s", peer, last.writes, first.writes, _TARGET),
        Row("growth.status", f"status page's answer, {at}", "requests/s", peer, last.reads, first.reads),
        Row("growth.audit", f"audit from chain events, {at}", "records/s", peer, last.audit, first.audit),
        Row("growth.memory.api", f"memory of the API, {at}", "MB", peer, last.api, first.api),
        Row("growth.memory.worker", f"memory of the workers, {at}", "MB", peer, last.worker, first.worker),
    ]


def _look(place: Site, scale: Scale) -> Look:
    """With processes that were just started, so that both looks begin alike."""
    with place.workers() as worker, place.api() as api:
        url = place.address
        links = [get("/v1/status", token) for token in make_links(place, scale.links)]
        ask(url, links, scale.connections, scale.seconds)  # to warm up
        records = min(_FIRST, scale.grown // 2)
        writes = [sustain(place, records, scale.connections) for _ in range(scale.rounds)]
        reads = [ask(url, links, scale.connections, scale.seconds).per_second for _ in range(scale.rounds)]
        heads = [read_heads(place) for _ in range(scale.rounds)]
        memory = [Figure((resident_megabytes(process),)) for process in (api, worker)]
    return Look(Figure(tuple(writes)), Figure(tuple(reads)), Figure(tuple(heads)), *memory)
