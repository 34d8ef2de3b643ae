"""A case's entries, replayed by the rules: what the contract must have written, given who said what and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import LedgerError
from .case_state import CaseState, PanelTerms
from .entry import NO_COMMITMENT, Entry
from .machine import apply_act, next_lapse, open_case, poke, rule
from .messages import Act, Parties, Terms
from .panels import Panel
from .policies import Policy
from .rulings import Ruling, panel_terms, ruling_of
from .times import from_chain, rfc3339
from .transitions import SIGNS_SHARE
from .vocabulary import Flag, Kind, Role, State


@dataclass(frozen=True, slots=True)
class Rules:
    """What a case rests on. `ledger` is the contract's address, the actor of what it states itself.

    `panels` are the versions that may vote in this case, and `panel_contract` speaks for them.
    """

    terms: Terms
    parties: Parties
    policy: Policy
    ledger: str
    panel_contract: str
    panels: Mapping[int, Panel] = field(default_factory=dict)

    def panel_terms(self) -> PanelTerms:
        """Raises LedgerError where `panels` are not those of the terms."""
        return panel_terms(self.terms.panel, self.panels)

    def actor(self, role: Role, consumer: str | None = None) -> str:
        """The address that acts in a role; the contract's for none. `consumer` is the key bound, if another is."""
        if role is Role.CONSUMER:
            return self.terms.consumer if consumer is None else consumer
        if role is Role.PANEL:
            return self.panel_contract
        named: str = getattr(self.parties, role.wire, self.ledger)
        return named


@dataclass(frozen=True, slots=True)
class Step:
    """A link as the chain has it."""

    actor: str
    commitment: bytes
    entry: Entry


@dataclass(slots=True)
class Replay:
    """`problems` holds, by position, what is wrong there; after the first one the replay stops at `stopped_at`.

    `case` is the case after the last good step, and `before` the case that each good step but the first met, by the
    step's position. `ended_at` is the position of the record that ended it, `released` whether its lock went back.
    """

    case: CaseState | None = None
    problems: dict[int, str] = field(default_factory=dict)
    stopped_at: int | None = None
    released: bool = False
    ended_at: int | None = None
    rulings: list[Ruling] = field(default_factory=list)
    before: dict[int, CaseState] = field(default_factory=dict)

    def met_by(self, position: int | None) -> CaseState | None:
        """The case that the record at a position met; for none, the case as it stands."""
        return self.case if position is None else self.before.get(position, self.case)


def replay(rules: Rules, steps: list[Step], acts: Mapping[int, Act]) -> Replay:
    """Replays all steps. `acts` are the signed ones by position; where one is missing, the entry's word is taken,
    and what no entry shows is missed."""
    result, position = Replay(), 0
    while position < len(steps):
        step = steps[position]
        after: CaseState | None = None
        problem: str | None
        try:
            after = _after(rules, result, step, acts.get(position))
        except LedgerError as error:
            problem = error.detail
        else:
            problem = _difference(_expected(rules, step, after, result.case), steps[position:])
        if after is None or problem is not None:
            result.problems[position], result.stopped_at = problem or "It cannot be replayed.", position
            return result
        _keep(result, step, position, after)
        position = after.length
    return result


def _keep(result: Replay, step: Step, position: int, after: CaseState) -> None:
    """Takes a good step into the result."""
    before, result.case = result.case, after
    if before is None:
        return
    result.before[position] = before
    if before.state.is_live and not after.state.is_live:
        result.ended_at = after.length - 1
        by_time = step.entry.role is Role.NONE and step.entry.kind is Kind.SETTLED
        result.released = after.state is State.CLOSED or (before.state is State.REFUNDED and by_time)


