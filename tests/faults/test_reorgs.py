"""The chain takes blocks back: what was in them is dropped, moved, or shut out, and comes to stand there once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from ledger_service.chain.local import LocalChain

from .conftest import DATABASE_WITH, SEED, database_for
from .forks import HOW, Fork
from .oracle import after_each
from .site import FINALITY, Site
from .tally import tried
from .traffic import Traffic

ANVIL = pytest.mark.parametrize("forked", ["anvil"], indirect=True)
BOTH = pytest.mark.parametrize("forked", ["ganache", "anvil"], indirect=True)


class Forked:
    """An installation on a chain that goes back and forth, for the tests of this file."""

    def __init__(self, site: Site) -> None:
        self.site, self.traffic = site, Traffic(site, Random(SEED))

    def check(self) -> None:
        after_each(self.site, self.traffic.acknowledged, strangers=self.traffic.strangers)


@pytest.fixture(scope="module")
def forked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forked]:
    folder = tmp_path_factory.mktemp(f"forked-{request.param}")
    chain = LocalChain(request.param, folder)
    chain.start()
    with database_for(folder, DATABASE_WITH[request.param]) as url, Site(folder, chain, url) as site:
        chain.rpc.batch([("evm_mine",)] * (FINALITY + 8))  # so that no fork undoes the contracts
        site.settle()
        yield Forked(site)
    chain.stop()


def fork(forked: Forked, depth: int, how: str, rng: Random) -> None:
    """Traffic into `depth` blocks, which are then undone in this way."""
    site, traffic = forked.site, forked.traffic
    traffic.rng = rng
    site.settle()
    undoing = Fork(site)
    undoing.begin()
    while undoing.depth < depth:
        traffic.some(rng.randint(1, 3))
        before = undoing.depth
        site.run_until(lambda: site.at_head() and not site.workers.round(), 30)
        if undoing.depth == before or rng.random() < 0.3:
            undoing.grow(min(depth, undoing.depth + rng.randint(1, max(depth // 4, 1))))
    traffic.met_strangers(undoing.undo(how, rng))
    traffic.some(2)
    site.settle(90)
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
@pytest.mark.parametrize("forked", ["ganache"], indirect=True)
def test_reorg_on_ganache_loses_and_doubles_nothing(forked: Forked, rng: Random, how: str) -> None:
    fork(forked, rng.randint(1, 9), how, rng)
    forked.check()
    tried(f"reorg, {how}")


@pytest.mark.long
@pytest.mark.timeout(3_000)
@pytest.mark.parametrize("how", HOW)
@BOTH
def test_reorgs_of_every_depth_lose_and_double_nothing(forked: Forked, rng: Random, how: str) -> None:
    for depth in range(1, FINALITY + 1):
        fork(forked, depth, how, rng)
        if depth % 8 == 0:
            forked.check()
    forked.check()
    tried(f"reorg, {how}", FINALITY)


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
    site.settle(90)
    assert not traffic.refused
    forked.check()
    assert site.ready() == 200
    tried("reorg beyond finality")
