"""`kill -9` of the whole service: at every named place, and at any moment. What it answered for is there, once."""

from __future__ import annotations

import signal
import time
from dataclasses import replace
from random import Random

import pytest

from . import dying
from .dying import Point
from .forks import HOW, Fork
from .lies import _swallow, reading_faults
from .lives import Nursery, Service
from .oracle import after_each
from .proxy import Fault, Proxy
from .site import FINALITY, PATIENCE, Site
from .tally import tried
from .traffic import Traffic

LIES = {fault.name: fault for fault in reading_faults(Random(0))}
_LONG = [pytest.mark.long, pytest.mark.timeout(1_200)]
MOMENTS = [8, *(pytest.param(25, id=f"25, time {time}", marks=_LONG) for time in range(1, 11))]


def each_of(points: tuple[Point, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("point", [point.name for point in points])


def come_to_rest(site: Site, traffic: Traffic) -> None:
    """As after the last start: what had no answer is asked again, and everything goes its way."""
    traffic.post = None
    site.restart()
    site.open_again()
    traffic.again()
    assert not traffic.unanswered
    assert not traffic.refused
    site.settle()


def check(site: Site, traffic: Traffic) -> None:
    come_to_rest(site, traffic)
    after_each(site, traffic.acknowledged, strangers=traffic.strangers)


def send_until_it_dies(service: Service, traffic: Traffic, seconds: float = PATIENCE) -> None:
    """With payments among it, for which a case has to come to its end."""
    until = time.monotonic() + seconds
    while service.died(0) is None and time.monotonic() < until:
        traffic.some(2)
        traffic.finish(1)
    if service.ended is None:
        service.died(1)


@pytest.mark.by_seed(0.5)
@each_of(dying.POINTS)
def test_service_killed_at_a_named_place_loses_and_doubles_nothing(
    site: Site, traffic: Traffic, nursery: Nursery, rng: Random, point: str
) -> None:
    with nursery.start(point, rng.choice((1, 1, 2))) as service:
        if service.is_up():
            traffic.post = service.client.post
            send_until_it_dies(service, traffic)
        assert service.ended == -signal.SIGKILL, f"It never came to the place {point}."
    check(site, traffic)
    tried("kill at a named place")


@pytest.mark.parametrize("moments", MOMENTS)
def test_service_killed_at_any_moment_loses_and_doubles_nothing(
    site: Site, traffic: Traffic, nursery: Nursery, rng: Random, moments: int
) -> None:
    for _ in range(moments):
        with nursery.start() as service:
            assert service.is_up()
            traffic.post = service.client.post
            traffic.again()
            ends = time.monotonic() + rng.uniform(0, 0.8)
            while time.monotonic() < ends:
                traffic.some(1)
    check(site, traffic)
    tried("kill at a random moment", moments)


# --- while it mends what the chain did to it --------------------------------------------------------------------------


def killed_at(point: str, nursery: Nursery) -> None:
    """Starts the service, which dies at this place without any request."""
    with nursery.start(point) as service:
        assert service.died() == -signal.SIGKILL, f"It never came to the place {point}."


@pytest.mark.by_seed(0.5)
@each_of(dying.AFTER_REORG)
def test_service_killed_while_it_goes_back_loses_and_doubles_nothing(
    site: Site, traffic: Traffic, nursery: Nursery, rng: Random, point: str
) -> None:
    site.settle()
    undoing = Fork(site)
    undoing.begin()
    traffic.some(6)
    site.settle()
    undoing.grow(undoing.depth + rng.randint(0, 5))
    site.settle()
    traffic.met_strangers(undoing.undo(rng.choice(HOW), rng))
    killed_at(point, nursery)
    traffic.some(2)
    check(site, traffic)
    tried("kill at a named place")


@pytest.mark.by_seed(0.5)
@each_of(dying.AFTER_BURNT_NONCE)
def test_service_killed_while_it_finds_its_numbers_used_loses_and_doubles_nothing(
    site: Site, proxy: Proxy, traffic: Traffic, nursery: Nursery, point: str
) -> None:
    site.settle()
    with proxy.fault(Fault("loses all", ("eth_sendRawTransaction",), instead=_swallow)):
        traffic.some(3)
        for _ in range(3):
            site.workers.round()
        traffic.met_strangers(site.send_as_somebody_else() for _ in range(2))
    killed_at(point, nursery)
    check(site, traffic)
    tried("kill at a named place")


@pytest.mark.by_seed(0.5)
@each_of(dying.AFTER_HIDDEN_EVENTS)
def test_service_killed_while_it_goes_back_to_hidden_events_loses_and_doubles_nothing(
    site: Site, proxy: Proxy, traffic: Traffic, nursery: Nursery, point: str
) -> None:
    """So far behind that it looks at no receipts while it reads, it is told of no events; later it is."""
    site.settle()
    with proxy.fault(LIES["refuses to list logs"]):
        traffic.some(3)
        site.run_for(1)
    site.grow(FINALITY + 8)
    with proxy.fault(replace(LIES["hides all logs"], times=1)):
        killed_at(point, nursery)
    check(site, traffic)
    tried("kill at a named place")


@pytest.mark.by_seed(0.5)
@pytest.mark.parametrize("when", ["before", "after"])
def test_service_killed_while_it_halts_and_goes_on_loses_and_doubles_nothing(
    site: Site, proxy: Proxy, traffic: Traffic, nursery: Nursery, when: str
) -> None:
    """A node has other blocks than were read, deeper than is believed, and then the right ones after all."""
    site.grow(FINALITY + 8)
    traffic.some(3)
    site.settle()
    with proxy.fault(LIES["has other blocks, after the first"]):
        killed_at(f"{when} the commit of a halt", nursery)
        site.restart()
        traffic.some(2)
        site.run_until(lambda: any("not believed" in failure for failure in site.workers.health().failures.values()))
    killed_at(f"{when} the commit that a halt is over", nursery)
    check(site, traffic)
    tried("kill at a named place", 2)