def _after(rules: Rules, result: Replay, step: Step, act: Act | None) -> CaseState:
    """The case after a step. Raises LedgerError where the contract would not have let it happen."""
    case, entry = result.case, step.entry
    if case is None:
        return _opened(rules, entry)
    if entry.role is Role.NONE:
        if not case.state.is_live or entry.time <= case.due:
            raise LedgerError("The contract acted although nothing was due.")
        return poke(case, rules.policy, entry.time)[1]
    if entry.role is Role.PANEL:
        ruling = ruling_of(case, rules.panels, step.commitment)
        after = rule(case, ruling.share, rules.policy, entry.time)
        result.rulings.append(ruling)
        return after
    if act is not None and entry.time > act.valid_until:
        raise LedgerError(f"The signature counted until {rfc3339(from_chain(act.valid_until))} only.")
    act = act or _act_of(entry, case, step.commitment)
    if act.kind is Kind.KEY_BOUND and rules.parties.roles_of(act.key):
        raise LedgerError("The key that is bound is another party's.")
    return apply_act(case, act, rules.policy, entry.time)


def _opened(rules: Rules, entry: Entry) -> CaseState:
    if entry.kind is not Kind.REQUESTED:
        raise LedgerError("The first record of a case is 'requested'.")
    independent = bool(entry.flags & Flag.INSPECTOR_INDEPENDENT)
    if independent and rules.parties.inspector == rules.parties.merchant:
        raise LedgerError("A merchant that inspects its own returns is marked as independent.")
    return open_case(
        rules.terms.mode,
        rules.policy,
        consumer_key_held=rules.terms.consumer_key_held,
        inspector_independent=independent,
        now=entry.time,
        consumer=rules.terms.consumer,
        panel=rules.panel_terms(),
    )


def _act_of(entry: Entry, case: CaseState, commitment: bytes) -> Act:
    """The act that an entry speaks of. Raises LedgerError where it had to sign what no entry shows."""
    inspected = entry.kind is Kind.INSPECTED
    if entry.kind is Kind.KEY_BOUND or (entry.kind in SIGNS_SHARE and not inspected):
        raise LedgerError("What was signed here is missing, and what follows from it cannot be told.")
    return Act(
        case_id=bytes(32),
        kind=entry.kind,
        role=entry.role,
        nonce=case.nonce(entry.role),
        valid_until=entry.time,
        commitment=commitment,
        grade=entry.grade if inspected else type(entry.grade)(0),
        share=entry.share if inspected else 0,
        fee=entry.fee if inspected else 0,
    )


def _expected(rules: Rules, step: Step, after: CaseState, before: CaseState | None) -> list[Step]:
    """The links that this step makes: its own, and the settlement where nothing is left to wait for."""
    position, now = before.length if before else 0, step.entry.time
    own = Entry(
        position=position,
        kind=_kind_of(step, before, rules.policy),
        role=Role.MERCHANT if before is None else step.entry.role,
        state=after.state,
        deadline=after.deadline,
        time=now,
        grade=after.grade,
        share=after.share,
        fee=after.fee,
        flags=after.flags,
    )
    settles = after.length - position == 2
    if settles:
        settled = replace(own, position=position + 1, kind=Kind.SETTLED, role=Role.NONE)
        own = replace(own, state=State.PAYABLE, deadline=now + rules.policy.windows[State.PAYABLE])
    commitment = NO_COMMITMENT if own.role is Role.NONE else step.commitment
    links = [Step(rules.actor(own.role, before.consumer if before else None), commitment, own)]
    return [*links, Step(rules.ledger, NO_COMMITMENT, settled)] if settles else links


def _kind_of(step: Step, before: CaseState | None, policy: Policy) -> Kind:
    if before is not None and step.entry.role is Role.NONE:
        return next_lapse(before, policy)[0]
    return Kind.RULED if step.entry.role is Role.PANEL else step.entry.kind


def _difference(expected: list[Step], steps: list[Step]) -> str | None:
    """What differs first, in words; None where the chain did what it had to."""
    for i, wanted in enumerate(expected):
        if i >= len(steps):
            return "The settlement that follows at once is missing."
        found = steps[i]
        for name in ("actor", "commitment"):
            if getattr(wanted, name) != getattr(found, name):
                return (
                    f"By the rules its {name} is {_shown(getattr(wanted, name))}, not {_shown(getattr(found, name))}."
                )
        for name in Entry.__slots__:
            want, have = getattr(wanted.entry, name), getattr(found.entry, name)
            if want != have:
                return f"By the rules its {name} is {_shown(want)}, not {_shown(have)}."
    return None


def _shown(value: object) -> str:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    wire = getattr(value, "wire", None)
    return repr(wire) if wire else str(value)
