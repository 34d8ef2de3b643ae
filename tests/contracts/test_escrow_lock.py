"""RefundEscrow.lock and settle, on an escrow whose ledger is an account of ours."""

import pytest
from brownie import RefundEscrow
from words import FULL

CASE = b"\x0c" * 32


@pytest.fixture(scope="module")
def stand_in(world):
    """An escrow that takes the word of the relayer, and 100.00 EUR of the merchant's in it."""
    eur = world.tokens["EUR"]
    escrow = RefundEscrow.deploy(world.relayer, [(eur.address, b"EUR", 2)], {"from": world.operator})
    eur.mint(world.stranger, 10**8, {"from": world.stranger})
    eur.approve(escrow, 10**8, {"from": world.stranger})
    escrow.deposit(world.merchant.address, eur, 10**8, {"from": world.stranger})
    return escrow


def refusal(world, method, *args):
    return world.refusal(method, *args, sender=world.relayer)


def lock(world, escrow, refund=50_00, freight=4_00, reserve=3_00, case=CASE):
    eur = world.tokens["EUR"]
    return escrow.lock(case, world.merchant.address, eur, refund, freight, reserve, {"from": world.relayer})


def test_lock_by_another_than_the_ledger(world, stand_in, eur):
    answer = world.refusal(stand_in.lock, CASE, world.merchant.address, eur.address, 1, 0, 0)
    assert answer == ("NotTheLedger", world.stranger.address)


def test_lock_of_a_token_that_is_not_allowed(world, stand_in):
    token = world.tokens["GBP"].address
    answer = refusal(world, stand_in.lock, CASE, world.merchant.address, token, 1, 0, 0)
    assert answer == ("TokenNotAllowed", token)


def test_lock_twice(world, stand_in, eur):
    lock(world, stand_in)
    answer = refusal(world, stand_in.lock, CASE, world.merchant.address, eur.address, 1, 0, 0)
    assert answer == ("AlreadyLocked", CASE)


def test_lock_again_after_settling(world, stand_in, eur):
    lock(world, stand_in)
    stand_in.settle(CASE, world.merchant.address, 0, 0, False, {"from": world.relayer})
    answer = refusal(world, stand_in.lock, CASE, world.merchant.address, eur.address, 1, 0, 0)
    assert answer == ("AlreadyLocked", CASE)


def test_lock_of_amounts_that_pass_64_bits_together(world, stand_in, eur):
    most = 2**64 - 1
    answer = refusal(world, stand_in.lock, CASE, world.merchant.address, eur.address, most, most, most)
    assert answer == ("AmountTooLarge", 3 * most)


def test_lock_of_more_than_the_balance(world, stand_in, eur):
    answer = refusal(world, stand_in.lock, CASE, world.merchant.address, eur.address, 100_00, 1, 0)
    assert answer == ("BalanceTooLow", world.merchant.address, 100_00, 100_01)


def test_lock_of_another_merchants_money(world, stand_in, eur):
    answer = refusal(world, stand_in.lock, CASE, world.carrier.address, eur.address, 1, 0, 0)
    assert answer == ("BalanceTooLow", world.carrier.address, 0, 1)


def test_lock(world, stand_in, eur):
    held = eur.balanceOf(stand_in)
    tx = lock(world, stand_in)
    event = tx.events["Locked"]
    assert bytes(event["caseId"]) == CASE
    assert (event["merchant"], event["token"]) == (world.merchant.address, eur.address)
    assert (event["refund"], event["freight"], event["reserve"]) == (50_00, 4_00, 3_00)
    assert stand_in.balanceOf(world.merchant.address, eur) == 43_00
    assert tuple(stand_in.lockOf(CASE)) == (50_00, 4_00, 3_00, 1, False)
    assert stand_in.dueOf(CASE) == 0
    assert eur.balanceOf(stand_in) == held


# --- settle ---------------------------------------------------------------------------------------------------------


