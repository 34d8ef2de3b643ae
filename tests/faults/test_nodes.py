"""A node that is killed: it comes back with its blocks, without the last of them, or without any."""

from __future__ import annotations

import os
import shutil
import signal
import time
from random import Random

import pytest

from ledger_service.chain.local import LocalChain
from ledger_service.chain.rpc import wait_until

from .conftest import MakeSite
from .oracle import after_each
from .site import Site
from .tally import tried
from .traffic import Traffic

KILLS = pytest.mark.parametrize("kills", [2, pytest.param(12, marks=[pytest.mark.long, pytest.mark.timeout(1_800)])])
BOTH = pytest.mark.parametrize("own_chain", ["ganache", "anvil"], indirect=True)


def kill(chain: LocalChain) -> None:
    pid = chain._child.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert wait_until(lambda: not chain.running, seconds=10)
    chain.stop()


def wait_for_disk(chain: LocalChain) -> None:
    """Until anvil, which writes its state every second, has written what there is now; ganache always has."""
    if chain.name == "anvil":
        state, now = chain.folder / "state.json", time.time()
        assert wait_until(lambda: state.exists() and state.stat().st_mtime > now + 0.1, seconds=20)


@KILLS
@BOTH
def test_killed_node_comes_back_and_nothing_is_lost(
    own_chain: LocalChain, make_site: MakeSite, rng: Random, kills: int
) -> None:
    """At any moment, with traffic while it is down. What anvil had not written yet is gone, and sent again."""
    site = make_site(own_chain)
    traffic = Traffic(site, rng)
    wait_for_disk(own_chain)
    for _ in range(kills):
        traffic.some(4)
        site.run_for(rng.uniform(0, 1.5))
        kill(own_chain)
        traffic.some(3)
        site.run_for(0.6)
        assert not traffic.unanswered, "Requests are taken while the chain is down."
        own_chain.start()
        site.settle()
    assert not traffic.refused
    after_each(site, traffic.acknowledged)
    tried("node killed", kills)


@BOTH
def test_node_that_lost_all_its_blocks_stops_the_service_until_they_are_back(
    own_chain: LocalChain, make_site: MakeSite, rng: Random
) -> None:
    site = make_site(own_chain)
    traffic = Traffic(site, rng)
    traffic.some(6)
    site.settle()
    wait_for_disk(own_chain)
    kill(own_chain)
    away = own_chain.folder.with_name("away")
    _move_blocks(own_chain.folder, away)
    own_chain.start()
    site.run_for(3)
    assert site.workers.health().failures, "It goes on as if nothing were."
    assert site.ready() == 503
    assert own_chain.rpc.nonce(site.keys["writer"].address) == 0, "It sent to a chain that is not its own."
    kill(own_chain)
    shutil.rmtree(own_chain.folder / "blocks", ignore_errors=True)
    (own_chain.folder / "state.json").unlink(missing_ok=True)
    _move_blocks(away, own_chain.folder)
    own_chain.start()
    traffic.some(3)
    site.settle()
    after_each(site, traffic.acknowledged)
    tried("node without its blocks")


def _move_blocks(source: object, target: object) -> None:
    from pathlib import Path

    source, target = Path(str(source)), Path(str(target))
    target.mkdir(exist_ok=True)
    for name in ("blocks", "state.json"):
        if (source / name).exists():
            (source / name).rename(target / name)


@KILLS
@BOTH
def test_killed_node_and_killed_service_lose_nothing(
    own_chain: LocalChain, make_site: MakeSite, rng: Random, kills: int
) -> None:
    """Both at once, and both come back."""
    site: Site = make_site(own_chain)
    traffic = Traffic(site, rng)
    wait_for_disk(own_chain)
    for _ in range(kills):
        traffic.some(5)
        site.run_for(rng.uniform(0, 0.8))
        kill(own_chain)
        own_chain.start()
        site.restart()
        traffic.some(2)
    site.settle()
    after_each(site, traffic.acknowledged)
    tried("node killed", kills)
