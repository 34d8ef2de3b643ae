"""A chain that is killed in the middle: ganache keeps its blocks; what anvil loses is read back and sent again."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import databases_in
from sqlmodel import select

from ledger_service.chain.deployments import check_chain
from ledger_service.chain.local import LocalChain
from ledger_service.chain.rpc import wait_until
from ledger_service.domain.vocabulary import Kind, Role
from ledger_service.errors import Unavailable
from ledger_service.store.tables import TransactionRow

from .conftest import DATABASE_WITH, Ledger, World


@pytest.fixture(params=["ganache", "anvil"])
def own_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """On a chain of its own, which the test may kill."""
    chain = LocalChain(request.param, tmp_path)
    chain.start()
    with databases_in(DATABASE_WITH[chain.name], tmp_path) as databases:
        ledger = Ledger(World(chain, tmp_path), databases.make())
        yield ledger
        ledger.close()
    chain.stop()


def _kill(chain: LocalChain) -> None:
    assert chain._child.pid is not None
    os.kill(chain._child.pid, signal.SIGKILL)
    assert wait_until(lambda: not chain.running, seconds=5)
    chain.stop()


def _wait_for_disk(chain: LocalChain) -> None:
    """Until anvil has written its state of now, all of it; ganache always has."""
    state, now = chain.folder / "state.json", time.time()

    def is_written() -> bool:
        if chain.name != "anvil":
            return True
        if not state.exists() or state.stat().st_mtime <= now:
            return False
        try:
            json.loads(state.read_text())
        except ValueError:
            return False  # it is being written
        return True

    assert wait_until(is_written, seconds=20)


def _all_settled(ledger: Ledger) -> bool:
    with ledger.database.read() as session:
        return ledger.book.settled() and all(row.settled for row in session.exec(select(TransactionRow)))


def test_killed_chain_comes_back_and_the_ledger_with_it(own_ledger: Ledger) -> None:
    ledger, chain = own_ledger, own_ledger.world.chain
    case = ledger.book.open()
    ledger.run_until(lambda: _all_settled(ledger))
    _wait_for_disk(chain)
    for kind, role in ((Kind.AUTHORISED, Role.MERCHANT), (Kind.PICKED_UP, Role.CARRIER)):
        ledger.book.state(case, kind, role)
        ledger.run_until(ledger.book.settled)
    before = ledger.book.timeline(case)
    _kill(chain)

    with pytest.raises(Unavailable):
        ledger.rpc.chain_id()
    assert not ledger.workers.round()
    assert not ledger.workers.health().chain_reachable

    chain.start()
    check_chain(chain.rpc, ledger.deployment)
    ledger.start_workers()
    ledger.run_until(lambda: ledger.workers.health().behind == 0 and _all_settled(ledger))
    assert ledger.book.timeline(case) == before
    ledger.book.state(case, Kind.RECEIVED, Role.WAREHOUSE)
    ledger.run_until(ledger.book.settled)
    assert ledger.book.timeline(case) == [*before, "received"]
    assert ledger.book.state_of(case) == "received"


def test_workers_in_their_thread_record_and_stop(own_ledger: Ledger) -> None:
    workers = own_ledger.workers
    workers.start()
    try:
        case = own_ledger.book.open()
        own_ledger.wake.set()
        assert wait_until(lambda: own_ledger.book.timeline(case) == ["requested"], seconds=20)
        assert wait_until(lambda: workers.health().ready, seconds=5)
        _wait_for_disk(own_ledger.world.chain)
        _kill(own_ledger.world.chain)
        assert wait_until(lambda: not workers.health().chain_reachable, seconds=20)
        assert "index" in workers.health().failures
        own_ledger.world.chain.start()
        own_ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
        assert wait_until(lambda: own_ledger.book.state_of(case) == "authorised", seconds=60)
    finally:
        workers.stop()
        workers.stop()
    assert workers.health().failures == {}
