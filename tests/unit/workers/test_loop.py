"""The loop when its steps fail: no chain is needed for that, only one that does not answer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from structlog.testing import capture_logs

from ledger_service.chain.abi import ESCROW, LEDGER
from ledger_service.chain.deployments import Contract, Deployment
from ledger_service.chain.rpc import Rpc, wait_until
from ledger_service.clock import FixedClock
from ledger_service.commands.workers_health import WorkersHealth
from ledger_service.errors import ChainMismatch
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services.health import NEEDED
from ledger_service.services.policies import shipped_policies
from ledger_service.store.database import Database
from ledger_service.store.judged import Ending
from ledger_service.store.outbox import waiting
from ledger_service.workers import loop
from ledger_service.workers.indexer import Progress
from ledger_service.workers.leasing import Leases
from ledger_service.workers.loop import Step, Workers, sent_again

_ADDRESS = "0x" + "11" * 20


class Parts:
    """The little of an installation that the workers use."""

    def __init__(self, database: Database) -> None:
        at = Contract(_ADDRESS, "0x", "0x")
        self.database = database
        self.clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
        self.deployment = Deployment(1337, "0x", 0, _ADDRESS, _ADDRESS, {LEDGER: at, ESCROW: at})
        self.policies = shipped_policies()
        self.wake = threading.Event()


@pytest.fixture
def parts(database: Database) -> Parts:
    return Parts(database)


class Notifier:
    """Counts its turns, and fails at the first."""

    def __init__(self) -> None:
        self.turns = 0

    def step(self) -> None:
        self.turns += 1
        if self.turns == 1:
            raise ZeroDivisionError("of secret values")


@pytest.fixture
def workers(parts: Parts) -> Iterator[tuple[Workers, Notifier]]:
    rpc, notifier, signer = Rpc("http://127.0.0.1:9"), Notifier(), LocalSigner(new_key())
    workers = Workers(parts, rpc, writer=signer, operator=signer, steps=[Step("notify", notifier.step, lease="notify")])
    yield workers, notifier
    workers.stop()
    rpc.close()


def test_round_with_the_chain_away_goes_on_with_the_other_steps(workers: tuple[Workers, Notifier]) -> None:
    loop, notifier = workers
    assert not loop.health().ready
    assert loop.round() is False
    health = loop.health()
    assert (health.chain_reachable, health.ready, health.last_success, notifier.turns) == (False, False, None, 1)
    assert "does not answer" in health.failures["index"]
    assert health.failures["notify"] == "ZeroDivisionError"
    shown = WorkersHealth(loop).health()
    assert "does not answer" in shown["indexer"]["detail"]
    assert not any(name in NEEDED for name, part in shown.items() if not part["ok"]), "requests are taken meanwhile"


def test_failures_show_nothing_secret(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    rpc, notifier, signer = Rpc("http://user:secret@127.0.0.1:9/v3/secret"), Notifier(), LocalSigner(new_key())
    loop = Workers(parts, rpc, writer=signer, operator=signer, steps=[Step("notify", notifier.step, lease="notify")])

    def mismatch() -> None:
        raise ChainMismatch(f"The chain at {rpc.url} is another.")

    monkeypatch.setattr(loop._deadlines, "step", mismatch)
    with capture_logs() as logs:
        loop.round()
    rpc.close()
    shown = WorkersHealth(loop).health()
    assert shown["deadlines"]["detail"] == "The chain at http://127.0.0.1:9 is another."
    assert shown["notify"]["detail"] == "ZeroDivisionError"
    assert "secret" not in str(shown) + str(logs)
    (logged,) = [entry for entry in logs if entry["step"] == "notify"]
    assert logged["error"] == "ZeroDivisionError"
    assert "exc_info" not in logged
    assert logged["where"][-1].endswith(" in step")


def test_round_leaves_a_failed_step_alone_for_a_while(workers: tuple[Workers, Notifier]) -> None:
    loop, notifier = workers
    loop.round()
    loop.round()
    assert notifier.turns == 1
    assert wait_until(lambda: (loop.round(), notifier.turns == 2)[1], seconds=10)
    assert "notify" not in loop.health().failures


def test_steps_beside_sending_and_reading_are_not_asked_at_every_wake(parts: Parts) -> None:
    turns: list[float] = []
    rpc, signer = Rpc("http://127.0.0.1:9"), LocalSigner(new_key())
    count = Step("count", lambda: turns.append(time.monotonic()))
    loop = Workers(parts, rpc, writer=signer, operator=signer, steps=[count])
    loop.start()
    ends = time.monotonic() + 60
    while len(turns) < 4 and time.monotonic() < ends:
        parts.wake.set()
        time.sleep(0.005)
    loop.stop()
    rpc.close()
    assert len(turns) >= 4
    assert all(later - earlier >= 0.24 for earlier, later in pairwise(turns))


def test_process_that_waits_for_its_turn_rests_although_the_reader_is_behind(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    reader, rpc, signer = Leases(parts.database), Rpc("http://127.0.0.1:9"), LocalSigner(new_key())
    assert reader.hold("index")
    loop = Workers(parts, rpc, writer=signer, operator=signer, steps=[])
    look = lambda: (looks.append(time.monotonic()), Progress(0, 5, 50))[1]  # noqa: E731
    monkeypatch.setattr(loop._indexer, "look", look)
    loop.start()
    assert wait_until(lambda: len(looks) >= 6, seconds=60)
    loop.stop()
    rpc.close()
    assert all(later - earlier >= 0.04 for earlier, later in pairwise(looks))


def test_register_policies_asks_once_for_each(parts: Parts, workers: tuple[Workers, Notifier]) -> None:
    loop, _ = workers
    loop.register_policies()
    loop.register_policies()
    with parts.database.read() as session:
        asked = [row.subject for row in waiting(session, "register_policy", 100, parts.clock.seconds())]
    assert sorted(asked) == sorted("0x" + policy.id().hex() for policy in parts.policies.all())


def test_stop_ends_the_thread_although_the_chain_is_away(workers: tuple[Workers, Notifier]) -> None:
    loop, notifier = workers
    loop.start()
    assert wait_until(lambda: notifier.turns > 0, seconds=10)
    loop.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "workers"]


@pytest.mark.parametrize(
    ("requeued", "said"),
    [
        ({Ending.MINED: 2, Ending.UNDONE: 0}, "2 refused ahead of its turn. It mends"),
        ({Ending.UNDONE: 3}, "3 undone with its whole transaction. It mends"),
        ({Ending.MINED: 1, Ending.OVERTAKEN: 4}, "1 refused ahead of its turn, 4 overtaken by another transaction"),
    ],
)
def test_what_is_sent_once_more_is_said_with_its_reason(requeued: dict[Ending, int], said: str) -> None:
    assert str(sent_again(Counter(requeued))).startswith(f"Something is sent to the chain once more: {said}")


@pytest.mark.parametrize(("took", "pace"), [(0.001, 0.05), (0.03, 0.12), (0.1, 0.25), (3.0, 0.25)])
def test_rounds_of_a_busy_worker_are_fewer_and_never_far_apart(took: float, pace: float) -> None:
    assert loop._pace(took) == pytest.approx(pace)
