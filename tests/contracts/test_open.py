"""ReturnLedger.open"""

import pytest
from eth_utils import keccak
from support import call_raw, link, make_policy, read_entry, read_error, records_of
from words import DAY, ZERO, Flag, Freight, Kind, Mode, Role, State


def refusal(world, **options):
    return world.refusal(world.ledger.open, world.prepare(**options).opening)


def test_open_while_paused(world, ledger):
    ledger.pause({"from": world.guardian})
    assert refusal(world) == ("EnforcedPause",)


def test_open_after_valid_until(world):
    past = world.chain[-1].timestamp - 1
    assert refusal(world, valid_until=past) == ("SignatureExpired", past)


def test_open_in_the_last_valid_second(world):
    assert refusal(world, valid_until=world.chain[-1].timestamp) is None


def test_open_with_unknown_parties(world):
    unknown = keccak(b"nobody")
    assert refusal(world, parties=(world.default_parties, unknown)) == ("UnknownParties", unknown)


def test_open_with_unknown_policy(world):
    unknown = keccak(b"no policy")
    assert refusal(world, policy=unknown) == ("UnknownPolicy", unknown)


def test_open_with_unknown_panel(world):
    assert refusal(world, panel=1) == ("UnknownPanelVersion", 1)


def test_open_without_consumer(world):
    class Nobody:
        address = ZERO

    assert refusal(world, consumer=Nobody) == ("ZeroAddress",)


def test_open_twice(world, ledger):
    case = world.open()
    assert world.refusal(ledger.open, case.opening) == ("AlreadyOpen", case.id)


def test_open_again_after_the_end(world, ledger):
    case = world.open().reach(State.Closed)
    assert world.refusal(ledger.open, case.opening) == ("AlreadyOpen", case.id)


@pytest.mark.parametrize("amount", ["refund", "freight", "reserve"])
def test_open_mode_none_with_an_amount(world, amount):
    assert refusal(world, mode=Mode.None_, **{amount: 1}) == ("AmountsDoNotFitMode",)


def test_open_mode_none_with_a_token(world, eur):
    assert refusal(world, mode=Mode.None_, token=eur.address) == ("AmountsDoNotFitMode",)


@pytest.mark.parametrize("mode", [Mode.Refund, Mode.Bond])
@pytest.mark.parametrize("lacking", [{"refund": 0}, {"token": ZERO}])
def test_open_paying_mode_without_money(world, mode, lacking):
    assert refusal(world, mode=mode, **lacking) == ("AmountsDoNotFitMode",)


def test_open_with_freight_where_the_merchant_supplies_the_label(world):
    assert refusal(world, policy=world.supplied, freight=1) == ("FreightNotLockable",)


def test_open_signed_by_another_than_the_merchant(world):
    assert refusal(world, key=world.consumer) == ("BadSignature", world.merchant.address)


@pytest.mark.parametrize("changed", ["terms", "commitment", "validUntil", "signature"])
def test_open_with_something_changed_after_signing(world, ledger, changed):
    terms, commitment, valid_until, signature = world.prepare().opening
    if changed == "terms":
        terms = (*terms[:8], terms[8] + 1, *terms[9:])
    elif changed == "commitment":
        commitment = keccak(commitment)
    elif changed == "validUntil":
        valid_until -= 1
    else:
        signature = signature[:10] + bytes([signature[10] ^ 1]) + signature[11:]
    answer = world.refusal(ledger.open, (terms, commitment, valid_until, signature))
    assert answer == ("BadSignature", world.merchant.address)


def test_open_without_the_balance_for_the_lock(world, escrow, eur):
    balance = escrow.balanceOf(world.merchant.address, eur)
    answer = refusal(world, refund=balance, reserve=1)
    assert answer == ("BalanceTooLow", world.merchant.address, balance, balance + 1)


def test_open_with_a_token_that_is_not_allowed(world):
    assert refusal(world, token=world.ledger.address) == ("TokenNotAllowed", world.ledger.address)


def test_open_announces_the_terms(world):
    case = world.open(freight=500, reserve=300)
    event = case.tx.events["Opened"]
    assert bytes(event["caseId"]) == case.id
    assert (event["merchant"], event["consumer"]) == (world.merchant.address, world.consumer.address)
    assert event["terms"].dict() == {
        **case.terms,
        "salt": "0x" + case.terms["salt"].hex(),
        "parties": "0x" + case.terms["parties"].hex(),
        "policy": "0x" + case.terms["policy"].hex(),
    }


