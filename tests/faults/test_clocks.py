"""The service's own clock is a day off, or jumps: nothing is lost, and the chain's time decides."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from ledger_service.chain.local import LocalChain

from .conftest import MakeSite
from .oracle import problems
from .site import Site
from .tally import tried
from .traffic import Traffic

DAY = timedelta(hours=24)
_TOO_EARLY = "before the service even accepted it"


class WrongClock:
    """The machine's, off by `offset`, which tests move."""

    def __init__(self) -> None:
        self.offset = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def seconds(self) -> int:
        return int(self.now().timestamp())


@pytest.mark.parametrize("chain", ["anvil"], indirect=True)
@pytest.mark.parametrize("offsets", [[DAY], [-DAY], [DAY, -DAY, timedelta(0), DAY]], ids=["ahead", "behind", "jumps"])
def test_clock_a_day_off_loses_nothing(
    chain: LocalChain, make_site: MakeSite, rng: Random, offsets: list[timedelta]
) -> None:
    clock = WrongClock()
    site: Site = make_site(chain, clock=clock)
    traffic = Traffic(site, rng)
    traffic.some(4)
    for offset in offsets:
        clock.offset = offset
        traffic.some(4)
        site.run_for(0.5)
        traffic.finish(1)
        site.run_for(0.5)
    clock.offset = timedelta(0)
    traffic.again()
    assert not traffic.refused
    assert not traffic.unanswered
    site.settle()
    # Receipts name the moment by the service's own clock. Where that was ahead, they contradict the blocks, and the
    # audit is right to say so; of nothing else.
    found = problems(site, traffic.acknowledged)
    assert [problem for problem in found if _TOO_EARLY not in problem] == []
    assert bool(found) == (DAY in offsets)
    tried("clock a day off", len(offsets))
