"""What the tests of disputes share: a court of four panels, its votes, and cases brought to any state."""

from contextlib import contextmanager

from brownie import web3
from panel_support import arbitrators, register, sign_vote, vote_of
from support import records_of
from words import FULL, ZERO, Kind, Mode, Role, State

REFUND, FREIGHT = 100_00, 4_00
FIRST_FEES, APPEAL_FEES = 3 * 500, 5 * 300  # the fallback's quorum comes to less
RESERVE = {Mode.None_: 0, Mode.Refund: FIRST_FEES + APPEAL_FEES, Mode.Bond: 2 * FIRST_FEES + APPEAL_FEES}
FEES = {"first": 500, "fallback": 900, "appeal": 300, "plain": 500}
QUORUM = {"first": 3, "fallback": 1, "appeal": 5, "plain": 3}
ROUNDS = ("first", "fallback", "appeal", "first", "fallback")
LIVE = [state for state in State if State.None_ < state < State.Settled]


class Court:
    """Panels on the world's own contract: a first one with a fallback and an appeal panel, and a plain one that has
    neither. The first has four arbitrators, of whom three are a quorum; the plain one the same four."""

    def __init__(self, world):
        self.world = world
        self.members = {
            "first": arbitrators(4),
            "fallback": arbitrators(2, first=11),
            "appeal": arbitrators(6, first=21),
            "plain": arbitrators(4),
        }
        self.versions = {"none": 0}
        for name in ("fallback", "appeal", "plain"):
            self.versions[name] = self.register(name)
        links = {"appeal": self.versions["appeal"], "fallback": self.versions["fallback"]}
        self.versions["first"] = self.register("first", **links)

    def register(self, name, **links):
        return register(
            self.world.panel, self.world.operator, self.members[name], QUORUM[name], fee=FEES[name], **links
        )

    def prepare(self, panel="first", mode=Mode.Refund, **options):
        """A case that nobody has opened; its consumer holds its own key unless a test says otherwise."""
        paid = mode != Mode.None_
        terms = {
            "panel": self.versions[panel],
            "refund": REFUND if paid else 0,
            "freight": FREIGHT if paid else 0,
            "reserve": RESERVE[mode] if panel != "none" else 0,
            "consumerKeyHeld": False,
            **options,
        }
        return self.world.prepare(mode=mode, **terms)

    def open(self, *args, **options):
        case = self.prepare(*args, **options)
        self.world.send(self.world.ledger.open, case.opening)
        return case

    def bring(self, state, inspection=(), ruling=5_000, **options):
        """A case in that state. A dispute is the consumer's, who claims everything; a ruling gives it half."""
        case = self.open(**options)
        if state not in (State.Disputed, State.Ruled):
            return case.reach(state, **dict(inspection))
        case.reach(State.Inspected if inspection else State.Authorised, **dict(inspection))
        case.relay([case.packed(Kind.Disputed, Role.Consumer, share=FULL)])
        if state == State.Ruled:
            self.rule(case, ruling)
        assert case.state == state
        return case

    # --- votes ------------------------------------------------------------------------------------------------------

    def signed_vote(self, case, arbitrator, share, **changed):
        """The two arguments of `vote`."""
        vote = vote_of(case.id, arbitrator, share, **{"round": case.view["round"], **changed})
        return tuple(vote.values()), sign_vote(arbitrator, self.world.panel, vote)

    def vote(self, case, *shares, panel=None):
        """Votes of the first seats of the panel whose round it is, in one transaction."""
        number = case.view["round"]
        members = self.members[panel or ROUNDS[number]]
        votes = [self.signed_vote(case, m, share, round=number) for m, share in zip(members, shares, strict=False)]
        tx = self.world.panel.voteBatch(votes, {"from": self.world.relayer})
        assert "VoteSkipped" not in tx.events
        return tx

    def rule(self, case, share, panel=None):
        """A ruling of which all arbitrators are of one mind."""
        return self.vote(case, *[share] * QUORUM[panel or ROUNDS[case.view["round"]]], panel=panel)

    def refused_vote(self, case, arbitrator, share, **changed):
        return self.world.refusal(self.world.panel.vote, *self.signed_vote(case, arbitrator, share, **changed))

    # --- money ------------------------------------------------------------------------------------------------------

    def held(self, who):
        """Free, locked and credited minor units of an address."""
        return tuple(self.world.escrow.accountOf(who.address, self.world.tokens["EUR"]))

    def settlement(self, tx, case):
        """What a settlement gave to consumer, merchant and arbitrators. All of the lock, nothing twice."""
        (event,) = [e for e in tx.events["Settled"] if bytes(e["caseId"]) == case.id]
        parts = event["toConsumer"], event["toMerchant"], event["fees"]
        assert sum(parts) == sum(case.terms[name] for name in ("refund", "freight", "reserve"))
        assert sum(credited["amount"] for credited in events(tx, "Credited")) == parts[2]
        assert self.world.escrow.dueOf(case.id) == parts[0]
        return parts


def refusal(case, kind, role, **changed):
    """What an act is refused with, None where it is not."""
    return case.world.refusal(case.world.ledger.record, *case.signed(kind, role, **changed))


def stays(case, tx, kind, role):
    """Asserts that an act was written down and left the case in its state and its window; answers the record."""
    (record,) = records_of(tx, case)
    assert (record["kind"], record["role"]) == (kind, role)
    assert (record["state"], record["deadline"]) == (case.state, case.deadline)
    return record


def moves_of(tx, case):
    """Kind and state of each record that a transaction added to a case."""
    return [(record["kind"], record["state"]) for record in records_of(tx, case)]


def events(tx, name):
    return list(tx.events[name]) if name in tx.events else []


def notice_of(case):
    """Kind, time, share and key of a notice; None where none runs."""
    values = tuple(case.view["notice"].values())
    return None if values == (Kind.None_, 0, 0, ZERO) else values


@contextmanager
def undone():
    """What happens inside leaves no trace on the chain."""
    snapshot = web3.provider.make_request("evm_snapshot", [])["result"]
    try:
        yield
    finally:
        assert web3.provider.make_request("evm_revert", [snapshot])["result"]
