"""RefundEscrow.withdrawCredit: what arbitrators have earned"""

import pytest
from brownie import RegulatedToken
from support import keyed
from till import COINS, Till, open_till
from words import ZERO


@pytest.fixture(scope="module")
def till(module_isolation):
    return open_till()


def refusal(till, account, token, **options):
    return till.refusal(till.escrow.withdrawCredit, account.address, token.address, **options)


def test_withdraw_credit_of_somebody_who_has_none(till):
    token = till.tokens["USD"]
    till.credit(token, 5_00)
    assert refusal(till, till.consumer, token) == ("NothingCredited", till.consumer.address, token.address)


def test_withdraw_credit_in_a_token_that_it_is_not_in(till):
    till.credit(till.tokens["USD"], 5_00)
    token = till.tokens["GBP"]
    assert refusal(till, till.arbitrator, token) == ("NothingCredited", till.arbitrator.address, token.address)


def test_withdraw_credit_in_a_token_that_is_not_allowed(till):
    answer = refusal(till, till.arbitrator, till.ledger)
    assert answer == ("NothingCredited", till.arbitrator.address, till.ledger.address)


def test_withdraw_credit_of_a_merchants_balance(till):
    token = till.tokens["USD"]
    till.fund(token, 5_00)
    assert refusal(till, till.merchant, token) == ("NothingCredited", till.merchant.address, token.address)


def test_withdraw_credit_twice(till):
    token = till.tokens["USD"]
    till.credit(token, 5_00)
    till.credit(token, 5_00, arbitrator=till.consumer)
    till.send(till.escrow.withdrawCredit, till.arbitrator.address, token)
    assert refusal(till, till.arbitrator, token) == ("NothingCredited", till.arbitrator.address, token.address)


@pytest.mark.parametrize("code", list(COINS))
def test_withdraw_credit_by_anyone_pays_the_account_alone(till, code):
    token, unit = till.tokens[code], COINS[code][2]
    for amount in (5_00, 2_50):
        till.credit(token, amount)
    till.credit(token, 9_00, arbitrator=till.consumer)
    held = token.balanceOf(till.escrow)
    tx = till.escrow.withdrawCredit(till.arbitrator.address, token, {"from": till.stranger})
    event = tx.events["CreditWithdrawn"]
    assert (event["account"], event["token"], event["amount"]) == (till.arbitrator.address, token.address, 7_50)
    assert token.balanceOf(till.arbitrator.address) == 7_50 * unit
    assert token.balanceOf(till.stranger) == 0
    assert token.balanceOf(till.escrow) == held - 7_50 * unit
    assert till.escrow.accountOf(till.arbitrator.address, token) == (0, 0, 0)
    assert till.escrow.accountOf(till.consumer.address, token) == (0, 0, 9_00)


def test_withdraw_credit_leaves_the_accounts_balance_as_a_merchant(till):
    token = till.tokens["USD"]
    till.fund(token, 8_00)
    till.lock(token, 3_00)
    till.credit(token, 5_00, arbitrator=till.merchant, merchant=till.consumer)
    till.send(till.escrow.withdrawCredit, till.merchant.address, token)
    assert till.escrow.accountOf(till.merchant.address, token) == (5_00, 3_00, 0)


def test_withdraw_credit_of_the_zero_address(till):
    token = till.tokens["USD"]
    answer = till.refusal(till.escrow.withdrawCredit, ZERO, token.address)
    assert answer == ("NothingCredited", ZERO, token.address)


def test_withdraw_credit_of_a_blocked_account_blocks_nobody_else(till):
    """The token refuses one arbitrator: the other's fee, the consumer's due and the merchant's balance go on."""
    token = RegulatedToken.deploy({"from": till.operator})
    till = Till([(token, "EUR", 2)])
    good, bad = keyed("arbitrator in peace"), keyed("blocked arbitrator")
    till.fund(token, 20_00)
    case = till.lock(token, 10_00, reserve=6_00)
    till.send(till.ledger.setPayee, case, till.consumer.address, 0)
    token.setBlocked(bad.address, True, {"from": till.stranger})
    till.settle(case, awards=[(bad.address, 2_00), (good.address, 2_00)])

    assert refusal(till, bad, token) == ("Blocked", bad.address)
    till.send(till.escrow.withdrawCredit, good.address, token)
    till.send(till.escrow.withdrawFor, case)
    till.send(till.escrow.withdrawBalanceFor, *till.withdraw_balance_for(token, 6_00))
    paid = [token.balanceOf(who) for who in (good.address, till.consumer.address, till.other)]
    assert paid == [2_00 * 10_000, 10_00 * 10_000, 6_00 * 10_000]

    assert till.escrow.accountOf(bad.address, token) == (0, 0, 2_00)
    token.setBlocked(bad.address, False, {"from": till.stranger})
    till.send(till.escrow.withdrawCredit, bad.address, token)
    assert token.balanceOf(bad.address) == 2_00 * 10_000
    assert token.balanceOf(till.escrow) == 0
