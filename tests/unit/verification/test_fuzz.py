"""The verifier with a million changed inputs: each is refused or judged, and nothing else happens.

The million are four parts, each a process of its own if need be:
`pytest -m long tests/unit/verification/test_fuzz.py -k part0`. What is found can be found again by its seed:
`run(seed, EACH)`.
"""

from __future__ import annotations

import random
import time
from collections import Counter

import pytest

from .entries import DOORS, enter

SHORT, LONG, PARTS = 3_000, 1_000_000, 4
EACH = 500  # inputs of one seed
FIRST = 1_000  # the first seed of the million


def run(seed: int, count: int) -> Counter[tuple[str, str]]:
    """How often what became of the inputs of one seed, by the door they came in by."""
    chance, found = random.Random(seed), Counter[tuple[str, str]]()
    for number in range(count):
        try:
            found[enter(chance)] += 1
        except BaseException as error:
            raise AssertionError(f"input {number} of seed {seed}") from error
    return found


@pytest.mark.parametrize("seed", range(SHORT // EACH))
def test_changed_inputs_are_refused_or_judged(seed: int) -> None:
    found = run(seed, EACH)
    judged = sum(count for (door, became), count in found.items() if "bundle" in door and became == "failed")
    assert judged > EACH / 10, found
    assert sum(count for (_, became), count in found.items() if became == "refused") > EACH / 4, found
    assert len({door for door, _ in found}) == len(DOORS)


@pytest.mark.long
@pytest.mark.timeout(3 * 3_600)
@pytest.mark.parametrize("part", range(PARTS), ids=lambda part: f"part{part}")
def test_a_million_changed_inputs_are_refused_or_judged(part: int, capsys: pytest.CaptureFixture[str]) -> None:
    found, started = Counter[tuple[str, str]](), time.process_time()
    each_part = LONG // EACH // PARTS
    seeds = range(FIRST + part * each_part, FIRST + (part + 1) * each_part)
    for seed in seeds:
        found += run(seed, EACH)
    seconds = time.process_time() - started
    with capsys.disabled():
        print(f"\n{found.total()} inputs of the seeds {seeds[0]} to {seeds[-1]} in {seconds:.0f} s of processor time")
        for (door, became), count in sorted(found.items()):
            print(f"{count:8} {door}: {became}")
    assert found.total() == LONG / PARTS
