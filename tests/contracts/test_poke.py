"""ReturnLedger.poke: every deadline, and what follows when it passes."""

import pytest
from eth_utils import keccak
from support import records_of
from words import DAY, FULL, Flag, Grade, Kind, Mode, Role, State


def refusal(case):
    return case.world.refusal(case.world.ledger.poke, case.id)


def test_poke_unknown_case(world, ledger):
    unknown = keccak(b"no case")
    assert world.refusal(ledger.poke, unknown) == ("UnknownCase", unknown)


@pytest.mark.parametrize("state", [State.Settled, State.Closed])
def test_poke_after_the_end(world, state):
    case = world.open().reach(state) if state == State.Closed else world.open(mode=Mode.None_).reach(state)
    world.travel(world.chain[-1].timestamp + 400 * DAY)
    assert refusal(case) == ("NothingDue", state)


LIVE = [
    State.Requested,
    State.Declined,
    State.Authorised,
    State.PickedUp,
    State.Received,
    State.Inspected,
    State.Exchanging,
    State.Delivered,
    State.Disputed,
    State.Payable,
    State.Refunded,
]


@pytest.mark.parametrize("state", LIVE)
def test_poke_before_the_deadline_and_after(world, state):
    case = world.open(mode=Mode.Bond).reach(state)
    deadline = case.deadline
    world.block_at(deadline)
    assert refusal(case) == ("DeadlineAhead", deadline)
    world.block_at(deadline + 1)
    assert refusal(case) is None


@pytest.mark.parametrize("state", LIVE)
def test_poke_every_live_state_has_the_window_of_its_policy(world, state):
    case = world.open(mode=Mode.Bond).reach(state)
    assert case.deadline == world.chain[-1].timestamp + (10 + state) * DAY


# --- what follows ---------------------------------------------------------------------------------------------------


def lapse(case):
    """Pokes after the deadline and gives the records: actor, commitment, and role are the contract's in each."""
    tx = case.poke()
    records = records_of(tx, case)
    for record in records:
        assert (record["actor"], record["role"]) == (case.world.ledger.address, Role.None_)
        assert record["commitment"] == b"\0" * 32
    return [(record["kind"], record["state"]) for record in records], tx


def test_poke_requested_is_authorised(world):
    case = world.open()
    assert lapse(case)[0] == [(Kind.Authorised, State.Authorised)]
    assert case.deadline == world.chain[-1].timestamp + 13 * DAY
    assert case.view["nonces"] == (0, 0, 1, 0, 0, 0)


@pytest.mark.parametrize("state", [State.Declined, State.Authorised])
@pytest.mark.parametrize("mode", list(Mode))
def test_poke_closes_what_nobody_went_on_with(world, escrow, eur, state, mode):
    before = escrow.balanceOf(world.merchant.address, eur)
    case = world.open(mode=mode).reach(state)
    assert lapse(case)[0] == [(Kind.Closed, State.Closed)]
    assert escrow.balanceOf(world.merchant.address, eur) == before
    assert escrow.dueOf(case.id) == 0


def test_poke_picked_up_by_the_carrier_on_a_supplied_label_pays_in_full(world, escrow):
    case = world.open(policy=world.supplied).reach(State.PickedUp)
    assert lapse(case)[0] == [(Kind.Accepted, State.Payable), (Kind.Settled, State.Settled)]
    assert escrow.dueOf(case.id) == 19_80


@pytest.mark.parametrize("policy", ["policy_id", "reimbursed"])
def test_poke_picked_up_on_the_consumers_label_is_disputed(world, policy):
    case = world.open(policy=getattr(world, policy)).reach(State.PickedUp)
    assert lapse(case)[0] == [(Kind.Disputed, State.Disputed)]


def test_poke_picked_up_by_the_consumers_word_is_disputed(world):
    case = world.open(policy=world.supplied).reach(State.Authorised)
    case.act(Kind.PickedUp, Role.Consumer)
    assert lapse(case)[0] == [(Kind.Disputed, State.Disputed)]


def test_poke_received_pays_in_full(world, escrow):
    case = world.open(freight=4_00).reach(State.Received)
    assert lapse(case)[0] == [(Kind.Accepted, State.Payable), (Kind.Settled, State.Settled)]
    assert (case.view["share"], case.view["fee"], case.view["grade"]) == (FULL, 0, Grade.None_)
    assert escrow.dueOf(case.id) == 19_80 + 4_00  # whoever made the consumer wait bears the freight


def test_poke_inspected_by_an_independent_inspector_goes_as_proposed(world, ledger, escrow):
    ledger.registerInspector(world.inspector.address, True, {"from": world.operator})
    case = world.open(freight=4_00).reach(State.Inspected, grade=Grade.Used, share=6_000, fee=1_000)
    assert lapse(case)[0] == [(Kind.Accepted, State.Payable), (Kind.Settled, State.Settled)]
    assert escrow.dueOf(case.id) == 11_88 - 1_98


def test_poke_inspected_by_the_merchant_below_the_whole_is_disputed(world):
    case = world.open().reach(State.Inspected, share=9_999)
    assert lapse(case)[0] == [(Kind.Disputed, State.Disputed)]


