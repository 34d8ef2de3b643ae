"""Appeals: who may, what they change, who pays for them, and an appeal panel that stays silent."""

import pytest
from court import APPEAL_FEES, FIRST_FEES, FREIGHT, REFUND, RESERVE, moves_of, refusal
from support import records_of
from words import DAY, FULL, Flag, Kind, Mode, Role, State


@pytest.fixture
def ruled(court):
    """The consumer claims everything, the merchant leaves nothing, and the panel gave half."""
    return court.bring(State.Ruled)


def appeal(case, role=Role.Consumer, share=None):
    share = (FULL if role == Role.Consumer else 0) if share is None else share
    return case.act(Kind.Appealed, role, share=share)


def claiming(court, consumer, merchant, ruling, **options):
    case = court.open(**options).reach(State.Received)
    claims = [case.packed(Kind.Disputed, Role.Consumer, share=consumer)]
    case.relay([*claims, case.packed(Kind.Disputed, Role.Merchant, share=merchant)])
    court.rule(case, ruling)
    assert case.state == State.Ruled
    return case


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ruling", "role", "refused", "allowed"),
    [
        (9_000, Role.Consumer, [FULL], []),  # it got more than it claimed
        (8_000, Role.Consumer, [8_001, FULL], []),  # or just that
        (7_999, Role.Consumer, [7_999], [8_000]),
        (5_000, Role.Consumer, [0, 4_999, 5_000], [5_001, FULL]),  # it may ask for more now than it claimed before
        (5_000, Role.Merchant, [5_000, 5_001, FULL], [0, 1_000, 4_999]),
        (2_001, Role.Merchant, [2_001], [2_000]),
        (2_000, Role.Merchant, [0, 1_999], []),
        (1_000, Role.Merchant, [0], []),
    ],
)
def test_appeal_needs_something_to_gain(court, ruling, role, refused, allowed):
    case = claiming(court, 8_000, 2_000, ruling)
    claim = 8_000 if role == Role.Consumer else 2_000
    for share in refused:
        assert refusal(case, Kind.Appealed, role, share=share) == ("NothingToAppeal", ruling, claim)
    for share in allowed:
        assert refusal(case, Kind.Appealed, role, share=share) is None


def test_appeal_in_the_last_second_and_after(court, ruled):
    deadline = ruled.deadline
    court.world.block_at(deadline)
    assert refusal(ruled, Kind.Appealed, Role.Merchant, share=0) is None
    court.world.block_at(deadline + 1)
    assert refusal(ruled, Kind.Appealed, Role.Merchant, share=0) == ("DeadlinePassed", deadline)


def test_appeal_by_both_at_once_takes_the_first(court, ruled):
    """The other side can still state its claim; its own appeal would change nothing."""
    late = ruled.signed(Kind.Appealed, Role.Merchant, share=0)
    appeal(ruled, Role.Consumer)
    answer = court.world.refusal(court.world.ledger.record, *late)
    assert answer == ("NotAllowed", State.Disputed, Kind.Appealed, Role.Merchant)
    ruled.act(Kind.Disputed, Role.Merchant, share=1)
    assert ruled.view["merchantClaim"] == 1


# --- what it changes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "share", "claims"), [(Role.Consumer, 9_000, (9_000, 0)), (Role.Merchant, 100, (FULL, 100))]
)
def test_appeal_goes_to_the_larger_panel(court, ruled, role, share, claims):
    tx = appeal(ruled, role, share)
    assert moves_of(tx, ruled) == [(Kind.Appealed, State.Disputed)]
    (record,) = records_of(tx, ruled)
    assert (record["share"], record["flags"]) == (5_000, Flag.APPEALED)  # the ruling stands until there is another
    view = ruled.view
    assert (view["round"], view["appellant"]) == (2, role)
    assert (view["consumerClaim"], view["merchantClaim"]) == claims
    assert view["deadline"] == court.world.chain[-1].timestamp + 19 * DAY


def test_appeal_is_the_last_word(court, ruled):
    """Whatever the larger panel says, even against both: nobody can appeal again."""
    appeal(ruled)
    tx = court.rule(ruled, 6_000)
    assert moves_of(tx, ruled) == [(Kind.Ruled, State.Payable), (Kind.Settled, State.Settled)]
    assert ruled.view["share"] == 6_000


def test_appeal_against_the_fallback_panels_ruling(court):
    case = court.bring(State.Disputed)
    case.poke()
    court.rule(case, 5_000)
    appeal(case)
    assert (case.view["round"], case.view["flags"]) == (2, Flag.APPEALED | Flag.FALLBACK)
    tx = court.rule(case, FULL)
    assert court.settlement(tx, case) == (REFUND, FREIGHT + RESERVE[Mode.Refund] - 900 - APPEAL_FEES, 900 + APPEAL_FEES)


def test_appeal_evidence_still_counts(court, ruled):
    appeal(ruled)
    for role in (Role.Consumer, Role.Merchant):
        assert refusal(ruled, Kind.Evidence, role) is None


