"""A case followed from link to link: what an entry shows is taken from it, what it does not show follows by the rules.

Unlike `replay.py` this judges nothing: the chain has decided, and whoever keeps up with it has to go on.
"""

from __future__ import annotations

from dataclasses import replace

from ..errors import LedgerError
from .case_state import CaseState
from .disputes import rule
from .entry import Entry
from .machine import apply_act, poke
from .messages import Act
from .policies import Policy
from .vocabulary import PASSING_MARKS, Role


def follow(case: CaseState, entry: Entry, act: Act | None, policy: Policy | None) -> CaseState:
    """The case after a link. `act` is what was signed, and `policy` the case's; None where we do not hold them."""
    try:
        after = _by_the_rules(case, entry, act, policy)
    except LedgerError:
        after = None
    if after is None:
        after = _as_shown(case, entry)
    shown = (entry.state, entry.flags, entry.grade, entry.deadline, entry.position + 1, entry.share, entry.fee)
    if (after.state, after.flags, after.grade, after.deadline, after.length, after.share, after.fee) == shown:
        return after  # as nearly always: a copy takes as long as everything else here
    state, flags, grade, deadline, length, share, fee = shown
    return replace(after, state=state, flags=flags, grade=grade, deadline=deadline, length=length, share=share, fee=fee)


def _by_the_rules(case: CaseState, entry: Entry, act: Act | None, policy: Policy | None) -> CaseState | None:
    if policy is None:
        return None
    if entry.role is Role.PANEL:
        return rule(case, entry.share, policy, entry.time)
    if entry.role is Role.NONE:
        return poke(case, policy, entry.time)[1]
    return apply_act(case, act, policy, entry.time) if act is not None else None


def _as_shown(case: CaseState, entry: Entry) -> CaseState:
    """The case of which nothing but its entries is known, or which its contract settled at once."""
    if entry.role not in (Role.NONE, Role.PANEL):
        nonces = list(case.nonces)
        nonces[entry.role] += 1
        case = replace(case, nonces=tuple(nonces))
    if entry.state is not case.state:
        case = replace(case.unmarking(PASSING_MARKS), notice=None, offer=0)
    return case
