"""The rounds of votes that a case has been through, read from its records: they say which panels it came before."""

from __future__ import annotations

import json
from collections.abc import Iterable

from sqlmodel import Session

from ..domain.disputes import APPEAL, CHALLENGE, CHALLENGE_FALLBACK, FALLBACK, FIRST
from ..domain.vocabulary import Kind, Role
from ..store.disputes import dispute_steps
from ..store.tables import CaseRow
from .panels import Panel, panel_named

WORDS = ("first", "fallback", "appeal", "challenge", "challenge_fallback")  # by the contract's number


def rounds_of(steps: Iterable[tuple[str, str]]) -> list[int]:
    """The rounds that these records opened, each once. `steps` are (kind, role) of a case's records, in order.

    A dispute opens once; a `disputed` that the contract composed after that hands it to the fallback panel.
    """
    rounds: list[int] = []
    for kind, role in steps:
        by_contract = role == Role.NONE.wire
        if kind == Kind.CHALLENGED.wire:
            rounds.append(CHALLENGE)
        elif kind == Kind.APPEALED.wire:
            rounds.append(APPEAL)
        elif kind == Kind.DISPUTED.wire and not rounds:
            rounds.append(FIRST)
        elif kind == Kind.DISPUTED.wire and by_contract:
            rounds.append(CHALLENGE_FALLBACK if CHALLENGE in rounds else FALLBACK)
    return list(dict.fromkeys(rounds))


def panel_in(panel: Panel | None, round_: int) -> Panel | None:
    """The panel that votes in a round."""
    if panel is None or round_ in (FIRST, CHALLENGE):
        return panel
    return panel.appeal if round_ == APPEAL else panel.fallback


def panel_of_case(session: Session, case: CaseRow) -> Panel | None:
    """The panel that the case froze when it opened."""
    return panel_named(session, int(json.loads(case.terms)["panel"]))


def came_before(session: Session, case: CaseRow, arbitrator: str) -> bool:
    """Whether the case is, or was, before a panel on which this address sits."""
    panel = panel_of_case(session, case)
    if panel is None or all(arbitrator not in each.arbitrators for each in panel.all):
        return False
    sat = (panel_in(panel, round_) for round_ in rounds_of(dispute_steps(session, case.case_id)))
    return any(each is not None and arbitrator in each.arbitrators for each in sat)
