"""Rulings as the chain has them: a round's ballot read back, and the fees that it earned its arbitrators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import LedgerError
from .case_state import CaseState, PanelTerms
from .disputes import APPEAL, most_share, panel_of, round_of
from .panels import Panel, ballot_of, median

_SEAT_BITS = 16
_COUNT_BIT = 248


@dataclass(frozen=True, slots=True)
class Ruling:
    """`votes` holds the shares by arbitrator, in the order of their seats; `fee` is minor units for each of them."""

    round: int
    ballot: bytes
    votes: Mapping[str, int]
    fee: int

    @property
    def share(self) -> int:
        return median(list(self.votes.values()))

    @property
    def fees(self) -> int:
        return self.fee * len(self.votes)


def read_ballot(panel: Panel, ballot: bytes) -> dict[str, int]:
    """The votes in a ballot of this panel. Raises LedgerError for a word that is none, or lacks the quorum."""
    value = int.from_bytes(ballot, "big")
    votes = {}
    for seat, arbitrator in enumerate(panel.arbitrators):
        mark = (value >> (_SEAT_BITS * seat)) & 0xFFFF
        if mark:
            votes[arbitrator] = mark - 1
    try:
        same = ballot_of(panel, votes) == ballot
    except ValueError:
        same = False
    if not same or value >> _COUNT_BIT != panel.threshold:
        raise LedgerError("The ballot of the ruling is not one of the case's panel.")
    return votes


def ruling_of(case: CaseState, panels: Mapping[int, Panel], ballot: bytes) -> Ruling:
    """The ruling that a ballot comes to in this case. Raises LedgerError where it cannot be one."""
    version = panel_of(case)
    panel = panels.get(version)
    if panel is None:
        raise LedgerError("A panel ruled that the case does not have.")
    ruling = Ruling(round_of(case), ballot, read_ballot(panel, ballot), panel.fee)
    if any(share > most_share(case) for share in ruling.votes.values()):
        raise LedgerError("A vote names more than is in dispute.")
    return ruling


def awards_of(rulings: Iterable[Ruling]) -> list[tuple[str, int]]:
    """What each vote has earned its arbitrator, in minor units, in the order in which the escrow credits it."""
    return [(arbitrator, ruling.fee) for ruling in rulings for arbitrator in ruling.votes]


def fees_on_appeal(rulings: Iterable[Ruling]) -> int:
    """Minor units that the appeal's arbitrators have earned."""
    return sum(ruling.fees for ruling in rulings if ruling.round == APPEAL)


def panel_terms(version: int, panels: Mapping[int, Panel]) -> PanelTerms:
    """What the machine has to know of a case's panel. Raises LedgerError where a panel is missing, or one too many."""
    named = panels.get(version)
    if named is None:
        if version or panels:
            raise LedgerError("The panels are not those that the terms name.")
        return PanelTerms()
    terms = PanelTerms(version, named.appeal_panel, named.fallback_panel)
    if set(panels) != {one for one in (terms.version, terms.appeal, terms.fallback) if one}:
        raise LedgerError("The panels are not those that the terms name.")
    return terms
