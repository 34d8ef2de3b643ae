"""The constructors of ledger, escrow and panel, who names whom, and who holds which role."""

import pytest
from brownie import RefundEscrow, ReturnLedger, TestToken
from eth_utils import keccak
from support import call_raw, deploy_all, read_error
from words import ZERO


def refusal(world, container, *args):
    data = "0x" + container.deploy.encode_input(*args)
    _, reason = call_raw(world.operator, None, data, gas=10_000_000)
    return read_error(world.errors, reason)


@pytest.mark.parametrize("place", range(4))
def test_deploy_ledger_with_a_zero_address(world, place):
    args = [world.escrow.address, world.panel.address, world.operator.address, world.guardian.address]
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


def test_deploy_contracts_name_each_other(world, ledger, escrow, panel, lens):
    assert (ledger.escrow(), ledger.panel()) == (escrow.address, panel.address)
    assert (escrow.ledger(), panel.ledger()) == (ledger.address, ledger.address)
    assert (lens.ledger(), lens.escrow()) == (ledger.address, escrow.address)


@pytest.mark.parametrize("contract", ["ledger", "panel"])
def test_deploy_roles(world, contract):
    contract = getattr(world, contract)
    roles = {"admin": b"\0" * 32, "operator": keccak(text="OPERATOR"), "guardian": keccak(text="GUARDIAN")}
    held = {
        (role, account)
        for role, number in roles.items()
        for account in ("operator", "guardian", "relayer", "stranger")
        if contract.hasRole(number, getattr(world, account))
    }
    guards = {("guardian", "guardian")} if contract == world.ledger else set()
    assert held == {("admin", "operator"), ("operator", "operator"), *guards}


def test_deploy_by_another_than_the_operator_leaves_the_deployer_nothing(world):
    operator, guardian, deployer = world.operator, world.guardian, world.stranger
    ledger, _, panel, _ = deploy_all(operator, guardian, [], deployer=deployer)
    for contract in (ledger, panel):
        for role in (b"\0" * 32, contract.OPERATOR()):
            assert contract.hasRole(role, operator)
            assert not contract.hasRole(role, deployer)
    assert not ledger.hasRole(ledger.GUARDIAN(), deployer)


def test_deploy_escrow_lists_its_tokens(world, escrow):
    listed = [(world.tokens["KWD"].address, b"KWD", 3), (world.tokens["JPY"].address, b"JPY", 0)]
    _, other, _, _ = deploy_all(world.operator, world.guardian, listed)
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
