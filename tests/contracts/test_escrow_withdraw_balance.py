"""RefundEscrow.withdrawBalance, withdrawBalanceFor"""

import pytest
from brownie import RegulatedToken, SmartWallet, accounts
from support import keyed, read_error
from till import Till, open_till
from words import FAR, ZERO


@pytest.fixture(scope="module")
def till(module_isolation):
    """100.00 of the merchant's are in it, and as much of another's."""
    till = open_till()
    till.fund(till.tokens["USD"], 100_00)
    till.fund(till.tokens["USD"], 100_00, merchant=keyed("another merchant"))
    return till


@pytest.fixture(scope="module")
def usd(till):
    return till.tokens["USD"]


@pytest.fixture
def merchant(till):
    """The merchant as an account with gas."""
    account = accounts.add(till.merchant.key)
    till.stranger.transfer(account, "1 ether")
    return account


def refusal(till, merchant, token, amount, to):
    return till.refusal(till.escrow.withdrawBalance, token.address, amount, to, sender=merchant)


def refusal_for(till, token, amount=7_00, **changed):
    return till.refusal(till.escrow.withdrawBalanceFor, *till.withdraw_balance_for(token, amount, **changed))


# --- withdrawBalance ------------------------------------------------------------------------------------------------


def test_withdraw_balance_to_nobody(till, usd, merchant):
    assert refusal(till, merchant, usd, 1, ZERO) == ("ZeroRecipient",)


def test_withdraw_balance_of_a_token_that_is_not_allowed(till, merchant):
    assert refusal(till, merchant, till.ledger, 0, till.other) == ("TokenNotAllowed", till.ledger.address)


@pytest.mark.parametrize("amount", [100_01, 2**128, 2**256 - 1])
def test_withdraw_balance_beyond_it(till, usd, merchant, amount):
    assert refusal(till, merchant, usd, amount, till.other) == ("BalanceTooLow", merchant.address, 100_00, amount)


def test_withdraw_balance_that_a_case_has_locked(till, usd, merchant):
    till.lock(usd, 19_00, reserve=80)
    assert refusal(till, merchant, usd, 80_21, till.other) == ("BalanceTooLow", merchant.address, 80_20, 80_21)


def test_withdraw_balance_that_is_a_consumers_due(till, usd, merchant):
    case = till.lock(usd, 19_80)
    till.settle(case)
    assert refusal(till, merchant, usd, 80_21, till.other) == ("BalanceTooLow", merchant.address, 80_20, 80_21)


def test_withdraw_balance_to_the_escrow_itself(till, usd, merchant):
    answer = refusal(till, merchant, usd, 5, till.escrow.address)
    assert answer == ("OtherAmountMoved", 5 * 10_000, 0)


def test_withdraw_balance_where_the_token_refuses(till, merchant):
    token = RegulatedToken.deploy({"from": till.operator})
    till = Till([(token, "EUR", 2)])
    till.fund(token, 5_00)
    token.setBlocked(till.other, True, {"from": till.stranger})
    assert refusal(till, merchant, token, 5_00, till.other) == ("Blocked", till.other)


def test_withdraw_balance(till, usd, merchant):
    tx = till.escrow.withdrawBalance(usd, 7_00, till.other, {"from": merchant})
    event = tx.events["BalanceWithdrawn"]
    assert (event["merchant"], event["to"]) == (merchant.address, till.other)
    assert (event["token"], event["amount"]) == (usd.address, 7_00)
    assert till.escrow.accountOf(merchant, usd) == (93_00, 0, 0)
    assert till.escrow.balanceOf(keyed("another merchant").address, usd) == 100_00
    assert usd.balanceOf(till.other) == 7_00 * 10_000


def test_withdraw_balance_leaves_what_is_locked(till, usd, merchant):
    till.lock(usd, 40_00)
    till.escrow.withdrawBalance(usd, 60_00, till.other, {"from": merchant})
    assert till.escrow.accountOf(merchant, usd) == (0, 40_00, 0)


# --- withdrawBalanceFor ---------------------------------------------------------------------------------------------


def test_withdraw_balance_for_after_valid_until(till, usd):
    past = till.chain[-1].timestamp - 1
    assert refusal_for(till, usd, validUntil=past) == ("WithdrawalExpired", past)


@pytest.mark.parametrize("nonce", [1, 2**256 - 1])
def test_withdraw_balance_for_with_another_nonce(till, usd, nonce):
    assert refusal_for(till, usd, nonce=nonce) == ("WrongWithdrawalNonce", 0, nonce)


