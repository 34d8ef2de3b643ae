"""ReturnLedger.record"""

import pytest
from eth_utils import keccak
from support import NEW_KEY, deploy_all, make_policy, read_entry, records_of
from words import DAY, FAR, FULL, Flag, Grade, Kind, Mode, Role, State


@pytest.fixture
def case(world):
    return world.open()


def refusal(case, kind, role, **changed):
    return case.world.refusal(case.world.ledger.record, *case.signed(kind, role, **changed))


# --- refusals -------------------------------------------------------------------------------------------------------


def test_record_unknown_case(case):
    unknown = keccak(b"no case")
    assert refusal(case, Kind.Authorised, Role.Merchant, caseId=unknown) == ("UnknownCase", unknown)


def test_record_after_valid_until(case, world):
    past = world.chain[-1].timestamp - 1
    assert refusal(case, Kind.Authorised, Role.Merchant, validUntil=past) == ("SignatureExpired", past)


def test_record_in_the_last_valid_second(case, world):
    assert refusal(case, Kind.Authorised, Role.Merchant, validUntil=world.chain[-1].timestamp) is None


def test_record_after_the_deadline(case, world):
    deadline = case.deadline
    world.pass_deadline(case)
    assert refusal(case, Kind.Authorised, Role.Merchant) == ("DeadlinePassed", deadline)


def test_record_after_the_deadline_says_so_even_of_what_the_state_forbids(case, world):
    deadline = case.deadline
    world.pass_deadline(case)
    assert refusal(case, Kind.PickedUp, Role.Carrier) == ("DeadlinePassed", deadline)


def test_record_in_the_last_second_of_the_state(case, world):
    world.block_at(case.deadline)
    assert refusal(case, Kind.Authorised, Role.Merchant) is None


def test_record_what_the_state_forbids(case):
    answer = refusal(case, Kind.PickedUp, Role.Carrier)
    assert answer == ("NotAllowed", State.Requested, Kind.PickedUp, Role.Carrier)


def test_record_what_the_role_may_not(case):
    answer = refusal(case, Kind.Authorised, Role.Consumer)
    assert answer == ("NotAllowed", State.Requested, Kind.Authorised, Role.Consumer)


def test_record_the_same_act_twice(case, world, ledger):
    signed = case.reach(State.Authorised).signed(Kind.PickedUp, Role.Consumer)
    ledger.record(*signed, {"from": world.relayer})
    assert world.refusal(ledger.record, *signed)[0] == "NotAllowed"


@pytest.mark.parametrize("nonce", [0, 2, 65_535])
def test_record_with_another_nonce(case, nonce):
    assert refusal(case, Kind.Authorised, Role.Merchant, nonce=nonce) == ("WrongNonce", Role.Merchant, 1, nonce)


def test_record_nonces_of_roles_are_apart(case):
    case.reach(State.Authorised)
    assert refusal(case, Kind.PickedUp, Role.Carrier, nonce=2) == ("WrongNonce", Role.Carrier, 0, 2)
    assert refusal(case, Kind.PickedUp, Role.Carrier, nonce=0) is None


@pytest.mark.parametrize("value", [{"grade": Grade.AsNew}, {"share": 1}, {"fee": 1}, {"bound": NEW_KEY}])
def test_record_with_a_value_that_is_not_signed(case, value):
    assert refusal(case, Kind.Authorised, Role.Merchant, **value) == ("UnsignedValue",)


def test_record_inspection_without_grade(case):
    case.reach(State.Received)
    assert refusal(case, Kind.Inspected, Role.Inspector, grade=Grade.None_) == ("GradeMissing",)


@pytest.mark.parametrize(
    ("grade", "least"),
    [(Grade.AsNew, 9_000), (Grade.Opened, 7_000), (Grade.Used, 5_000), (Grade.Defective, 10_000)],
)
def test_record_inspection_below_the_least_share(case, grade, least):
    case.reach(State.Received)
    answer = refusal(case, Kind.Inspected, Role.Inspector, grade=grade, share=least - 1)
    assert answer == ("ShareBelowPolicy", least - 1, least)
    assert refusal(case, Kind.Inspected, Role.Inspector, grade=grade, share=least) is None


