"""Figures of ours beside those of a peer: measured in turns, so that whatever else the machine does hits both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

Measure = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Figure:
    """What several rounds measured."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return median(self.rounds)

    def as_json(self) -> dict[str, float]:
        return {"median": self.median, "lowest": min(self.rounds), "highest": max(self.rounds)}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the comparison. `target` is a bound of the ratio ours to peer; `skipped` says why nothing was measured,
    and a row without a target is there to be read."""

    key: str  # such as pipeline.anvil
    what: str
    unit: str
    peer_is: str
    ours: Figure | None = None
    peer: Figure | None = None
    target: float | None = None
    bound: Literal["least", "most"] = "least"
    skipped: str | None = None

    @property
    def ratio(self) -> float | None:
        if self.ours is None or self.peer is None:
            return None
        return self.ours.median / self.peer.median

    @property
    def holds(self) -> bool | None:
        """None where there is no target, or nothing to hold it against."""
        if self.target is None or self.ratio is None:
            return None
        return self.ratio >= self.target if self.bound == "least" else self.ratio <= self.target

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "what": self.what,
            "unit": self.unit,
            "ours": self.ours.as_json() if self.ours else None,
            "peer": self.peer.as_json() if self.peer else None,
            "peer_is": self.peer_is,
            "ratio": self.ratio,
            "target": self.target,
            "bound": self.bound,
            "holds": self.holds,
            "skipped": self.skipped,
        }


def in_turns(rounds: int, *measures: Measure) -> list[Figure]:
    """Each measure once to warm up, then all of them in every round."""
    for measure in measures:
        measure()
    found = [[measure() for measure in measures] for _ in range(rounds)]
    return [Figure(values) for values in zip(*found, strict=True)]


def all_hold(rows: Sequence[Row]) -> bool:
    """Whether every target was measured and is held: a row that was left out proves nothing."""
    return all(row.holds for row in rows if row.target is not None)
