"""What Prometheus reads of queues, chain and machine at the moment it asks. No label names a case or a person."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from .. import telemetry
from ..errors import LedgerError
from ..store.health import QueueState, Told, in_flight, queue_by_action
from .app import App
from .chain_watch import ChainSeen
from .health import Look, Readiness, Stored, low_balance

Gauge = tuple[str, str, float]
Labelled = Mapping[str, float]


def make_registry(app: App, readiness: Readiness) -> CollectorRegistry:
    """What a process shows: its own counts, and the state of the installation."""
    registry = CollectorRegistry()
    registry.register(telemetry.REGISTRY)
    registry.register(Gauges(app, readiness))
    return registry


class Gauges(Collector):
    def __init__(self, app: App, readiness: Readiness) -> None:
        self._app = app
        self._readiness = readiness

    def collect(self) -> Iterator[GaugeMetricFamily]:
        look = self._readiness.details()
        yield from _plain(_of_machine(look))
        ok = {name: float(part["ok"]) for name, part in look.components.items()}
        yield _labelled("ledger_component_ok", "1 if this component is well.", "component", ok)
        if look.stored is not None:
            yield from self._of_database(look.stored)
        if look.chain is not None:
            yield from _of_chain(look.chain)

    def _of_database(self, stored: Stored) -> Iterator[GaugeMetricFamily]:
        yield from _plain(self._told("mails", stored.mail))
        yield from _plain(self._told("deliveries", stored.webhooks))
        held = {name: float(held) for name, held in stored.alive.items()}
        yield _labelled("ledger_lease_held", "1 if a worker does this now.", "name", held)
        try:
            with self._app.database.read() as session:
                queues, sent = queue_by_action(session), in_flight(session)
        except (SQLAlchemyError, LedgerError):
            return
        depths = {action: float(queue.waiting) for action, queue in queues.items()}
        yield _labelled("ledger_queue_action_depth", "The same by action.", "action", depths)
        ages = {action: self._age(queue) for action, queue in queues.items()}
        yield _labelled("ledger_queue_action_oldest_seconds", "The same by action.", "action", ages)
        yield from _plain(
            [
                ("ledger_queue_depth", "Work waiting for the chain.", stored.queue.waiting),
                ("ledger_queue_oldest_seconds", "Age of the oldest of it.", self._age(stored.queue)),
                ("ledger_transactions_in_flight", "Transactions that are not known to be mined.", sent.waiting),
                ("ledger_transactions_in_flight_oldest_seconds", "Age of the oldest of them.", self._age(sent)),
            ]
        )

    def _told(self, what: str, told: Told) -> list[Gauge]:
        late = self._age(QueueState(told.waiting, told.oldest_due_at))
        return [
            (f"ledger_{what}_waiting", "To be sent, now or later.", told.waiting),
            (f"ledger_{what}_failing", "Of them, those that failed before.", told.failing),
            (f"ledger_{what}_oldest_due_seconds", "For how long the oldest has been due.", late),
        ]

    def _age(self, queue: QueueState) -> float:
        return max(0, self._app.clock.seconds() - queue.oldest_at) if queue.oldest_at is not None else 0


def _of_machine(look: Look) -> Iterator[Gauge]:
    yield "ledger_ready", "1 if requests can be taken.", float(look.ready)
    yield "ledger_delayed", "1 if what is taken now reaches the chain late.", float(look.delayed)
    yield "ledger_disk_free_bytes", "Free on the data folder's disk.", look.free_bytes
    if look.stored is not None and look.stored.block is not None:
        yield "ledger_index_block", "The last block that was read.", look.stored.block
    lag = _lag(look)
    if lag is not None:
        yield "ledger_index_lag_blocks", "Blocks of the chain not read yet.", lag


def _lag(look: Look) -> int | None:
    """As the indexer of this process has it, else as the chain was seen."""
    known: int | None = look.components.get("indexer", {}).get("lag")
    if known is not None or look.stored is None or look.stored.block is None:
        return known
    return max(0, look.chain.head - look.stored.block) if look.chain and look.chain.head is not None else None


def _of_chain(seen: ChainSeen) -> Iterator[GaugeMetricFamily]:
    yield from _plain([("ledger_chain_reached", "1 if the chain answers.", float(seen.reached))])
    if seen.time is not None:
        yield from _plain([("ledger_chain_block_time_seconds", "When the newest block was made.", seen.time)])
    if seen.gas_price is not None:
        yield from _plain([("ledger_gas_price_wei", "What the chain asks for gas now.", seen.gas_price)])
    if seen.mined:
        gas = sum(mined.gas_used for mined in seen.mined)
        paid = sum(mined.gas_used * mined.gas_price for mined in seen.mined)
        yield from _plain(
            [
                ("ledger_recent_transaction_gas", "Mean gas of our last transactions.", gas / len(seen.mined)),
                ("ledger_recent_transaction_cost_wei", "Mean cost of them.", paid / len(seen.mined)),
            ]
        )
    if seen.balances:
        wei = {name: float(value) for name, value in seen.balances.items()}
        yield _labelled("ledger_account_balance_wei", "Gas money of our accounts.", "account", wei)
        low = float(low_balance(seen))
        yield from _plain([("ledger_account_low_balance_wei", "Below this, an account needs gas money.", low)])


def _plain(gauges: Iterable[Gauge]) -> Iterator[GaugeMetricFamily]:
    return (GaugeMetricFamily(name, text, value=value) for name, text, value in gauges)


def _labelled(name: str, text: str, label: str, values: Labelled) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=(label,))
    for key, value in values.items():
        family.add_metric((key,), value)
    return family
