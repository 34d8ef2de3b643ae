"""The constructors of ReturnLedger and RefundEscrow, and who holds which role."""

import pytest
from brownie import RefundEscrow, ReturnLedger, TestToken
from support import call_raw, deploy_pair, read_error
from words import ZERO


def refusal(world, container, *args):
    data = "0x" + container.deploy.encode_input(*args)
    _, reason = call_raw(world.operator, None, data, gas=10_000_000)
    return read_error(world.errors, reason)


@pytest.mark.parametrize("place", range(3))
def test_deploy_ledger_with_a_zero_address(world, place):
    args = [world.escrow.address, world.operator.address, world.guardian.address]
    args[place] = ZERO
    assert refusal(world, ReturnLedger, *args) == ("ZeroAddress",)


def test_deploy_escrow_with_a_token_listed_twice(world, eur):
    listed = [(eur.address, b"EUR", 2), (eur.address, b"USD", 2)]
    assert refusal(world, RefundEscrow, world.ledger.address, listed) == ("TokenListedTwice", eur.address)


@pytest.mark.parametrize(("decimals", "exponent"), [(0, 2), (2, 3), (39, 2), (255, 0)])
def test_deploy_escrow_with_a_token_too_coarse_or_too_fine(world, decimals, exponent):
    token = TestToken.deploy("odd", "odd", decimals, {"from": world.operator})
    answer = refusal(world, RefundEscrow, world.ledger.address, [(token.address, b"EUR", exponent)])
    assert answer == ("TokenTooCoarse", token.address, decimals, exponent)


def test_deploy_escrow_with_what_is_no_token(world):
    assert refusal(world, RefundEscrow, world.ledger.address, [(world.stranger.address, b"EUR", 2)]) == ()


def test_deploy_ledger_and_escrow_name_each_other(world, ledger, escrow):
    assert ledger.escrow() == escrow.address
    assert escrow.ledger() == ledger.address


def test_deploy_ledger_roles(world, ledger):
    admin = b"\0" * 32
    roles = {"admin": admin, "operator": ledger.OPERATOR(), "guardian": ledger.GUARDIAN()}
    held = [
        (role, account)
        for role, number in roles.items()
        for account in ("operator", "guardian", "stranger")
        if ledger.hasRole(number, getattr(world, account))
    ]
    assert held == [("admin", "operator"), ("operator", "operator"), ("guardian", "guardian")]


def test_deploy_escrow_lists_its_tokens(world, escrow):
    listed = [(world.tokens["KWD"].address, b"KWD", 3), (world.tokens["JPY"].address, b"JPY", 0)]
    _, other = deploy_pair(world.operator, world.guardian, listed)
    assert other.tokens() == [address for address, _, _ in listed]
    assert [event["unit"] for event in other.tx.events["TokenAllowed"]] == [10**3, 10**6]


@pytest.mark.parametrize(
    ("code", "unit"), [("EUR", 10**4), ("GBP", 1), ("USD", 10**16), ("JPY", 10**6), ("KWD", 10**3)]
)
def test_deploy_escrow_knows_the_unit_of_a_token(world, escrow, code, unit):
    info = escrow.tokenInfo(world.tokens[code])
    assert bytes(info["currency"]) == code.encode()
    assert info["unit"] == unit
    assert escrow.tokens()[info["index"] - 1] == world.tokens[code].address


def test_deploy_escrow_does_not_know_other_tokens(world, escrow):
    assert escrow.tokenInfo(world.stranger)["index"] == 0
