"""Numbers of transactions that go missing, or that somebody else uses up."""

from __future__ import annotations

from random import Random

import pytest

from .lies import _swallow
from .oracle import after_each
from .proxy import Fault, Proxy
from .site import Site
from .tally import tried
from .traffic import Traffic

GAPS = [1, 5, 20, *(pytest.param(gap, marks=pytest.mark.long) for gap in range(1, 21) if gap not in (1, 5, 20))]
SWALLOW = ("eth_sendRawTransaction",)


@pytest.mark.by_seed(1.0)
@pytest.mark.parametrize("gap", GAPS)
def test_lost_transactions_leave_no_gap(site: Site, proxy: Proxy, traffic: Traffic, gap: int) -> None:
    """The node loses some and takes what comes after them, which then waits for the numbers before."""
    site.settle()
    with proxy.fault(Fault("loses some", SWALLOW, instead=_swallow, times=gap)):
        for _ in range(gap + 2):
            traffic.some(1)
            for _ in range(3):
                site.workers.round()
        site.settle()
    after_each(site, traffic.acknowledged, strangers=traffic.strangers)
    tried("gap of nonces", gap)


@pytest.mark.by_seed(1.0)
@pytest.mark.parametrize("burnt", GAPS)
def test_numbers_that_somebody_else_uses_up_are_replaced(
    site: Site, proxy: Proxy, traffic: Traffic, rng: Random, burnt: int
) -> None:
    """While ours are lost on their way, another sender with our key takes their numbers."""
    site.settle()
    with proxy.fault(Fault("loses all", SWALLOW, instead=_swallow)):
        for _ in range(rng.randint(1, 3)):
            traffic.some(2)
            for _ in range(3):
                site.workers.round()
        traffic.met_strangers(site.send_as_somebody_else() for _ in range(burnt))
    site.settle()
    after_each(site, traffic.acknowledged, strangers=traffic.strangers)
    tried("burnt nonce", burnt)
