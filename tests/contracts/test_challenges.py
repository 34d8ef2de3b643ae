"""Challenges of a stated refund: what is still owed, who rules on it, and what it ends with."""

import pytest
from court import APPEAL_FEES, FIRST_FEES, FREIGHT, REFUND, RESERVE, moves_of, refusal
from support import records_of
from words import DAY, FULL, Flag, Grade, Kind, Mode, Role, State

USED = {"grade": Grade.Used, "share": 8_000, "fee": 1_000}
SETTLED_AT_ONCE = [(Kind.Ruled, State.Payable), (Kind.Settled, State.Settled)]


@pytest.fixture
def refunded(court):
    """Of a bond of 100.00 the merchant says that it paid what was proposed: 80 % less 10 %."""
    return court.bring(State.Refunded, USED, mode=Mode.Bond)


def challenge(case, share):
    return case.act(Kind.Challenged, Role.Consumer, share=share)


@pytest.fixture
def challenged(refunded):
    challenge(refunded, 4_000)
    return refunded


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0, 7_001, 8_000, FULL])
def test_challenge_claims_something_and_no_more_than_is_owed(refunded, share):
    assert refusal(refunded, Kind.Challenged, Role.Consumer, share=share) == ("ShareAboveOwed", share, 7_000)
    assert refusal(refunded, Kind.Challenged, Role.Consumer, share=7_000) is None
    assert refusal(refunded, Kind.Challenged, Role.Consumer, share=1) is None


def test_challenge_where_the_fee_left_nothing(court):
    inspection = {"grade": Grade.Damaged, "share": 1_000, "fee": 1_500}
    case = court.bring(State.Refunded, inspection, mode=Mode.Bond)
    for share in (0, 1, 1_000):
        assert refusal(case, Kind.Challenged, Role.Consumer, share=share) == ("ShareAboveOwed", share, 0)


def test_challenge_in_the_last_second_and_after(court, refunded):
    deadline = refunded.deadline
    court.world.block_at(deadline)
    assert refusal(refunded, Kind.Challenged, Role.Consumer, share=1) is None
    court.world.block_at(deadline + 1)
    assert refusal(refunded, Kind.Challenged, Role.Consumer, share=1) == ("DeadlinePassed", deadline)


@pytest.mark.parametrize("share", [0, 7_001])
def test_challenge_restated_beyond_what_is_owed(challenged, share):
    assert refusal(challenged, Kind.Disputed, Role.Consumer, share=share) == ("ShareAboveOwed", share, 7_000)


def test_challenge_restated_within_it(court, challenged):
    challenged.act(Kind.Disputed, Role.Consumer, share=7_000)
    challenged.act(Kind.Disputed, Role.Merchant, share=9_000)
    assert (challenged.view["consumerClaim"], challenged.view["merchantClaim"]) == (7_000, 9_000)
    assert court.world.ledger.disputeOf(challenged.id)[3] == 7_000


def test_challenge_has_no_appeal(court, challenged):
    court.rule(challenged, 1)
    answer = refusal(challenged, Kind.Appealed, Role.Consumer, share=4_000)
    assert answer == ("NotAllowed", State.Settled, Kind.Appealed, Role.Consumer)


# --- what it changes ------------------------------------------------------------------------------------------------


def test_challenge_goes_to_the_first_panel(court, refunded):
    tx = challenge(refunded, 4_000)
    assert moves_of(tx, refunded) == [(Kind.Challenged, State.Disputed)]
    (record,) = records_of(tx, refunded)
    assert record["flags"] & Flag.CHALLENGED
    assert (record["share"], record["fee"]) == (8_000, 1_000)
    view = refunded.view
    assert (view["round"], view["consumerClaim"], view["merchantClaim"]) == (3, 4_000, 0)
    assert view["deadline"] == court.world.chain[-1].timestamp + 19 * DAY
    dispute = court.world.ledger.disputeOf(refunded.id)
    assert tuple(dispute) == (court.versions["first"], 3, view["deadline"], 4_000, view["consumer"], True)


def test_challenge_votes_go_no_further_than_the_claim(court, challenged):
    one = court.members["first"][0]
    assert court.refused_vote(challenged, one, 4_001) == ("VoteOutOfBounds", 4_001, 4_000)
    assert court.refused_vote(challenged, one, 4_000) is None


def test_challenge_clears_appeal_and_fallback(court):
    case = court.bring(State.Disputed, mode=Mode.Bond)
    case.poke()
    court.rule(case, 5_000)
    case.act(Kind.Appealed, Role.Merchant, share=0)
    court.rule(case, 5_000)
    case.act(Kind.Refunded, Role.Merchant)
    challenge(case, 5_000)
    assert (case.view["flags"], case.view["round"]) == (Flag.CHALLENGED, 3)
    assert moves_of(case.poke(), case) == [(Kind.Disputed, State.Disputed)]  # the fallback has a turn of its own again
    assert (case.view["flags"], case.view["round"]) == (Flag.CHALLENGED | Flag.FALLBACK, 4)


# --- what it ends with ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [1, 2_500, 4_000])
def test_challenge_is_ruled_and_the_bond_pays_at_once(court, challenged, share):
    tx = court.rule(challenged, share)
    assert moves_of(tx, challenged) == SETTLED_AT_ONCE
    part = REFUND * share // FULL
    expected = (part, REFUND - part + FREIGHT + RESERVE[Mode.Bond] - FIRST_FEES, FIRST_FEES)
    assert court.settlement(tx, challenged) == expected
    assert (challenged.view["share"], challenged.view["fee"]) == (share, 0)