def test_settle_by_another_than_the_ledger(world, stand_in):
    lock(world, stand_in)
    answer = world.refusal(stand_in.settle, CASE, world.merchant.address, FULL, 0, False)
    assert answer == ("NotTheLedger", world.stranger.address)


def test_settle_without_a_lock(world, stand_in):
    assert refusal(world, stand_in.settle, CASE, world.merchant.address, FULL, 0, False) == ("NotLocked", CASE)


def test_settle_twice(world, stand_in):
    lock(world, stand_in)
    stand_in.settle(CASE, world.merchant.address, FULL, 0, False, {"from": world.relayer})
    assert refusal(world, stand_in.settle, CASE, world.merchant.address, FULL, 0, False) == ("NotLocked", CASE)


@pytest.mark.parametrize(
    ("amounts", "share", "fee", "freight_to_consumer", "to_consumer"),
    [
        ((50_00, 4_00, 3_00), FULL, 0, True, 54_00),
        ((50_00, 4_00, 3_00), FULL, 0, False, 50_00),
        ((50_00, 4_00, 3_00), 0, 0, False, 0),
        ((50_00, 4_00, 3_00), 5_000, 1_000, False, 20_00),
        ((50_00, 4_00, 3_00), 1_000, 1_500, False, 0),  # the fee takes no more than the consumer's part
        ((50_00, 4_00, 3_00), 1_000, 1_500, True, 4_00),  # and nothing of the freight
        ((1, 0, 0), 1, 0, False, 1),  # what division leaves over is the consumer's
        ((1, 0, 0), 1, FULL, False, 0),
        ((33, 0, 0), 3_333, 0, False, 11),
        ((99_99, 1, 0), 9_999, 1, True, 100_00),
        ((100_00, 0, 0), FULL, FULL, False, 0),
    ],
)
def test_settle_shares_out_the_whole_lock(world, stand_in, eur, amounts, share, fee, freight_to_consumer, to_consumer):
    before = stand_in.balanceOf(world.merchant.address, eur)
    lock(world, stand_in, *amounts)
    tx = stand_in.settle(CASE, world.merchant.address, share, fee, freight_to_consumer, {"from": world.relayer})
    event = tx.events["Settled"]
    assert (event["toConsumer"], event["toMerchant"]) == (to_consumer, sum(amounts) - to_consumer)
    assert (event["merchant"], event["token"]) == (world.merchant.address, eur.address)
    assert stand_in.dueOf(CASE) == to_consumer
    assert stand_in.balanceOf(world.merchant.address, eur) == before - to_consumer
    assert tuple(stand_in.lockOf(CASE)) == (to_consumer, 0, 0, 1, True)


def test_settle_the_greatest_lock(world):
    """64 bits of a token without decimals: no share of it overflows."""
    gbp = world.tokens["GBP"]
    escrow = RefundEscrow.deploy(world.relayer, [(gbp.address, b"GBP", 2)], {"from": world.operator})
    most = 2**64 - 1
    gbp.mint(world.stranger, most, {"from": world.stranger})
    gbp.approve(escrow, most, {"from": world.stranger})
    escrow.deposit(world.merchant.address, gbp, most, {"from": world.stranger})
    escrow.lock(CASE, world.merchant.address, gbp, most - 2, 1, 1, {"from": world.relayer})
    escrow.settle(CASE, world.merchant.address, 9_999, 1, True, {"from": world.relayer})
    refund = most - 2
    assert escrow.dueOf(CASE) == refund - refund // FULL - refund // FULL + 1
    assert escrow.dueOf(CASE) + escrow.balanceOf(world.merchant.address, gbp) == most


def test_settle_one_case_leaves_the_others_lock(world, stand_in):
    other = b"\x0d" * 32
    lock(world, stand_in)
    lock(world, stand_in, 10_00, 0, 0, case=other)
    stand_in.settle(CASE, world.merchant.address, FULL, 0, True, {"from": world.relayer})
    assert tuple(stand_in.lockOf(other)) == (10_00, 0, 0, 1, False)
