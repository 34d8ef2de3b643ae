"""RefundEscrow.deposit, depositWithPermit"""

import pytest
from brownie import TrickyToken, accounts
from eth_account.messages import encode_typed_data
from support import chain_id, deploy_pair
from words import FAR, PERMIT, ZERO

UNITS = {"EUR": 10**4, "GBP": 1, "USD": 10**16, "JPY": 10**6, "KWD": 10**3}


def give(world, token, units):
    """Tokens for the stranger, and the escrow's allowance for them."""
    token.mint(world.stranger, units, {"from": world.stranger})
    token.approve(world.escrow, units, {"from": world.stranger})


@pytest.fixture
def tricky(world):
    """A token with habits, and an escrow that takes it."""
    token = TrickyToken.deploy({"from": world.operator})
    _, escrow = deploy_pair(world.operator, world.guardian, [(token.address, b"EUR", 2)])
    token.mint(world.stranger, 10**12, {"from": world.stranger})
    token.approve(escrow, 10**12, {"from": world.stranger})
    return token, escrow


def test_deposit_of_a_token_that_is_not_allowed(world, escrow):
    token = TrickyToken.deploy({"from": world.operator})
    answer = world.refusal(escrow.deposit, world.merchant.address, token.address, 10_000)
    assert answer == ("TokenNotAllowed", token.address)


def test_deposit_for_nobody(world, escrow, eur):
    assert world.refusal(escrow.deposit, ZERO, eur.address, 10_000) == ("ZeroRecipient",)


def test_deposit_of_nothing(world, escrow, eur):
    assert world.refusal(escrow.deposit, world.merchant.address, eur.address, 0) == ("NothingReceived",)


def test_deposit_of_a_token_that_keeps_everything(world, tricky):
    token, escrow = tricky
    token.setTax(10_000, {"from": world.stranger})
    assert world.refusal(escrow.deposit, world.merchant.address, token.address, 10_000) == ("NothingReceived",)


@pytest.mark.parametrize(("code", "units"), [("EUR", 9_999), ("USD", 10**16 + 1), ("JPY", 1_500_000), ("KWD", 1)])
def test_deposit_of_a_part_of_a_minor_unit(world, escrow, code, units):
    give(world, world.tokens[code], units)
    answer = world.refusal(escrow.deposit, world.merchant.address, world.tokens[code].address, units)
    assert answer == ("NotWholeMinorUnits", units, UNITS[code])


def test_deposit_without_allowance(world, escrow, eur):
    eur.mint(world.stranger, 10_000, {"from": world.stranger})
    answer = world.refusal(escrow.deposit, world.merchant.address, eur.address, 10_000)
    assert answer == ("ERC20InsufficientAllowance", escrow.address, 0, 10_000)


@pytest.mark.parametrize("code", list(UNITS))
def test_deposit(world, escrow, code):
    token, unit = world.tokens[code], UNITS[code]
    give(world, token, 12_345 * unit)
    before = escrow.balanceOf(world.merchant.address, token), token.balanceOf(escrow)
    tx = escrow.deposit(world.merchant.address, token, 12_345 * unit, {"from": world.stranger})
    event = tx.events["Deposited"]
    assert (event["merchant"], event["token"]) == (world.merchant.address, token.address)
    assert (event["amount"], event["from"]) == (12_345, world.stranger.address)
    assert escrow.balanceOf(world.merchant.address, token) == before[0] + 12_345
    assert token.balanceOf(escrow) == before[1] + 12_345 * unit


def test_deposit_counts_what_arrived(world, tricky):
    token, escrow = tricky
    token.setTax(1_000, {"from": world.stranger})
    tx = escrow.deposit(world.merchant.address, token, 100_0000, {"from": world.stranger})
    assert tx.events["Deposited"]["amount"] == 90
    assert escrow.balanceOf(world.merchant.address, token) == 90


@pytest.mark.parametrize("way_in", ["deposit", "withdrawFor", "withdrawBalance"])
def test_deposit_is_not_entered_a_second_time(world, tricky, way_in):
    """A token that calls back in the middle of its transfer is turned away, and the deposit counts once."""
    token, escrow = tricky
    message = {
        "deposit": escrow.deposit.encode_input(world.merchant.address, token, 10_000),
        "withdrawFor": escrow.withdrawFor.encode_input(b"\1" * 32),
        "withdrawBalance": escrow.withdrawBalance.encode_input(token, 1, world.stranger),
    }[way_in]
    token.setCall(escrow, message, {"from": world.stranger})
    escrow.deposit(world.merchant.address, token, 10_000, {"from": world.stranger})
    assert world.errors[bytes(token.answer())[:4]]["name"] == "ReentrancyGuardReentrantCall"
    assert escrow.balanceOf(world.merchant.address, token) == 1


# --- with a permit --------------------------------------------------------------------------------------------------


def permit(world, token, units, key):
    domain = {
        "name": token.name(),
        "version": "1",
        "chainId": chain_id(),
        "verifyingContract": token.address,
    }
    message = {
        "owner": key.address,
        "spender": world.escrow.address,
        "value": units,
        "nonce": token.nonces(key.address),
        "deadline": FAR,
    }
    types = {"Permit": [{"name": name, "type": kind} for name, kind in PERMIT.items()]}
    signed = key.sign_message(encode_typed_data(domain, types, message))
    return FAR, signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


@pytest.fixture
def payer(world):
    """A merchant's account with a key, gas and tokens."""
    account = accounts.add(world.merchant.key)
    world.stranger.transfer(account, "1 ether")
    world.tokens["EUR"].mint(account, 5 * 10**6, {"from": world.stranger})
    return account


def test_deposit_with_permit(world, escrow, eur, payer):
    before = escrow.balanceOf(payer, eur)
    escrow.depositWithPermit(payer, eur, 5 * 10**6, *permit(world, eur, 5 * 10**6, world.merchant), {"from": payer})
    assert escrow.balanceOf(payer, eur) == before + 500


def test_deposit_with_permit_that_somebody_used_first(world, escrow, eur, payer):
    before = escrow.balanceOf(payer, eur)
    values = permit(world, eur, 5 * 10**6, world.merchant)
    eur.permit(payer, escrow, 5 * 10**6, *values, {"from": world.stranger})
    escrow.depositWithPermit(payer, eur, 5 * 10**6, *values, {"from": payer})
    assert escrow.balanceOf(payer, eur) == before + 500


def test_deposit_with_permit_of_another(world, escrow, eur, payer):
    values = permit(world, eur, 5 * 10**6, world.consumer)
    answer = world.refusal(escrow.depositWithPermit, payer.address, eur.address, 5 * 10**6, *values, sender=payer)
    assert answer == ("ERC20InsufficientAllowance", escrow.address, 0, 5 * 10**6)


def test_deposit_with_permit_of_a_token_that_is_not_allowed(world, escrow, payer):
    values = permit(world, world.tokens["EUR"], 1, world.merchant)
    answer = world.refusal(escrow.depositWithPermit, payer.address, world.ledger.address, 1, *values)
    assert answer == ("TokenNotAllowed", world.ledger.address)
