"""A transaction of ours is shut out by another with its number: what was to follow it is refused, and yet not over."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from ledger_service.chain.rpc import wait_until
from ledger_service.chain.transactions import gas_price, sign_transaction
from ledger_service.domain.vocabulary import Kind, Role
from ledger_service.store.tables import ChainRefusal, TransactionRow
from ledger_service.workers.indexer import Indexer
from ledger_service.workers.submitter import Submitter

from .cases import Case
from .conftest import Ledger
from .test_faults import Killed, Undo, _assert_replayed, _die, _is_read, _submitter


@pytest.fixture
def reorg(ledger: Ledger) -> Undo:
    return Undo(ledger.world)


@pytest.fixture
def submitter(ledger: Ledger) -> Submitter:
    return _submitter(ledger)


def _opened(ledger: Ledger) -> Case:
    case = ledger.book.open()
    ledger.run_until(lambda: _is_read(ledger))
    return case


def _send_as_somebody_else(ledger: Ledger) -> None:
    """Takes the next number of our writer for nothing."""
    rpc, writer = ledger.rpc, ledger.world.writer
    signed = sign_transaction(
        writer,
        chain_id=ledger.deployment.chain_id,
        nonce=rpc.nonce(writer.address),
        gas_price=gas_price(int(rpc.call("eth_gasPrice"), 16), rpc.latest()),
        gas=21_000,
        to=writer.address,
        data=b"",
    )
    rpc.send_raw(signed.raw)
    rpc.wait_for_receipt(signed.hash)


def _lose(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that waits goes into transactions that the chain never sees, and their first number is taken."""
    dying = _submitter(ledger)
    with monkeypatch.context() as context:
        context.setattr(dying.writers[0], "broadcast", _die)
        with pytest.raises(Killed):
            dying.step()
    _send_as_somebody_else(ledger)


def _send(ledger: Ledger, submitter: Submitter) -> None:
    """Sends what waits, and waits until the chain has all of it."""
    submitter.step()
    writer = ledger.world.writer.address
    with ledger.database.read() as session:
        query = select(TransactionRow.nonce).where(TransactionRow.writer == writer)
        newest = max(session.exec(query))
    wait_until(lambda: ledger.rpc.nonce(writer) == newest + 1, seconds=10)


def _index(ledger: Ledger) -> None:
    Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id).step()


def _refusals(ledger: Ledger, case: Case) -> list[str]:
    with ledger.database.read() as session:
        query = select(ChainRefusal.reason).where(ChainRefusal.case_id == case.id)
        return list(session.exec(query.order_by(col(ChainRefusal.block_number))))


def test_what_follows_an_act_that_was_shut_out_is_sent_again(
    ledger: Ledger, submitter: Submitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = _opened(ledger)
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    _lose(ledger, monkeypatch)
    ledger.book.state(case, Kind.PICKED_UP, Role.CARRIER)
    ledger.book.state(case, Kind.RECEIVED, Role.WAREHOUSE)
    _send(ledger, submitter)
    _index(ledger)
    assert len(_refusals(ledger, case)) == 2
    assert [stage for _, stage, _ in ledger.book.stages(case)] == ["final", "accepted", "accepted", "accepted"]

    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested", "authorised", "picked_up", "received"]
    assert {stage for _, stage, _ in ledger.book.stages(case)} == {"final"}
    assert len(_refusals(ledger, case)) == 2
    _assert_replayed(ledger)


def test_what_was_accepted_after_a_refusal_waits_for_what_goes_before(
    ledger: Ledger, submitter: Submitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be refused as well."""
    case = _opened(ledger)
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    _lose(ledger, monkeypatch)
    ledger.book.state(case, Kind.PICKED_UP, Role.CARRIER)
    _send(ledger, submitter)
    _index(ledger)
    ledger.book.state(case, Kind.RECEIVED, Role.WAREHOUSE)
    submitter.step()
    assert [stage for _, stage, _ in ledger.book.stages(case)] == ["final", "submitted", "accepted", "accepted"]
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested", "authorised", "picked_up", "received"]
    assert len(_refusals(ledger, case)) == 1


def test_an_act_that_is_refused_with_everything_before_it_done_is_over(
    ledger: Ledger, submitter: Submitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = _opened(ledger)
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    _lose(ledger, monkeypatch)
    ledger.book.state(case, Kind.PICKED_UP, Role.CARRIER, nonce=7)
    _send(ledger, submitter)
    _index(ledger)
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested", "authorised"]
    assert ledger.book.stages(case)[2] == ("picked_up", "rejected", "WrongNonce(carrier, 0, 7)")
    assert len(_refusals(ledger, case)) == 2
    sent = len(ledger.book.outbox())
    for _ in range(5):
        ledger.workers.round()
    assert (len(_refusals(ledger, case)), len(ledger.book.outbox())) == (2, sent)
    _assert_replayed(ledger)


def test_an_opening_whose_parties_were_shut_out_is_opened_with_its_acts(
    ledger: Ledger, submitter: Submitter, reorg: Undo
) -> None:
    """By a reorg that puts a stranger's transaction where theirs was."""
    ledger.run_until(lambda: _is_read(ledger))
    reorg.mark()
    case = ledger.book.open()
    ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
    ledger.run_until(ledger.book.settled)
    reorg.undo()
    _send_as_somebody_else(ledger)
    _index(ledger)
    _send(ledger, submitter)
    _index(ledger)
    assert [reason.split("(")[0] for reason in _refusals(ledger, case)] == ["UnknownParties", "UnknownCase"]
    assert {stage for _, stage, _ in ledger.book.stages(case)} == {"accepted"}
    ledger.run_until(lambda: _is_read(ledger))
    assert ledger.book.timeline(case) == ["requested", "authorised"]
    assert len(_refusals(ledger, case)) == 2
    _assert_replayed(ledger)