def test_record_inspection_above_the_whole(case):
    case.reach(State.Received)
    assert refusal(case, Kind.Inspected, Role.Inspector, share=FULL + 1) == ("BasisPointsOutOfBounds", FULL + 1)


def test_record_inspection_above_the_fee_cap(case):
    case.reach(State.Received)
    assert refusal(case, Kind.Inspected, Role.Inspector, fee=1_501) == ("FeeAbovePolicy", 1_501, 1_500)
    assert refusal(case, Kind.Inspected, Role.Inspector, fee=1_500) is None


def test_record_inspection_fee_on_defective_goods(case):
    case.reach(State.Received)
    answer = refusal(case, Kind.Inspected, Role.Inspector, grade=Grade.Defective, fee=1)
    assert answer == ("FeeAbovePolicy", 1, 0)


def test_record_signed_by_another_party(case, world):
    answer = refusal(case, Kind.Authorised, Role.Merchant, key=world.carrier)
    assert answer == ("BadSignature", world.merchant.address)


def test_record_signed_for_another_kind(case, world, ledger):
    act = case.message(Kind.Authorised, Role.Merchant)
    signature = case.sign({**act, "kind": Kind.Declined}, world.merchant)
    answer = world.refusal(ledger.record, tuple(act.values()), signature)
    assert answer == ("BadSignature", world.merchant.address)


def test_record_signed_for_another_role(world):
    case = world.open(parties=world.parties(carrier=world.warehouse)).reach(State.Authorised)
    act = case.message(Kind.Received, Role.Warehouse)
    signature = case.sign({**act, "role": Role.Carrier}, world.warehouse)
    answer = world.refusal(world.ledger.record, tuple(act.values()), signature)
    assert answer == ("BadSignature", world.warehouse.address)


@pytest.mark.parametrize("field", ["validUntil", "commitment", "grade", "share", "fee"])
def test_record_inspection_with_a_field_changed_after_signing(case, world, ledger, field):
    act = case.reach(State.Received).message(Kind.Inspected, Role.Inspector)
    signature = case.sign(act, world.inspector)
    change = {"validUntil": FAR - 1, "commitment": keccak(b"x"), "grade": Grade.Opened, "share": 9_999, "fee": 1}
    answer = world.refusal(ledger.record, tuple({**act, field: change[field]}.values()), signature)
    assert answer == ("BadSignature", world.inspector.address)


def test_record_signed_for_another_case(case, world, ledger):
    other = world.open()
    act = case.message(Kind.Authorised, Role.Merchant)
    signature = case.sign({**act, "caseId": other.id}, world.merchant)
    assert world.refusal(ledger.record, tuple(act.values()), signature) == ("BadSignature", world.merchant.address)


def test_record_with_the_mirrored_signature(case, world, ledger):
    """A second signature that the first gives away (s mirrored at the curve's order) is none."""
    act, signature = case.signed(Kind.Authorised, Role.Merchant)
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    mirrored = order - int.from_bytes(signature[32:64], "big")
    signature = signature[:32] + mirrored.to_bytes(32, "big") + bytes([signature[64] ^ 7])
    assert world.refusal(ledger.record, act, signature) == ("BadSignature", world.merchant.address)


@pytest.mark.parametrize("length", [0, 64, 66])
def test_record_with_a_signature_of_another_length(case, world, ledger, length):
    act, signature = case.signed(Kind.Authorised, Role.Merchant)
    answer = world.refusal(ledger.record, act, (signature + b"\0")[:length])
    assert answer == ("BadSignature", world.merchant.address)


