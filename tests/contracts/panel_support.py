"""What the tests of the panel share: a bench of arbitrators, and votes of theirs on a case."""

import secrets

from brownie import web3
from support import call_raw, digest_of, errors_of, keyed, read_error, sign
from words import FAR, FULL

VOTE = {
    "caseId": "bytes32",
    "round": "uint8",
    "share": "uint16",
    "validUntil": "uint40",
    "commitment": "bytes32",
}
MOST_SEATS = 15


def arbitrators(size, first=1):
    return [keyed(f"arbitrator {number}") for number in range(first, first + size)]


def as_panel(members, threshold, appeal=0, fallback=0, fee=500):
    """The contract's struct."""
    return ([member.address for member in members], threshold, appeal, fallback, fee)


def register(panel, operator, *args, **options):
    """Registers a panel as `as_panel` describes it; answers its version."""
    tx = panel.registerPanel(as_panel(*args, **options), {"from": operator})
    return tx.events["PanelRegistered"]["version"]


def vote_of(case_id, arbitrator, share, **changed):
    """The values of a vote, as a dictionary in the order of the contract's struct."""
    values = {
        "caseId": case_id,
        "arbitrator": arbitrator.address,
        "round": 0,
        "share": share,
        "validUntil": FAR,
        "commitment": secrets.token_bytes(32),
    }
    assert not changed.keys() - values.keys(), changed
    return {**values, **changed}


def typed_vote(contract, vote):
    return contract, "ArbitrationPanel", "Vote", {label: vote[label] for label in VOTE}


def sign_vote(key, contract, vote):
    return sign(key, *typed_vote(contract, vote), Vote=VOTE)


def vote_digest(contract, vote):
    return digest_of(*typed_vote(contract, vote), Vote=VOTE)


def read_ballot(word):
    """Seat (from 0) and share of each vote in a ballot, from its documented layout."""
    word = int.from_bytes(bytes(word), "big")
    marks = [(word >> (16 * seat)) & 0xFFFF for seat in range(MOST_SEATS)]
    votes = {seat: mark - 1 for seat, mark in enumerate(marks) if mark}
    assert (word >> 240) & 0xFF == 0
    assert word >> 248 == len(votes)
    return votes


class Bench:
    """A panel contract that rules for a stub of the ledger, and cases as the stub tells them."""

    def __init__(self, stub, panel, operator, relayer, chain):
        self.stub, self.panel, self.operator, self.relayer, self.chain = stub, panel, operator, relayer, chain
        self.errors = errors_of(panel)

    def register(self, *args, **options):
        return register(self.panel, self.operator, *args, **options)

    def refusal(self, method, *args, sender=None, **call):
        """What a call is refused with; None where it is not refused."""
        data = method.encode_input(*args)
        _, reason = call_raw(sender or self.relayer, method._address, data, **call)
        return None if reason is None else read_error(self.errors, reason)

    def dispute(self, version, number=0, deadline=FAR, most=FULL, consumer=None, disputed=True, case_id=None):
        case_id = case_id or secrets.token_bytes(32)
        consumer = (consumer or keyed("consumer")).address
        self.stub.set(case_id, (version, number, deadline, most, consumer, disputed), {"from": self.relayer})
        return case_id

    def signed(self, case_id, arbitrator, share, key=None, **changed):
        """The two arguments of `vote`."""
        vote = vote_of(case_id, arbitrator, share, **changed)
        return tuple(vote.values()), sign_vote(key or arbitrator, self.panel, vote)

    def vote(self, *args, **changed):
        return self.panel.vote(*self.signed(*args, **changed), {"from": self.relayer})

    def vote_all(self, case_id, shares, number=0):
        """Votes of several in one batch: shares by arbitrator, as pairs."""
        signed = [self.signed(case_id, arbitrator, share, round=number) for arbitrator, share in shares]
        tx = self.panel.voteBatch(signed, {"from": self.relayer})
        assert not self.skipped(tx)
        return tx

    def refused(self, *args, **changed):
        """What a vote is refused with."""
        return self.refusal(self.panel.vote, *self.signed(*args, **changed))

    def skipped(self, tx):
        """What a batch of votes left out: index, arbitrator, and the refusal."""
        if "VoteSkipped" not in tx.events:
            return []
        return [(e["index"], e["arbitrator"], read_error(self.errors, e["reason"])) for e in tx.events["VoteSkipped"]]

    @property
    def now(self):
        return self.chain[-1].timestamp

    def block_at(self, when):
        """Mines a block of that very time; calls then see its clock."""
        web3.provider.make_request("evm_mine", [when])
        assert self.now == when
