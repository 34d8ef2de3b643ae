"""Disputes, appeals, challenges, splits, exchanges and new keys: from the outbox to the chain and back."""

from __future__ import annotations

import pytest
import rlp
from sqlmodel import select

from ledger_service.chain.codec import encode_vote_batch
from ledger_service.domain.hashing import from_hex
from ledger_service.domain.messages import Vote
from ledger_service.domain.vocabulary import Flag, Grade, Kind, Mark, Mode, Role
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.store.disputes import vote_by_id
from ledger_service.store.tables import ChainBalance, ChainCase, TransactionRow, VoteRow
from ledger_service.workers.batches import _RESERVE
from ledger_service.workers.indexer import Indexer

from .cases import Case
from .conftest import Ledger
from .test_pipeline import fund

FEE = 100  # minor units for each vote
RESERVE = 2_000


class Bench:
    """Three registered panels: one of three arbitrators, its fallback, and the larger one for appeals."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger, self.book = ledger, ledger.book
        self.arbitrators = [LocalSigner(new_key()) for _ in range(4)]
        self.others = [LocalSigner(new_key()) for _ in range(3)]
        self.larger = [LocalSigner(new_key()) for _ in range(5)]
        self.appeal = self._register(self.larger, threshold=5)
        self.fallback = self._register(self.others)
        self.version = self._register(self.arbitrators, appeal=self.appeal, fallback=self.fallback)
        self.token = fund(ledger, 50_000)

    def _register(self, arbitrators: list[LocalSigner], **options: int) -> int:
        asked = self.book.panel(arbitrators, fee=FEE, **options)
        self.ledger.run_until(lambda: self.book.version_of(asked))
        return self.book.version_of(asked)

    # --- lives -------------------------------------------------------------------------------------------------------

    def open(self, mode: Mode = Mode.REFUND, *, key_held: bool = False, share: int | None = None) -> Case:
        """A case of 20.00; with `share` it is inspected."""
        case = self.book.open(
            mode, refund=2_000, panel=self.version, reserve=RESERVE if mode is not Mode.NONE else 0, key_held=key_held
        )
        if share is not None:
            self.book.advance_to_inspected(case, grade=Grade.USED, share=share)
        return case

    def disputed(self, mode: Mode = Mode.REFUND) -> Case:
        """A case whose consumer claims all of it and whose merchant would leave 80 %."""
        case = self.open(mode, share=8_000)
        self.book.state(case, Kind.DISPUTED, Role.CONSUMER, share=10_000)
        return case

    def vote(self, case: Case, shares: list[int], voters: list[LocalSigner] | None = None, *, round_: int = 0) -> None:
        for arbitrator, share in zip(voters or self.arbitrators, shares, strict=False):
            self.book.vote(case, arbitrator, share, round_=round_)
        self.settle()

    def settle(self) -> None:
        self.ledger.run_until(self.book.settled, seconds=60)

    def lapse(self, case: Case) -> None:
        """Lets what is due next pass, and the workers poke."""
        due, length = self.found(case).due, self.found(case).length
        self.ledger.world.chain.advance(due - self.ledger.clock.seconds() + 2)
        self.ledger.run_until(lambda: self.found(case).length > length, seconds=60)

    def found(self, case: Case) -> ChainCase:
        found = self.book.chain_case(case)
        assert found is not None
        return found

    def credit(self, arbitrator: LocalSigner) -> ChainBalance | None:
        with self.ledger.database.read() as session:
            return session.get(ChainBalance, (arbitrator.address, self.token))


@pytest.fixture
def bench(ledger: Ledger) -> Bench:
    return Bench(ledger)


def test_three_votes_rule_and_their_fees_are_credited_when_the_ruling_stands(bench: Bench) -> None:
    case = bench.disputed()
    bench.settle()
    found = bench.found(case)
    assert (found.state, found.consumer_claim, found.merchant_claim) == ("disputed", 10_000, 8_000)
    assert (found.round, found.voting_panel) == (0, bench.version)

    bench.vote(case, [9_000, 8_500, 9_700])
    found = bench.found(case)
    assert (found.state, found.share, found.voting_panel) == ("ruled", 9_000, 0)
    assert [(vote.share, vote.round) for vote in bench.book.votes(case)] == [(9_000, 0), (8_500, 0), (9_700, 0)]
    assert bench.book.timeline(case)[-1] == "ruled"

    bench.lapse(case)
    found = bench.found(case)
    assert (found.state, found.to_consumer, found.fees) == ("settled", 1_800, 3 * FEE)
    assert found.to_merchant == 200 + RESERVE - 3 * FEE
    bench.ledger.run_until(lambda: (kept := bench.credit(bench.arbitrators[0])) and kept.credit == 0)
    kept = bench.credit(bench.arbitrators[0])
    assert kept is not None
    assert kept.credited == FEE
    bench.settle()
    gas_was_planned_for(bench.ledger)


def test_a_vote_that_the_panel_refuses_names_its_reason(bench: Bench) -> None:
    case = bench.disputed()
    stranger = LocalSigner(new_key())
    refused = bench.book.vote(case, stranger, 5_000)
    late = bench.book.vote(case, bench.arbitrators[0], 5_000, round_=2)
    bench.settle()
    assert bench.book.votes(case) == []
    reasons = bench.book.refusals_of([refused, late])
    assert reasons == [f"NotAnArbitrator({stranger.address})", "WrongRound(0, 2)"]


def test_a_vote_under_a_copied_commitment_is_not_ours(bench: Bench) -> None:
    case = bench.disputed()
    bench.settle()
    ours = bench.book.vote(case, bench.arbitrators[0], 5_000)
    _copy_vote(bench, case, ours, bench.arbitrators[1])

    assert [vote.arbitrator for vote in bench.book.votes(case)] == [bench.arbitrators[1].address]
    assert _stage_of(bench, ours) == "accepted"
    assert not bench.book.settled()
    bench.settle()
    assert _stage_of(bench, ours) == "final"
    voted = [vote.arbitrator for vote in bench.book.votes(case)]
    assert voted == [bench.arbitrators[1].address, bench.arbitrators[0].address]


def _copy_vote(bench: Bench, case: Case, vote_id: str, arbitrator: LocalSigner) -> None:
    """An arbitrator votes at the contract itself under the commitment of another's vote, which we have not sent yet."""
    ledger = bench.ledger
    with ledger.database.read() as session:
        row = session.exec(select(VoteRow).where(VoteRow.vote_id == vote_id)).one()
    vote = Vote(case.case_id, 0, 7_000, ledger.clock.seconds() + 86_400, from_hex(row.commitment))
    signature = arbitrator.sign(ledger.deployment.panel_domain.digest(vote.struct_hash()))
    data = encode_vote_batch([(vote, arbitrator.address, signature)])
    rich = ledger.rpc.call("eth_accounts")[3]
    request = {"from": rich, "to": ledger.deployment.panel, "data": "0x" + data.hex(), "gas": hex(2_000_000)}
    ledger.rpc.wait_for_receipt(ledger.rpc.call("eth_sendTransaction", request))
    indexer = Indexer(ledger.database, ledger.rpc, ledger.deployment, ledger.policies.by_id)
    while indexer.step().behind:
        pass


