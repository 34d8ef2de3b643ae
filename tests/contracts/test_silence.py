"""Silence: whoever stops acting, wherever, the case ends by pokes alone, and pays what the table of outcomes says."""

import pytest
from court import FIRST_FEES, FREIGHT, LIVE, REFUND, refusal
from words import FULL, Flag, Grade, Kind, Mode, Role, State

ENDED = (State.Settled, State.Closed)
MOST_POKES = 4  # a silent inspection, the panel, its fallback, the provider
USED = {"grade": Grade.Used, "share": 6_000, "fee": 1_000}
PROPOSED = 60_00 - 10_00
ALL = REFUND + FREIGHT

# What the consumer gets where nobody ever says a word again, by the state in which that begins.
AFTER_SILENCE = {
    State.Requested: 0,  # authorised by silence, and never sent
    State.Declined: 0,
    State.Authorised: 0,
    State.PickedUp: ALL,  # disputed by itself, and no panel votes
    State.Received: ALL,
    State.Inspected: ALL,  # as the merchant's own inspection is disputed by itself
    State.Exchanging: ALL,
    State.Delivered: 0,  # replaced
    State.Disputed: ALL,
    State.Ruled: 50_00,
    State.Payable: PROPOSED,
    State.Refunded: 0,  # the provider paid
}

# Where the escrow itself pays, an outcome settles at once.
EVERYWHERE = [(state, mode) for state in LIVE for mode in Mode if mode != Mode.Refund or state < State.Payable]


@pytest.fixture(scope="module")
def alone(court):
    """A merchant that is its own carrier, warehouse and inspector."""
    world = court.world
    return world.parties(carrier=world.merchant, warehouse=world.merchant, inspector=world.merchant)


def wait_out(case):
    """Pokes a case to its end, as somebody of no importance; each does what `pokeOf` foretold."""
    world = case.world
    for _ in range(MOST_POKES):
        kind, to, after = world.ledger.pokeOf(case.id)
        assert after == case.deadline
        world.travel(after + 1)
        receipt = world.send(world.ledger.poke, case.id)
        assert receipt["logs"]
        if case.state in ENDED:
            break
        assert case.state == to, kind
    view = case.view
    assert view["state"] in ENDED
    assert tuple(world.ledger.pokeOf(case.id)) == (Kind.None_, State.None_, 0)
    return view


def paid_out(court, case):
    """What the consumer can withdraw; all the rest is the merchant's again, but for what arbitrators earned."""
    lock = court.world.escrow.lockOf(case.id)
    assert (lock["settled"], lock["freight"], lock["reserve"]) == (True, 0, 0)
    return court.world.escrow.dueOf(case.id)


def inspection(state):
    return USED if state in (State.Inspected, State.Exchanging, State.Delivered, State.Payable, State.Refunded) else ()


@pytest.mark.parametrize(("state", "mode"), EVERYWHERE)
def test_silence_of_everybody_ends_every_case(court, alone, state, mode):
    free = court.held(court.world.merchant)[0]
    case = court.bring(state, inspection(state), mode=mode, parties=alone)
    view = wait_out(case)
    expected = AFTER_SILENCE[state]
    if mode == Mode.None_:
        paid = state in (State.Refunded, State.Delivered) or view["state"] == State.Closed
        assert bool(view["flags"] & Flag.UNPAID) == (not paid)
        return
    assert paid_out(court, case) == expected
    fees = FIRST_FEES if state == State.Ruled else 0
    assert court.held(court.world.merchant)[:2] == (free - expected - fees, 0)


@pytest.mark.parametrize(("share", "due"), [(6_000, PROPOSED), (FULL, REFUND - 10_00), (1, 0)])
def test_silence_on_an_independent_inspection_accepts_it(court, share, due):
    """Less cannot be proposed of used goods; what the fee takes stops at nothing."""
    court.world.ledger.registerInspector(court.world.inspector.address, True, {"from": court.world.operator})
    grade = Grade.Damaged if share < 5_000 else Grade.Used
    case = court.bring(State.Inspected, {"grade": grade, "share": share, "fee": 1_000})
    wait_out(case)
    assert paid_out(court, case) == due


def test_silence_on_the_merchants_own_inspection_of_the_whole_accepts_it(court, alone):
    case = court.bring(State.Inspected, {"share": FULL, "fee": 1_000}, parties=alone)
    wait_out(case)
    assert paid_out(court, case) == REFUND - 10_00


@pytest.mark.parametrize(
    ("policy", "role", "freight", "due"),
    [
        ("supplied", Role.Carrier, 0, REFUND),  # on the merchant's label, by its carrier's word
        ("supplied", Role.Consumer, 0, REFUND),  # by its own word: a dispute that nobody rules on
        ("policy_id", Role.Carrier, FREIGHT, ALL),
        ("reimbursed", Role.Carrier, FREIGHT, ALL),
    ],
)
def test_silence_once_the_goods_are_on_their_way(court, policy, role, freight, due):
    case = court.open(policy=getattr(court.world, policy), freight=freight).reach(State.Authorised)
    case.act(Kind.PickedUp, role)
    wait_out(case)
    assert paid_out(court, case) == due


# --- a merchant that says nothing, or whatever it likes -------------------------------------------------------------


