"""RefundEscrow.deposit, depositWithPermit"""

import pytest
from brownie import TestToken, accounts
from support import keyed
from till import COINS, Till, open_till, permit
from words import FAR, ZERO


@pytest.fixture(scope="module")
def till(module_isolation):
    return open_till()


@pytest.fixture(scope="module")
def usd(till):
    return till.tokens["USD"]


# --- deposit --------------------------------------------------------------------------------------------------------


def test_deposit_of_a_token_that_is_not_allowed(till):
    token = TestToken.deploy("Another", "A", 6, {"from": till.operator})
    answer = till.refusal(till.escrow.deposit, till.merchant.address, token.address, 10_000)
    assert answer == ("TokenNotAllowed", token.address)


def test_deposit_for_nobody(till, usd):
    assert till.refusal(till.escrow.deposit, ZERO, usd.address, 10_000) == ("ZeroRecipient",)


def test_deposit_of_nothing(till, usd):
    assert till.refusal(till.escrow.deposit, till.merchant.address, usd.address, 0) == ("NothingReceived",)


@pytest.mark.parametrize(("code", "units"), [("USD", 9_999), ("USD", 10_001), ("GBP", 10**16 + 1), ("GBP", 1)])
def test_deposit_of_a_part_of_a_minor_unit(till, code, units):
    token = till.tokens[code]
    till.give(token, units)
    answer = till.refusal(till.escrow.deposit, till.merchant.address, token.address, units, sender=till.payer)
    assert answer == ("NotWholeMinorUnits", units, COINS[code][2])


def test_deposit_that_passes_128_bits_together(till):
    token, most = till.tokens["JPY"], 2**128 - 1
    till.fund(token, 100)
    till.lock(token, 60)  # what is locked takes room as well
    till.give(token, most)
    answer = till.refusal(till.escrow.deposit, till.merchant.address, token.address, most - 99, sender=till.payer)
    assert answer == ("AmountTooLarge", most - 99)
    till.escrow.deposit(till.merchant.address, token, most - 100, {"from": till.payer})
    assert till.escrow.accountOf(till.merchant.address, token) == (most - 60, 60, 0)


def test_deposit_without_allowance(till, usd):
    usd.mint(till.stranger, 10_000, {"from": till.stranger})
    answer = till.refusal(till.escrow.deposit, till.merchant.address, usd.address, 10_000)
    assert answer == ("ERC20InsufficientAllowance", till.escrow.address, 0, 10_000)


@pytest.mark.parametrize("code", list(COINS))
def test_deposit(till, code):
    token, unit = till.tokens[code], COINS[code][2]
    till.fund(token, 5)
    till.give(token, 12_345 * unit)
    tx = till.escrow.deposit(till.merchant.address, token, 12_345 * unit, {"from": till.payer})
    event = tx.events["Deposited"]
    assert (event["merchant"], event["token"]) == (till.merchant.address, token.address)
    assert (event["amount"], event["from"]) == (12_345, till.payer.address)
    assert till.escrow.balanceOf(till.merchant.address, token) == 12_350
    assert token.balanceOf(till.escrow) == 12_350 * unit


def test_accounts_of_names_every_token_in_order(till):
    for amount, code in enumerate(COINS, start=1):
        token = till.tokens[code]
        till.fund(token, 10 * amount)
        till.lock(token, amount)
        till.credit(token, 100 * amount, arbitrator=till.merchant, merchant=till.consumer)
    expected = [(till.tokens[code].address, 9 * n, n, 100 * n) for n, code in enumerate(COINS, start=1)]
    assert list(till.escrow.accountsOf(till.merchant.address)) == expected
    for token, *held in expected:
        assert list(till.escrow.accountOf(till.merchant.address, token)) == held
    assert list(till.escrow.tokens()) == [token for token, *_ in expected]
    empty = [(token, 0, 0, 0) for token, *_ in expected]
    assert list(till.escrow.accountsOf(keyed("nobody").address)) == empty


def test_account_of_a_token_that_is_not_allowed_is_empty(till):
    assert list(till.escrow.accountOf(till.merchant.address, till.ledger.address)) == [0, 0, 0]


# --- depositWithPermit ----------------------------------------------------------------------------------------------


@pytest.fixture
def payer(till, usd):
    """The merchant as an account with gas and 5.00 dollars."""
    account = accounts.add(till.merchant.key)
    till.stranger.transfer(account, "1 ether")
    usd.mint(account, 5 * 10**6, {"from": till.stranger})
    return account


def test_deposit_with_permit(till, usd, payer):
    values = permit(usd, till.merchant, till.escrow, 5 * 10**6)
    till.escrow.depositWithPermit(payer, usd, 5 * 10**6, *values, {"from": payer})
    assert till.escrow.balanceOf(payer, usd) == 500
    assert usd.allowance(payer, till.escrow) == 0