def test_appeal_after_a_first_quorum_refuses_its_late_votes(court, ruled):
    late = court.members["first"][3]
    appeal(ruled)
    assert court.refused_vote(ruled, late, 0, round=0) == ("WrongRound", 2, 0)
    assert court.refused_vote(ruled, late, 0) == ("NotAnArbitrator", late.address)


# --- who pays -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("appellant", "ruling", "consumer_pays"),
    [
        (Role.Consumer, 5_001, False),
        (Role.Consumer, FULL, False),
        (Role.Consumer, 5_000, True),
        (Role.Consumer, 4_000, True),
        (Role.Merchant, 4_999, True),
        (Role.Merchant, 2_000, True),
        (Role.Merchant, 5_000, False),
        (Role.Merchant, 6_000, False),
    ],
)
def test_appeals_loser_pays(court, ruled, appellant, ruling, consumer_pays):
    appeal(ruled, appellant)
    tx = court.rule(ruled, ruling)
    part = REFUND * ruling // FULL
    from_consumer = APPEAL_FEES if consumer_pays else 0
    fees = FIRST_FEES + APPEAL_FEES
    expected = (part - from_consumer, REFUND - part + FREIGHT + RESERVE[Mode.Refund] - fees + from_consumer, fees)
    assert court.settlement(tx, ruled) == expected


@pytest.mark.parametrize(("ruling", "consumer"), [(1_600, 1_00), (1_500, 0), (700, 0), (0, 0)])
def test_appeals_loser_pays_as_far_as_its_part_reaches(court, ruled, ruling, consumer):
    appeal(ruled)
    tx = court.rule(ruled, ruling)
    from_consumer = REFUND * ruling // FULL - consumer
    merchant = REFUND - REFUND * ruling // FULL + FREIGHT + from_consumer
    assert court.settlement(tx, ruled) == (consumer, merchant, FIRST_FEES + APPEAL_FEES)


def test_appeals_loser_pays_from_the_freight_as_well(court):
    case = court.bring(State.Ruled, policy=court.world.reimbursed)
    appeal(case)
    tx = court.rule(case, 1_200)  # 12.00 and the freight of 4.00, less 15.00
    assert court.settlement(tx, case)[::2] == (1_00, FIRST_FEES + APPEAL_FEES)


def test_appeals_fees_under_a_bond_that_pays(court):
    case = court.bring(State.Ruled, mode=Mode.Bond)
    appeal(case)
    court.rule(case, 4_000)
    assert case.state == State.Payable
    assert court.settlement(case.poke(), case)[::2] == (40_00 - APPEAL_FEES, FIRST_FEES + APPEAL_FEES)


def test_appeals_fees_come_from_the_reserve_where_the_provider_paid(court):
    case = court.bring(State.Ruled, mode=Mode.Bond)
    appeal(case)
    court.rule(case, 4_000)
    case.act(Kind.Refunded, Role.Merchant)
    fees = FIRST_FEES + APPEAL_FEES
    assert court.settlement(case.poke(), case) == (0, REFUND + FREIGHT + RESERVE[Mode.Bond] - fees, fees)


def test_appeals_cost_nothing_in_mode_none(court):
    case = court.bring(State.Ruled, mode=Mode.None_)
    appeal(case)
    tx = court.rule(case, 4_000)
    assert moves_of(tx, case) == [(Kind.Ruled, State.Payable)]
    assert "Credited" not in tx.events


# --- silence --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("votes", [0, 4])
@pytest.mark.parametrize("role", [Role.Consumer, Role.Merchant])
def test_silent_appeal_panel_leaves_the_ruling_as_it_was(court, ruled, role, votes):
    appeal(ruled, role)
    if votes:
        court.vote(ruled, *[9_999] * votes)
    tx = ruled.poke()
    assert moves_of(tx, ruled) == [(Kind.Ruled, State.Payable), (Kind.Settled, State.Settled)]
    assert {record["commitment"] for record in records_of(tx, ruled)} == {b"\0" * 32}
    merchant = REFUND // 2 + FREIGHT + APPEAL_FEES
    assert court.settlement(tx, ruled) == (REFUND // 2, merchant, FIRST_FEES)


def test_silent_appeal_panel_has_no_fallback(court, ruled):
    """The first panel's fallback rules on no appeal."""
    appeal(ruled)
    assert court.world.ledger.pokeOf(ruled.id)[:2] == (Kind.Ruled, State.Payable)
    member = court.members["fallback"][0]
    assert court.refused_vote(ruled, member, 0) == ("NotAnArbitrator", member.address)


def test_silent_appeal_panel_gives_no_freight_for_its_silence(court):
    case = court.bring(State.Ruled, policy=court.world.reimbursed)
    appeal(case)
    assert court.settlement(case.poke(), case)[0] == REFUND // 2 + FREIGHT  # by policy, as the ruling had it
    case = court.bring(State.Ruled, ruling=0, policy=court.world.reimbursed)
    appeal(case)
    assert court.settlement(case.poke(), case)[0] == 0
