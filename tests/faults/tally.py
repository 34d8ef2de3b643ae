"""How many faults a run has tried, by what they are: told at its end."""

from __future__ import annotations

from collections import Counter

TRIED: Counter[str] = Counter()


def tried(what: str, times: int = 1) -> None:
    """Counts a fault that was made and after which the oracle found nothing lost and nothing doubled."""
    TRIED[what] += times
