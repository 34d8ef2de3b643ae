"""Lives of cases by chance, within the rules, and a book of their money that the contracts do not see."""

import random

from court import RESERVE, ROUNDS
from eth_abi import decode
from eth_utils import keccak
from panel_support import read_ballot
from support import keyed, sign
from test_matrix import ROWS
from words import FAR, FULL, WITHDRAW_TO, Flag, Grade, Kind, Mode, Role, State

from ledger_service.domain.transitions import GIVES_UP, Guard

OVER = (State.Settled, State.Closed)
SETTLED = keccak(text="Settled(bytes32,address,address,uint64,uint64,uint64)")
CREDITED = keccak(text="Credited(bytes32,address,address,uint64)")
LEAST = {Grade.AsNew: 9_000, Grade.Opened: 7_000, Grade.Used: 5_000, Grade.Damaged: 0, Grade.Defective: FULL}
FEE_CAP = 1_500
MOST_CASES = 6


class Walk:
    """Opens cases, acts, votes, waits and pays by chance: none of it may be refused."""

    def __init__(self, world, court):
        self.world, self.court = world, court
        self.cases, self.keys, self.sent = [], {}, []
        self.deposited = dict.fromkeys(world.tokens, 0)
        self.paid = dict.fromkeys(world.tokens, 0)
        self.ends = {}
        self.settlements = {}
        self.before = {code: self.held(code) for code in world.tokens}

    def held(self, code):
        """Token units in the escrow."""
        return self.world.tokens[code].balanceOf(self.world.escrow)

    def due_time(self, view):
        notice = view["notice"]
        return min(view["deadline"], notice["effectiveAt"]) if notice["kind"] else view["deadline"]

    def live(self):
        return [(case, view) for case in self.cases if (view := case.view)["state"] not in OVER]

    def now(self):
        return self.world.chain[-1].timestamp

    # --- steps ------------------------------------------------------------------------------------------------------

    def open(self, chance):
        if len(self.cases) == MOST_CASES:
            return
        code, mode = chance.choice(list(self.world.tokens)), chance.choice(list(Mode))
        policy = chance.choice(["policy_id", "reimbursed", "supplied"])
        panel = chance.choice(["none", "first", "first", "plain"])
        terms = {"policy": getattr(self.world, policy), "consumerKeyHeld": chance.choice([True, False])}
        if mode != Mode.None_:
            terms["token"] = self.world.tokens[code].address
            terms["refund"] = chance.randint(1, 50_00)
            terms["freight"] = 0 if policy == "supplied" else chance.randint(0, 9_00)
            terms["reserve"] = (RESERVE[mode] if panel != "none" else 0) + chance.randint(0, 9_00)
            self.deposit(code, sum(terms[part] for part in ("refund", "freight", "reserve")))
        consumer = keyed(f"consumer {chance.random()}")
        case = self.court.prepare(panel, mode, consumer=consumer, **{"freight": 0, **terms})
        self.world.send(self.world.ledger.open, case.opening)
        case.code = code
        self.keys[consumer.address] = consumer
        self.cases.append(case)

    def deposit(self, code, amount):
        self.world.fund(self.world.tokens[code], amount)
        self.deposited[code] += amount

    def act(self, chance):
        """One act that the table allows in one case, said and signed as the rules want it."""
        if not self.cases:
            return
        case = chance.choice(self.cases)
        view = case.view
        state = State(view["state"])
        if state not in OVER and self.now() > self.due_time(view) - 60:
            return
        rows = [row for (origin, *_), row in ROWS.items() if origin == state and allows(row, view)]
        if not rows:
            return
        row = chance.choice(rows)
        kind, role = Kind(row.kind), Role(row.role)
        case.nonces = dict(zip(Role, view["nonces"], strict=False))
        case.parties = {**case.parties, Role.Consumer: self.keys[view["consumer"]]}
        values = self.say(chance, view, kind, role)
        signed = case.signed(kind, role, **values)
        self.settling(case, self.world.send(self.world.ledger.record, *signed))
        assert case.view["length"] > view["length"]
        self.sent.append(signed)

    def say(self, chance, view, kind, role):
        """What an act says beside its kind."""
        if kind == Kind.Inspected:
            grade = chance.choice(list(LEAST))
            fee = 0 if grade == Grade.Defective else chance.randint(0, FEE_CAP)
            return {"grade": grade, "share": chance.randint(LEAST[grade], FULL), "fee": fee}
        if kind == Kind.Split:
            return {"share": view["offer"] if view["offeredBy"] and chance.random() < 0.5 else chance.randint(0, FULL)}
        if kind == Kind.Appealed:
            low, high = (view["share"] + 1, FULL) if role == Role.Consumer else (0, view["share"] - 1)
            return {"share": chance.randint(low, high)}
        if kind in (Kind.Disputed, Kind.Challenged):
            return {"share": chance.randint(*self.claims(view, kind, role))}
        if kind == Kind.KeyBound:
            key = keyed(f"own {len(self.keys)} {chance.random()}")  # the same seed can come twice, a key cannot
            self.keys[key.address] = key
            return {"bound": key}
        return {}

    def claims(self, view, kind, role):
        """The least and the most that a dispute or a challenge may claim."""
        consumer, held = role == Role.Consumer, view["flags"] & Flag.CONSUMER_KEY_HELD
        restates = kind == Kind.Disputed and consumer and view["state"] == State.Disputed
        least = view["consumerClaim"] if restates and held else 0
        if kind == Kind.Challenged or (consumer and view["flags"] & Flag.CHALLENGED):
            return max(least, 1), view["share"] - view["fee"]
        return least, FULL

    def vote(self, chance):
        """Votes in a dispute, up to the quorum or not so far."""
        versions = {version: name for name, version in self.court.versions.items()}
        for case, view in self.live():
            panel = versions[case.terms["panel"]]
            if view["state"] != State.Disputed or panel == "none" or self.now() > self.due_time(view) - 60:
                continue
            name = panel if ROUNDS[view["round"]] == "first" else ROUNDS[view["round"]]
            ballot = bytes(self.world.panel.ballotOf(case.id, view["round"]))
            most = self.world.ledger.disputeOf(case.id)["most"]
            left = [member for seat, member in enumerate(self.court.members[name]) if not seat_of(ballot, seat)]
            for member in left[: chance.randint(1, 5)]:
                if case.view["state"] != State.Disputed:
                    return
                signed = self.court.signed_vote(case, member, chance.randint(0, most), round=view["round"])
                self.settling(case, self.world.send(self.world.panel.vote, *signed))
            return

    def poke(self, _chance=None):
        """Lets time pass until the case that is due first can be poked, and pokes it."""
        late = sorted(self.live(), key=lambda entry: self.due_time(entry[1]))
        if late:
            case, view = late[0]
            self.world.travel(self.due_time(view) + 1)
            self.settling(case, self.world.send(self.world.ledger.poke, case.id))

    def withdraw(self, chance):
        """What is due in a case goes to its consumer, or where the consumer says."""
        escrow = self.world.escrow
        for case in chance.sample(self.cases, len(self.cases)):
            due = escrow.dueOf(case.id)
            redirect = escrow.redirectOf(case.id)
            if not due or redirect["effectiveAt"] > self.now() - 60:
                continue
            consumer, notice = self.world.ledger.payeeOf(case.id)
            if chance.random() < 0.5:
                self.world.send(escrow.withdrawFor, case.id)
            else:
                to = keyed(f"elsewhere {chance.random()}").address
                values = (case.id, to, redirect["nonce"], FAR)
                message = dict(zip(WITHDRAW_TO, values, strict=True))
                key = self.keys[consumer]
                signature = sign(key, escrow, "RefundEscrow", "WithdrawTo", message, WithdrawTo=WITHDRAW_TO)
                self.world.send(escrow.withdrawTo, *values, signature)
                if notice:
                    assert escrow.dueOf(case.id) == due
                    return
            self.paid[case.code] += due
            return

    def withdraw_credit(self, chance):
        for member in chance.sample(self.arbitrators(), len(self.arbitrators())):
            for code, token in self.world.tokens.items():
                credit = self.world.escrow.accountOf(member.address, token)["credit"]
                if credit:
                    self.world.send(self.world.escrow.withdrawCredit, member.address, token)
                    assert token.balanceOf(member.address) >= credit * self.unit(code)
                    self.paid[code] += credit
                    return

    def finish(self):
        """Nobody is needed: time brings all to its end, and everybody can be paid."""
        for _ in range(10 * MOST_CASES):
            self.poke()
        assert not self.live()
        self.world.travel(self.now() + 3 * 86_400)
        for case in self.cases:
            due = self.world.escrow.dueOf(case.id)
            if due:
                self.world.send(self.world.escrow.withdrawFor, case.id)
                self.paid[case.code] += due

    # --- the book ---------------------------------------------------------------------------------------------------

    def arbitrators(self):
        named = {member.address: member for members in self.court.members.values() for member in members}
        return list(named.values())

    def unit(self, code):
        return self.world.escrow.tokenInfo(self.world.tokens[code])["unit"]

    def settling(self, case, receipt):
        """Writes down what a settlement shares out: once a case, and all of its own lock."""
        for log in receipt["logs"]:
            if log["topics"][0] != SETTLED:
                continue
            assert bytes(log["topics"][1]) == case.id
            parts = decode(["uint64", "uint64", "uint64"], log["data"])
            awards = [other for other in receipt["logs"] if other["topics"][0] == CREDITED]
            assert case.id not in self.settlements
            self.settlements[case.id] = parts
            assert sum(parts) == sum(case.terms[part] for part in ("refund", "freight", "reserve"))
            assert sum(decode(["uint64"], award["data"])[0] for award in awards) == parts[2]


def seat_of(ballot, seat):
    return seat in read_ballot(ballot)


def allows(row, view):
    """Whether what guards an act holds in a case as it stands."""
    if view["notice"]["kind"] and row.kind in GIVES_UP:
        return False
    consumer = row.role == Role.Consumer
    appeals = view["share"] < min(view["consumerClaim"], FULL) if consumer else view["share"] > view["merchantClaim"]
    return {
        None: True,
        Guard.INSPECTOR_INDEPENDENT: bool(view["flags"] & Flag.INSPECTOR_INDEPENDENT),
        Guard.EXCHANGE_OFFERED: view["exchangeOffered"],
        Guard.NOTICE_RUNNING: view["notice"]["kind"] != 0,
        Guard.NOT_ERASED: not view["erased"],
        Guard.RULED_AGAINST: appeals,
        Guard.WITHIN_OWED: view["share"] > view["fee"],
        Guard.OFFER_STANDS: True,
    }[row.guard]


def chance_of(seed):
    return random.Random(seed)