def test_poke_inspected_by_the_merchant_at_the_whole_goes_as_proposed(world, escrow):
    case = world.open().reach(State.Inspected, share=FULL)
    assert lapse(case)[0] == [(Kind.Accepted, State.Payable), (Kind.Settled, State.Settled)]
    assert escrow.dueOf(case.id) == 19_80


def test_poke_exchanging_pays_in_full(world, escrow):
    """The replacement did not arrive in time, and the goods are gone."""
    case = world.open(freight=4_00).reach(State.Exchanging, grade=Grade.Used, share=5_000, fee=1_000)
    assert lapse(case)[0] == [(Kind.Accepted, State.Payable), (Kind.Settled, State.Settled)]
    assert escrow.dueOf(case.id) == 19_80 + 4_00


@pytest.mark.parametrize("mode", list(Mode))
def test_poke_delivered_settles_without_a_refund(world, escrow, eur, mode):
    before = escrow.balanceOf(world.merchant.address, eur)
    options = {} if mode == Mode.None_ else {"freight": 4_00}
    case = world.open(mode=mode, policy=world.reimbursed, **options).reach(State.Delivered)
    assert lapse(case)[0] == [(Kind.Settled, State.Settled)]
    assert (case.view["share"], case.view["fee"], case.view["flags"]) == (
        0,
        0,
        Flag.CONSUMER_KEY_HELD | Flag.PICKUP_BY_CARRIER,
    )
    assert escrow.balanceOf(world.merchant.address, eur) == before
    assert escrow.dueOf(case.id) == 0


def test_poke_disputed_pays_in_full_whatever_was_proposed(world, ledger, escrow):
    case = world.open(freight=4_00).reach(State.Inspected, grade=Grade.Used, share=5_000, fee=1_500)
    case.poke()
    assert case.state == State.Disputed
    assert lapse(case)[0] == [(Kind.Ruled, State.Payable), (Kind.Settled, State.Settled)]
    assert (case.view["share"], case.view["fee"]) == (FULL, 0)
    assert escrow.dueOf(case.id) == 19_80 + 4_00


def test_poke_payable_under_a_bond_pays_the_consumer(world, escrow):
    case = world.open(mode=Mode.Bond, consumerKeyHeld=False)
    case.reach(State.Inspected, grade=Grade.Used, share=5_000, fee=1_000)
    case.act(Kind.Accepted, Role.Consumer)
    assert lapse(case)[0] == [(Kind.Settled, State.Settled)]
    assert escrow.dueOf(case.id) == 9_90 - 1_98
    assert not case.view["flags"] & Flag.UNPAID


def test_poke_payable_in_mode_none_is_marked_unpaid(world, escrow):
    case = world.open(mode=Mode.None_).reach(State.Payable)
    records, tx = lapse(case)
    assert records == [(Kind.Settled, State.Settled)]
    assert records_of(tx, case)[0]["flags"] & Flag.UNPAID
    assert case.view["flags"] & Flag.UNPAID
    assert "Settled" not in tx.events


def test_poke_refunded_gives_the_bond_back(world, escrow, eur):
    before = escrow.balanceOf(world.merchant.address, eur)
    case = world.open(mode=Mode.Bond, policy=world.reimbursed, freight=4_00).reach(State.Refunded)
    records, tx = lapse(case)
    assert records == [(Kind.Settled, State.Settled)]
    assert (tx.events["Settled"]["toConsumer"], tx.events["Settled"]["toMerchant"]) == (0, 23_80)
    assert escrow.balanceOf(world.merchant.address, eur) == before
    assert not case.view["flags"] & Flag.UNPAID


def test_poke_refunded_in_mode_none_settles_as_paid(world):
    case = world.open(mode=Mode.None_).reach(State.Refunded)
    assert lapse(case)[0] == [(Kind.Settled, State.Settled)]
    assert not case.view["flags"] & Flag.UNPAID


@pytest.mark.parametrize("mode", [Mode.Bond, Mode.None_])
def test_poke_to_an_outcome_waits_for_the_provider_in_the_other_modes(world, mode):
    case = world.open(mode=mode).reach(State.Received)
    assert lapse(case)[0] == [(Kind.Accepted, State.Payable)]
    assert case.deadline == world.chain[-1].timestamp + 21 * DAY


def test_poke_goes_on_while_new_cases_are_paused(world, ledger):
    case = world.open()
    ledger.pause({"from": world.guardian})
    assert lapse(case)[0] == [(Kind.Authorised, State.Authorised)]


def test_poke_after_years_starts_the_next_window_only_then(world):
    case = world.open()
    world.travel(case.deadline + 1_000 * DAY)
    assert lapse(case)[0] == [(Kind.Authorised, State.Authorised)]
    assert refusal(case)[0] == "DeadlineAhead"


def test_poke_with_the_longest_silence_ends_every_case(world):
    """A case on which nobody ever acts again comes to its end by pokes alone, from any state."""
    for state in LIVE:
        case = world.open(mode=Mode.Bond).reach(state)
        for _ in range(4):
            if case.state in (State.Settled, State.Closed):
                break
            case.poke()
        assert case.state in (State.Settled, State.Closed)