def test_open_begins_the_chain_of_records(world, ledger):
    case = world.open()
    event = case.tx.events["Recorded"]
    commitment = case.opening[1]
    assert bytes(event["caseId"]) == case.id
    assert event["actor"] == world.merchant.address
    assert bytes(event["commitment"]) == commitment
    now = world.chain[-1].timestamp
    assert read_entry(event["entry"]) == {
        "position": 0,
        "kind": Kind.Requested,
        "role": Role.Merchant,
        "state": State.Requested,
        "deadline": now + 11 * DAY,
        "time": now,
        "grade": 0,
        "share": 0,
        "fee": 0,
        "flags": Flag.CONSUMER_KEY_HELD,
    }
    assert bytes(ledger.head(case.id)) == link(case.id, world.merchant.address, commitment, bytes(event["entry"]))


def test_open_stores_the_case(world, ledger):
    case = world.open(consumerKeyHeld=False, mode=Mode.Bond)
    assert case.view == {
        "state": State.Requested,
        "mode": Mode.Bond,
        "grade": 0,
        "flags": 0,
        "share": 0,
        "fee": 0,
        "deadline": world.chain[-1].timestamp + 11 * DAY,
        "length": 1,
        "nonces": (0, 0, 1, 0, 0, 0),
        "head": ledger.head(case.id),
        "consumer": world.consumer.address,
        "panel": 0,
        "parties": {name: getattr(world, name).address for name in ("merchant", "carrier", "warehouse", "inspector")},
        "policy": "0x" + world.policy_id.hex(),
        "consumerClaim": 0,
        "merchantClaim": 0,
        "appellant": Role.None_,
        "round": 0,
        "offeredBy": Role.None_,
        "offer": 0,
        "exchangeOffered": False,
        "notice": {"kind": Kind.None_, "effectiveAt": 0, "share": 0, "key": ZERO},
        "erased": False,
    }
    assert ledger.consumerOf(case.id) == world.consumer.address


def test_open_answers_the_case_id(world, ledger):
    case = world.prepare()
    assert bytes(ledger.open.call(case.opening, {"from": world.stranger})) == case.id


def test_open_locks_the_money(world, escrow, eur):
    before = escrow.balanceOf(world.merchant.address, eur)
    case = world.open(refund=19_80, freight=5_00, reserve=3_00)
    locked = case.tx.events["Locked"]
    assert (locked["refund"], locked["freight"], locked["reserve"]) == (19_80, 5_00, 3_00)
    assert escrow.lockOf(case.id).dict() == {
        "refund": 19_80,
        "freight": 5_00,
        "reserve": 3_00,
        "token": 1,
        "settled": False,
    }
    assert escrow.balanceOf(world.merchant.address, eur) == before - 27_80
    assert escrow.dueOf(case.id) == 0


def test_open_mode_none_locks_nothing(world, escrow):
    case = world.open(mode=Mode.None_)
    assert "Locked" not in case.tx.events
    assert escrow.lockOf(case.id)["token"] == 0


def test_open_needs_no_particular_sender(world, ledger):
    case = world.prepare()
    ledger.open(case.opening, {"from": world.stranger})
    assert case.state == State.Requested


def test_open_remembers_an_independent_inspector(world, ledger):
    ledger.registerInspector(world.inspector.address, True, {"from": world.operator})
    case = world.open()
    ledger.registerInspector(world.inspector.address, False, {"from": world.operator})
    assert case.view["flags"] == Flag.CONSUMER_KEY_HELD | Flag.INSPECTOR_INDEPENDENT
    assert world.open().view["flags"] == Flag.CONSUMER_KEY_HELD


def test_open_merchant_that_inspects_its_own_returns_is_never_independent(world, ledger):
    ledger.registerInspector(world.merchant.address, True, {"from": world.operator})
    case = world.open(parties=world.parties(inspector=world.merchant))
    assert case.view["flags"] == Flag.CONSUMER_KEY_HELD


def test_open_two_cases_with_equal_terms_but_for_the_salt(world):
    first, second = world.open(), world.open()
    assert first.id != second.id
    assert {**first.terms, "salt": 0} == {**second.terms, "salt": 0}


def test_open_fixes_the_policy(world):
    other = world.register_policy(make_policy(windows=[0] + [3 * DAY] * 12 + [0] * 3, freight=Freight.Supplied))
    case = world.open(policy=other)
    assert case.view["policy"] == "0x" + other.hex()
    assert case.deadline == world.chain[-1].timestamp + 3 * DAY
    assert records_of(case.tx, case)[0]["deadline"] == case.deadline


@pytest.mark.parametrize("mode", [Mode.Refund, Mode.None_])
def test_open_with_too_little_gas_never_succeeds(world, ledger, mode):
    """Also where it runs out within the escrow, which then gives no reason."""
    data = ledger.open.encode_input(world.prepare(mode=mode).opening)
    used = ledger.open(world.prepare(mode=mode).opening, {"from": world.relayer}).gas_used
    for gas in range(used // 3, used * 9 // 10, 250):
        answer, reason = call_raw(world.relayer, ledger.address, data, gas=gas)
        assert answer is None, gas
        assert read_error(world.errors, reason) in ((), ("BatchGasTooLow", 0))
