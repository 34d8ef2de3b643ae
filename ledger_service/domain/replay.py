"""A case's entries, replayed by the rules: what the contract must have written, given who said what and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..errors import LedgerError
from .entry import NO_COMMITMENT, Entry
from .machine import CaseState, apply_act, next_lapse, open_case, poke
from .messages import Act, Parties, Terms
from .policies import Policy
from .times import from_chain, rfc3339
from .vocabulary import Flag, Kind, Role, State


@dataclass(frozen=True, slots=True)
class Rules:
    """What a case rests on. `ledger` is the contract's address, the actor of what it states itself."""

    terms: Terms
    parties: Parties
    policy: Policy
    ledger: str

    def actor(self, role: Role) -> str:
        """The address that acts in a role; the contract's for none."""
        if role is Role.CONSUMER:
            return self.terms.consumer
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

    `case` is the case after the last good step, `released` whether its lock went back whole.
    """

    case: CaseState | None = None
    problems: dict[int, str] = field(default_factory=dict)
    stopped_at: int | None = None
    released: bool = False


def replay(rules: Rules, steps: list[Step], acts: Mapping[bytes, Act]) -> Replay:
    """Replays all steps. `acts` are the signed ones by commitment; where one is missing, the entry's word is taken."""
    result, position = Replay(), 0
    while position < len(steps):
        step = steps[position]
        after: CaseState | None = None
        problem: str | None
        try:
            after = _after(rules, result.case, step, acts.get(step.commitment))
        except LedgerError as error:
            problem = error.detail
        else:
            problem = _difference(_expected(rules, step, after, result.case), steps[position:])
        if after is None or problem is not None:
            result.problems[position], result.stopped_at = problem or "It cannot be replayed.", position
            return result
        was = result.case.state if result.case else State.NONE
        result.released = after.state is State.CLOSED or (was is State.REFUNDED and after.state is State.SETTLED)
        position += after.length - (result.case.length if result.case else 0)
        result.case = after
    return result


def _after(rules: Rules, case: CaseState | None, step: Step, act: Act | None) -> CaseState:
    """The case after a step. Raises LedgerError where the contract would not have let it happen."""
    entry = step.entry
    if case is None:
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
        )
    if entry.role is Role.NONE:
        if entry.time <= case.deadline or not case.state.is_live:
            raise LedgerError("The contract acted although no deadline had passed.")
        return poke(case, rules.policy, entry.time)[1]
    if act is not None and entry.time > act.valid_until:
        raise LedgerError(f"The signature counted until {rfc3339(from_chain(act.valid_until))} only.")
    return apply_act(case, act or _act_of(entry, case, step.commitment), rules.policy, entry.time)


def _act_of(entry: Entry, case: CaseState, commitment: bytes) -> Act:
    inspected = entry.kind is Kind.INSPECTED
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
    kind = next_lapse(before, rules.policy)[0] if before and step.entry.role is Role.NONE else step.entry.kind
    own = Entry(
        position=position,
        kind=kind,
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
    links = [Step(rules.actor(own.role), commitment, own)]
    return [*links, Step(rules.ledger, NO_COMMITMENT, settled)] if settles else links


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
