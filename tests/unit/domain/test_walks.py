"""Random lives of cases: acts, pokes and rulings in any order, and the same life replayed from what the chain kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger_service.domain.disputes import most_share, panel_of, rule
from ledger_service.domain.entry import NO_COMMITMENT, Entry
from ledger_service.domain.hashing import keccak
from ledger_service.domain.machine import CaseState, apply_act, next_lapse, open_case, poke, possible_acts
from ledger_service.domain.messages import Act, Parties, Terms
from ledger_service.domain.panels import Panel, ballot_of, median
from ledger_service.domain.replay import Replay, Rules, Step, replay
from ledger_service.domain.transitions import SIGNS_SHARE
from ledger_service.domain.vocabulary import FULL_SHARE, Flag, Freight, Grade, Kind, Mark, Mode, Role, State
from ledger_service.errors import LedgerError

from .lives import FAR, NOTICE, NOW, POLICY, TERMS_KEY, WINDOWS

ROLES = [role for role in Role if role not in (Role.NONE, Role.PANEL)]
KEYS = ["0x" + f"{number:02x}" * 20 for number in (0x22, 0x33)]
SHARES = st.sampled_from([0, 1, 2_500, 5_000, 7_500, 9_999, FULL_SHARE])
GRADES = st.sampled_from([grade for grade in Grade if grade])
STEPS = st.lists(
    st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), SHARES, GRADES), min_size=1, max_size=60
)
INSPECTED = [(Role.MERCHANT, Kind.AUTHORISED), (Role.WAREHOUSE, Kind.RECEIVED), (Role.INSPECTOR, Kind.INSPECTED)]
EXCHANGING = [*INSPECTED, (Role.MERCHANT, Kind.EXCHANGE_AGREED), (Role.CONSUMER, Kind.EXCHANGE_AGREED)]
REFUNDED = [*INSPECTED, (Role.CONSUMER, Kind.ACCEPTED), (Role.MERCHANT, Kind.REFUNDED)]
SETTINGS = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(Mode),
        "held": st.booleans(),
        "independent": st.booleans(),
        "panels": st.sampled_from([(0, 0, 0), (1, 0, 0), (1, 2, 0), (1, 0, 3), (1, 2, 3)]),
        "freight": st.sampled_from(Freight),
        "begins": st.sampled_from([[], [], INSPECTED, EXCHANGING, REFUNDED]),
    }
)
LEDGER, PANEL = "0x" + "aa" * 20, "0x" + "bb" * 20
PARTIES = Parties(*("0x" + f"{number:02x}" * 20 for number in (0x44, 0x55, 0x66, 0x77)))


def arbitrators(version: int, count: int) -> tuple[str, ...]:
    return tuple("0x" + f"{version}{seat:x}" * 20 for seat in range(count))


class Walk:
    """A life that goes wherever chance takes it, and the links that the chain would have of it."""

    def __init__(self, setting: dict) -> None:
        version, appeal, fallback = setting["panels"]
        first = Panel(arbitrators(1, 3), 3, appeal_panel=appeal, fallback_panel=fallback, fee=10)
        every = {1: first, 2: Panel(arbitrators(2, 5), 5, fee=10), 3: Panel(arbitrators(3, 1), 1, fee=10)}
        panels = {one: every[one] for one in setting["panels"] if one}
        self.policy = replace(POLICY, freight=setting["freight"])
        terms = Terms(
            salt=bytes(32),
            consumer=TERMS_KEY,
            consumer_key_held=setting["held"],
            parties=PARTIES.id(),
            policy=bytes(32),
            panel=version,
            mode=setting["mode"],
        )
        self.rules = Rules(terms, PARTIES, self.policy, LEDGER, PANEL, panels)
        self.now = NOW
        self.case = open_case(
            setting["mode"],
            self.policy,
            consumer_key_held=setting["held"],
            inspector_independent=setting["independent"],
            now=NOW,
            consumer=TERMS_KEY,
            panel=self.rules.panel_terms(),
        )
        self.cases, self.steps = [self.case], []
        self.acts: dict[int, Act] = {}
        self._link(Kind.REQUESTED, Role.MERCHANT, keccak(b"opening"), None, PARTIES.merchant)

    def step(self, what: int, who: int, when: int, share: int, grade: Grade) -> None:
        """One move: an act that the case allows, a ruling, or a poke; most acts come early in a window."""
        case = self.case
        acts = [(role, kind) for role in ROLES for kind in possible_acts(case, role)]
        if what < 20 or not acts:
            self.poke()
            return
        self.now += when if what < 90 else max(0, case.due - self.now)
        if case.due and self.now > case.due:
            self.poke()
        elif case.state is State.DISPUTED and panel_of(case) and what < 45:
            self.rule(share)
        else:
            self.act(*acts[who % len(acts)], share, grade)

    def poke(self) -> None:
        before = self.case
        if not before.state.is_live:
            return
        self.now = max(self.now, before.due + 1)
        kind, self.case = poke(before, self.policy, self.now)
        self._link(kind, Role.NONE, NO_COMMITMENT, before, LEDGER)

    def rule(self, share: int) -> None:
        before, panel = self.case, self.rules.panels[panel_of(self.case)]
        share = min(share, most_share(before))
        shares = [share, 0, most_share(before), share, share][: panel.threshold]
        ballot = ballot_of(panel, dict(zip(panel.arbitrators, shares, strict=False)))
        self.case = rule(before, median(shares), self.policy, self.now)
        self._link(Kind.RULED, Role.PANEL, ballot, before, PANEL)

    def act(self, role: Role, kind: Kind, share: int, grade: Grade) -> None:
        before, inspected = self.case, kind is Kind.INSPECTED
        signed = Act(
            case_id=bytes(32),
            kind=kind,
            role=role,
            nonce=before.nonce(role),
            valid_until=FAR,
            commitment=keccak(b"%d" % before.length),
            grade=grade if inspected else Grade.NONE,
            share=share if kind in SIGNS_SHARE else 0,
            fee=500 if inspected and grade is not Grade.DEFECTIVE else 0,
        )
        if kind is Kind.KEY_BOUND:
            signed = replace(signed, key=next(key for key in KEYS if key != before.consumer))
        try:
            self.case = apply_act(before, signed, self.policy, self.now)
        except LedgerError:
            return  # a share that does not suit, or what crosses a notice
        self.acts[before.length] = signed
        actor = before.consumer if role is Role.CONSUMER else getattr(PARTIES, role.wire)
        self._link(kind, role, signed.commitment, before, actor)

    def _link(self, kind: Kind, role: Role, commitment: bytes, before: CaseState | None, actor: str) -> None:
        case, position = self.case, before.length if before else 0
        settles = case.length - position == 2
        own = Entry(
            position=position,
            kind=kind,
            role=role,
            state=State.PAYABLE if settles else case.state,
            deadline=self.now + WINDOWS[State.PAYABLE] if settles else case.deadline,
            time=self.now,
            grade=case.grade,
            share=case.share,
            fee=case.fee,
            flags=case.flags,
        )
        self.steps.append(Step(actor, commitment, own))
        if settles:
            last = replace(
                own, position=position + 1, kind=Kind.SETTLED, role=Role.NONE, state=State.SETTLED, deadline=0
            )
            self.steps.append(Step(LEDGER, NO_COMMITMENT, last))
        self.cases.append(case)


def walked(setting: dict, steps: list) -> Walk:
    walk = Walk(setting)
    for role, kind in setting["begins"]:
        if kind in possible_acts(walk.case, role):
            walk.act(role, kind, 6_000, Grade.USED)
        if walk.case.notice:
            walk.poke()
    for step in steps:
        walk.step(*step)
    return walk


@given(SETTINGS, STEPS)
def test_live_case_has_a_finite_due_time_and_a_poke_whatever_happened(setting, steps):
    walk = walked(setting, steps)
    for case in walk.cases:
        if not case.state.is_live:
            assert (case.deadline, case.due, case.notice) == (0, 0, None)
            continue
        assert 0 < case.due <= case.deadline
        kind, to = next_lapse(case, walk.policy)
        stated, then = poke(case, walk.policy, case.due + 1)
        assert (stated, then.length > case.length) == (kind, True)
        assert then.state is to or to is State.PAYABLE


@given(SETTINGS, STEPS)
def test_any_walk_ends_by_pokes_alone(setting, steps):
    walk = walked(setting, steps)
    for _ in range(16):
        walk.poke()
    assert not walk.case.state.is_live
    assert walk.now - NOW <= len(walk.cases) * (max(WINDOWS.values()) + NOTICE)


@given(SETTINGS, STEPS)
def test_any_walk_keeps_the_case_sound(setting, steps):
    walk = walked(setting, steps)
    for before, case in zip(walk.cases, walk.cases[1:], strict=False):
        assert 0 <= case.fee <= 1_500
        assert 0 <= case.share <= FULL_SHARE
        assert not case.fee or case.grade not in (Grade.NONE, Grade.DEFECTIVE)
        assert case.marked(Mark.NOTICED) == (case.notice is not None)
        assert not (case.marked(Mark.OFFER_BY_CONSUMER) and case.marked(Mark.OFFER_BY_MERCHANT))
        assert case.length >= before.length
        if not before.state.is_live:
            assert (case.state, case.share, case.fee, case.flags) == (
                before.state,
                before.share,
                before.fee,
                before.flags,
            )
        if case.notice is not None:
            assert case.has(Flag.CONSUMER_KEY_HELD)
        if case.state is State.DISPUTED and case.has(Flag.CHALLENGED):
            assert 0 < case.consumer_claim <= case.owed


@settings(max_examples=300)
@given(SETTINGS, STEPS)
def test_replay_of_any_walk_agrees_with_the_machine(setting, steps):
    walk = walked(setting, steps)
    replayed = replay(walk.rules, walk.steps, walk.acts)
    assert replayed.problems == {}
    assert replayed.case == walk.case
    assert (replayed.ended_at is None) is walk.case.state.is_live


@given(SETTINGS, STEPS, st.data())
def test_replay_finds_any_value_that_a_link_has_otherwise(setting, steps, data):
    walk = walked(setting, steps)
    index = data.draw(st.integers(0, len(walk.steps) - 1))
    step = walk.steps[index]
    name = data.draw(st.sampled_from(["actor", "state", "deadline", "share", "fee", "flags", "grade", "position"]))
    if name == "actor":
        other = replace(step, actor="0x" + "99" * 20)
    elif name == "state":
        other = replace(step, entry=replace(step.entry, state=State((step.entry.state + 1) % len(State))))
    elif name == "grade":
        other = replace(step, entry=replace(step.entry, grade=Grade((step.entry.grade + 1) % len(Grade))))
    elif name == "flags":
        other = replace(step, entry=replace(step.entry, flags=step.entry.flags ^ Flag.UNPAID))
    else:
        other = replace(step, entry=replace(step.entry, **{name: getattr(step.entry, name) + 1}))
    found: Replay = replay(walk.rules, [*walk.steps[:index], other, *walk.steps[index + 1 :]], walk.acts)
    assert found.problems


@pytest.mark.parametrize("kind", [Kind.DISPUTED, Kind.SPLIT, Kind.KEY_BOUND])
def test_replay_misses_what_was_signed_where_no_entry_shows_it(kind):
    walk = Walk(
        {"mode": Mode.BOND, "held": False, "independent": True, "panels": (1, 2, 3), "freight": Freight.CONSUMER}
    )
    walk.act(Role.MERCHANT, Kind.DECLINED, 0, Grade.NONE)
    walk.act(Role.CONSUMER, kind, 4_000, Grade.NONE)
    assert replay(walk.rules, walk.steps, walk.acts).problems == {}
    found = replay(walk.rules, walk.steps, {})
    assert "missing" in found.problems[2]


def test_replay_refuses_a_key_of_another_party():
    walk = Walk(
        {"mode": Mode.BOND, "held": False, "independent": True, "panels": (0, 0, 0), "freight": Freight.CONSUMER}
    )
    walk.act(Role.CONSUMER, Kind.KEY_BOUND, 0, Grade.NONE)
    stolen = {1: replace(walk.acts[1], key=PARTIES.carrier)}
    assert "another party" in replay(walk.rules, walk.steps, stolen).problems[1]


def test_walks_reach_every_state():
    """Chance has to be able to find what these tests are about."""
    met: set[State] = set()

    @settings(max_examples=400, database=None, derandomize=True)
    @given(SETTINGS, STEPS)
    def walk(setting, steps):
        met.update(case.state for case in walked(setting, steps).cases)

    walk()
    assert met == set(State) - {State.NONE}
