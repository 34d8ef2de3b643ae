"""A consumer who binds a key of its own: which keys, what changes with it, and what it ends."""

import pytest
from brownie import SmartWallet
from court import events, notice_of, refusal, stays
from support import NEW_KEY, keyed, pack, records_of, skipped
from words import DAY, FULL, ZERO, Flag, Kind, Role, State

SECOND = keyed("another key of the consumer's own")


@pytest.fixture
def case(court):
    """The consumer holds its own key already."""
    return court.bring(State.Authorised)


@pytest.fixture
def held(court):
    """The service holds the consumer's key."""
    return court.bring(State.Authorised, consumerKeyHeld=True)


def bind(case, key=NEW_KEY):
    """Binds a key and, where there is a notice, waits for it."""
    tx = case.act(Kind.KeyBound, Role.Consumer, bound=key)
    if notice_of(case):
        case.world.travel(case.view["notice"]["effectiveAt"] + 1)
        tx = case.world.ledger.poke(case.id, {"from": case.world.stranger})
    return tx


# --- refusals -------------------------------------------------------------------------------------------------------


def test_bind_a_key_that_is_none(case):
    act = case.message(Kind.KeyBound, Role.Consumer, key=ZERO)
    signed = tuple(act.values()), case.sign(act, case.world.consumer)
    assert case.world.refusal(case.world.ledger.record, *signed) == ("KeyNotUsable", ZERO)


@pytest.mark.parametrize("who", ["consumer", "merchant", "carrier", "warehouse", "inspector"])
def test_bind_the_present_key_or_a_partys(court, case, held, who):
    key = getattr(court.world, who)
    for each in (case, held):
        assert refusal(each, Kind.KeyBound, Role.Consumer, bound=key) == ("KeyNotUsable", key.address)


def test_bind_by_another_role(case):
    for role in (Role.Merchant, Role.Carrier, Role.Warehouse, Role.Inspector):
        answer = refusal(case, Kind.KeyBound, role)
        assert answer == ("NotAllowed", State.Authorised, Kind.KeyBound, role)


def test_bind_signed_by_the_new_key(court, case):
    answer = refusal(case, Kind.KeyBound, Role.Consumer, key=NEW_KEY)
    assert answer == ("BadSignature", court.world.consumer.address)


def test_bind_signed_for_another_key(court, case):
    act = case.message(Kind.KeyBound, Role.Consumer, bound=SECOND)
    signature = case.sign({**act, "key": NEW_KEY.address}, court.world.consumer)
    answer = court.world.refusal(court.world.ledger.record, tuple(act.values()), signature)
    assert answer == ("BadSignature", court.world.consumer.address)


@pytest.mark.parametrize("kind", [Kind.Cancelled, Kind.PickedUp, Kind.Split])
def test_bind_by_an_act_of_another_kind(case, kind):
    assert refusal(case, kind, Role.Consumer, bound=NEW_KEY) == ("UnsignedValue",)


def test_bind_after_the_deadline(court, case):
    deadline = case.deadline
    court.world.block_at(deadline + 1)
    assert refusal(case, Kind.KeyBound, Role.Consumer) == ("DeadlinePassed", deadline)


@pytest.mark.parametrize("state", [State.Settled, State.Closed])
def test_bind_after_the_end(court, state):
    case = court.bring(state)
    answer = refusal(case, Kind.KeyBound, Role.Consumer)
    assert answer == ("NotAllowed", state, Kind.KeyBound, Role.Consumer)


# --- what changes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["case", "held"])
def test_bind_another_key(court, ledger, request, who):
    case = request.getfixturevalue(who)
    deadline = case.deadline
    tx = bind(case)
    by = (Role.None_, ledger.address) if who == "held" else (Role.Consumer, court.world.consumer.address)
    record = stays(case, tx, Kind.KeyBound, by[0])
    assert (record["actor"], record["deadline"], record["flags"]) == (by[1], deadline, 0)
    assert [tuple(event.values()) for event in events(tx, "KeyBound")] == [("0x" + case.id.hex(), NEW_KEY.address)]
    assert ledger.consumerOf(case.id) == case.view["consumer"] == NEW_KEY.address
    assert tuple(ledger.payeeOf(case.id)) == (NEW_KEY.address, 0)
    assert not case.view["flags"] & Flag.CONSUMER_KEY_HELD


def test_bound_key_takes_over_the_nonce(court, held):
    bind(held)
    nonce = held.nonces[Role.Consumer]
    assert nonce == 1
    assert refusal(held, Kind.PickedUp, Role.Consumer) == ("BadSignature", NEW_KEY.address)  # the service's key
    answer = refusal(held, Kind.PickedUp, Role.Consumer, key=NEW_KEY, nonce=0)
    assert answer == ("WrongNonce", Role.Consumer, nonce, 0)
    assert refusal(held, Kind.PickedUp, Role.Consumer, key=NEW_KEY) is None


def test_bound_key_voids_what_the_earlier_one_had_signed(court, ledger, case):
    """Acts that were signed for the nonce after the binding count for nobody."""
    case.nonces[Role.Consumer] += 1
    waiting = case.signed(Kind.Cancelled, Role.Consumer)
    case.nonces[Role.Consumer] -= 1
    bind(case)
    assert court.world.refusal(ledger.record, *waiting) == ("BadSignature", NEW_KEY.address)


def test_bound_key_needs_no_notice_any_more(held):
    bind(held)
    held.act(Kind.Cancelled, Role.Consumer, key=NEW_KEY)
    assert held.state == State.Closed


