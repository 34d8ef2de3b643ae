"""RefundEscrow.withdrawFor, withdrawForBatch, withdrawTo"""

import pytest
from brownie import TrickyToken
from support import World, deploy_pair, make_policy, read_error, sign
from words import FAR, WITHDRAW_TO, ZERO, Kind, Mode, Role, State

UNITS = {"EUR": 10**4, "GBP": 1, "USD": 10**16, "JPY": 10**6, "KWD": 10**3}


def paid(world, code="EUR", refund=19_80):
    """A case whose refund is due to the consumer."""
    token = world.tokens[code]
    if code != "EUR":
        world.fund(token, refund)
    case = world.open(token=token.address, refund=refund).reach(State.Inspected)
    case.act(Kind.Accepted, Role.Consumer)
    return case


def signed(world, case, to, key=None, valid_until=FAR):
    message = {"caseId": case.id, "to": to, "validUntil": valid_until}
    key = key or world.consumer
    return sign(key, world.escrow, "RefundEscrow", "WithdrawTo", message, WithdrawTo=WITHDRAW_TO)


# --- withdrawFor ----------------------------------------------------------------------------------------------------


def test_withdraw_for_unknown_case(world, escrow):
    assert world.refusal(escrow.withdrawFor, b"\1" * 32) == ("NothingDueTo", b"\1" * 32)


@pytest.mark.parametrize("state", [State.Requested, State.Inspected, State.Payable])
def test_withdraw_for_a_case_that_goes_on(world, escrow, state):
    case = world.open(mode=Mode.Bond).reach(state)
    assert world.refusal(escrow.withdrawFor, case.id) == ("NothingDueTo", case.id)


def test_withdraw_for_a_case_that_gave_the_consumer_nothing(world, escrow):
    case = world.open().reach(State.Closed)
    assert world.refusal(escrow.withdrawFor, case.id) == ("NothingDueTo", case.id)


def test_withdraw_for_a_case_without_money(world, escrow):
    case = world.open(mode=Mode.None_).reach(State.Settled)
    assert world.refusal(escrow.withdrawFor, case.id) == ("NothingDueTo", case.id)


def test_withdraw_for_twice(world, escrow):
    case = paid(world)
    escrow.withdrawFor(case.id, {"from": world.stranger})
    assert world.refusal(escrow.withdrawFor, case.id) == ("NothingDueTo", case.id)


@pytest.mark.parametrize("code", list(UNITS))
def test_withdraw_for(world, escrow, code):
    token, case = world.tokens[code], paid(world, code)
    held = token.balanceOf(escrow)
    tx = escrow.withdrawFor(case.id, {"from": world.stranger})
    event = tx.events["Withdrawn"]
    assert bytes(event["caseId"]) == case.id
    assert (event["to"], event["token"], event["amount"]) == (world.consumer.address, token.address, 19_80)
    assert token.balanceOf(world.consumer.address) == 19_80 * UNITS[code]
    assert token.balanceOf(escrow) == held - 19_80 * UNITS[code]
    assert escrow.dueOf(case.id) == 0


# --- withdrawForBatch -----------------------------------------------------------------------------------------------


def test_withdraw_for_batch_skips_what_withdraw_for_refuses(world, escrow, eur):
    one, two, early = paid(world), paid(world, refund=5_00), world.open()
    tx = escrow.withdrawForBatch([one.id, early.id, two.id, one.id], {"from": world.stranger})
    skips = [(bytes(e["caseId"]), read_error(world.errors, e["reason"])) for e in tx.events["WithdrawalSkipped"]]
    assert skips == [(early.id, ("NothingDueTo", early.id)), (one.id, ("NothingDueTo", one.id))]
    assert eur.balanceOf(world.consumer.address) == 24_80 * 10_000


def test_withdraw_for_batch_goes_on_past_a_recipient_that_the_token_refuses(world, tricky):
    token, escrow, cases = tricky
    token.setBlocked(world.consumer.address, True, {"from": world.stranger})
    tx = escrow.withdrawForBatch([case.id for case in cases], {"from": world.stranger})
    assert [bytes(event["caseId"]) for event in tx.events["WithdrawalSkipped"]] == [cases[0].id]
    assert [token.balanceOf(case.terms["consumer"]) for case in cases] == [0, 10_00 * 10_000]
    assert [escrow.dueOf(case.id) for case in cases] == [10_00, 0]
    token.setBlocked(world.consumer.address, False, {"from": world.stranger})
    escrow.withdrawFor(cases[0].id, {"from": world.stranger})
    assert escrow.dueOf(cases[0].id) == 0


