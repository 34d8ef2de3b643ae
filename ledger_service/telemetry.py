"""What this process counts, for Prometheus; each process of an installation shows its own at `/metrics`.

Counted here is what happens. What can be read when it is asked for (queues, balances, disk) is `services/gauges.py`.
No label takes its values from what people send: they are names that stand in this program.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram

REGISTRY = CollectorRegistry()
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ITEMS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_BLOCKS = (1, 2, 4, 8, 16, 32, 64, 128)

# --- requests --------------------------------------------------------------------------------------------------------

SHED = Counter("ledger_requests_shed", "Requests turned away unread.", ("why",), registry=REGISTRY)
LOOKS_LEFT_OUT = Counter("ledger_looks_left_out", "Looks that the access trail has no row of.", registry=REGISTRY)
DATABASE_SECONDS = Histogram(
    "ledger_database_seconds", "Time of a unit of work.", ("kind",), buckets=_SECONDS, registry=REGISTRY
)

# --- workers ---------------------------------------------------------------------------------------------------------

STEP_SECONDS = Histogram(
    "ledger_step_seconds", "Time of a worker's step.", ("step",), buckets=_SECONDS, registry=REGISTRY
)
STEP_FAILURES = Counter("ledger_step_failures", "Steps of a worker that failed.", ("step",), registry=REGISTRY)
BATCH_ITEMS = Histogram(
    "ledger_batch_items",
    "Items in a transaction of ours; its count is that of transactions.",
    buckets=_ITEMS,
    registry=REGISTRY,
)
FEE_BUMPS = Counter("ledger_fee_bumps", "Transactions made again with a higher fee.", registry=REGISTRY)
GAPS = Counter("ledger_nonce_gaps_filled", "Empty transactions made for nonces left out.", registry=REGISTRY)
REBROADCASTS = Counter("ledger_rebroadcasts", "Transactions broadcast again as they were.", registry=REGISTRY)
RECORDS = Counter("ledger_records", "Records that the chain has judged.", ("outcome",), registry=REGISTRY)
REQUEUED = Counter("ledger_requeued_items", "Items sent again after the chain left them undone.", registry=REGISTRY)
REORG_BLOCKS = Histogram(
    "ledger_reorg_blocks",
    "Blocks undone by a reorg; its count is that of rewinds.",
    buckets=_BLOCKS,
    registry=REGISTRY,
)
HALTS = Counter("ledger_halts", "Reorgs deeper than is believed.", registry=REGISTRY)
DUES = Counter("ledger_dues", "Pokes and payments asked for by the clock.", ("action",), registry=REGISTRY)
MAILS = Counter("ledger_mails", "E-mails tried.", ("outcome",), registry=REGISTRY)
DELIVERIES = Counter("ledger_deliveries", "Webhooks tried.", ("outcome",), registry=REGISTRY)


@contextmanager
def timed(histogram: Histogram, *labels: str) -> Iterator[None]:
    """Observes how long the block took, however it ended."""
    began = time.perf_counter()
    try:
        yield
    finally:
        histogram.labels(*labels).observe(time.perf_counter() - began)
