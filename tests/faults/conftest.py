"""Faults by a seed: it is printed at the start and with every failure, and `LEDGER_FAULT_SEED=…` plays a run again."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from typing import Any

import pytest
from databases import databases_in

from ledger_service.chain.local import LocalChain

from .lives import Nursery
from .proxy import Proxy
from .site import Site
from .tally import TRIED
from .traffic import Traffic

SEED = os.environ.get("LEDGER_FAULT_SEED") or str(secrets.randbelow(1_000_000))
DATABASE_WITH = {"ganache": "sqlite", "anvil": "postgresql"}
AGE = 150  # records, after which an installation is old: the oracle reads all of it after each fault
RPC_TIMEOUT = 2.0  # seconds that the service waits for its node
MakeSite = Callable[..., Site]
_BROKEN = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "by_seed(share): of such tests, a short run plays this share, on one chain each")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The seed chooses what a short run plays of many alike; all of it is played by a long one."""
    for item in items:
        marker = item.get_closest_marker("by_seed")
        if marker is None or not isinstance(item, pytest.Function):
            continue
        wanted = item.callspec.params.get("chain") if hasattr(item, "callspec") else None
        alike = item.nodeid.replace(f"{wanted}", "")
        chance = Random(f"{SEED}:{alike}")
        chosen = chance.random() < marker.args[0] and wanted in (None, chance.choice(sorted(DATABASE_WITH)))
        if not chosen:
            item.add_marker(pytest.mark.long)


def pytest_report_header() -> str:
    return f"faults by seed {SEED}; play it again with LEDGER_FAULT_SEED={SEED}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    report = yield
    if report.failed:
        item.config.stash[_BROKEN] = True
    if report.failed and Path(item.path).parent == Path(__file__).parent:
        report.sections.append(("seed", f"LEDGER_FAULT_SEED={SEED} plays this again"))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    told = ", ".join(f"{count} x {what}" for what, count in sorted(TRIED.items()))
    failed = len(terminalreporter.stats.get("failed", [])) + len(terminalreporter.stats.get("error", []))
    if not TRIED and not failed:
        return  # tests were listed, not run
    outcome = f"{failed} tests failed" if failed else "nothing was lost and nothing doubled"
    terminalreporter.section("faults")
    terminalreporter.line(f"seed {SEED}: {sum(TRIED.values())} faults were tried; {outcome}")
    terminalreporter.line(told)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> Random:
    """Chance that depends on the seed and on the test alone, so that one test can be played again by itself."""
    return Random(f"{SEED}:{request.node.name}")


# --- installations ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session", params=["ganache", "anvil"])
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalChain]:
    """One that goes on for all tests of a run: nobody kills it or moves its clock."""
    started = LocalChain(request.param, tmp_path_factory.mktemp(request.param))
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def shared(chain: LocalChain, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with Shared(chain, tmp_path_factory) as made:
        yield made


@pytest.fixture
def site(shared: Shared, request: pytest.FixtureRequest) -> Site:
    """An installation at rest behind an honest proxy. It is shared, with all that was acknowledged before, until it is
    old or a test fails: the next one then gets a fresh one."""
    return site_at_rest(shared, request.config)


def site_at_rest(shared: Shared, config: pytest.Config) -> Site:
    if config.stash.get(_BROKEN, False) or shared.is_old:
        config.stash[_BROKEN] = False
        shared.forget()
    site = shared.site()
    site.open_again()
    return site


@pytest.fixture
def proxy(shared: Shared, site: Site) -> Proxy:
    return shared.proxy


@pytest.fixture
def traffic(shared: Shared, site: Site, rng: Random) -> Traffic:
    """What was acknowledged before still has to be there; what a node's lies got refused before is over."""
    shared.traffic.rng = rng
    shared.traffic.refused.clear()
    return shared.traffic


@pytest.fixture
def nursery(shared: Shared, site: Site) -> Nursery:
    """Starts services of the shared installation that are to be killed."""
    return shared.nursery()


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[MakeSite]:
    """Makes installations of a test's own: `make_site(chain)`."""
    with ExitStack() as stack:

        def make(chain: LocalChain, *, database: str = "", **options: Any) -> Site:
            folder = tmp_path / f"site{len(list(tmp_path.glob('site*')))}"
            url = stack.enter_context(database_for(folder, database or DATABASE_WITH[chain.name]))
            return stack.enter_context(Site(folder, chain, url, **options))

        yield make


@pytest.fixture
def own_chain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalChain]:
    """One that the test may kill, undo and move about, named by an indirect parameter."""
    started = LocalChain(request.param, tmp_path)
    started.start()
    yield started
    started.stop()


@contextmanager
def database_for(folder: Path, kind: str) -> Iterator[str]:
    """The URL of an empty database."""
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "sqlite":
        yield f"sqlite:///{folder / 'ledger.db'}"
        return
    with databases_in(kind, folder) as made:
        yield made.empty_url()


class Shared:
    """An installation for many tests, its traffic, and the proxy between it and its chain if it has one."""

    def __init__(self, chain: LocalChain, folders: pytest.TempPathFactory, *, by_proxy: bool = True) -> None:
        self._chain, self._folders, self._by_proxy = chain, folders, by_proxy
        self._stack = ExitStack()
        self._site: Site | None = None
        self._nursery: Nursery | None = None

    def __enter__(self) -> Shared:
        return self

    def __exit__(self, *_: object) -> None:
        self.forget()

    @property
    def is_old(self) -> bool:
        return self._site is not None and len(self.traffic.acknowledged) > AGE

    def site(self) -> Site:
        if self._site is None:
            folder = self._folders.mktemp(f"shared-{self._chain.name}")
            url = self._stack.enter_context(database_for(folder, DATABASE_WITH[self._chain.name]))
            made = Site(folder, self._chain, url, **self._way_to_chain())
            self._site = self._stack.enter_context(made)
            self.traffic = Traffic(made, Random(SEED))
        return self._site

    def _way_to_chain(self) -> dict[str, Any]:
        if not self._by_proxy:
            return {}
        self.proxy = Proxy(self._chain.url)
        self._stack.callback(self.proxy.close)
        return {"via": self.proxy.url, "rpc_timeout": RPC_TIMEOUT}

    def nursery(self) -> Nursery:
        if self._nursery is None:
            self._nursery = self._stack.enter_context(Nursery(self.site()))
        return self._nursery

    def forget(self) -> None:
        self._site = self._nursery = None
        self._stack.close()
