"""The loop that runs the workers, in one thread: submit, index, deadlines, policies, and what else it is given; then
wait until woken.

Several processes may run it on one database. A step that must have one runner at a time names a lease, and only runs
while this process holds it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from sqlmodel import Session

from .. import telemetry
from ..chain.deployments import Deployment
from ..chain.rpc import Rpc
from ..chain.transactions import Signer
from ..clock import Clock
from ..domain.hashing import hex0x
from ..domain.policies import Policy
from ..errors import ChainMismatch, LedgerError, ReorgTooDeep, Unavailable
from ..store.cases import enqueue
from ..store.database import Database
from ..store.judged import Ending
from ..telemetry import timed
from ..traces import calls_of
from .deadlines import DeadlineWorker
from .indexer import FINALITY, Indexer, Progress
from .leasing import Leases
from .sender import PATIENCE
from .submitter import BATCH_SIZE, Submitter

_log = structlog.get_logger(__name__)
_IDLE = 0.3  # seconds between two rounds with nothing to do
_IN_FLIGHT = 0.02  # the same once something of ours waits to be mined, longer each time until it is
_PACE = 0.05  # seconds from one round to the next at the least, so that what comes singly is sent together
_SHARE = 4  # times as long as the last round took, if that is more, so that a busy worker's rounds are fewer and larger
_SLOWEST = 0.25  # seconds from one round to the next at the most
_FULL = 500  # events of a round from which on the next one follows at once
_ASIDE = 0.25  # seconds between two turns of the steps beside sending and reading, while those are at work
_DEADLINES = 1.0  # seconds between two looks for what is due, if nothing happens
_FIRST_BACKOFF = 0.5  # seconds after a step failed, doubled each time
_LONGEST_BACKOFF = 30.0


class _Policies(Protocol):
    def by_id(self, policy_id: str) -> Policy: ...

    def all(self) -> Sequence[Policy]: ...


class Parts(Protocol):
    """What the workers need of the app."""

    @property
    def database(self) -> Database: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def deployment(self) -> Deployment: ...

    @property
    def policies(self) -> _Policies: ...

    @property
    def wake(self) -> threading.Event: ...


@dataclass(frozen=True, slots=True)
class Health:
    """How the workers are. `behind` is in blocks; `failures` holds, by step, what it failed with last. `wrong_chain` is
    whether what the chain has cannot be what we deployed to, or read, which no waiting mends."""

    chain_reachable: bool
    behind: int | None
    head: int | None
    last_success: int | None  # seconds since 1970, of a whole round
    failures: dict[str, str]
    wrong_chain: bool = False

    @property
    def ready(self) -> bool:
        return self.chain_reachable and self.behind == 0


@dataclass(slots=True)
class Step:
    """One of the loop's turns. With a `lease`, it runs where that is held; elsewhere `standby` does, if it has one."""

    name: str
    run: Callable[[], object]
    lease: str | None = None
    standby: Callable[[], object] | None = None
    stop: Callable[[], object] | None = None  # ends what the step left under way
    failure: str | None = None
    wrong_chain: bool = False  # that is why it failed
    pause: float = 0.0
    not_before: float = 0.0  # monotonic
    outcome: object = field(default=None)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the workers keep to. `active` writers take new cases (None: all); `max_gas_price` is wei."""

    active: int | None = None
    batch_size: int = BATCH_SIZE
    max_gas_price: int | None = None
    patience: float = PATIENCE
    finality: int = FINALITY


class Workers:
    """`start` runs the loop in a thread of its own, `stop` ends it after the step it is in; `round` is one turn.

    `writer` and `more_writers` share the cases, `steps` come after the loop's own.
    """

    def __init__(
        self,
        app: Parts,
        rpc: Rpc,
        *,
        writer: Signer,
        operator: Signer,
        more_writers: Sequence[Signer] = (),
        steps: Sequence[Step] = (),
        limits: Limits = Limits(),
    ) -> None:
        self._app = app
        self._rpc = rpc
        self._leases = Leases(app.database)
        self._indexer = Indexer(app.database, rpc, app.deployment, app.policies.by_id, finality=limits.finality)
        self._submitter = Submitter(
            app.database,
            rpc,
            app.deployment,
            writers=(writer, *more_writers),
            operator=operator,
            clock=app.clock,
            policy_by_id=app.policies.by_id,
            active=limits.active,
            batch_size=limits.batch_size,
            max_gas_price=limits.max_gas_price,
            patience=limits.patience,
            fence=self._fence,
        )
        self._deadlines = DeadlineWorker(app.database, app.clock)
        self._deadlines_at = 0.0  # monotonic
        self._index_step = Step("index", self._index, lease="index", standby=self._look)
        # Reading comes first, so that nothing is sent after a reorg that is not believed.
        self._hot = [self._index_step, *self._sending_steps()]
        self._own = [*self._hot, *self._rare_steps(operator.address)]
        self._steps = [*self._own, *steps]
        self._progress: Progress | None = None
        self._last_success: int | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def _sending_steps(self) -> list[Step]:
        return [
            Step(f"submit-{number}" if number > 1 else "submit", one.step, lease=_sending(one.address))
            for number, one in enumerate(self._submitter.writers, start=1)
        ]

    def _rare_steps(self, operator: str) -> list[Step]:
        return [
            Step("deadlines", self._ask_for_due, lease="deadlines"),
            Step("policies", self._submitter.operator.step, lease=_sending(operator)),
        ]

    def start(self) -> None:
        """Asks for the policies to be registered, and begins."""
        self.register_policies()
        self._thread = threading.Thread(target=self._run, name="workers", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Gives the leases back, so that others go on at once. Twice is once."""
        self._stopping.set()
        self._app.wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        for step in self._steps:
            if step.stop is not None:
                step.stop()
        self._leases.release()

    def register_policies(self) -> None:
        """Asks for every policy of ours to be on the chain; those that were asked for before are left as they are."""
        with self._app.database.write() as session:
            for policy in self._app.policies.all():
                enqueue(session, "register_policy", hex0x(policy.id()), self._app.clock.seconds())

    def round(self, *, hot: bool = False) -> bool:
        """Every step once, or with `hot` only those that send and read; whether there may be more to do at once.

        A step that fails is logged and waits for a while, and the others go on.
        """
        for step in self._own:
            step.outcome = None
        for step in self._hot if hot else self._steps:
            if time.monotonic() >= step.not_before:
                self._try(step)
        if not any(step.failure for step in self._steps):
            self._last_success = self._app.clock.seconds()
        return self._is_behind() or any(step.outcome for step in self._own)

    def health(self) -> Health:
        index, progress = self._index_step, self._progress
        return Health(
            chain_reachable=index.failure is None and progress is not None,
            behind=progress.behind if progress else None,
            head=progress.head if progress else None,
            last_success=self._last_success,
            failures={step.name: step.failure for step in self._steps if step.failure},
            wrong_chain=index.wrong_chain,
        )

    # --- inside ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        aside = 0.0  # monotonic; when all steps have their turn again
        pause = _IN_FLIGHT
        while not self._stopping.is_set():
            self._app.wake.clear()
            began = time.monotonic()
            hot = began < aside
            worked = self.round(hot=hot)
            if not hot:
                aside = time.monotonic() + _ASIDE
            if not worked:
                self._app.wake.wait(pause if self._submitter.in_flight else _IDLE)
                pause = min(1.5 * pause, _IDLE)
                continue
            pause = _IN_FLIGHT
            if not self._is_full():
                ended = time.monotonic()
                self._stopping.wait(began + _pace(ended - began) - ended)

    def _is_full(self) -> bool:
        """Whether the last round did so much that the next one should not wait: more waits than fits a transaction, or
        there is more to read."""
        index, *submits = ((step.outcome if isinstance(step.outcome, int) else 0) for step in self._hot)
        return self._is_behind() or index >= _FULL or any(made > 1 for made in submits)

    def _is_behind(self) -> bool:
        """Not while reading fails, which is tried again in its time, nor while another process reads."""
        return self._progress is not None and self._progress.behind > 0 and self._index_step.outcome is not None

    def _index(self) -> int:
        """How many events were read."""
        self._progress = self._indexer.step()
        if self._progress.requeued.total():
            raise sent_again(self._progress.requeued)
        return self._progress.events

    def _look(self) -> None:
        """How far another process has read."""
        self._progress = self._indexer.look()

    def _fence(self, session: Session, address: str) -> None:
        self._leases.require(session, _sending(address))

    def _ask_for_due(self) -> int:
        """After every event, and now and then: time passes without events too."""
        now = time.monotonic()
        if not self._index_step.outcome and now < self._deadlines_at:
            return 0
        self._deadlines_at = now + _DEADLINES
        return self._deadlines.step()

    def _try(self, step: Step) -> None:
        step.outcome = None
        try:
            if step.lease is None or self._leases.hold(step.lease):
                with timed(telemetry.STEP_SECONDS, step.name):
                    step.outcome = step.run()
            elif step.standby is not None:
                step.standby()
        except Exception as error:  # noqa: BLE001 - the loop must outlive whatever a step runs into
            step.pause = min(max(2 * step.pause, _FIRST_BACKOFF), _LONGEST_BACKOFF)
            step.not_before = time.monotonic() + step.pause
            # Readiness is public. What was not written to be read, such as a database's error, may quote anything.
            known = isinstance(error, LedgerError)
            step.failure = self._rpc.hide(str(error)) if known else type(error).__name__
            step.wrong_chain = isinstance(error, ChainMismatch | ReorgTooDeep)
            where = None if known else calls_of(error)
            telemetry.STEP_FAILURES.labels(step.name).inc()
            _log.warning("step_failed", step=step.name, error=step.failure, again_in=step.pause, where=where)
        else:
            if step.failure:
                _log.info("step_recovered", step=step.name)
            step.failure, step.wrong_chain, step.pause, step.not_before = None, False, 0.0, 0.0


# What is said of what is sent once more, by how its transaction ended; and what can be done about it.
_SENT_AGAIN = {
    Ending.MINED: ("refused ahead of its turn", "It mends itself once what goes before is done."),
    Ending.UNDONE: ("undone with its whole transaction", "It mends itself, unless one item is undone each time."),
    Ending.OVERTAKEN: (
        "overtaken by another transaction with the same number",
        "It mends itself. If it stays, see that nothing else sends with the writer's key.",
    ),
}


def sent_again(requeued: Counter[Ending]) -> Unavailable:
    """What is said of it where the service says how it is."""
    said = [(number, *_SENT_AGAIN[ending]) for ending, number in requeued.items() if number]
    counts = ", ".join(f"{number} {words}" for number, words, _ in said)
    return Unavailable(f"Something is sent to the chain once more: {counts}.", remedy=" ".join(do for *_, do in said))


def _pace(took: float) -> float:
    """Seconds from the beginning of a round that took so many until the next one begins."""
    return max(_PACE, min(_SHARE * took, _SLOWEST))


def _sending(address: str) -> str:
    """The lease of whoever sends for an address."""
    return f"send {address}"
