"""The actors, and contracts deployed once a module; every test starts from the same chain."""

import gc
import os

import pytest
from brownie import TestToken, accounts, chain
from court import Court
from support import World, deploy_all, keyed, make_policy
from words import Freight

# Currency, ISO 4217 exponent, decimals of its token: fine and coarse tokens, and a unit of one.
TOKENS = {
    "EUR": (2, 6),
    "GBP": (2, 2),
    "USD": (2, 18),
    "JPY": (0, 6),
    "KWD": (3, 6),
}

# What rests on the EVM alone, and not on how a node answers: Ganache, which is slow, plays it with --long only.
ON_ANVIL_UNLESS_LONG = {
    "test_appeals",
    "test_challenges",
    "test_hostile_reentrance",
    "test_hostile_tokens",
    "test_key_binding",
    "test_notices",
    "test_panel_signatures",
    "test_panel_votes",
    "test_signatures",
    "test_silence",
}

gc.freeze()  # brownie collects garbage after every test; its own modules are none


def pytest_collection_modifyitems(config, items):
    if config.getoption("network") != ["ganache"] or os.environ.get("LEDGER_LONG_TESTS"):
        return
    left_out = [item for item in items if item.module.__name__ in ON_ANVIL_UNLESS_LONG]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(autouse=True)
def isolation(fn_isolation):
    """Every test starts from the chain as its module's fixtures left it."""


@pytest.fixture(scope="module")
def world(module_isolation):
    operator, guardian, relayer, stranger = accounts[:4]
    tokens = {
        code: TestToken.deploy(f"Test {code}", f"t{code}", decimals, {"from": operator})
        for code, (_, decimals) in TOKENS.items()
    }
    listed = [(tokens[code].address, code.encode(), exponent) for code, (exponent, _) in TOKENS.items()]
    ledger, escrow, panel, lens = deploy_all(operator, guardian, listed)
    actors = {name: keyed(name) for name in ("consumer", "merchant", "carrier", "warehouse", "inspector")}
    world = World(
        chain=chain,
        ledger=ledger,
        escrow=escrow,
        panel=panel,
        lens=lens,
        tokens=tokens,
        operator=operator,
        guardian=guardian,
        relayer=relayer,
        stranger=stranger,
        stranger_key=keyed("stranger"),
        **actors,
    )
    world.policy_id = world.register_policy(make_policy())
    world.supplied = world.register_policy(make_policy(freight=Freight.Supplied))
    world.reimbursed = world.register_policy(make_policy(freight=Freight.Reimbursed))
    world.default_parties, world.parties_id = world.parties()
    world.fund(tokens["EUR"], 1_000_000)
    return world


@pytest.fixture(scope="module")
def ledger(world):
    return world.ledger


@pytest.fixture(scope="module")
def escrow(world):
    return world.escrow


@pytest.fixture(scope="module")
def panel(world):
    return world.panel


@pytest.fixture(scope="module")
def lens(world):
    return world.lens


@pytest.fixture(scope="module")
def eur(world):
    return world.tokens["EUR"]


@pytest.fixture(scope="module")
def court(world):
    return Court(world)
