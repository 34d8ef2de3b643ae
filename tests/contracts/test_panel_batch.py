"""ArbitrationPanel.voteBatch: what it counts, and what it skips"""

import pytest
from brownie import ArbitrationPanel, DisputeStub, accounts, chain
from panel_support import Bench, arbitrators, read_ballot
from support import keyed
from words import FULL


@pytest.fixture(scope="module")
def bench(module_isolation):
    operator, relayer = accounts[0], accounts[2]
    stub = DisputeStub.deploy({"from": operator})
    bench = Bench(stub, ArbitrationPanel.deploy(stub, operator, {"from": operator}), operator, relayer, chain)
    assert bench.register(arbitrators(5), 3) == 1
    return bench


def relay(bench, *items):
    return bench.panel.voteBatch(list(items), {"from": bench.relayer})


def test_batch_of_nothing(bench):
    tx = relay(bench)
    assert not tx.events


def test_batch_rules_on_several_cases(bench):
    cases = [bench.dispute(1) for _ in range(3)]
    members = arbitrators(3)
    items = [
        bench.signed(case_id, member, 1_000 * i + seat)
        for seat, member in enumerate(members)
        for i, case_id in enumerate(cases)
    ]
    tx = relay(bench, *items)
    assert bench.skipped(tx) == []
    assert [(bytes(e["caseId"]), e["share"]) for e in tx.events["RuledBy"]] == [
        (case_id, 1_000 * i + 1) for i, case_id in enumerate(cases)
    ]


def test_batch_skips_with_the_reason_and_goes_on(bench):
    one, two, three, four, five = arbitrators(5)
    case_id, other, over = bench.dispute(1), bench.dispute(1, most=50), bench.dispute(1, disputed=False)
    stranger = keyed("stranger")
    late = bench.dispute(1, deadline=bench.now - 1)
    mine = bench.dispute(1, consumer=three)
    items = [
        (bench.signed(case_id, one, 10, validUntil=bench.now - 1), ("VoteExpired", bench.now - 1)),
        (bench.signed(over, one, 10), ("NotDisputed", over)),
        (bench.signed(case_id, one, 10, round=1), ("WrongRound", 0, 1)),
        (bench.signed(late, one, 10), ("RoundOver", 0)),
        (bench.signed(other, one, 51), ("VoteOutOfBounds", 51, 50)),
        (bench.signed(mine, three, 10), ("PartyOnPanel", three.address)),
        (bench.signed(case_id, stranger, 10), ("NotAnArbitrator", stranger.address)),
        (bench.signed(case_id, one, 10), None),
        (bench.signed(case_id, one, 20), ("AlreadyVoted", one.address, 0)),
        (bench.signed(case_id, two, 10, key=one), ("BadVoteSignature", two.address)),
        (bench.signed(case_id, two, 30), None),
        (bench.signed(case_id, four, FULL), None),
        (bench.signed(case_id, five, 40), ("NotDisputed", case_id)),
    ]
    tx = relay(bench, *[item for item, _ in items])
    expected = [(i, item[0][1], answer) for i, (item, answer) in enumerate(items) if answer]
    assert bench.skipped(tx) == expected
    for event, (i, *_) in zip(tx.events["VoteSkipped"], expected, strict=True):
        vote = items[i][0][0]
        assert (bytes(event["caseId"]), bytes(event["commitment"])) == (vote[0], vote[5])
    assert read_ballot(bench.panel.ballotOf(case_id, 0)) == {0: 10, 1: 30, 3: FULL}
    assert tx.events["RuledBy"]["share"] == 30


def test_batch_refuses_as_a_single_vote_does(bench):
    """What is skipped here is what `vote` reverts with, byte for byte."""
    one = arbitrators(1)[0]
    signed = bench.signed(bench.dispute(1), one, FULL + 1)
    reason = bench.refusal(bench.panel.vote, *signed)
    assert bench.skipped(relay(bench, signed)) == [(0, one.address, reason)]


def test_batch_without_gas_for_all_of_it_counts_nothing(bench):
    case_id = bench.dispute(1)
    items = [bench.signed(case_id, member, 5) for member in arbitrators(2)]
    assert bench.refusal(bench.panel.voteBatch, items, gas=70_000) == ()
    assert read_ballot(bench.panel.ballotOf(case_id, 0)) == {}
