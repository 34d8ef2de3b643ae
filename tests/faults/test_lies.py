"""A node that is bad in every way: the service mends itself once the node is honest, or stops and says so; and what it
called final meanwhile is what the chain has."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from sqlmodel import select

from ledger_service.store.tables import ChainRecord, ChainRefusal
from ledger_service.workers import loop

from .events import read_events
from .lies import reading_faults, sending_faults, wire_faults
from .oracle import after_each
from .proxy import Fault, Proxy
from .site import Site
from .tally import tried
from .traffic import Traffic

LONGEST = 1.5  # seconds for which a lie lasts


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a step waits after it failed is not what is tested here."""
    monkeypatch.setattr(loop, "_LONGEST_BACKOFF", 0.5)


def faults() -> list[Fault]:
    return [*wire_faults(), *sending_faults(), *reading_faults(Random(0))]


def untrue(site: Site) -> list[str]:
    """What the database calls final, or refused, and the chain does not have."""
    newest = site.chain.rpc.latest().number
    events = read_events(site.chain.rpc, site.deployment, site.deployment.deployed_at_block, newest)
    there = Counter((e.case_id, e.args["entry"], e.block_hash) for e in events if e.name == "Recorded")
    skipped = {(e.case_id, e.args["commitment"]) for e in events if e.name == "Skipped"}
    with site.database.read() as session:
        records = session.exec(select(ChainRecord)).all()
        refusals = session.exec(select(ChainRefusal)).all()
    kept = Counter((row.case_id, row.entry, row.block_hash) for row in records)
    wrong = [f"record {link}" for link in kept - there]
    return wrong + [f"refusal {row.reason}" for row in refusals if (row.case_id, row.commitment) not in skipped]


@pytest.mark.by_seed(0.6)
@pytest.mark.parametrize("fault", faults(), ids=lambda fault: fault.name.replace(" ", "-"))
def test_lying_node_makes_nothing_final_that_is_not(
    site: Site, proxy: Proxy, traffic: Traffic, rng: Random, fault: Fault
) -> None:
    site.settle()
    with proxy.fault(fault):
        traffic.some(6)
        site.run_for(rng.uniform(0.3, LONGEST))
        assert untrue(site) == []
        traffic.some(3)
        site.run_for(0.3)
        if not proxy.done:
            site.run_for(3.0)  # it was not asked yet what it lies about
    assert untrue(site) == []
    site.open_again()
    traffic.again()
    site.settle()
    assert proxy.done or fault.methods == ("eth_chainId",)
    after_each(site, traffic.acknowledged, strangers=traffic.strangers)
    tried("lying node")