def test_withdraw_balance_for_twice(till, usd):
    arguments = till.withdraw_balance_for(usd, 7_00)
    till.send(till.escrow.withdrawBalanceFor, *arguments)
    assert till.refusal(till.escrow.withdrawBalanceFor, *arguments) == ("WrongWithdrawalNonce", 1, 0)


def test_withdraw_balance_for_signed_by_another(till, usd):
    answer = refusal_for(till, usd, key=till.consumer)
    assert answer == ("BadWithdrawalSignature", till.merchant.address)


@pytest.mark.parametrize("place", range(6), ids=["merchant", "token", "amount", "to", "nonce", "validUntil"])
def test_withdraw_balance_for_with_something_changed_after_signing(till, usd, place):
    arguments = list(till.withdraw_balance_for(usd, 7_00))
    merchant = keyed("another merchant").address if place == 0 else till.merchant.address
    arguments[place] = [merchant, till.tokens["GBP"].address, 7_01, till.stranger.address, 1, FAR - 1][place]
    expected = ("WrongWithdrawalNonce", 0, 1) if place == 4 else ("BadWithdrawalSignature", merchant)
    assert till.refusal(till.escrow.withdrawBalanceFor, *arguments) == expected


def test_withdraw_balance_for_beyond_it(till, usd):
    assert refusal_for(till, usd, 100_01) == ("BalanceTooLow", till.merchant.address, 100_00, 100_01)


def test_withdraw_balance_for_to_nobody(till, usd):
    assert refusal_for(till, usd, to=ZERO) == ("ZeroRecipient",)


def test_withdraw_balance_for_of_a_token_that_is_not_allowed(till):
    assert refusal_for(till, till.ledger, 0) == ("TokenNotAllowed", till.ledger.address)


def test_withdraw_balance_for_that_fails_keeps_its_nonce(till, usd):
    """What could not be paid can be sent again once it can."""
    arguments = till.withdraw_balance_for(usd, 101_00)
    assert till.refusal(till.escrow.withdrawBalanceFor, *arguments)[0] == "BalanceTooLow"
    till.fund(usd, 1_00)
    till.send(till.escrow.withdrawBalanceFor, *arguments)
    assert usd.balanceOf(till.other) == 101_00 * 10_000


def test_withdraw_balance_for(till, usd):
    tx = till.escrow.withdrawBalanceFor(*till.withdraw_balance_for(usd, 7_00), {"from": till.stranger})
    event = tx.events["BalanceWithdrawn"]
    assert (event["merchant"], event["to"], event["amount"]) == (till.merchant.address, till.other, 7_00)
    assert till.escrow.balanceOf(till.merchant.address, usd) == 93_00
    assert usd.balanceOf(till.other) == 7_00 * 10_000
    assert till.escrow.withdrawalNonce(till.merchant.address) == 1
    till.send(till.escrow.withdrawBalanceFor, *till.withdraw_balance_for(usd, 1_00))
    assert till.escrow.withdrawalNonce(till.merchant.address) == 2


def test_withdraw_balance_for_as_a_wallet_signed(till, usd):
    owner = keyed("owner of a wallet")
    wallet = SmartWallet.deploy(owner.address, {"from": till.operator})
    till.fund(usd, 5_00, merchant=wallet)
    order = {"merchant": wallet.address, "nonce": 0}
    answer = refusal_for(till, usd, 5_00, **order)
    assert answer == ("BadWithdrawalSignature", wallet.address)
    till.send(till.escrow.withdrawBalanceFor, *till.withdraw_balance_for(usd, 5_00, key=owner, **order))
    assert usd.balanceOf(till.other) == 5_00 * 10_000


def test_withdraw_balance_for_a_wallet_with_too_little_gas_to_ask_it(till, usd):
    owner = keyed("owner of a wallet")
    wallet = SmartWallet.deploy(owner.address, {"from": till.operator})
    till.fund(usd, 5_00, merchant=wallet)
    arguments = till.withdraw_balance_for(usd, 5_00, key=owner, merchant=wallet.address, nonce=0)
    _, reason = till.call_with_gas(till.escrow.withdrawBalanceFor, *arguments, gas=400_000)
    assert read_error(till.errors, reason) == ("WalletGasTooLow",)
    _, reason = till.call_with_gas(till.escrow.withdrawBalanceFor, *arguments, gas=600_000)
    assert reason is None
