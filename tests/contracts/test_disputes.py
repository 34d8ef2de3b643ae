"""Disputes: claims, evidence, rulings and when they take effect, panels that stay silent, and the money."""

import pytest
from court import APPEAL_FEES, FIRST_FEES, FREIGHT, LIVE, REFUND, RESERVE, events, moves_of, refusal, stays
from support import keyed, make_policy, records_of
from words import DAY, FULL, Flag, Freight, Grade, Kind, Mode, Role, State

USED = {"grade": Grade.Used, "share": 6_000, "fee": 1_000}


@pytest.fixture
def disputed(court):
    return court.bring(State.Disputed)


def claims(case):
    view = case.view
    return view["consumerClaim"], view["merchantClaim"]


def dispute(case, role=Role.Consumer, share=FULL):
    return case.act(Kind.Disputed, role, share=share)


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Kind.Disputed, Kind.Appealed, Kind.Split, Kind.Challenged])
def test_claim_above_the_whole(court, kind):
    state = {Kind.Appealed: State.Ruled, Kind.Challenged: State.Refunded}.get(kind, State.Received)
    case = court.bring(state, mode=Mode.Bond)
    assert refusal(case, kind, Role.Consumer, share=FULL + 1) == ("BasisPointsOutOfBounds", FULL + 1)
    assert refusal(case, kind, Role.Consumer, share=FULL) is None


@pytest.mark.parametrize("kind", [Kind.Evidence, Kind.Objected, Kind.ExchangeAgreed, Kind.Erased, Kind.KeyBound])
def test_acts_that_claim_nothing_sign_no_share(court, kind):
    state = {Kind.Evidence: State.Disputed, Kind.ExchangeAgreed: State.Inspected, Kind.Erased: State.Closed}
    role = Role.Merchant if kind in (Kind.ExchangeAgreed, Kind.Erased) else Role.Consumer
    case = court.bring(state.get(kind, State.Authorised), consumerKeyHeld=kind == Kind.Objected)
    if kind == Kind.Objected:
        case.act(Kind.KeyBound, Role.Consumer)
    for value in ({"share": 1}, {"fee": 1}, {"grade": Grade.AsNew}):
        assert refusal(case, kind, role, **value) == ("UnsignedValue",)
    assert refusal(case, kind, role) is None


@pytest.mark.parametrize("kind", [Kind.Disputed, Kind.Split])
def test_claims_sign_a_share_and_nothing_else(court, kind):
    case = court.bring(State.Received)
    for value in ({"fee": 1}, {"grade": Grade.AsNew}, {"bound": keyed("other")}):
        assert refusal(case, kind, Role.Merchant, **value) == ("UnsignedValue",)


def test_evidence_in_the_last_second_and_after(court, disputed):
    deadline = disputed.deadline
    court.world.block_at(deadline)
    assert refusal(disputed, Kind.Evidence, Role.Merchant) is None
    court.world.block_at(deadline + 1)
    assert refusal(disputed, Kind.Evidence, Role.Merchant) == ("DeadlinePassed", deadline)
    assert refusal(disputed, Kind.Disputed, Role.Consumer, share=1) == ("DeadlinePassed", deadline)


def test_rule_as_anybody_but_the_panel(court, ledger, disputed):
    args = disputed.id, FULL, b"\1" * 32, True
    for name in ("operator", "guardian", "stranger", "escrow", "ledger", "consumer", "merchant"):
        sender = getattr(court.world, name).address
        assert court.world.refusal(ledger.rule, *args, sender=sender) == ("NotThePanel", sender)


@pytest.mark.parametrize("state", [State.Authorised, State.Ruled, State.Refunded, State.Settled])
def test_rule_on_a_case_that_is_not_disputed(court, ledger, state):
    case = court.bring(state, mode=Mode.Bond)
    args = case.id, FULL, b"\1" * 32, True
    assert court.world.refusal(ledger.rule, *args, sender=court.world.panel.address) == ("NotDisputed", case.id)


