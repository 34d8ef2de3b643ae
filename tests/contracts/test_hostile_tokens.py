"""Tokens that do what a token may do to an escrow that has to take them: whatever it is, it stays between the token and
whoever chose it. Other merchants, other cases and other tokens keep their money to the unit."""

import pytest
from brownie import (
    RegulatedToken,
    SilentToken,
    TaxedToken,
    TestToken,
    UntruthfulToken,
    WastefulToken,
    accounts,
)
from neighbours import UNIT, open_with, set_state, ways_out
from support import keyed, read_error
from till import Till, permit, permit_of_anybody


@pytest.fixture(scope="module")
def taxed(module_isolation):
    return open_with(TaxedToken)


@pytest.fixture(scope="module")
def silent(module_isolation):
    return open_with(SilentToken)


@pytest.fixture(scope="module")
def untruthful(module_isolation):
    return open_with(UntruthfulToken)


@pytest.fixture(scope="module")
def regulated(module_isolation):
    return open_with(RegulatedToken)


@pytest.fixture(scope="module")
def wasteful(module_isolation):
    return open_with(WastefulToken)


# --- fee on transfer ------------------------------------------------------------------------------------------------


def test_token_that_keeps_a_tax_credits_what_arrived(taxed):
    """It keeps 10 % of every transfer out of what arrives."""
    token, _, till, neighbours = taxed
    set_state(token.setRates, 1_000, 0)
    till.give(token, 10_00 * UNIT)
    tx = till.escrow.deposit(till.merchant.address, token, 10_00 * UNIT, {"from": till.payer})
    assert tx.events["Deposited"]["amount"] == 9_00
    assert till.escrow.balanceOf(till.merchant.address, token) == 9_00
    neighbours.assert_untouched()


def test_token_that_keeps_a_tax_that_leaves_no_whole_cent(taxed):
    """It keeps 0.01 % of every transfer out of what arrives."""
    token, _, till, neighbours = taxed
    set_state(token.setRates, 1, 0)
    till.give(token, 1_00 * UNIT)
    answer = till.refusal(till.escrow.deposit, till.merchant.address, token.address, 1_00 * UNIT, sender=till.payer)
    assert answer == ("NotWholeMinorUnits", 1_00 * UNIT - 100, UNIT)
    neighbours.assert_untouched()


def test_token_that_keeps_everything_credits_nothing(taxed):
    """It keeps all of every transfer."""
    token, _, till, neighbours = taxed
    set_state(token.setRates, 10_000, 0)
    till.give(token, 10_00 * UNIT)
    answer = till.refusal(till.escrow.deposit, till.merchant.address, token.address, 10_00 * UNIT, sender=till.payer)
    assert answer == ("NothingReceived",)
    neighbours.assert_untouched()


def test_token_that_keeps_a_tax_on_the_way_out_is_its_recipients_loss(taxed):
    """It keeps 10 % of what arrives, since after the deposit."""
    token, good, till, neighbours = taxed
    case = till.due(token, 10_00)
    set_state(token.setRates, 1_000, 0)
    till.send(till.escrow.withdrawFor, case)
    assert token.balanceOf(till.consumer.address) == 9_00 * UNIT
    neighbours.assert_untouched(case)
    set_state(token.setRates, 0, 0)
    neighbours.take_all(token)
    neighbours.take_all(good)


@pytest.mark.parametrize("way_out", ["withdrawFor", "withdrawTo", "withdrawCredit", "withdrawBalanceFor"])
def test_token_that_takes_more_from_the_sender_pays_nobody(taxed, way_out):
    """It takes 10 % on top out of the sender's balance, since after the deposit: that would be other people's."""
    token, good, till, neighbours = taxed
    case = till.due(token, 10_00)
    till.credit(token, 10_00)
    till.fund(token, 10_00)
    ways = ways_out(till, token, case)
    set_state(token.setRates, 0, 1_000)
    assert till.refusal(*ways[way_out]) == ("OtherAmountMoved", 10_00 * UNIT, 11_00 * UNIT)
    neighbours.assert_untouched(case)
    neighbours.take_all(good)
    set_state(token.setRates, 0, 0)
    till.send(*ways[way_out])
    neighbours.take_all(token)


# --- answers --------------------------------------------------------------------------------------------------------


def test_token_that_answers_nothing_is_as_good_as_any(silent):
    """It moves what it is asked to, and returns no value."""
    token, good, till, neighbours = silent
    case = till.due(token, 10_00)
    till.send(till.escrow.withdrawFor, case)
    assert token.balanceOf(till.consumer.address) == 10_00 * UNIT
    neighbours.assert_untouched(case)
    neighbours.take_all(token)
    neighbours.take_all(good)