def test_bound_key_can_bind_the_next_one_at_once(court, held):
    bind(held)
    held.act(Kind.KeyBound, Role.Consumer, key=NEW_KEY, bound=SECOND)
    assert court.world.ledger.consumerOf(held.id) == SECOND.address
    held.act(Kind.KeyBound, Role.Consumer, key=SECOND, bound=court.world.consumer)  # a way back there is
    assert court.world.ledger.consumerOf(held.id) == court.world.consumer.address


def test_bound_key_is_paid(court, escrow, eur, held):
    bind(held)
    held.relay(
        [
            held.packed(Kind.Received, Role.Warehouse),
            held.packed(Kind.Inspected, Role.Inspector),
            held.packed(Kind.Accepted, Role.Consumer, key=NEW_KEY),
        ]
    )
    escrow.withdrawFor(held.id, {"from": court.world.stranger})
    assert eur.balanceOf(NEW_KEY.address) == held.terms["refund"] * 10_000
    assert eur.balanceOf(court.world.consumer.address) == 0


def test_bound_key_that_is_a_wallet(court, case):
    owner = keyed("owner of the new wallet")
    wallet = SmartWallet.deploy(owner.address, {"from": court.world.operator})
    bind(case, wallet)
    assert refusal(case, Kind.Cancelled, Role.Consumer) == ("BadSignature", wallet.address)
    assert refusal(case, Kind.Cancelled, Role.Consumer, key=owner) is None


def test_bound_key_leaves_the_merchants_offer_standing(case):
    case.act(Kind.Split, Role.Merchant, share=2_000)
    bind(case)
    case.act(Kind.Split, Role.Consumer, key=NEW_KEY, share=2_000)
    assert case.state == State.Settled


@pytest.mark.parametrize("who", ["case", "held"])
def test_bound_key_has_not_offered_what_the_earlier_one_did(request, who):
    case = request.getfixturevalue(who)
    case.act(Kind.Split, Role.Consumer, share=2_000)
    bind(case)
    assert case.view["offeredBy"] == Role.None_
    case.act(Kind.Split, Role.Merchant, share=2_000)
    assert (case.state, case.view["offeredBy"]) == (State.Authorised, Role.Merchant)


# --- arbitrators ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("panel", ["first", "fallback", "appeal"])
def test_bound_key_of_an_arbitrator_cannot_vote(court, panel):
    """A consumer may bind whatever key it has; in its own case that key is no arbitrator's any more."""
    case = court.bring(State.Disputed)
    arbitrator = court.members[panel][0]
    bind(case, arbitrator)
    if panel == "fallback":
        case.poke()
    elif panel == "appeal":
        court.world.panel.voteBatch(
            [court.signed_vote(case, member, 5_000) for member in court.members["first"][:3]],
            {"from": court.world.relayer},
        )
        case.act(Kind.Appealed, Role.Consumer, key=arbitrator, share=FULL)
    assert court.refused_vote(case, arbitrator, FULL) == ("PartyOnPanel", arbitrator.address)
    assert court.refused_vote(case, court.members[panel][1], FULL) is None


def test_bound_key_makes_room_for_an_arbitrator_who_was_the_consumer(court):
    arbitrator = court.members["first"][0]
    case = court.open(consumer=arbitrator).reach(State.Authorised)
    case.act(Kind.Disputed, Role.Consumer, share=FULL)
    assert court.refused_vote(case, arbitrator, FULL) == ("PartyOnPanel", arbitrator.address)


# --- batches --------------------------------------------------------------------------------------------------------


def test_bind_in_a_batch_among_others(court, ledger, case, held):
    other = court.bring(State.Authorised)
    items = [
        other.packed(Kind.PickedUp, Role.Carrier),
        case.packed(Kind.KeyBound, Role.Consumer),
        held.packed(Kind.KeyBound, Role.Consumer, bound=court.world.merchant),
        case.packed(Kind.Cancelled, Role.Consumer, key=NEW_KEY),
        held.packed(Kind.KeyBound, Role.Consumer, nonce=0, bound=SECOND),
    ]
    assert [len(item) for item in items] == [143, 163, 163, 143, 163]
    tx = ledger.recordPacked(b"".join(items), {"from": court.world.relayer})
    refused = ("KeyNotUsable", court.world.merchant.address)
    assert [(index, answer) for index, _, _, answer in skipped(court.world, tx)] == [(2, refused)]
    assert (other.state, case.state) == (State.PickedUp, State.Closed)
    assert held.view["notice"]["key"] == SECOND.address
    assert len(records_of(tx, case)) == 2


@pytest.mark.parametrize("missing", [1, 20])
def test_bind_in_a_batch_that_is_cut_off(court, ledger, case, missing):
    item = pack(*case.signed(Kind.KeyBound, Role.Consumer))
    assert court.world.refusal(ledger.recordPacked, item[:-missing]) == ("BadLength", 163 - missing)


def test_bind_waits_for_its_notice_and_then_counts_even_late(court, held):
    """Nobody has to poke in time: the key is bound whenever somebody does, unless the deadline came first."""
    held.act(Kind.KeyBound, Role.Consumer)
    court.world.travel(held.deadline + 30 * DAY)
    court.world.ledger.poke(held.id, {"from": court.world.stranger})
    assert (held.state, held.view["consumer"]) == (State.Authorised, NEW_KEY.address)
    court.world.ledger.poke(held.id, {"from": court.world.stranger})
    assert held.state == State.Closed