def test_rule_on_a_case_that_is_not_there(court, ledger):
    args = b"\7" * 32, FULL, b"\1" * 32, True
    assert court.world.refusal(ledger.rule, *args, sender=court.world.panel.address) == ("NotDisputed", args[0])


def test_rule_after_the_deadline(court, ledger, disputed):
    """The panel refuses late votes itself; the ledger does not rely on it."""
    args = disputed.id, FULL, b"\1" * 32, True
    court.world.block_at(disputed.deadline)
    assert court.world.refusal(ledger.rule, *args, sender=court.world.panel.address) is None
    court.world.block_at(disputed.deadline + 1)
    answer = court.world.refusal(ledger.rule, *args, sender=court.world.panel.address)
    assert answer == ("NotDisputed", disputed.id)


@pytest.mark.parametrize("challenged", [False, True])
def test_claim_lowered_by_a_held_key(court, challenged):
    """What it no longer claims it could not appeal for, so it would give that up with no notice."""
    case = court.bring(State.Refunded if challenged else State.Received, mode=Mode.Bond, consumerKeyHeld=True)
    case.act(Kind.Challenged if challenged else Kind.Disputed, Role.Consumer, share=5_000)
    for share in (4_999, 1):
        assert refusal(case, Kind.Disputed, Role.Consumer, share=share) == ("ClaimLowered", share, 5_000)
    for share in (5_000, 5_001, FULL):
        assert refusal(case, Kind.Disputed, Role.Consumer, share=share) is None
    case.act(Kind.Disputed, Role.Consumer, share=6_000)
    assert refusal(case, Kind.Disputed, Role.Consumer, share=5_999) == ("ClaimLowered", 5_999, 6_000)
    assert refusal(case, Kind.Disputed, Role.Merchant, share=0) is None


def test_claim_lowered_by_a_held_key_after_a_deadlines_dispute(court):
    case = court.bring(State.PickedUp, consumerKeyHeld=True)
    case.poke()
    assert refusal(case, Kind.Disputed, Role.Consumer, share=9_999) == ("ClaimLowered", 9_999, FULL)


def test_claim_lowered_by_the_consumers_own_key(court):
    no_notice = court.world.register_policy(make_policy(notice=0))
    for options in ({}, {"policy": no_notice, "consumerKeyHeld": True}):
        case = court.bring(State.Disputed, **options)
        assert refusal(case, Kind.Disputed, Role.Consumer, share=1) is None


# --- what a dispute says --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "role", "inspection", "expected"),
    [
        (State.Declined, Role.Consumer, {}, (7_000, 0)),
        (State.Authorised, Role.Consumer, {}, (7_000, 0)),
        (State.PickedUp, Role.Consumer, {}, (7_000, 0)),
        (State.PickedUp, Role.Merchant, {}, (FULL, 7_000)),
        (State.Received, Role.Consumer, {}, (7_000, 0)),
        (State.Received, Role.Merchant, {}, (FULL, 7_000)),
        (State.Inspected, Role.Consumer, USED, (7_000, 6_000)),
        (State.Exchanging, Role.Consumer, USED, (7_000, 6_000)),
        (State.Delivered, Role.Consumer, USED, (7_000, 6_000)),
    ],
)
def test_dispute_claims_what_it_says_and_for_the_other_side_what_was_proposed(court, state, role, inspection, expected):
    case = court.open().reach(state, **inspection)
    tx = dispute(case, role, 7_000)
    assert (case.state, claims(case), case.view["round"]) == (State.Disputed, expected, 0)
    assert moves_of(tx, case) == [(Kind.Disputed, State.Disputed)]
    assert case.deadline == court.world.chain[-1].timestamp + 19 * DAY


def test_dispute_of_an_independent_inspection_by_the_merchant(court, ledger):
    ledger.registerInspector(court.world.inspector.address, True, {"from": court.world.operator})
    case = court.open().reach(State.Inspected, **USED)
    dispute(case, Role.Merchant, 0)
    assert claims(case) == (FULL, 0)