def test_challenge_that_fails_gives_the_lock_back(court, challenged):
    tx = court.rule(challenged, 0)
    assert moves_of(tx, challenged) == SETTLED_AT_ONCE
    assert court.settlement(tx, challenged)[::2] == (0, FIRST_FEES)
    assert not challenged.view["flags"] & Flag.UNPAID


def test_challenge_before_the_fallback_panel(court, challenged):
    court.vote(challenged, 0, 0)
    challenged.poke()
    assert challenged.view["round"] == 4
    tx = court.rule(challenged, 3_000)
    assert court.settlement(tx, challenged)[::2] == (30_00, 900)


def test_challenge_that_no_panel_rules_on_pays_what_is_claimed(court, challenged):
    challenged.poke()
    tx = challenged.poke()
    assert moves_of(tx, challenged) == SETTLED_AT_ONCE
    assert court.settlement(tx, challenged)[::2] == (40_00, 0)
    assert (challenged.view["share"], challenged.view["fee"]) == (4_000, 0)


def test_challenge_of_all_of_it_pays_what_the_acceptance_promised(court, refunded):
    challenge(refunded, 7_000)
    refunded.poke()
    assert court.settlement(refunded.poke(), refunded)[0] == 80_00 - 10_00


@pytest.mark.parametrize(
    ("policy", "grade", "share", "consumer"),
    [
        ("reimbursed", Grade.AsNew, 5_000, 50_00 + FREIGHT),
        ("reimbursed", Grade.AsNew, 1, 1 + FREIGHT),
        ("reimbursed", Grade.AsNew, 0, 0),
        ("policy_id", Grade.Defective, 5_000, 50_00 + FREIGHT),
        ("policy_id", Grade.Defective, 0, 0),
        ("policy_id", Grade.AsNew, 5_000, 50_00),
    ],
)
def test_challenge_keeps_the_freight_where_the_outcome_put_it(court, policy, grade, share, consumer):
    """It is part of what the provider was to pay; none of it is owed where nothing is."""
    inspection = {"grade": grade, "share": FULL}
    case = court.bring(State.Refunded, inspection, mode=Mode.Bond, policy=getattr(court.world, policy))
    challenge(case, FULL)
    assert court.settlement(court.rule(case, share), case)[0] == consumer


def test_challenge_of_what_silence_decided_keeps_the_freight(court):
    """The merchant let the inspection lapse, so it bears the freight, whoever the policy names."""
    case = court.open(mode=Mode.Bond).reach(State.Received)
    case.poke()
    case.act(Kind.Refunded, Role.Merchant)
    challenge(case, 5_000)
    assert court.settlement(court.rule(case, 5_000), case)[0] == 50_00 + FREIGHT


def test_challenge_by_nobody_gives_the_lock_back(court, refunded):
    tx = refunded.poke()
    assert moves_of(tx, refunded) == [(Kind.Settled, State.Settled)]
    assert court.settlement(tx, refunded) == (0, REFUND + FREIGHT + RESERVE[Mode.Bond], 0)


@pytest.mark.parametrize("share", [0, 4_000])
def test_challenge_in_mode_none_marks_what_is_owed_as_unpaid(court, share):
    case = court.bring(State.Refunded, USED, mode=Mode.None_)
    challenge(case, 4_000)
    tx = court.rule(case, share)
    assert moves_of(tx, case) == SETTLED_AT_ONCE
    assert bool(case.view["flags"] & Flag.UNPAID) == bool(share)
    assert [bool(record["flags"] & Flag.UNPAID) for record in records_of(tx, case)] == [bool(share)] * 2


# --- after an earlier ruling ----------------------------------------------------------------------------------------


def test_challenge_after_a_ruling_pays_the_arbitrators_of_both(court):
    case = court.bring(State.Disputed, mode=Mode.Bond, panel="plain")
    court.rule(case, 6_000, "plain")
    case.act(Kind.Refunded, Role.Merchant)
    assert refusal(case, Kind.Challenged, Role.Consumer, share=6_001) == ("ShareAboveOwed", 6_001, 6_000)
    challenge(case, 6_000)
    tx = court.rule(case, 2_000, "plain")
    assert court.settlement(tx, case)[::2] == (20_00, 2 * FIRST_FEES)
    assert [court.held(member)[2] for member in court.members["plain"]] == [1_000, 1_000, 1_000, 0]


def test_challenge_after_an_appeal_uses_up_the_whole_reserve(court):
    """The dearest life of a case: every round has its quorum, and its fees are what the reserve was made for."""
    case = court.bring(State.Ruled, mode=Mode.Bond)
    case.act(Kind.Appealed, Role.Consumer, share=FULL)
    court.rule(case, 6_000)  # it won
    case.act(Kind.Refunded, Role.Merchant)
    challenge(case, 6_000)
    tx = court.rule(case, 0)
    assert RESERVE[Mode.Bond] == 2 * FIRST_FEES + APPEAL_FEES
    assert court.settlement(tx, case) == (0, REFUND + FREIGHT, RESERVE[Mode.Bond])


def test_challenge_after_a_lost_appeal_has_the_consumer_pay_for_that_one(court):
    case = court.bring(State.Ruled, mode=Mode.Bond)
    case.act(Kind.Appealed, Role.Consumer, share=FULL)
    court.rule(case, 5_000)
    case.act(Kind.Refunded, Role.Merchant)
    challenge(case, 5_000)
    fees = 2 * FIRST_FEES + APPEAL_FEES
    assert court.settlement(court.rule(case, 5_000), case)[::2] == (50_00 - APPEAL_FEES, fees)
