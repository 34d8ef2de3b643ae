"""What stays true whatever anybody does: random lives of many cases, in three modes and five currencies."""

import random

import pytest
from words import FULL, TRANSITIONS, Flag, Grade, Kind, Mode, State

STEPS = 30
OVER = (State.Settled, State.Closed)


class Walk:
    """Opens cases, acts, waits and withdraws by chance, and keeps its own book of the money."""

    def __init__(self, world, seed):
        self.world, self.chance, self.cases = world, random.Random(seed), []
        self.deposited = dict.fromkeys(world.tokens, 0)
        self.paid = dict.fromkeys(world.tokens, 0)
        self.outcomes = {}
        self.before = {code: token.balanceOf(world.escrow) for code, token in world.tokens.items()}

    def step(self):
        self.chance.choices([self.open, self.act, self.poke, self.withdraw, self.deposit], [4, 12, 4, 3, 1])[0]()

    def deposit(self):
        code = self.chance.choice(list(self.world.tokens))
        amount = self.chance.randint(1, 500_00)
        self.world.fund(self.world.tokens[code], amount)
        self.deposited[code] += amount

    def open(self):
        world, pick = self.world, self.chance.choice
        code, mode, policy = pick(list(world.tokens)), pick(list(Mode)), pick(["policy_id", "reimbursed", "supplied"])
        terms = {"policy": getattr(world, policy), "consumerKeyHeld": pick([True, False])}
        if mode != Mode.None_:
            terms["token"] = world.tokens[code].address
            terms["refund"] = self.chance.randint(1, 50_00)
            terms["freight"] = 0 if policy == "supplied" else self.chance.randint(0, 9_00)
            terms["reserve"] = self.chance.randint(0, 9_00)
        case = world.prepare(mode=mode, **terms)
        if world.refusal(world.ledger.open, case.opening) is None:
            world.send(world.ledger.open, case.opening)
            case.code = code
            self.cases.append(case)

    def live(self):
        return [case for case in self.cases if case.state not in OVER]

    def act(self):
        for case in self.live()[-3:]:
            moves = [(kind, role) for (state, kind, role) in TRANSITIONS if state == case.state]
            if not moves or self.world.chain[-1].timestamp > case.deadline - 60:
                continue
            kind, role = self.chance.choice(moves)
            values = {}
            if kind == Kind.Inspected:
                grade = self.chance.choice([Grade.AsNew, Grade.Used, Grade.Damaged, Grade.Defective])
                least = {Grade.AsNew: 9_000, Grade.Used: 5_000, Grade.Damaged: 0, Grade.Defective: FULL}[grade]
                fee = 0 if grade == Grade.Defective else self.chance.randint(0, 1_500)
                values = {"grade": grade, "share": self.chance.randint(least, FULL), "fee": fee}
            case.relay([case.packed(kind, role, **values)])

    def poke(self):
        if live := self.live():
            case = self.chance.choice(live)
            self.world.pass_deadline(case)
            self.world.send(self.world.ledger.poke, case.id)

    def withdraw(self):
        world = self.world
        for case in self.cases:
            due = world.escrow.dueOf(case.id)
            if due:
                world.send(world.escrow.withdrawFor, case.id)
                self.paid[case.code] += due
                return

    def check(self):
        world = self.world
        for code, token in world.tokens.items():
            unit = world.escrow.tokenInfo(token)["unit"]
            locks = 0
            for case in self.cases:
                lock = world.escrow.lockOf(case.id)
                if lock["token"] and case.code == code:
                    locks += lock["refund"] + lock["freight"] + lock["reserve"]
            owed = world.escrow.balanceOf(world.merchant.address, token) + locks
            assert token.balanceOf(world.escrow) == owed * unit
            assert token.balanceOf(world.escrow) == (
                self.before[code] + (self.deposited[code] - self.paid[code]) * unit
            )
        for case in self.cases:
            self.check_case(case)

    def check_case(self, case):
        view, lock = case.view, self.world.escrow.lockOf(case.id)
        over = view["state"] in OVER
        assert (view["deadline"] == 0) == over
        assert lock["settled"] == (over and case.terms["mode"] != Mode.None_)
        if not over:
            return
        outcome = (view["state"], view["head"], view["share"], view["fee"], view["flags"])
        assert self.outcomes.setdefault(case.id, outcome) == outcome  # the end is the end
        most = case.terms["refund"] + case.terms["freight"]
        assert lock["refund"] <= most
        if view["grade"] == Grade.Defective and view["flags"] & Flag.FREIGHT_TO_CONSUMER:
            assert view["fee"] == 0


@pytest.mark.parametrize("seed", [1, 2])
def test_invariants_hold_on_a_random_walk(world, seed):
    walk = Walk(world, seed)
    for _ in range(4):
        walk.deposit()
        walk.open()
    for _ in range(STEPS):
        walk.step()
    walk.check()
    # And nobody is needed to bring everything to its end.
    for _ in range(7):
        late = walk.live()
        if late:
            world.travel(max(case.deadline for case in late) + 1)
            world.send(world.ledger.pokeBatch, [case.id for case in late])
    assert not walk.live()
    walk.check()