@pytest.mark.parametrize(("state", "inspection", "expected"), [(State.PickedUp, {}, 0), (State.Inspected, USED, 6_000)])
def test_dispute_by_deadline_claims_everything_against_the_proposal(court, state, inspection, expected):
    case = court.open().reach(state, **inspection)
    assert moves_of(case.poke(), case) == [(Kind.Disputed, State.Disputed)]
    assert claims(case) == (FULL, expected)


@pytest.mark.parametrize(("role", "expected"), [(Role.Consumer, (3_000, 0)), (Role.Merchant, (FULL, 3_000))])
def test_dispute_in_a_dispute_states_another_claim_and_no_new_window(court, disputed, role, expected):
    deadline = disputed.deadline
    court.world.travel(deadline - DAY)
    stays(disputed, dispute(disputed, role, 3_000), Kind.Disputed, role)
    assert (claims(disputed), disputed.deadline) == (expected, deadline)
    dispute(disputed, role, 4_000)
    assert claims(disputed)[role == Role.Merchant] == 4_000


@pytest.mark.parametrize("role", [Role.Consumer, Role.Merchant])
def test_evidence_stays_and_counts_its_nonce(court, ledger, disputed, role):
    deadline, nonce = disputed.deadline, disputed.view["nonces"][role]
    for _ in range(2):
        record = stays(disputed, disputed.act(Kind.Evidence, role, commitment=b"\3" * 32), Kind.Evidence, role)
        assert record["actor"] == disputed.parties[role].address
        assert record["commitment"] == b"\3" * 32
    assert (disputed.deadline, disputed.view["nonces"][role]) == (deadline, nonce + 2)


# --- rulings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("panel", "consumer", "merchant", "share", "state"),
    [
        ("first", 8_000, 2_000, 5_000, State.Ruled),  # both got less than they claim
        ("first", 8_000, 2_000, 8_000, State.Ruled),  # the merchant did
        ("first", 8_000, 2_000, 2_000, State.Ruled),  # the consumer did
        ("first", 8_000, 8_000, 8_000, State.Settled),  # nobody did
        ("first", 4_000, 8_000, 6_000, State.Settled),  # both claim less than they could have
        ("first", FULL, 0, 0, State.Ruled),
        ("first", FULL, 0, FULL, State.Ruled),
        ("plain", FULL, 0, 5_000, State.Settled),  # no larger panel to appeal to
    ],
)
def test_ruling_waits_for_an_appeal_only_where_one_is_possible(court, panel, consumer, merchant, share, state):
    case = court.open(panel).reach(State.Received)
    dispute(case, Role.Consumer, consumer)
    dispute(case, Role.Merchant, merchant)
    tx = court.rule(case, share, panel)
    ending = [(Kind.Ruled, State.Payable), (Kind.Settled, State.Settled)]
    assert moves_of(tx, case) == ([(Kind.Ruled, State.Ruled)] if state == State.Ruled else ending)
    assert (case.state, case.view["share"], case.view["fee"]) == (state, share, 0)
    assert bool(events(tx, "Settled")) == (state == State.Settled)


def test_ruling_is_the_panels_record(court, ledger, disputed):
    tx = court.vote(disputed, 1_000, 9_000, 4_000)
    (record,) = records_of(tx, disputed)
    assert (record["actor"], record["role"]) == (court.world.panel.address, Role.Panel)
    assert record["commitment"] == bytes(court.world.panel.ballotOf(disputed.id, 0))
    assert (record["share"], record["fee"], record["state"]) == (4_000, 0, State.Ruled)
    assert disputed.deadline == court.world.chain[-1].timestamp + 20 * DAY


def test_ruling_takes_the_place_of_the_proposal_with_its_fee(court):
    case = court.bring(State.Disputed, USED, panel="plain")
    tx = court.rule(case, 6_000, "plain")
    assert court.settlement(tx, case) == (60_00, 40_00 + FREIGHT + RESERVE[Mode.Refund] - FIRST_FEES, FIRST_FEES)


