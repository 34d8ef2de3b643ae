"""From an HTTP request to `recorded`, sustained: API and workers as deployed, beside the web3.py loop of an endpoint.

Time runs from the first request to the last record on the chain, so that neither half can leave work to the other.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from ..errors import Unavailable
from .comparing import Row, in_turns
from .generating import STEPS
from .load import post, send
from .pipeline import open_cases
from .postgres import postgres, programs
from .scale import Scale
from .site import Site, chain, free_port, running, site, wait_for_http

_TARGET = 20.0
_PEER = "the web3.py loop behind a FastAPI endpoint"
_DATABASES = ("SQLite", "PostgreSQL")


def measure_http(folder: Path, scale: Scale) -> list[Row]:
    return [_measure(database, folder / database.lower(), scale) for database in _DATABASES]


def _measure(database: str, folder: Path, scale: Scale) -> Row:
    names = (f"http.{database.lower()}", f"HTTP request to recorded, on {database} and anvil", "records/s", _PEER)
    if database == "PostgreSQL" and programs() is None:
        return Row(*names, target=_TARGET, skipped="PostgreSQL is not installed on this machine.")
    with ExitStack() as stack:
        url = stack.enter_context(postgres() if database == "PostgreSQL" else nullcontext(""))
        theirs = stack.enter_context(chain("anvil", folder / "peer"))
        endpoint = stack.enter_context(peer_server("loop", folder, theirs.url))
        ours = stack.enter_context(chain("anvil", folder / "ours", automine=False))
        place = stack.enter_context(site(folder / "ours", ours, url))
        stack.enter_context(place.workers())
        stack.enter_context(place.api())
        mine, others = in_turns(
            scale.rounds,
            lambda: sustain(place, scale.records["anvil"], scale.connections),
            lambda: _sustain_peer(endpoint, scale.peer_records, scale.connections),
        )
    return Row(*names, mine, others, target=_TARGET)


def sustain(place: Site, records: int, connections: int) -> float:
    """Records per second of cases that were opened before: each connection takes its own through their steps."""
    cases = open_cases(place, max(records // len(STEPS), connections))
    shares = [
        [_milestone(case, kind.wire, place.shop.api_key) for kind in STEPS for case in cases[start::connections]]
        for start in range(connections)
    ]
    wanted = place.recorded() + len(cases) * len(STEPS)
    sent = send(place.address, shares)
    place.wait_recorded(wanted)
    return len(cases) * len(STEPS) / (time.monotonic() - sent.began)


def _milestone(case_id: str, kind: str, api_key: str) -> bytes:
    data = {"grade": "as_new", "share": 10_000} if kind == "inspected" else {"location": "Leipzig, DE"}
    body = json.dumps({"kind": kind, "data": data}).encode()
    return post(f"/v1/cases/{case_id}/milestones", body, api_key)


def _sustain_peer(endpoint: str, records: int, connections: int) -> float:
    request = post("/milestones", b'{"kind": "picked_up"}')
    return send(endpoint, [[request] * -(-records // connections)] * connections).per_second


@contextmanager
def peer_server(name: str, folder: Path, *arguments: str) -> Iterator[str]:
    """The address of one of the peers' servers, in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    command = [sys.executable, "-m", "ledger_service.benchmarks.peer_servers", name, str(port), *arguments]
    with running(command, folder / f"{name}.log", {}) as process:
        wait_for_http(f"http://127.0.0.1:{port}/", process)
        if process.poll() is not None:
            raise Unavailable(f"The peer {name} ended.", remedy=f"Look at {folder / f'{name}.log'}.")
        yield f"http://127.0.0.1:{port}"