@pytest.mark.parametrize("way_out", ["withdrawFor", "withdrawTo", "withdrawCredit", "withdrawBalanceFor"])
@pytest.mark.parametrize("answer", [False, True])
def test_token_that_moves_nothing_leaves_what_is_due(untruthful, answer, way_out):
    """It moves nothing and answers false, or true all the same: the debt stands until it pays."""
    token, good, till, neighbours = untruthful
    case = till.due(token, 10_00)
    till.credit(token, 10_00)
    till.fund(token, 10_00)
    ways = ways_out(till, token, case)
    set_state(token.stop, answer)
    refused = ("OtherAmountMoved", 10_00 * UNIT, 0) if answer else ("SafeERC20FailedOperation", token.address)
    assert till.refusal(*ways[way_out]) == refused
    assert till.escrow.dueOf(case) == 10_00
    neighbours.assert_untouched(case)
    neighbours.take_all(good)
    set_state(token.goOn)
    till.send(*ways[way_out])
    neighbours.take_all(token)


@pytest.mark.parametrize("answer", [False, True])
def test_token_that_moves_nothing_is_no_deposit(untruthful, answer):
    """It moves nothing and answers false, or true all the same."""
    token, _, till, neighbours = untruthful
    till.give(token, 10_00 * UNIT)
    set_state(token.stop, answer)
    refused = ("NothingReceived",) if answer else ("SafeERC20FailedOperation", token.address)
    arguments = till.merchant.address, token.address, 10_00 * UNIT
    assert till.refusal(till.escrow.deposit, *arguments, sender=till.payer) == refused
    neighbours.assert_untouched()


# --- blocklist and pause --------------------------------------------------------------------------------------------


def test_token_that_blocks_a_consumer_blocks_that_consumer_alone(regulated):
    """Its issuer blocks one recipient."""
    token, good, till, neighbours = regulated
    cases = [till.due(token, 10_00), till.due(token, 10_00, consumer=keyed("not blocked"))]
    set_state(token.setBlocked, till.consumer.address, True)
    tx = till.escrow.withdrawForBatch([*cases, neighbours.dues[good]], {"from": till.stranger})
    refused = [(bytes(e["caseId"]), read_error(till.errors, e["reason"])) for e in tx.events["WithdrawalSkipped"]]
    assert refused == [(cases[0], ("Blocked", till.consumer.address))]
    assert [till.escrow.dueOf(case) for case in cases] == [10_00, 0]
    till.send(till.escrow.withdrawTo, *till.withdraw_to(cases[0], till.other))
    assert token.balanceOf(till.other) == 10_00 * UNIT
    neighbours.take_all(token)


def test_token_that_blocks_a_merchant_keeps_its_consumers_paid(regulated):
    """Its issuer blocks a merchant's account: what the merchant locked still goes where it should."""
    token, _, till, neighbours = regulated
    till.fund(token, 10_00)
    case = till.lock(token, 10_00)
    till.send(till.ledger.setPayee, case, till.consumer.address, 0)
    set_state(token.setBlocked, till.merchant.address, True)
    till.settle(case)
    till.send(till.escrow.withdrawFor, case)
    assert token.balanceOf(till.consumer.address) == 10_00 * UNIT
    neighbours.assert_untouched(case)


@pytest.mark.parametrize("stop", ["pause", "block the escrow"])
def test_token_that_stops_the_escrow_stops_itself_alone(regulated, stop):
    """Its issuer pauses all of it, or blocks the escrow: cases go on, and are paid when it goes on."""
    token, good, till, neighbours = regulated
    till.fund(token, 20_00)
    due, locked = till.due(token, 10_00), till.lock(token, 10_00)
    till.send(till.ledger.setPayee, locked, till.consumer.address, 0)
    switch = {"pause": (token.setPaused,), "block the escrow": (token.setBlocked, till.escrow)}[stop]
    refused = {"pause": ("Paused",), "block the escrow": ("Blocked", till.escrow.address)}[stop]

    set_state(*switch, True)
    till.settle(locked)  # no token moves
    in_good = till.due(good, 10_00)
    tx = till.escrow.withdrawForBatch([due, in_good, locked], {"from": till.stranger})
    skipped = [(bytes(e["caseId"]), read_error(till.errors, e["reason"])) for e in tx.events["WithdrawalSkipped"]]
    assert skipped == [(due, refused), (locked, refused)]
    assert till.escrow.dueOf(in_good) == 0
    neighbours.assert_untouched(due, locked)
    neighbours.take_all(good)

    set_state(*switch, False)
    till.send(till.escrow.withdrawForBatch, [due, locked])
    assert token.balanceOf(till.consumer.address) == 20_00 * UNIT
    neighbours.take_all(token)