def test_ruling_nobody_appeals_stands(court, disputed):
    court.rule(disputed, 2_500)
    deadline = disputed.deadline
    court.world.block_at(deadline)
    assert refusal(disputed, Kind.Appealed, Role.Consumer, share=FULL) is None
    tx = disputed.poke()
    assert moves_of(tx, disputed) == [(Kind.Accepted, State.Payable), (Kind.Settled, State.Settled)]
    assert court.settlement(tx, disputed) == (25_00, 75_00 + FREIGHT + APPEAL_FEES, FIRST_FEES)


@pytest.mark.parametrize(
    ("freight", "grade", "share", "consumer"),
    [
        (Freight.Consumer, None, 5_000, 50_00),
        (Freight.Consumer, Grade.Used, 5_000, 50_00),
        (Freight.Consumer, Grade.Defective, 5_000, 50_00 + FREIGHT),
        (Freight.Consumer, Grade.Defective, 0, 0),
        (Freight.Reimbursed, None, 5_000, 50_00 + FREIGHT),
        (Freight.Reimbursed, None, 1, 1 + FREIGHT),
        (Freight.Reimbursed, None, 0, 0),
        (Freight.Reimbursed, Grade.Used, 0, 0),
    ],
)
def test_ruling_gives_the_freight_to_whom_the_policy_says(court, freight, grade, share, consumer):
    policy = {Freight.Consumer: court.world.policy_id, Freight.Reimbursed: court.world.reimbursed}[freight]
    inspection = {"grade": grade, "share": FULL} if grade else ()
    case = court.bring(State.Disputed, inspection, panel="plain", policy=policy)
    tx = court.rule(case, share, "plain")
    assert court.settlement(tx, case)[0] == consumer
    assert bool(case.view["flags"] & Flag.FREIGHT_TO_CONSUMER) == (consumer > REFUND * share // FULL)


@pytest.mark.parametrize("share", [1, 3_333, 6_667, 9_999])
def test_ruling_pays_to_the_cent_and_leaves_the_dust_to_the_consumer(court, share):
    case = court.bring(State.Disputed, panel="plain", refund=19_99)
    tx = court.rule(case, share, "plain")
    merchant = 19_99 * (FULL - share) // FULL
    reserve = RESERVE[Mode.Refund] - FIRST_FEES
    assert court.settlement(tx, case) == (19_99 - merchant, merchant + FREIGHT + reserve, FIRST_FEES)


def test_ruling_under_a_bond_waits_for_the_provider(court):
    case = court.bring(State.Disputed, panel="plain", mode=Mode.Bond)
    tx = court.rule(case, 4_000, "plain")
    assert moves_of(tx, case) == [(Kind.Ruled, State.Payable)]
    assert court.settlement(case.poke(), case)[::2] == (40_00, FIRST_FEES)


def test_ruling_under_a_bond_that_the_provider_pays_costs_the_fees_alone(court):
    case = court.bring(State.Disputed, panel="plain", mode=Mode.Bond)
    court.rule(case, 4_000, "plain")
    case.act(Kind.Refunded, Role.Merchant)
    assert court.settlement(case.poke(), case)[::2] == (0, FIRST_FEES)


def test_ruling_of_nothing_under_a_bond_settles_at_once(court):
    case = court.bring(State.Disputed, panel="plain", mode=Mode.Bond)
    tx = court.rule(case, 0, "plain")
    assert moves_of(tx, case) == [(Kind.Ruled, State.Payable), (Kind.Settled, State.Settled)]
    assert court.settlement(tx, case)[::2] == (0, FIRST_FEES)


def test_ruling_in_mode_none_costs_nothing_and_is_not_enforced(court):
    case = court.bring(State.Disputed, panel="plain", mode=Mode.None_)
    tx = court.rule(case, 4_000, "plain")
    assert moves_of(tx, case) == [(Kind.Ruled, State.Payable)]
    tx = case.poke()
    assert case.view["flags"] & Flag.UNPAID
    assert not events(tx, "Settled") + events(tx, "Credited")


def test_rulings_credit_can_be_withdrawn_by_each_arbitrator(court, escrow, eur, disputed):
    court.rule(disputed, 0)
    disputed.poke()
    for member in court.members["first"][:3]:
        escrow.withdrawCredit(member.address, eur, {"from": court.world.stranger})
        assert eur.balanceOf(member.address) == 500 * 10_000
    assert court.held(court.members["first"][3])[2] == 0


# --- panels that stay silent ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("votes", [0, 2])
def test_silent_panel_makes_room_for_its_fallback_once(court, disputed, votes):
    if votes:
        court.vote(disputed, *[0] * votes)
    last = court.signed_vote(disputed, court.members["first"][2], 0)
    tx = disputed.poke()
    assert moves_of(tx, disputed) == [(Kind.Disputed, State.Disputed)]
    view = disputed.view
    assert (view["round"], view["flags"] & Flag.FALLBACK) == (1, Flag.FALLBACK)
    assert view["deadline"] == court.world.chain[-1].timestamp + 19 * DAY
    assert claims(disputed) == (FULL, 0)
    assert court.world.refusal(court.world.panel.vote, *last) == ("WrongRound", 1, 0)
    tx = disputed.poke()
    assert moves_of(tx, disputed) == [(Kind.Ruled, State.Payable), (Kind.Settled, State.Settled)]
    assert court.settlement(tx, disputed) == (REFUND + FREIGHT, RESERVE[Mode.Refund], 0)


def test_silent_panels_claims_stand_before_the_fallback(court):
    case = court.open().reach(State.Received)
    dispute(case, Role.Consumer, 8_000)
    dispute(case, Role.Merchant, 3_000)
    case.poke()
    assert claims(case) == (8_000, 3_000)
    dispute(case, Role.Merchant, 2_000)
    assert claims(case) == (8_000, 2_000)


def test_fallback_panel_alone_is_paid_for_its_ruling(court, disputed):
    court.vote(disputed, 0, 0)
    disputed.poke()
    court.rule(disputed, 3_000)
    assert (disputed.state, disputed.view["share"]) == (State.Ruled, 3_000)
    assert court.settlement(disputed.poke(), disputed)[::2] == (30_00, 900)
    assert court.held(court.members["fallback"][0])[2] == 900


@pytest.mark.parametrize("panel", ["plain", "none"])
def test_silence_without_a_fallback_gives_the_consumer_everything(court, panel):
    case = court.bring(State.Disputed, USED, panel=panel)
    tx = case.poke()
    assert moves_of(tx, case) == [(Kind.Ruled, State.Payable), (Kind.Settled, State.Settled)]
    assert court.settlement(tx, case)[::2] == (REFUND + FREIGHT, 0)
    assert (case.view["share"], case.view["fee"]) == (FULL, 0)


def test_nobody_votes_where_the_terms_name_no_panel(court):
    case = court.bring(State.Disputed, panel="none")
    for name in ("first", "fallback", "appeal"):
        arbitrator = court.members[name][0]
        assert court.refused_vote(case, arbitrator, 0) == ("NotAnArbitrator", arbitrator.address)


@pytest.mark.parametrize("mode", list(Mode))
def test_silence_of_every_panel_ends_the_case_in_every_mode(court, mode):
    case = court.bring(State.Disputed, mode=mode)
    for _ in range(3):
        if case.state in LIVE:
            tx = case.poke()
    assert case.state == State.Settled
    assert case.view["share"] == FULL
    assert bool(case.view["flags"] & Flag.UNPAID) == (mode == Mode.None_)
    if mode != Mode.None_:
        assert court.settlement(tx, case)[::2] == (REFUND + FREIGHT, 0)