def test_deposit_with_permit_that_somebody_used_first(till, usd, payer):
    values = permit(usd, till.merchant, till.escrow, 5 * 10**6)
    usd.permit(payer, till.escrow, 5 * 10**6, *values, {"from": till.stranger})
    till.escrow.depositWithPermit(payer, usd, 5 * 10**6, *values, {"from": payer})
    assert till.escrow.balanceOf(payer, usd) == 500


def test_deposit_with_permit_that_does_not_count_but_an_allowance_that_does(till, usd, payer):
    usd.approve(till.escrow, 5 * 10**6, {"from": payer})
    values = permit(usd, till.consumer, till.escrow, 5 * 10**6)
    till.escrow.depositWithPermit(payer, usd, 5 * 10**6, *values, {"from": payer})
    assert till.escrow.balanceOf(payer, usd) == 500


def bad_permits(till, usd):
    fine = permit(usd, till.merchant, till.escrow, 5 * 10**6)
    return {
        "of another owner": permit(usd, till.consumer, till.escrow, 5 * 10**6),
        "for another spender": permit(usd, till.merchant, till.ledger, 5 * 10**6),
        "for less": permit(usd, till.merchant, till.escrow, 4 * 10**6),
        "too late": permit(usd, till.merchant, till.escrow, 5 * 10**6, deadline=1),
        "with another deadline than signed": (FAR - 1, *fine[1:]),
    }


@pytest.mark.parametrize(
    "fault",
    ["of another owner", "for another spender", "for less", "too late", "with another deadline than signed"],
)
def test_deposit_with_bad_permit_and_no_allowance(till, usd, payer, fault):
    values = bad_permits(till, usd)[fault]
    answer = till.refusal(till.escrow.depositWithPermit, payer.address, usd.address, 5 * 10**6, *values, sender=payer)
    assert answer == ("ERC20InsufficientAllowance", till.escrow.address, 0, 5 * 10**6)


def test_deposit_with_permit_takes_the_callers_money_alone(till, usd, payer):
    """A stranger who saw the owner's permit cannot spend it: `transferFrom` draws on the caller."""
    values = permit(usd, till.merchant, till.escrow, 5 * 10**6)
    answer = till.refusal(till.escrow.depositWithPermit, till.other, usd.address, 5 * 10**6, *values)
    assert answer == ("ERC20InsufficientAllowance", till.escrow.address, 0, 5 * 10**6)
    assert usd.balanceOf(payer) == 5 * 10**6


def test_deposit_with_permit_for_nobody(till, usd, payer):
    values = permit(usd, till.merchant, till.escrow, 5 * 10**6)
    answer = till.refusal(till.escrow.depositWithPermit, ZERO, usd.address, 5 * 10**6, *values, sender=payer)
    assert answer == ("ZeroRecipient",)


def test_deposit_with_permit_of_nothing(till, usd, payer):
    values = permit(usd, till.merchant, till.escrow, 0)
    answer = till.refusal(till.escrow.depositWithPermit, payer.address, usd.address, 0, *values, sender=payer)
    assert answer == ("NothingReceived",)


def test_deposit_with_permit_of_a_part_of_a_minor_unit(till, usd, payer):
    values = permit(usd, till.merchant, till.escrow, 9_999)
    answer = till.refusal(till.escrow.depositWithPermit, payer.address, usd.address, 9_999, *values, sender=payer)
    assert answer == ("NotWholeMinorUnits", 9_999, 10_000)


def test_deposit_with_permit_of_a_token_that_is_not_allowed(till, usd, payer):
    values = permit(usd, till.merchant, till.escrow, 1)
    answer = till.refusal(till.escrow.depositWithPermit, payer.address, till.ledger.address, 1, *values)
    assert answer == ("TokenNotAllowed", till.ledger.address)


# --- the list of tokens ---------------------------------------------------------------------------------------------


def test_tokens_are_those_of_the_deployment(till):
    for index, (code, (_, _, unit)) in enumerate(COINS.items(), start=1):
        info = till.escrow.tokenInfo(till.tokens[code])
        assert (bytes(info["currency"]), info["index"], info["unit"]) == (code.encode(), index, unit)
    assert till.escrow.tokenInfo(till.ledger)["unit"] == 0


def test_till_of_another_escrow_holds_nothing_of_this_one(till, usd):
    """Two escrows that take the same token keep their books apart."""
    twin = Till([(usd, "USD", 2)])
    till.fund(usd, 10)
    assert twin.escrow.balanceOf(till.merchant.address, usd) == 0
