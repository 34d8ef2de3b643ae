"""The chain takes blocks back: what was in them is dropped, moved, or shut out, and comes to stand there once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from ledger_service.chain.local import LocalChain

from .conftest import Shared, site_at_rest
from .forks import HOW, Fork
from .oracle import after_each
from .site import FINALITY, Site
from .tally import tried
from .traffic import Traffic

ANVIL = pytest.mark.parametrize("forking", ["anvil"], indirect=True)
BOTH = pytest.mark.parametrize("forking", ["ganache", "anvil"], indirect=True)

_BURSTS = 3  # times, at most, that there is traffic in the blocks of a fork
_DEPTHS = 8  # that one test goes through
_MOST_BLOCKS = 8  # that one of these can become, with what the service does by itself


@dataclass(frozen=True)
class Forked:
    """An installation on a chain that goes back and forth, for the tests of this file."""

    site: Site
    traffic: Traffic

    def check(self) -> None:
        after_each(self.site, self.traffic.acknowledged, strangers=self.traffic.strangers)


@pytest.fixture(scope="module")
def forking(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    chain = LocalChain(request.param, tmp_path_factory.mktemp(f"forking-{request.param}"))
    chain.start()
    with Shared(chain, tmp_path_factory, by_proxy=False) as made:
        yield made
    chain.stop()


@pytest.fixture
def forked(forking: Shared, request: pytest.FixtureRequest) -> Forked:
    return Forked(site_at_rest(forking, request.config), forking.traffic)


def fork(forked: Forked, depth: int, how: str, rng: Random) -> None:
    """Traffic into `depth` blocks, which are then undone in this way."""
    site, traffic = forked.site, forked.traffic
    traffic.rng = rng
    site.settle()
    undoing = Fork(site)
    undoing.begin()
    room = min(depth, FINALITY - _MOST_BLOCKS)  # all of the traffic is to be in what is undone, and that is believed
    for place in sorted(rng.sample(range(room), min(room, rng.randint(1, _BURSTS)))):
        undoing.grow(place)
        traffic.some(rng.randint(1, 3))
        site.run_until(lambda: site.at_head() and not site.workers.round())
    undoing.grow(depth)
    traffic.met_strangers(undoing.undo(how, rng))
    traffic.some(2)
    site.settle()
    assert not traffic.refused


@pytest.mark.by_seed(0.5)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("depth", [1, 2, 7, FINALITY])
@ANVIL
def test_reorg_of_this_depth_loses_and_doubles_nothing(forked: Forked, rng: Random, depth: int, how: str) -> None:
    fork(forked, depth, how, rng)
    forked.check()
    tried(f"reorg, {how}")


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("forking", ["ganache"], indirect=True)
def test_reorg_on_ganache_loses_and_doubles_nothing(forked: Forked, rng: Random, how: str) -> None:
    fork(forked, rng.randint(1, 9), how, rng)
    forked.check()
    tried(f"reorg, {how}")


@pytest.mark.long
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("first", range(1, FINALITY, _DEPTHS))
@BOTH
def test_reorgs_of_every_depth_lose_and_double_nothing(forked: Forked, rng: Random, first: int, how: str) -> None:
    for depth in range(first, first + _DEPTHS):
        fork(forked, depth, how, rng)
    forked.check()
    tried(f"reorg, {how}", _DEPTHS)


# --- deeper than is believed ------------------------------------------------------------------------------------------


@ANVIL
def test_reorg_beyond_finality_stops_everything_until_an_operator_has_looked(
    forked: Forked, rng: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    site, traffic = forked.site, forked.traffic
    site.settle()
    undoing = Fork(site)
    undoing.begin()
    traffic.some(3)
    site.settle()
    undoing.grow(FINALITY + 3)
    site.settle()
    undoing.undo("dropped", rng)
    used = site.chain.rpc.nonce(site.keys["writer"].address)
    traffic.some(3)
    site.run_for(2)
    assert any("not believed" in failure for failure in site.workers.health().failures.values())
    assert site.ready() == 503
    assert site.chain.rpc.nonce(site.keys["writer"].address) == used, "It went on sending."

    monkeypatch.setenv("LEDGER_DATABASE_URL", site.database.url)
    monkeypatch.setenv("LEDGER_FINALITY", str(FINALITY))
    ledger = Path(sys.executable).with_name("ledger")
    subprocess.run([ledger, "rebuild", "--data", site.folder], check=True, timeout=120, capture_output=True)
    site.restart()
    traffic.again()
    site.settle()
    assert not traffic.refused
    forked.check()
    assert site.ready() == 200
    tried("reorg beyond finality")