@pytest.mark.parametrize("state", [State.Requested, State.Authorised, State.PickedUp, State.Received])
def test_silent_merchant_cannot_keep_the_consumer_from_its_refund(court, alone, state):
    """The consumer alone: it sends the goods, says so, disputes where it can, and nobody else ever answers."""
    case = court.bring(state, parties=alone)
    if case.state == State.Requested:
        case.poke()
    if case.state == State.Authorised:
        case.act(Kind.PickedUp, Role.Consumer)
    case.act(Kind.Disputed, Role.Consumer, share=FULL)
    wait_out(case)
    assert paid_out(court, case) == ALL


@pytest.mark.parametrize(
    "state", [State.Declined, State.Authorised, State.Inspected, State.Exchanging, State.Delivered]
)
def test_silent_merchant_loses_a_dispute_that_no_panel_decides(court, alone, state):
    case = court.bring(state, inspection(state), parties=alone)
    case.act(Kind.Disputed, Role.Consumer, share=FULL)
    wait_out(case)
    assert paid_out(court, case) == ALL


def test_silent_merchant_under_a_bond_pays_by_it(court, alone):
    case = court.bring(State.Inspected, USED, mode=Mode.Bond, parties=alone)
    case.act(Kind.Accepted, Role.Consumer)
    wait_out(case)
    assert paid_out(court, case) == PROPOSED


def test_silent_merchant_after_a_challenge_pays_what_is_claimed(court, alone):
    case = court.bring(State.Refunded, USED, mode=Mode.Bond, parties=alone)
    case.act(Kind.Challenged, Role.Consumer, share=5_000)
    wait_out(case)
    assert paid_out(court, case) == 50_00


def test_merchant_that_is_all_parties_cannot_dispute_its_own_inspection(court, alone):
    court.world.ledger.registerInspector(court.world.merchant.address, True, {"from": court.world.operator})
    case = court.bring(State.Inspected, USED, parties=alone)
    assert not case.view["flags"] & Flag.INSPECTOR_INDEPENDENT
    answer = refusal(case, Kind.Disputed, Role.Merchant, share=0)
    assert answer == ("NotAllowed", State.Inspected, Kind.Disputed, Role.Merchant)


def test_merchant_that_is_all_parties_states_the_worst_and_gains_nothing_by_silence(court, alone):
    """It grades the goods as worth nothing, and nobody objects: the complaint is opened by the deadline itself."""
    case = court.bring(State.Inspected, {"grade": Grade.Damaged, "share": 0, "fee": 1_500}, parties=alone)
    wait_out(case)
    assert paid_out(court, case) == ALL


@pytest.mark.parametrize("late", [Kind.Inspected, Kind.Evidence, Kind.Split, Kind.Authorised])
def test_merchant_cannot_act_once_its_time_has_passed(court, alone, late):
    state = {Kind.Evidence: State.Disputed, Kind.Authorised: State.Requested}.get(late, State.Received)
    role = Role.Inspector if late == Kind.Inspected else Role.Merchant
    case = court.bring(state, parties=alone)
    deadline = case.deadline
    court.world.block_at(deadline + 1)
    assert refusal(case, late, role) == ("DeadlinePassed", deadline)


# --- a consumer that says nothing -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("acts", "due"),
    [
        ([], 0),
        ([(Kind.Authorised, Role.Merchant)], 0),
        ([(Kind.Declined, Role.Merchant)], 0),
        ([(Kind.Authorised, Role.Merchant), (Kind.Received, Role.Warehouse)], ALL),
    ],
)
def test_silent_consumer_whose_goods_nobody_inspects(court, acts, due):
    case = court.open()
    case.relay([case.packed(*act) for act in acts])
    wait_out(case)
    assert paid_out(court, case) == due


def test_silent_consumer_keeps_the_replacement_and_no_refund(court):
    case = court.bring(State.Delivered, USED)
    wait_out(case)
    assert paid_out(court, case) == 0


def test_silent_consumer_and_the_merchants_own_inspection_go_to_a_panel(court, alone):
    case = court.bring(State.Inspected, USED, parties=alone)
    case.poke()
    court.rule(case, 6_000)
    wait_out(case)
    assert paid_out(court, case) == 60_00


def test_silent_consumer_against_a_merchants_dispute_leaves_it_to_the_panel(court):
    case = court.bring(State.Received, panel="plain")
    case.act(Kind.Disputed, Role.Merchant, share=0)
    court.rule(case, 0, "plain")
    assert (case.state, paid_out(court, case)) == (State.Settled, 0)


def test_silent_consumer_against_a_merchants_dispute_that_nobody_rules_on(court):
    """A merchant gains nothing by opening a dispute and hoping."""
    case = court.bring(State.Received)
    case.act(Kind.Disputed, Role.Merchant, share=0)
    wait_out(case)
    assert paid_out(court, case) == ALL


def test_silent_consumer_and_a_merchants_appeal_that_nobody_rules_on(court):
    case = court.bring(State.Ruled)
    case.act(Kind.Appealed, Role.Merchant, share=0)
    wait_out(case)
    assert paid_out(court, case) == 50_00


def test_silent_consumer_is_paid_by_whoever_calls(court, escrow, eur):
    case = court.bring(State.Received)
    wait_out(case)
    escrow.withdrawFor(case.id, {"from": court.world.stranger})
    assert eur.balanceOf(court.world.consumer.address) == ALL * 10_000
