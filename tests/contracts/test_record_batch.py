"""ReturnLedger.recordPacked"""

import pytest
from brownie import web3
from support import NEW_KEY, call_raw, records_of, skipped
from words import Grade, Kind, Role, State


def record_batch(world, *items):
    return world.ledger.recordPacked(b"".join(items), {"from": world.relayer})


@pytest.mark.parametrize("length", [1, 142, 144, 285])
def test_record_batch_of_a_broken_length(world, ledger, length):
    assert world.refusal(ledger.recordPacked, b"\1" * length) == ("BadLength", length)


def test_record_batch_of_a_key_binding_without_its_key(world, ledger):
    """The last item says what it is, and so how long it has to be."""
    item = world.open().packed(Kind.KeyBound, Role.Consumer)
    assert len(item) == 163
    for missing in (20, 1):
        short = item[: len(item) - missing]
        assert world.refusal(ledger.recordPacked, short) == ("BadLength", len(short))


@pytest.mark.parametrize("part", [0.5, 0.8, 0.95, 0.99])
def test_record_batch_with_too_little_gas(world, ledger, part):
    """Whoever relays cannot have an item refused by sending too little gas: all of them count, or none does."""
    cases = [world.open() for _ in range(3)]
    data = ledger.recordPacked.encode_input(b"".join(c.packed(Kind.Authorised, Role.Merchant) for c in cases))
    enough = web3.eth.estimate_gas({"from": str(world.relayer), "to": ledger.address, "data": data})
    answer, _ = call_raw(world.relayer, ledger.address, data, gas=int(enough * part))
    assert answer is None
    answer, _ = call_raw(world.relayer, ledger.address, data, gas=enough)
    assert answer is not None


def test_record_batch_of_nothing(world):
    assert not record_batch(world).events


def test_record_batch_takes_several_acts_of_a_case(world):
    case = world.open()
    tx = record_batch(
        world,
        case.packed(Kind.Authorised, Role.Merchant),
        case.packed(Kind.PickedUp, Role.Carrier),
        case.packed(Kind.Received, Role.Warehouse),
        case.packed(Kind.Inspected, Role.Inspector, grade=Grade.Used, share=5_432, fee=123),
    )
    assert [r["kind"] for r in records_of(tx, case)] == [Kind.Authorised, Kind.PickedUp, Kind.Received, Kind.Inspected]
    view = case.view
    assert (view["state"], view["grade"], view["share"], view["fee"]) == (State.Inspected, Grade.Used, 5_432, 123)


def test_record_batch_does_what_record_does(world, ledger):
    """Two cases, one by one way and one by the other, differ in nothing but their times and commitments."""
    one, many = world.open(), world.open()
    one.act(Kind.Authorised, Role.Merchant, commitment=b"\7" * 32)
    tx = record_batch(world, many.packed(Kind.Authorised, Role.Merchant, commitment=b"\7" * 32))
    (record,) = records_of(tx, many)
    assert (record["actor"], record["commitment"]) == (world.merchant.address, b"\7" * 32)
    alike = ("state", "mode", "grade", "flags", "share", "fee", "length", "nonces", "policy")
    assert [one.view[key] for key in alike] == [many.view[key] for key in alike]


