"""RefundEscrow.lock"""

import pytest
from support import keyed
from till import open_till

CASE = b"\x0c" * 32


@pytest.fixture(scope="module")
def till(module_isolation):
    """100.00 EUR of the merchant's are in it."""
    till = open_till()
    till.fund(till.tokens["EUR"], 100_00)
    return till


@pytest.fixture(scope="module")
def eur(till):
    return till.tokens["EUR"]


def refusal(till, token, *amounts, merchant=None, case=CASE):
    return till.refusal(till.ledger.lock, case, (merchant or till.merchant).address, token.address, *amounts)


def test_lock_by_another_than_the_ledger(till, eur):
    answer = till.refusal(till.escrow.lock, CASE, till.merchant.address, eur.address, 1, 0, 0)
    assert answer == ("NotTheLedger", till.stranger.address)


def test_lock_of_a_token_that_is_not_allowed(till):
    assert refusal(till, till.ledger, 1, 0, 0) == ("TokenNotAllowed", till.ledger.address)


def test_lock_twice(till, eur):
    case = till.lock(eur, 1_00)
    assert refusal(till, eur, 1, 0, 0, case=case) == ("AlreadyLocked", case)


@pytest.mark.parametrize("share", [0, 10_000])
def test_lock_again_after_settling(till, eur, share):
    case = till.lock(eur, 1_00)
    till.settle(case, share=share)
    assert refusal(till, eur, 1, 0, 0, case=case) == ("AlreadyLocked", case)


@pytest.mark.parametrize("amounts", [(2**64 - 1, 1, 0), (2**64 - 1, 0, 1), (2**64 - 1, 2**64 - 1, 2**64 - 1)])
def test_lock_of_amounts_that_pass_64_bits_together(till, eur, amounts):
    assert refusal(till, eur, *amounts) == ("AmountTooLarge", sum(amounts))


@pytest.mark.parametrize("amounts", [(100_01, 0, 0), (100_00, 1, 0), (100_00, 0, 1)])
def test_lock_of_more_than_the_balance(till, eur, amounts):
    assert refusal(till, eur, *amounts) == ("BalanceTooLow", till.merchant.address, 100_00, 100_01)


def test_lock_of_what_another_case_has_locked(till, eur):
    till.lock(eur, 60_00)
    assert refusal(till, eur, 40_01, 0, 0) == ("BalanceTooLow", till.merchant.address, 40_00, 40_01)


def test_lock_of_what_a_consumer_is_due(till, eur):
    till.due(eur, 50_00)
    assert refusal(till, eur, 100_01, 0, 0) == ("BalanceTooLow", till.merchant.address, 100_00, 100_01)


def test_lock_of_another_merchants_money(till, eur):
    other = keyed("another merchant")
    assert refusal(till, eur, 1, 0, 0, merchant=other) == ("BalanceTooLow", other.address, 0, 1)


def test_lock_of_money_in_another_token(till):
    assert refusal(till, till.tokens["USD"], 1, 0, 0) == ("BalanceTooLow", till.merchant.address, 0, 1)


def test_lock_of_an_arbitrators_credit(till, eur):
    till.credit(eur, 5_00, arbitrator=till.consumer)
    assert refusal(till, eur, 1, 0, 0, merchant=till.consumer) == ("BalanceTooLow", till.consumer.address, 0, 1)


def test_lock(till, eur):
    held = eur.balanceOf(till.escrow)
    arguments = CASE, till.merchant.address, eur, 50_00, 4_00, 3_00
    tx = till.ledger.lock(*arguments, {"from": till.stranger})
    event = tx.events["Locked"]
    assert bytes(event["caseId"]) == CASE
    assert (event["merchant"], event["token"]) == (till.merchant.address, eur.address)
    assert (event["refund"], event["freight"], event["reserve"]) == (50_00, 4_00, 3_00)
    assert till.escrow.accountOf(till.merchant.address, eur) == (43_00, 57_00, 0)
    assert till.escrow.balanceOf(till.merchant.address, eur) == 43_00
    assert tuple(till.escrow.lockOf(CASE)) == (50_00, 4_00, 3_00, till.escrow.tokenInfo(eur)["index"], False)
    assert till.escrow.dueOf(CASE) == 0
    assert eur.balanceOf(till.escrow) == held


def test_lock_all_there_is(till, eur):
    till.lock(eur, 90_00, freight=6_00, reserve=4_00)
    assert till.escrow.accountOf(till.merchant.address, eur) == (0, 100_00, 0)


def test_locks_of_several_cases_add_up(till, eur):
    first, second = till.lock(eur, 10_00), till.lock(eur, 20_00, reserve=1_00)
    assert till.escrow.accountOf(till.merchant.address, eur) == (69_00, 31_00, 0)
    till.settle(first, share=0)
    assert till.escrow.accountOf(till.merchant.address, eur) == (79_00, 21_00, 0)
    till.settle(second)
    assert till.escrow.accountOf(till.merchant.address, eur) == (80_00, 0, 0)
