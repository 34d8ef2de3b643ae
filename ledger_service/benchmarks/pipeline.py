"""From the outbox to `recorded`: our workers beside the loop that one writes with web3.py."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from .comparing import Row, in_turns
from .generating import STEPS
from .scale import Scale
from .site import Site, chain, site
from .web3_loop import Web3Loop

_TARGETS = {"anvil": 50.0, "ganache": 3.0}


def measure_pipeline(folder: Path, scale: Scale) -> list[Row]:
    return [_measure(name, folder / name, scale) for name in _TARGETS]


def _measure(name: str, folder: Path, scale: Scale) -> Row:
    with ExitStack() as stack:
        theirs = stack.enter_context(chain(name, folder / "peer"))
        ours = stack.enter_context(chain(name, folder / "ours", automine=False))
        loop = Web3Loop(theirs.url)
        loop.deploy()
        place = stack.enter_context(site(folder / "ours", ours))
        stack.enter_context(place.workers())
        records = scale.records[name]
        mine, others = in_turns(
            scale.rounds,
            lambda: drain(place, records),
            lambda: _repeat(loop, scale.peer_records),
        )
    return Row(
        f"pipeline.{name}",
        f"outbox to recorded, on {name}",
        "records/s",
        "web3.py build, sign, send, wait",
        mine,
        others,
        target=_TARGETS[name],
    )


def drain(place: Site, records: int) -> float:
    """Acts per second from the outbox to `recorded`, of cases that were opened before: each case's four wait there
    together, as they do when its parties do not wait for the chain."""
    cases = open_cases(place, -(-records // len(STEPS)))
    wanted, made = place.recorded() + len(cases) * len(STEPS), place.cases.lives(cases)
    place.cases.write(made)
    began = time.perf_counter()
    place.wait_recorded(wanted)
    return len(made) / (time.perf_counter() - began)


def open_cases(place: Site, count: int) -> list[str]:
    """Cases that stand on the chain."""
    so_far = place.recorded()
    cases = place.cases.open(count)
    place.wait_recorded(so_far + count)
    return cases


def _repeat(loop: Web3Loop, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        loop.record()
    return count / (time.perf_counter() - began)