# --- waste ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("waste", "reason"), [(1, b""), (2, b"\0" * 256)], ids=["burns all gas", "refuses in 100,000 bytes"]
)
def test_token_that_wastes_gas_costs_a_batch_its_own_items_alone(wasteful, waste, reason):
    """It burns all the gas that a payment gets, or refuses it at a length that is dear to copy."""
    token, good, till, neighbours = wasteful
    bad = [till.due(token, 10_00) for _ in range(3)]
    fine = [till.due(token, 10_00, consumer=keyed("not wasted")), till.due(good, 10_00)]
    set_state(token.setWaste, till.consumer.address, waste)
    tx = till.escrow.withdrawForBatch([bad[0], fine[0], bad[1], fine[1], bad[2]], {"from": till.stranger})
    skipped = [(bytes(e["caseId"]), bytes(e["reason"])) for e in tx.events["WithdrawalSkipped"]]
    # Brownie shows no bytes at all as one zero byte.
    assert [(case, given.rstrip(b"\0")) for case, given in skipped] == [(case, b"") for case in bad]
    assert {len(given) for _, given in skipped} == {max(len(reason), 1)}
    assert [till.escrow.dueOf(case) for case in [*bad, *fine]] == [10_00] * 3 + [0] * 2
    assert tx.gas_used < 3 * 420_000 + 300_000
    neighbours.assert_untouched(*bad, *fine)
    neighbours.take_all(good)
    neighbours.take_all(token)


# --- decimals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decimals", "code", "exponent"), [(0, "JPY", 0), (2, "EUR", 2), (6, "EUR", 2), (6, "JPY", 0), (18, "EUR", 2)]
)
def test_token_of_any_decimals_is_paid_to_the_unit(module_isolation, decimals, code, exponent):
    """It counts in other units than the currency's: what goes in comes out, all of it."""
    token = TestToken.deploy("Counting", "C", decimals, {"from": accounts[0]})
    till, unit = Till([(token, code, exponent)]), 10 ** (decimals - exponent)
    till.give(token, 1_000 * unit)
    till.escrow.deposit(till.merchant.address, token, 1_000 * unit, {"from": till.payer})
    case = till.lock(token, 333, freight=50, reserve=17)
    till.send(till.ledger.setPayee, case, till.consumer.address, 0)
    awards = [(till.arbitrator.address, 7)]
    till.settle(case, share=3_333, fee=100, freight_to_consumer=True, fees_from_consumer=3, awards=awards)
    till.send(till.escrow.withdrawFor, case)
    till.send(till.escrow.withdrawCredit, till.arbitrator.address, token)
    # 333 x 66.67 % = 222 stay with the merchant, 3 are the fee; 50 of freight join, 3 for the arbitrator leave.
    part = 333 - 222 - 3 + 50 - 3
    till.send(till.escrow.withdrawBalanceFor, *till.withdraw_balance_for(token, 1_000 - part - 7))
    paid = [token.balanceOf(who) for who in (till.consumer.address, till.arbitrator.address, till.other)]
    assert paid == [part * unit, 7 * unit, (1_000 - part - 7) * unit]
    assert token.balanceOf(till.escrow) == 0


# --- permits --------------------------------------------------------------------------------------------------------


def test_token_without_permits_is_paid_in_by_allowance(regulated):
    """It knows no ERC-2612: the call of its permit fails, and the allowance counts."""
    token, _, till, neighbours = regulated
    till.give(token, 10_00 * UNIT)
    arguments = till.merchant.address, token, 10_00 * UNIT, *permit_of_anybody()
    till.escrow.depositWithPermit(*arguments, {"from": till.payer})
    assert till.escrow.balanceOf(till.merchant.address, token) == 10_00
    neighbours.assert_untouched()


def test_token_with_permits_gives_a_permit_for_this_escrow_alone(regulated):
    """It follows ERC-2612: a permit for another escrow moves nothing into this one."""
    _, good, till, neighbours = regulated
    owner = accounts.add(till.merchant.key)
    good.mint(owner, 10_00 * UNIT, {"from": till.stranger})
    twin = Till([(good, "USD", 2)])
    values = permit(good, till.merchant, twin.escrow, 10_00 * UNIT)
    arguments = owner.address, good.address, 10_00 * UNIT, *values
    answer = till.refusal(till.escrow.depositWithPermit, *arguments, sender=owner)
    assert answer == ("ERC20InsufficientAllowance", till.escrow.address, 0, 10_00 * UNIT)
    neighbours.assert_untouched()
