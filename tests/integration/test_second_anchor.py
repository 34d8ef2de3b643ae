"""Checkpoints on a second chain: beside the first, sent once, and never in its way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlmodel import select

from ledger_service.chain.anchors import latest_anchor
from ledger_service.chain.deploy import deploy_anchor, fund_accounts
from ledger_service.chain.rpc import Rpc
from ledger_service.domain.hashing import from_hex, hex0x
from ledger_service.errors import IntegrityFailure, Unavailable
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.store.tables import (
    LogCheckpoint,
    SecondAnchor,
)
from ledger_service.workers.second_anchoring import SecondAnchoring

from .observing import Log, log
from .test_faults import Undo, reorg

__all__ = ["log", "reorg"]  # fixtures


class Second:
    """A contract and an account of their own, as on another chain."""

    def __init__(self, log: Log, rpc: Rpc | None = None) -> None:
        self.key = LocalSigner(new_key())
        fund_accounts(log.rpc, [self.key.address])
        self.contract = deploy_anchor(log.rpc, self.key).address
        self.worker = SecondAnchoring(log.app, rpc or log.rpc, self.contract, self.key)

    def run_until(self, log: Log, condition: Callable[[], Any]) -> None:
        for _ in range(200):
            if condition():
                return
            self.worker.step()
            if log.world.chain.name == "anvil":
                log.rpc.call("evm_mine")
        raise AssertionError(log.rows(SecondAnchor))


def test_checkpoints_are_anchored_on_a_second_chain_too(log: Log) -> None:
    second = Second(log)
    log.state(3)
    log.keeper.step()
    second.run_until(log, lambda: [row.block_number for row in log.rows(SecondAnchor) if row.block_number])
    size, root = latest_anchor(log.rpc, second.contract)
    assert (size, hex0x(root)) == (3, log.rows(LogCheckpoint)[0].root)
    assert log.on_chain() == []  # the first one has its own time
    assert log.on_chain(second.contract) == [3]
    for _ in range(3):
        second.worker.step()
    assert log.on_chain(second.contract) == [3]


def test_second_anchor_is_sent_again_after_a_kill_and_after_a_reorg(
    log: Log, reorg: Undo, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = Second(log)
    log.state(2)
    log.keeper.step()

    def die(_row: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(second.worker, "_broadcast", die)
    with pytest.raises(KeyboardInterrupt):
        second.worker.step()
    monkeypatch.undo()
    assert log.on_chain(second.contract) == []
    (saved,) = log.rows(SecondAnchor)
    reorg.mark()
    second.run_until(log, lambda: log.rows(SecondAnchor)[0].block_number)
    assert log.rows(SecondAnchor)[0].raw == saved.raw
    reorg.undo()
    assert log.on_chain(second.contract) == []
    second.run_until(log, lambda: log.on_chain(second.contract) == [2])
    second.run_until(log, lambda: log.rows(SecondAnchor)[0].block_number)


def test_second_chain_that_is_away_keeps_nothing_up(log: Log) -> None:
    second = Second(log, Rpc("http://127.0.0.1:9", timeout=1))
    log.state(2)
    with pytest.raises(Unavailable):
        second.worker.step()
    log.run_until_anchored()
    assert log.on_chain() == [2]
    assert log.rows(SecondAnchor) == []


def test_second_contract_of_another_log_is_refused(log: Log) -> None:
    second = Second(log)
    log.state(1)
    log.keeper.step()
    second.run_until(log, lambda: log.on_chain(second.contract) == [1])
    with log.app.database.write() as session:
        (checkpoint,) = session.exec(select(LogCheckpoint))
        checkpoint.root = hex0x(from_hex("0x" + "11" * 32))
    with pytest.raises(IntegrityFailure, match="none of this log"):
        second.run_until(log, lambda: False)
