"""RefundEscrow.withdrawBalance, withdrawBalanceFor"""

import pytest
from brownie import accounts
from support import sign
from words import FAR, WITHDRAW_BALANCE, ZERO


@pytest.fixture
def merchant(world):
    """The merchant as an account with gas."""
    account = accounts.add(world.merchant.key)
    world.stranger.transfer(account, "1 ether")
    return account


def order(world, key=None, **changed):
    """The arguments of withdrawBalanceFor."""
    values = {
        "merchant": world.merchant.address,
        "token": world.tokens["EUR"].address,
        "amount": 7_00,
        "to": world.guardian.address,
        "nonce": world.escrow.withdrawalNonce(world.merchant.address),
        "validUntil": FAR,
        **changed,
    }
    signature = sign(
        key or world.merchant, world.escrow, "RefundEscrow", "WithdrawBalance", values, WithdrawBalance=WITHDRAW_BALANCE
    )
    return (*values.values(), signature)


def test_withdraw_balance_beyond_it(world, escrow, eur, merchant):
    balance = escrow.balanceOf(merchant, eur)
    answer = world.refusal(escrow.withdrawBalance, eur.address, balance + 1, merchant.address, sender=merchant)
    assert answer == ("BalanceTooLow", merchant.address, balance, balance + 1)


def test_withdraw_balance_that_a_case_has_locked(world, escrow, eur, merchant):
    balance = escrow.balanceOf(merchant, eur)
    world.open()
    answer = world.refusal(escrow.withdrawBalance, eur.address, balance, merchant.address, sender=merchant)
    assert answer == ("BalanceTooLow", merchant.address, balance - 19_80, balance)


def test_withdraw_balance_to_nobody(world, escrow, eur, merchant):
    assert world.refusal(escrow.withdrawBalance, eur.address, 1, ZERO, sender=merchant) == ("ZeroRecipient",)


def test_withdraw_balance_of_a_token_that_is_not_allowed(world, escrow, merchant):
    token = world.ledger.address
    answer = world.refusal(escrow.withdrawBalance, token, 0, merchant.address, sender=merchant)
    assert answer == ("TokenNotAllowed", token)


def test_withdraw_balance(world, escrow, eur, merchant):
    before = escrow.balanceOf(merchant, eur)
    tx = escrow.withdrawBalance(eur, 7_00, world.guardian, {"from": merchant})
    event = tx.events["BalanceWithdrawn"]
    assert (event["merchant"], event["to"]) == (merchant.address, world.guardian.address)
    assert (event["token"], event["amount"]) == (eur.address, 7_00)
    assert escrow.balanceOf(merchant, eur) == before - 7_00
    assert eur.balanceOf(world.guardian) == 7_00 * 10_000


def test_withdraw_balance_for_after_valid_until(world, escrow):
    past = world.chain[-1].timestamp - 1
    assert world.refusal(escrow.withdrawBalanceFor, *order(world, validUntil=past)) == ("WithdrawalExpired", past)


@pytest.mark.parametrize("nonce", [1, 2**256 - 1])
def test_withdraw_balance_for_with_another_nonce(world, escrow, nonce):
    assert world.refusal(escrow.withdrawBalanceFor, *order(world, nonce=nonce)) == ("WrongWithdrawalNonce", 0, nonce)


def test_withdraw_balance_for_twice(world, escrow):
    arguments = order(world)
    escrow.withdrawBalanceFor(*arguments, {"from": world.stranger})
    assert world.refusal(escrow.withdrawBalanceFor, *arguments) == ("WrongWithdrawalNonce", 1, 0)


def test_withdraw_balance_for_signed_by_another(world, escrow):
    answer = world.refusal(escrow.withdrawBalanceFor, *order(world, key=world.consumer))
    assert answer == ("BadWithdrawalSignature", world.merchant.address)


@pytest.mark.parametrize("place", [1, 2, 3, 5])
def test_withdraw_balance_for_with_something_changed_after_signing(world, escrow, place):
    arguments = list(order(world))
    arguments[place] = {1: world.tokens["GBP"].address, 2: 7_01, 3: world.stranger.address, 5: FAR - 1}[place]
    answer = world.refusal(escrow.withdrawBalanceFor, *arguments)
    assert answer == ("BadWithdrawalSignature", world.merchant.address)


def test_withdraw_balance_for_beyond_it(world, escrow, eur):
    balance = escrow.balanceOf(world.merchant.address, eur)
    answer = world.refusal(escrow.withdrawBalanceFor, *order(world, amount=balance + 1))
    assert answer == ("BalanceTooLow", world.merchant.address, balance, balance + 1)


def test_withdraw_balance_for_to_nobody(world, escrow):
    assert world.refusal(escrow.withdrawBalanceFor, *order(world, to=ZERO)) == ("ZeroRecipient",)


def test_withdraw_balance_for(world, escrow, eur):
    before = escrow.balanceOf(world.merchant.address, eur)
    tx = escrow.withdrawBalanceFor(*order(world), {"from": world.stranger})
    assert tx.events["BalanceWithdrawn"]["to"] == world.guardian.address
    assert escrow.balanceOf(world.merchant.address, eur) == before - 7_00
    assert eur.balanceOf(world.guardian) == 7_00 * 10_000
    assert escrow.withdrawalNonce(world.merchant.address) == 1