def _stage_of(bench: Bench, vote_id: str) -> str:
    with bench.ledger.database.read() as session:
        found = vote_by_id(session, vote_id, 0)
    assert found is not None
    return found.stage.wire


def test_appeal_goes_to_the_larger_panel_and_its_loser_pays(bench: Bench) -> None:
    case = bench.disputed()
    bench.vote(case, [8_500, 8_500, 8_500])
    bench.book.state(case, Kind.APPEALED, Role.CONSUMER, share=10_000)
    bench.settle()
    found = bench.found(case)
    assert (found.state, found.round, found.voting_panel) == ("disputed", 2, bench.appeal)
    assert found.flags & Flag.APPEALED
    assert found.appellant == "consumer"

    bench.vote(case, [8_500] * 5, bench.larger, round_=2)
    found = bench.found(case)
    assert (found.state, found.consumer_lost_appeal, found.share) == ("settled", True, 8_500)
    assert (found.to_consumer, found.fees) == (1_700 - 5 * FEE, 8 * FEE)
    assert bench.book.timeline(case)[-3:] == ["appealed", "ruled", "settled"]
    gas_was_planned_for(bench.ledger)


def test_silent_appeal_leaves_the_ruling_as_it_was(bench: Bench) -> None:
    case = bench.disputed()
    bench.vote(case, [8_500, 8_500, 8_500])
    bench.book.state(case, Kind.APPEALED, Role.CONSUMER, share=10_000)
    bench.settle()
    bench.lapse(case)
    found = bench.found(case)
    assert (found.state, found.to_consumer, found.fees) == ("settled", 1_700, 3 * FEE)


def test_silent_panel_hands_over_to_its_fallback(bench: Bench) -> None:
    case = bench.disputed()
    bench.settle()
    bench.lapse(case)
    found = bench.found(case)
    assert (found.state, found.round, found.voting_panel) == ("disputed", 1, bench.fallback)
    bench.vote(case, [10_000, 10_000, 9_000], bench.others, round_=1)
    found = bench.found(case)
    assert (found.state, found.share) == ("ruled", 10_000)
    bench.lapse(case)
    assert (bench.found(case).to_consumer, bench.found(case).fees) == (2_000, 3 * FEE)


def test_silence_of_both_panels_pays_in_full_and_nobody_a_fee(bench: Bench) -> None:
    case = bench.disputed()
    bench.settle()
    bench.book.vote(case, bench.arbitrators[0], 0)
    bench.settle()
    bench.lapse(case)
    bench.lapse(case)
    found = bench.found(case)
    assert (found.state, found.to_consumer, found.fees) == ("settled", 2_000, 0)
    assert found.to_merchant == RESERVE


