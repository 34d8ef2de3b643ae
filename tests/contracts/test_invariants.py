"""The ten invariants, after every step of lives by chance, in three modes and five currencies.

LEDGER_INVARIANT_RUNS says how many lives; each has 30 steps, and then time alone brings everything to its end.
"""

import os

from brownie import TestToken
from brownie.test import state_machine, strategy
from hypothesis import HealthCheck, Phase
from support import make_policy, pack
from walk import FEE_CAP, OVER, Walk, chance_of
from words import DAY, Freight, Grade, Kind, Mode

RUNS = int(os.environ.get("LEDGER_INVARIANT_RUNS", "3"))
STEPS = 30


class Lives:
    """Brownie's rules: each draws a seed, and all that happens in a step comes from it."""

    seed = strategy("uint64")

    def __init__(cls, world, court):  # noqa: N805 - brownie calls it on the class
        cls.world, cls.court = world, court
        cls.unlisted = TestToken.deploy("Unlisted", "UNLISTED", 6, {"from": world.operator})

    def setup(self):
        self.walk = Walk(self.world, self.court)
        self.views = {}

    def initialize_cases(self, seed):
        """No life is empty."""
        chance = chance_of(seed)
        for _ in range(3):
            self.walk.open(chance)
            self.walk.act(chance)

    # --- steps ------------------------------------------------------------------------------------------------------

    def rule_open(self, seed):
        self.walk.open(chance_of(seed))

    def rule_open_and_act(self, seed):
        chance = chance_of(seed)
        self.walk.open(chance)
        for _ in range(4):
            self.walk.act(chance)

    def rule_act(self, seed):
        chance = chance_of(seed)
        for _ in range(3):
            self.walk.act(chance)

    def rule_vote(self, seed):
        self.walk.vote(chance_of(seed))

    def rule_poke(self):
        self.walk.poke()

    def rule_withdraw(self, seed):
        self.walk.withdraw(chance_of(seed))

    def rule_withdraw_credit(self, seed):
        self.walk.withdraw_credit(chance_of(seed))

    def rule_deposit(self, seed):
        """Invariant 6: what arrives counts, and a token outside the list is refused."""
        chance = chance_of(seed)
        self.walk.deposit(chance.choice(list(self.world.tokens)), chance.randint(1, 500_00))
        refusal = self.world.refusal(self.world.escrow.deposit, self.world.merchant.address, self.unlisted, 1)
        assert refusal == ("TokenNotAllowed", self.unlisted.address)

    def rule_administer(self, seed):
        """Invariant 7: nothing that an admin does touches a case that lives; a pause stops new ones only."""
        ledger, operator, guardian = self.world.ledger, self.world.operator, self.world.guardian
        before = [tuple(ledger.slotsOf(case.id)) for case in self.walk.cases]
        ledger.registerPolicy(make_policy(Freight.Reimbursed, fee_cap=seed % 10_000), {"from": operator})
        ledger.registerInspector(self.world.inspector.address, seed % 2 == 0, {"from": operator})
        ledger.pause({"from": guardian})
        assert self.world.refusal(ledger.open, self.court.prepare().opening) == ("EnforcedPause",)
        assert [tuple(ledger.slotsOf(case.id)) for case in self.walk.cases] == before
        self.walk.act(chance_of(seed))
        ledger.unpause({"from": guardian})

    def rule_replay(self, seed):
        """Invariant 9: a message counts once, in its case, by its signer, before its time has passed."""
        if not self.walk.sent:
            return
        chance = chance_of(seed)
        act, signature = chance.choice(self.walk.sent)
        record = self.world.ledger.record
        assert self.world.refusal(record, act, signature) is not None
        other = chance.choice(self.walk.cases)
        assert self.world.refusal(record, (other.id, *act[1:]), signature) is not None
        heads = [self.world.ledger.head(one.id) for one in self.walk.cases]
        self.world.send(self.world.ledger.recordPacked, pack(act, signature))
        assert [self.world.ledger.head(one.id) for one in self.walk.cases] == heads

    # --- what holds at any time -------------------------------------------------------------------------------------

    def invariant_01_the_escrow_holds_all_it_owes(self):
        escrow, walk = self.world.escrow, self.walk
        self.views = {case.id: case.view for case in walk.cases}
        for code, token in self.world.tokens.items():
            free, locked, _ = escrow.accountOf(self.world.merchant.address, token)
            earned = sum(escrow.accountOf(member.address, token)["credit"] for member in walk.arbitrators())
            dues = sum(escrow.dueOf(case.id) for case in walk.cases if case.code == code)
            owed = (free + locked + earned + dues) * walk.unit(code)
            assert walk.held(code) == owed
            assert owed == walk.before[code] + (walk.deposited[code] - walk.paid[code]) * walk.unit(code)

    def invariant_02_03_a_case_ends_once_and_its_shares_are_its_lock(self):
        for case in self.walk.cases:
            view = self.views[case.id]
            over = view["state"] in OVER
            funded = case.terms["mode"] != Mode.None_
            assert (case.id in self.walk.settlements) == (over and funded)
            if over:
                end = tuple(view[part] for part in ("state", "share", "fee", "flags", "grade", "consumer"))
                assert self.walk.ends.setdefault(case.id, end) == end

    def invariant_04_a_live_case_has_its_whole_lock_and_no_more(self):
        for case in self.walk.cases:
            lock = self.world.escrow.lockOf(case.id)
            if self.views[case.id]["state"] not in OVER:
                assert [lock[part] for part in ("refund", "freight", "reserve")] == [
                    case.terms[part] for part in ("refund", "freight", "reserve")
                ]
            else:
                assert lock["refund"] <= case.terms["refund"] + case.terms["freight"]

    def invariant_07_08_a_live_case_has_the_deadline_of_its_opening(self):
        for case in self.walk.cases:
            view = self.views[case.id]
            kind, _, due = self.world.ledger.pokeOf(case.id)
            over = view["state"] in OVER
            assert (view["deadline"] == 0) == (kind == Kind.None_) == over
            assert (bytes(view["policy"]), view["panel"]) == (case.terms["policy"], case.terms["panel"])
            if not over:
                assert due == self.walk.due_time(view)
                assert view["deadline"] <= self.walk.now() + (10 + view["state"]) * DAY

    def invariant_10_fees_stay_within_the_policy(self):
        for view in self.views.values():
            assert view["fee"] <= (0 if view["grade"] == Grade.Defective else FEE_CAP)

    def teardown(self):
        """Invariants 5 and 8: whoever else is silent, everything ends and everybody is paid."""
        self.walk.finish()
        self.invariant_01_the_escrow_holds_all_it_owes()
        self.invariant_02_03_a_case_ends_once_and_its_shares_are_its_lock()


def test_invariants_hold_in_lives_by_chance(world, court):
    settings = {
        "max_examples": RUNS,
        "stateful_step_count": STEPS,
        "deadline": None,
        "suppress_health_check": HealthCheck.all(),
        # Nothing is aimed at, and aiming all the same takes as long as half of the lives, and judges none.
        "phases": (Phase.reuse, Phase.generate, Phase.shrink),
    }
    state_machine(Lives, world, court, settings=settings)
