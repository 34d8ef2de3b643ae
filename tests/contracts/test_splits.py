"""Splits: offers, who they meet, and the outcome that both sides signed."""

import pytest
from court import FIRST_FEES, FREIGHT, LIVE, REFUND, RESERVE, events, moves_of, refusal, stays
from words import FULL, Flag, Grade, Kind, Mode, Role, State

SIDES = [(Role.Consumer, Role.Merchant), (Role.Merchant, Role.Consumer)]


@pytest.fixture
def case(court):
    return court.bring(State.Received)


def offer(case, role, share):
    return case.act(Kind.Split, role, share=share)


def agree(case, share, first=Role.Merchant, second=Role.Consumer):
    case.relay([case.packed(Kind.Split, first, share=share)])
    return offer(case, second, share)


def standing(case):
    view = case.view
    return view["offeredBy"], view["offer"]


def test_split_offer_above_the_whole(case):
    for role in (Role.Consumer, Role.Merchant):
        assert refusal(case, Kind.Split, role, share=FULL + 1) == ("BasisPointsOutOfBounds", FULL + 1)
        assert refusal(case, Kind.Split, role, share=FULL) is None


@pytest.mark.parametrize("role", [Role.Consumer, Role.Merchant])
def test_split_offer_stays_until_it_is_met(court, case, role):
    deadline = case.deadline
    record = stays(case, offer(case, role, 4_000), Kind.Split, role)
    assert (record["share"], record["deadline"]) == (0, deadline)  # the case's share, which an offer does not touch
    assert standing(case) == (role, 4_000)
    stays(case, offer(case, role, 4_000), Kind.Split, role)  # saying it twice agrees with nobody
    assert standing(case) == (role, 4_000)


@pytest.mark.parametrize(("first", "second"), SIDES)
@pytest.mark.parametrize("share", [0, 1, 4_000, FULL])
def test_split_that_both_signed_is_the_outcome(court, case, first, second, share):
    tx = agree(case, share, first, second)
    assert moves_of(tx, case) == [(Kind.Split, State.Payable), (Kind.Settled, State.Settled)]
    assert (case.view["share"], case.view["fee"], standing(case)) == (share, 0, (Role.None_, 0))
    part = REFUND * share // FULL
    assert court.settlement(tx, case) == (part, REFUND - part + FREIGHT + RESERVE[Mode.Refund], 0)


@pytest.mark.parametrize(("first", "second"), SIDES)
def test_split_offer_is_replaced_by_the_other_sides(court, case, first, second):
    offer(case, first, 4_000)
    stays(case, offer(case, second, 5_000), Kind.Split, second)
    assert standing(case) == (second, 5_000)
    stays(case, offer(case, second, 4_000), Kind.Split, second)  # the first one no longer stands
    assert standing(case) == (second, 4_000)
    offer(case, first, 4_000)
    assert case.state == State.Settled


def test_split_offer_is_replaced_by_its_own_side(case):
    offer(case, Role.Merchant, 4_000)
    offer(case, Role.Merchant, 3_000)
    offer(case, Role.Consumer, 4_000)
    assert (case.state, standing(case)) == (State.Received, (Role.Consumer, 4_000))


def test_split_offer_ends_with_the_state(case):
    offer(case, Role.Merchant, 4_000)
    case.act(Kind.Inspected, Role.Inspector)
    assert standing(case) == (Role.None_, 0)
    offer(case, Role.Consumer, 4_000)
    assert (case.state, standing(case)) == (State.Inspected, (Role.Consumer, 4_000))


def test_split_offer_survives_what_does_not_move_the_case(court):
    case = court.bring(State.Disputed)
    offer(case, Role.Merchant, 4_000)
    case.act(Kind.Evidence, Role.Consumer)
    case.act(Kind.Disputed, Role.Merchant, share=100)
    court.vote(case, 0, 0)
    offer(case, Role.Consumer, 4_000)
    assert case.state == State.Settled