def test_challenge_of_a_stated_refund_pays_what_is_still_owed(bench: Bench) -> None:
    case = bench.open(Mode.BOND, share=10_000)
    bench.book.state(case, Kind.ACCEPTED, Role.CONSUMER)
    bench.book.state(case, Kind.REFUNDED, Role.MERCHANT)
    bench.book.state(case, Kind.CHALLENGED, Role.CONSUMER, share=3_000)
    bench.settle()
    found = bench.found(case)
    assert (found.state, found.round, found.consumer_claim, found.merchant_claim) == ("disputed", 3, 3_000, 0)
    bench.vote(case, [3_000, 2_000, 1_000], round_=3)
    found = bench.found(case)
    assert (found.state, found.to_consumer, found.fees) == ("settled", 400, 3 * FEE)


def test_split_by_both_settles_a_dispute(bench: Bench) -> None:
    case = bench.disputed()
    bench.vote(case, [8_500, 8_500, 8_500])
    bench.book.state(case, Kind.SPLIT, Role.MERCHANT, share=9_200)
    bench.settle()
    found = bench.found(case)
    assert (found.state, found.offer) == ("ruled", 9_200)
    assert found.marks & Mark.OFFER_BY_MERCHANT
    bench.book.state(case, Kind.SPLIT, Role.CONSUMER, share=9_200)
    bench.settle()
    found = bench.found(case)
    assert (found.state, found.to_consumer, found.fees) == ("settled", 1_840, 3 * FEE)
    assert not found.marks & Mark.OFFER_BY_MERCHANT
    gas_was_planned_for(bench.ledger)


def test_exchange_delivers_and_gives_the_lock_back(bench: Bench) -> None:
    case = bench.open(share=10_000)
    bench.book.state(case, Kind.EXCHANGE_AGREED, Role.MERCHANT)
    bench.book.state(case, Kind.EXCHANGE_AGREED, Role.CONSUMER)
    bench.book.state(case, Kind.EXCHANGE_SHIPPED, Role.MERCHANT)
    bench.book.state(case, Kind.EXCHANGE_DELIVERED, Role.CARRIER)
    bench.settle()
    assert bench.found(case).state == "delivered"
    bench.lapse(case)
    found = bench.found(case)
    assert (found.state, found.to_consumer, found.to_merchant) == ("settled", 0, 2_000 + RESERVE)


def test_held_key_gives_up_nothing_before_its_notice_is_over(bench: Bench) -> None:
    case = bench.open(key_held=True, share=8_000)
    bench.book.state(case, Kind.ACCEPTED, Role.CONSUMER)
    bench.settle()
    found = bench.found(case)
    assert (found.state, found.notice_kind, found.due) == ("inspected", "accepted", found.notice_at)
    assert found.due < found.deadline

    bench.book.state(case, Kind.OBJECTED, Role.CONSUMER)
    bench.settle()
    found = bench.found(case)
    assert (found.notice_kind, found.due) == ("none", found.deadline)

    bench.book.state(case, Kind.ACCEPTED, Role.CONSUMER)
    bench.settle()
    bench.lapse(case)
    found = bench.found(case)
    assert (found.state, found.to_consumer) == ("settled", 1_600)
    assert bench.book.timeline(case)[-5:] == ["accepted", "objected", "accepted", "accepted", "settled"]


def test_bound_key_acts_once_its_notice_is_over(bench: Bench) -> None:
    case, own = bench.open(key_held=True, share=8_000), LocalSigner(new_key())
    bench.book.bind(case, own)
    bench.settle()
    found = bench.found(case)
    assert (found.notice_kind, found.notice_key, found.consumer) == ("key_bound", own.address, case.consumer)
    bench.lapse(case)
    found = bench.found(case)
    assert (found.consumer, found.flags & Flag.CONSUMER_KEY_HELD, found.state) == (own.address, 0, "inspected")

    case.keys[Role.CONSUMER] = own
    bench.book.state(case, Kind.ACCEPTED, Role.CONSUMER)
    bench.settle()
    assert (bench.found(case).state, bench.found(case).withdrawn_to) == ("settled", own.address)


def test_acts_wait_for_the_key_that_signs_them(bench: Bench) -> None:
    """Act, binding and act of one case, accepted before any of them is sent."""
    case, own = bench.open(share=8_000), LocalSigner(new_key())
    bench.book.state(case, Kind.SPLIT, Role.CONSUMER, share=9_000)
    bench.book.bind(case, own)
    case.keys[Role.CONSUMER] = own
    bench.book.state(case, Kind.ACCEPTED, Role.CONSUMER)
    bench.settle()
    assert [stage for _, stage, _ in bench.book.stages(case)] == ["final"] * 8
    assert bench.found(case).state == "settled"


def gas_was_planned_for(ledger: Ledger) -> None:
    """No transaction needed what it was given beyond its items' bounds."""
    with ledger.database.read() as session:
        rows = session.exec(select(TransactionRow)).all()
    for row in rows:
        receipt = ledger.rpc.call("eth_getTransactionReceipt", row.tx_hash)
        given = int.from_bytes(rlp.decode(row.raw)[2], "big")
        assert int(receipt["gasUsed"], 16) <= given - _RESERVE, row