@pytest.fixture
def tricky(world):
    """A ledger and an escrow of a token with habits, and two cases with a refund due."""
    token = TrickyToken.deploy({"from": world.operator})
    ledger, escrow = deploy_pair(world.operator, world.guardian, [(token.address, b"EUR", 2)])
    other = World(**{**world.__dict__, "ledger": ledger, "escrow": escrow, "tokens": {"EUR": token}})
    other.register_policy(make_policy())
    other.parties()
    other.fund(token, 100_00)
    cases = [other.open(consumer=who, refund=10_00) for who in (world.consumer, world.carrier)]
    for case in cases:
        case.reach(State.Inspected)
        case.act(Kind.Accepted, Role.Consumer)
    return token, escrow, cases


@pytest.mark.parametrize("way_in", ["withdrawFor", "withdrawForBatch"])
def test_withdraw_for_is_not_entered_a_second_time(world, tricky, way_in):
    token, escrow, cases = tricky
    message = escrow.withdrawFor.encode_input(cases[0].id)
    if way_in == "withdrawForBatch":
        message = escrow.withdrawForBatch.encode_input([cases[1].id])
    token.setCall(escrow, message, {"from": world.stranger})
    escrow.withdrawFor(cases[0].id, {"from": world.stranger})
    assert token.balanceOf(world.consumer.address) == 10_00 * 10_000
    assert escrow.dueOf(cases[1].id) == 10_00


# --- withdrawTo -----------------------------------------------------------------------------------------------------


def test_withdraw_to_before_anything_is_due(world, escrow):
    case, to = world.open(), world.stranger.address
    answer = world.refusal(escrow.withdrawTo, case.id, to, FAR, signed(world, case, to))
    assert answer == ("NothingDueTo", case.id)


def test_withdraw_to_nobody(world, escrow):
    case = paid(world)
    assert world.refusal(escrow.withdrawTo, case.id, ZERO, FAR, signed(world, case, ZERO)) == ("ZeroRecipient",)


def test_withdraw_to_after_valid_until(world, escrow):
    case, to, past = paid(world), world.stranger.address, world.chain[-1].timestamp - 1
    answer = world.refusal(escrow.withdrawTo, case.id, to, past, signed(world, case, to, valid_until=past))
    assert answer == ("WithdrawalExpired", past)


@pytest.mark.parametrize("key", ["merchant", "stranger_key"])
def test_withdraw_to_signed_by_another(world, escrow, key):
    case, to = paid(world), world.stranger.address
    answer = world.refusal(escrow.withdrawTo, case.id, to, FAR, signed(world, case, to, getattr(world, key)))
    assert answer == ("BadWithdrawalSignature", world.consumer.address)


def test_withdraw_to_another_recipient_than_signed(world, escrow):
    case = paid(world)
    signature = signed(world, case, world.operator.address)
    answer = world.refusal(escrow.withdrawTo, case.id, world.stranger.address, FAR, signature)
    assert answer == ("BadWithdrawalSignature", world.consumer.address)


def test_withdraw_to_with_the_signature_of_another_case(world, escrow):
    case, other, to = paid(world), paid(world), world.stranger.address
    answer = world.refusal(escrow.withdrawTo, case.id, to, FAR, signed(world, other, to))
    assert answer == ("BadWithdrawalSignature", world.consumer.address)


def test_withdraw_to(world, escrow, eur):
    case, to = paid(world), world.guardian.address
    tx = escrow.withdrawTo(case.id, to, FAR, signed(world, case, to), {"from": world.stranger})
    assert (tx.events["Withdrawn"]["to"], tx.events["Withdrawn"]["amount"]) == (to, 19_80)
    assert eur.balanceOf(to) == 19_80 * 10_000
    assert eur.balanceOf(world.consumer.address) == 0
    assert world.refusal(escrow.withdrawTo, case.id, to, FAR, signed(world, case, to)) == ("NothingDueTo", case.id)
