"""Panels of arbitrators, and the word that holds the votes of a round.

Twin of `contracts/libraries/Ballot.sol` and of the registry in `contracts/ArbitrationPanel.sol`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InvalidInput
from .hashing import ZERO_ADDRESS, hex0x, keccak, word
from .records import canonical_bytes
from .vocabulary import FULL_SHARE

SEATS = 15
_COUNT = 248  # the bit from which on a ballot holds the number of its votes


@dataclass(frozen=True, slots=True)
class Panel:
    """One version of a panel. `fee` is minor units for each vote that counted; the others are versions, 0 for none."""

    arbitrators: tuple[str, ...]
    threshold: int
    appeal_panel: int = 0
    fallback_panel: int = 0
    fee: int = 0

    def id(self) -> str:
        """What the content is known by before the chain gave it a version."""
        return hex0x(keccak(canonical_bytes(self.as_json())))

    def as_json(self) -> dict[str, Any]:
        """With the contract's names."""
        return {
            "arbitrators": list(self.arbitrators),
            "threshold": self.threshold,
            "appealPanel": self.appeal_panel,
            "fallbackPanel": self.fallback_panel,
            "fee": self.fee,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Panel:
        """What `as_json` wrote, or the contract's event. Raises KeyError or TypeError for anything else."""
        names = ("threshold", "appealPanel", "fallbackPanel", "fee")
        return cls(tuple(value["arbitrators"]), *(int(value[name]) for name in names))


def check_panel(panel: Panel) -> None:
    """Raises InvalidInput for a panel that the contract would refuse whatever else is registered."""
    size, threshold = len(panel.arbitrators), panel.threshold
    if not 1 <= size <= SEATS:
        raise InvalidInput(
            f"A panel has 1 to {SEATS} arbitrators, not {size}.", field="arbitrators", remedy="Name others."
        )
    if ZERO_ADDRESS in panel.arbitrators or len({named.lower() for named in panel.arbitrators}) != size:
        raise InvalidInput("An arbitrator is named twice, or is nobody.", field="arbitrators", remedy="Name others.")
    if threshold % 2 == 0 or not 1 <= threshold <= size:
        raise InvalidInput(
            f"The threshold is an odd number up to {size}, not {threshold}.",
            field="threshold",
            remedy="An odd one has a vote in the middle.",
        )


def ballot_of(panel: Panel, votes: Mapping[str, int]) -> bytes:
    """The word of a round, given the shares by arbitrator. Raises ValueError for a vote of nobody on the panel."""
    value = len(votes) << _COUNT
    for arbitrator, share in votes.items():
        if not 0 <= share <= FULL_SHARE:
            raise ValueError(f"a vote of {share} basis points")
        value += (share + 1) << (16 * panel.arbitrators.index(arbitrator))
    return word(value)


def median(shares: Sequence[int]) -> int:
    """The share in the middle; with an even number, the higher one of the two there."""
    return sorted(shares)[len(shares) // 2]