def test_record_batch_skips_what_record_refuses(world, ledger):
    good, stale, forged, early, below = [world.open() for _ in range(5)]
    below.reach(State.Received)
    past = world.chain[-1].timestamp - 1
    unknown = b"\5" * 32
    items = [
        good.packed(Kind.Authorised, Role.Merchant, commitment=b"\0" * 31 + b"\1"),
        stale.packed(Kind.Authorised, Role.Merchant, validUntil=past),
        forged.packed(Kind.Authorised, Role.Merchant, key=world.carrier),
        early.packed(Kind.PickedUp, Role.Carrier),
        good.packed(Kind.PickedUp, Role.Carrier, nonce=3),
        below.packed(Kind.Inspected, Role.Inspector, share=8_999),
        good.packed(Kind.PickedUp, Role.Carrier, caseId=unknown),
        good.packed(Kind.PickedUp, Role.Carrier, nonce=0),
    ]
    heads = [bytes(ledger.head(case.id)) for case in (stale, forged, early, below)]
    tx = record_batch(world, *items)
    assert skipped(world, tx) == [
        (1, stale.id, items[1][32:64], ("SignatureExpired", past)),
        (2, forged.id, items[2][32:64], ("BadSignature", world.merchant.address)),
        (3, early.id, items[3][32:64], ("NotAllowed", State.Requested, Kind.PickedUp, Role.Carrier)),
        (4, good.id, items[4][32:64], ("WrongNonce", Role.Carrier, 0, 3)),
        (5, below.id, items[5][32:64], ("ShareBelowPolicy", 8_999, 9_000)),
        (6, unknown, items[6][32:64], ("UnknownCase", unknown)),
    ]
    assert [r["kind"] for r in records_of(tx, good)] == [Kind.Authorised, Kind.PickedUp]
    assert [bytes(ledger.head(case.id)) for case in (stale, forged, early, below)] == heads


def test_record_batch_skips_a_repeated_item(world):
    case = world.open().reach(State.Authorised)
    item = case.packed(Kind.Received, Role.Warehouse)
    tx = record_batch(world, item, item)
    refusal = ("NotAllowed", State.Received, Kind.Received, Role.Warehouse)
    assert skipped(world, tx) == [(1, case.id, item[32:64], refusal)]


@pytest.mark.parametrize(("offset", "first_invalid"), [(72, len(Kind)), (71, len(Role)), (77, len(Grade))])
@pytest.mark.parametrize("beyond", [0, 200])
def test_record_batch_skips_a_byte_that_is_no_kind_role_or_grade(world, offset, first_invalid, beyond):
    case = world.open().reach(State.Received)
    bad = bytearray(case.packed(Kind.Inspected, Role.Inspector))
    bad[offset] = min(255, first_invalid + beyond)
    case.nonces[Role.Inspector] = 0
    tx = record_batch(world, bytes(bad), case.packed(Kind.Inspected, Role.Inspector))
    refusal = ("UnknownWord", bad[72], bad[71], bad[77])
    assert skipped(world, tx) == [(0, case.id, bytes(bad[32:64]), refusal)]
    assert case.state == State.Inspected


@pytest.mark.parametrize("grade", [Grade.AsNew, len(Grade), 255])
def test_record_batch_skips_a_grade_where_none_is_signed(world, grade):
    case = world.open().reach(State.Authorised)
    bad = bytearray(case.packed(Kind.Received, Role.Warehouse))
    bad[77] = grade
    tx = record_batch(world, bytes(bad))
    assert skipped(world, tx) == [(0, case.id, bytes(bad[32:64]), ("UnsignedValue",))]


def test_record_batch_takes_a_key_binding_between_other_acts(world):
    """It is twenty bytes longer, and the item behind it is found all the same."""
    first, second = world.open(consumerKeyHeld=False), world.open()
    record_batch(
        world,
        first.packed(Kind.Authorised, Role.Merchant),
        first.packed(Kind.KeyBound, Role.Consumer),
        second.packed(Kind.Authorised, Role.Merchant),
    )
    assert [case.state for case in (first, second)] == [State.Authorised] * 2
    assert first.view["consumer"] == NEW_KEY.address


def test_record_batch_settles_cases(world, escrow):
    cases = [world.open(refund=amount).reach(State.Inspected) for amount in (10_00, 20_00)]
    record_batch(world, *(case.packed(Kind.Accepted, Role.Consumer) for case in cases))
    assert [case.state for case in cases] == [State.Settled] * 2
    assert [escrow.dueOf(case.id) for case in cases] == [10_00, 20_00]


def test_record_batch_needs_no_particular_sender(world, ledger):
    case = world.open()
    ledger.recordPacked(case.packed(Kind.Authorised, Role.Merchant), {"from": world.stranger})
    assert case.state == State.Authorised
