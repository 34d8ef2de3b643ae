"""What a reorg takes back of panels, votes, rulings and fees comes back, and no fact of it stays behind."""

from __future__ import annotations

from ledger_service.domain.vocabulary import Kind, Role
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.workers.deadlines import DeadlineWorker
from ledger_service.workers.indexer import Indexer

from .conftest import Ledger
from .test_disputes import FEE, Bench
from .test_faults import Undo, _assert_replayed, _is_read, reorg

__all__ = ["reorg"]  # a fixture


def _read_on(ledger: Ledger) -> None:
    Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id).step()


def test_reorg_of_a_ruling_brings_votes_and_fees_back(ledger: Ledger, reorg: Undo) -> None:
    bench = Bench(ledger)
    case = bench.disputed()
    bench.settle()
    reorg.mark()
    bench.vote(case, [9_000, 8_500, 9_700])
    bench.book.state(case, Kind.SPLIT, Role.MERCHANT, share=9_200)
    bench.book.state(case, Kind.SPLIT, Role.CONSUMER, share=9_200)
    ledger.run_until(lambda: (kept := bench.credit(bench.arbitrators[2])) and kept.credit == 0, seconds=60)
    bench.settle()
    reorg.undo()

    _read_on(ledger)
    found = bench.found(case)
    assert (found.state, found.fees, found.voting_panel) == ("disputed", 0, bench.version)
    assert bench.book.votes(case) == []
    assert bench.credit(bench.arbitrators[2]) is None
    ledger.run_until(lambda: _is_read(ledger), seconds=60)
    found = bench.found(case)
    assert (found.state, found.to_consumer, found.fees) == ("settled", 1_840, 3 * FEE)
    assert [vote.share for vote in bench.book.votes(case)] == [9_000, 8_500, 9_700]
    credit = bench.credit(bench.arbitrators[2])
    assert credit is not None
    assert (credit.credit, credit.credited) == (0, FEE)
    _assert_replayed(ledger)


def test_reorg_of_a_panel_registers_it_again(ledger: Ledger, reorg: Undo) -> None:
    ledger.run_until(lambda: ledger.book.settled() and _is_read(ledger))
    reorg.mark()
    panel = ledger.book.panel([LocalSigner(new_key()) for _ in range(3)])
    ledger.run_until(lambda: ledger.book.version_of(panel))
    version = ledger.book.version_of(panel)
    reorg.undo()

    _read_on(ledger)
    assert ledger.book.version_of(panel) == 0
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.version_of(panel) == version
    _assert_replayed(ledger)


def test_poke_waits_for_votes_that_were_accepted(ledger: Ledger) -> None:
    bench = Bench(ledger)
    case = bench.disputed()
    bench.settle()
    found = bench.found(case)
    bench.book.vote(case, bench.arbitrators[0], 9_000)
    ledger.world.chain.advance(found.due - ledger.clock.seconds() + 2)
    DeadlineWorker(ledger.database, ledger.clock).step()
    assert ledger.book.outbox(action="poke", case_id=case.id) == []
    bench.settle()
    ledger.run_until(lambda: bench.found(case).round == 1)
    assert ledger.book.outbox(action="vote", case_id=case.id)[0].done