def test_record_an_all_zero_signature(case, world, ledger):
    act, _ = case.signed(Kind.Authorised, Role.Merchant)
    assert world.refusal(ledger.record, act, b"\0" * 65) == ("BadSignature", world.merchant.address)


def test_record_on_another_contract(world):
    """The same terms give the same case id on two ledgers, and yet a signature counts on one of them."""
    other, *_ = deploy_all(world.operator, world.guardian, [])
    other.registerParties([actor.address for actor in world.default_parties.values()], {"from": world.stranger})
    other.registerPolicy(make_policy(), {"from": world.operator})
    answer = world.refusal(other.open, world.prepare(mode=Mode.None_).opening)
    assert answer == ("BadSignature", world.merchant.address)


# --- success --------------------------------------------------------------------------------------------------------


def test_record_announces_the_record(case, world):
    commitment = keccak(b"a record")
    tx = case.act(Kind.Authorised, Role.Merchant, commitment=commitment)
    assert [event.name for event in tx.events] == ["Recorded"]
    event = tx.events["Recorded"]
    assert bytes(event["caseId"]) == case.id
    assert event["actor"] == world.merchant.address
    assert bytes(event["commitment"]) == commitment
    now = world.chain[-1].timestamp
    assert read_entry(event["entry"]) == {
        "position": 1,
        "kind": Kind.Authorised,
        "role": Role.Merchant,
        "state": State.Authorised,
        "deadline": now + 13 * DAY,
        "time": now,
        "grade": Grade.None_,
        "share": 0,
        "fee": 0,
        "flags": Flag.CONSUMER_KEY_HELD,
    }


def test_record_moves_the_case(case, world):
    case.act(Kind.Authorised, Role.Merchant)
    view = case.view
    assert (view["state"], view["length"]) == (State.Authorised, 2)
    assert view["deadline"] == world.chain[-1].timestamp + 13 * DAY
    assert view["nonces"] == (0, 0, 2, 0, 0, 0)


def test_record_counts_the_nonce_of_the_acting_role_only(case):
    case.reach(State.Inspected)
    assert case.view["nonces"] == (0, 0, 2, 1, 1, 1)


def test_record_inspection_is_kept(case):
    case.reach(State.Received)
    tx = case.act(Kind.Inspected, Role.Inspector, grade=Grade.Used, share=6_000, fee=250)
    (record,) = records_of(tx, case)
    assert (record["grade"], record["share"], record["fee"]) == (Grade.Used, 6_000, 250)
    view = case.view
    assert (view["grade"], view["share"], view["fee"]) == (Grade.Used, 6_000, 250)


@pytest.mark.parametrize(("role", "flag"), [(Role.Carrier, Flag.PICKUP_BY_CARRIER), (Role.Consumer, 0)])
def test_record_pickup_says_who_stated_it(case, role, flag):
    case.reach(State.Authorised).act(Kind.PickedUp, role)
    assert case.view["flags"] == Flag.CONSUMER_KEY_HELD | flag


def test_record_received_without_a_pickup(case):
    case.reach(State.Authorised).act(Kind.Received, Role.Warehouse)
    assert case.state == State.Received


@pytest.mark.parametrize("state", [State.Requested, State.Authorised])
def test_record_cancelled_closes_the_case_and_frees_the_lock(world, escrow, eur, state):
    before = escrow.balanceOf(world.merchant.address, eur)
    case = world.open(freight=100, reserve=50, consumerKeyHeld=False).reach(state)
    tx = case.act(Kind.Cancelled, Role.Consumer)
    assert records_of(tx, case)[-1]["state"] == State.Closed
    assert case.view["deadline"] == 0
    assert (tx.events["Settled"]["toConsumer"], tx.events["Settled"]["toMerchant"]) == (0, 19_80 + 150)
    assert escrow.balanceOf(world.merchant.address, eur) == before
    assert escrow.dueOf(case.id) == 0


