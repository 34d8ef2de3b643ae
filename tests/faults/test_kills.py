"""`kill -9` of the whole service: at every named place, and at any moment. What it answered for is there, once."""

from __future__ import annotations

import signal
import time
from random import Random

import pytest

from .dying import POINTS
from .lives import Nursery, Service
from .oracle import after_each
from .site import Site
from .tally import tried
from .traffic import Traffic

KILLS = pytest.mark.parametrize("moments", [8, pytest.param(250, marks=[pytest.mark.long, pytest.mark.timeout(3_000)])])


def come_to_rest(site: Site, traffic: Traffic) -> None:
    """As after the last start: what had no answer is asked again, and everything goes its way."""
    traffic.post = None
    site.restart()
    traffic.again()
    assert not traffic.unanswered
    assert not traffic.refused
    site.settle()


def send_until_it_dies(service: Service, traffic: Traffic, seconds: float = 60) -> None:
    """With payments among it, for which a case has to come to its end."""
    until = time.monotonic() + seconds
    while service.died(0) is None and time.monotonic() < until:
        traffic.some(2)
        traffic.finish(1)
    if service.ended is None:
        service.died(1)


@pytest.mark.by_seed(0.5)
@pytest.mark.parametrize("point", [point.name for point in POINTS])
def test_service_killed_at_a_named_place_loses_and_doubles_nothing(
    site: Site, traffic: Traffic, nursery: Nursery, rng: Random, point: str
) -> None:
    with nursery.start(point, rng.choice((1, 1, 2))) as service:
        if service.is_up():
            traffic.post = service.client.post
            send_until_it_dies(service, traffic)
        assert service.ended == -signal.SIGKILL, f"It never came to the place {point}."
    come_to_rest(site, traffic)
    after_each(site, traffic.acknowledged, strangers=traffic.strangers)
    tried("kill at a named place")


@KILLS
def test_service_killed_at_any_moment_loses_and_doubles_nothing(
    site: Site, traffic: Traffic, nursery: Nursery, rng: Random, moments: int
) -> None:
    for number in range(moments):
        with nursery.start() as service:
            assert service.is_up()
            traffic.post = service.client.post
            traffic.again()
            ends = time.monotonic() + rng.uniform(0, 0.8)
            while time.monotonic() < ends:
                traffic.some(1)
        if number % 25 == 24:
            come_to_rest(site, traffic)
            after_each(site, traffic.acknowledged, strangers=traffic.strangers)
    come_to_rest(site, traffic)
    after_each(site, traffic.acknowledged, strangers=traffic.strangers)
    tried("kill at a random moment", moments)