def test_split_offer_ends_where_the_fallback_panel_takes_over(court):
    case = court.bring(State.Disputed)
    offer(case, Role.Merchant, 4_000)
    case.poke()
    assert (case.state, standing(case)) == (State.Disputed, (Role.None_, 0))


def test_split_after_the_deadline(court, case):
    deadline = case.deadline
    offer(case, Role.Merchant, 4_000)
    court.world.block_at(deadline)
    assert refusal(case, Kind.Split, Role.Consumer, share=4_000) is None
    court.world.block_at(deadline + 1)
    assert refusal(case, Kind.Split, Role.Consumer, share=4_000) == ("DeadlinePassed", deadline)


@pytest.mark.parametrize("state", LIVE)
def test_split_in_every_live_state_under_a_bond(court, state):
    """The provider pays what was agreed; where it has paid already, the bond does."""
    case = court.bring(state, mode=Mode.Bond)
    tx = agree(case, 4_000)
    if state == State.Refunded:
        assert moves_of(tx, case) == [(Kind.Split, State.Payable), (Kind.Settled, State.Settled)]
    else:
        assert moves_of(tx, case) == [(Kind.Split, State.Payable)]
        tx = case.poke()
    fees = FIRST_FEES if state == State.Ruled else 0
    assert court.settlement(tx, case)[::2] == (40_00, fees)


@pytest.mark.parametrize(("policy", "share", "consumer"), [("reimbursed", 1, 1 + FREIGHT), ("reimbursed", 0, 0)])
def test_split_gives_the_freight_to_whom_the_policy_says(court, policy, share, consumer):
    case = court.bring(State.Authorised, policy=getattr(court.world, policy))
    assert court.settlement(agree(case, share), case)[0] == consumer


def test_split_of_nothing_takes_the_freight_back(court):
    """The outcome that it replaces gave it to the consumer."""
    case = court.bring(State.Payable, mode=Mode.Bond, policy=court.world.reimbursed)
    assert case.view["flags"] & Flag.FREIGHT_TO_CONSUMER
    tx = agree(case, 0)
    assert not case.view["flags"] & Flag.FREIGHT_TO_CONSUMER
    assert court.settlement(tx, case)[0] == 0


def test_split_takes_the_place_of_an_outcome_with_its_fee(court):
    case = court.bring(State.Payable, {"grade": Grade.Used, "share": 6_000, "fee": 1_000}, mode=Mode.Bond)
    agree(case, 7_000)
    assert (case.state, case.view["share"], case.view["fee"]) == (State.Payable, 7_000, 0)
    assert court.settlement(case.poke(), case)[0] == 70_00


def test_split_during_an_appeal_still_pays_the_first_panel(court):
    case = court.bring(State.Ruled)
    case.act(Kind.Appealed, Role.Consumer, share=FULL)
    court.vote(case, *[FULL] * 4)  # one short of a quorum
    assert court.settlement(agree(case, 6_000), case)[::2] == (60_00, FIRST_FEES)


def test_split_after_a_challenge_settles_at_once(court):
    case = court.bring(State.Refunded, mode=Mode.Bond)
    case.act(Kind.Challenged, Role.Consumer, share=5_000)
    tx = agree(case, 2_000)
    assert moves_of(tx, case) == [(Kind.Split, State.Payable), (Kind.Settled, State.Settled)]
    assert court.settlement(tx, case)[::2] == (20_00, 0)


@pytest.mark.parametrize(
    ("state", "share", "unpaid"),
    [(State.Refunded, 2_000, True), (State.Refunded, 0, False), (State.Received, 0, False)],
)
def test_split_in_mode_none_is_marked_unpaid_where_nobody_will_pay(court, state, share, unpaid):
    case = court.bring(state, mode=Mode.None_)
    tx = agree(case, share)
    assert (case.state, bool(case.view["flags"] & Flag.UNPAID)) == (State.Settled, unpaid)
    assert not events(tx, "Settled")