def test_record_accepted_settles_in_mode_refund(world, escrow):
    case = world.open(consumerKeyHeld=False).reach(State.Inspected, share=9_000, fee=500)
    tx = case.act(Kind.Accepted, Role.Consumer)
    accepted, settled = records_of(tx, case)
    assert (accepted["kind"], accepted["role"], accepted["state"]) == (Kind.Accepted, Role.Consumer, State.Payable)
    assert (settled["kind"], settled["role"], settled["state"]) == (Kind.Settled, Role.None_, State.Settled)
    assert settled["actor"] == world.ledger.address
    assert settled["commitment"] == b"\0" * 32
    assert settled["deadline"] == 0
    assert [settled["position"], case.view["length"]] == [6, 7]
    # 90 % of 19.80 is 17.82, less 5 % of 19.80, which is 0.99
    assert (tx.events["Settled"]["toConsumer"], tx.events["Settled"]["toMerchant"]) == (16_83, 2_97)
    assert escrow.dueOf(case.id) == 16_83


@pytest.mark.parametrize("mode", [Mode.Bond, Mode.None_])
def test_record_accepted_waits_for_the_provider_in_the_other_modes(world, escrow, mode):
    case = world.open(mode=mode).reach(State.Inspected)
    tx = case.act(Kind.Accepted, Role.Consumer)
    assert len(records_of(tx, case)) == 1
    assert case.state == State.Payable
    assert case.deadline == world.chain[-1].timestamp + 21 * DAY
    assert escrow.dueOf(case.id) == 0


@pytest.mark.parametrize("mode", list(Mode))
def test_record_accepted_nothing_settles_at_once(world, escrow, mode):
    case = world.open(mode=mode, consumerKeyHeld=False).reach(State.Inspected, grade=Grade.Damaged, share=0)
    tx = case.act(Kind.Accepted, Role.Consumer)
    assert [record["state"] for record in records_of(tx, case)] == [State.Payable, State.Settled]
    assert case.state == State.Settled
    assert not case.view["flags"] & (Flag.UNPAID | Flag.FREIGHT_TO_CONSUMER)
    assert escrow.dueOf(case.id) == 0


def test_record_refunded_starts_the_challenge_window(world, escrow):
    case = world.open(mode=Mode.Bond).reach(State.Payable)
    case.act(Kind.Refunded, Role.Merchant)
    assert case.state == State.Refunded
    assert case.deadline == world.chain[-1].timestamp + 22 * DAY
    assert escrow.lockOf(case.id)["refund"] == 19_80


@pytest.mark.parametrize(
    ("policy", "grade", "borne"),
    [
        ("policy_id", Grade.AsNew, False),
        ("policy_id", Grade.Defective, True),
        ("reimbursed", Grade.AsNew, True),
        ("reimbursed", Grade.Defective, True),
    ],
)
def test_record_accepted_says_who_bears_the_freight(world, escrow, policy, grade, borne):
    case = world.open(policy=getattr(world, policy), freight=4_00).reach(State.Inspected, grade=grade)
    case.act(Kind.Accepted, Role.Consumer)
    assert bool(case.view["flags"] & Flag.FREIGHT_TO_CONSUMER) == borne
    assert escrow.dueOf(case.id) == 19_80 + 4_00 * borne


def test_record_needs_no_particular_sender(case, world, ledger):
    ledger.record(*case.signed(Kind.Authorised, Role.Merchant), {"from": world.stranger})
    assert case.state == State.Authorised


def test_record_goes_on_while_new_cases_are_paused(case, world, ledger):
    ledger.pause({"from": world.guardian})
    case.act(Kind.Authorised, Role.Merchant)
    assert case.state == State.Authorised


def test_record_every_party_may_be_the_merchant(world):
    merchant = world.merchant
    case = world.open(parties=world.parties(carrier=merchant, warehouse=merchant, inspector=merchant))
    case.reach(State.Inspected)
    assert case.view["nonces"] == (0, 0, 2, 1, 1, 1)
