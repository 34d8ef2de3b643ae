"""An installation without a chain: no use that writes makes a chain call."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ledger_service.chain.abi import ESCROW, LEDGER
from ledger_service.chain.deployments import Contract, Deployment, Token
from ledger_service.clock import FixedClock
from ledger_service.config import Settings
from ledger_service.services.accounts import create_account, merchant_named
from ledger_service.services.app import App, make_app
from ledger_service.store.database import Database
from ledger_service.store.tables import Account, ChainBalance

POUNDS = "0x" + "44" * 20


def a_deployment() -> Deployment:
    def at(digit: str) -> Contract:
        return Contract("0x" + digit * 40, "0x" + digit * 64, "0x" + digit * 64)

    operator = "0x" + "11" * 20
    tokens = {"GBP": Token(POUNDS, 6, 10_000, test=True)}
    return Deployment(1337, "0x" + "22" * 32, 0, operator, operator, {LEDGER: at("3"), ESCROW: at("5")}, tokens)


@pytest.fixture
def app(tmp_path: Path, database: Database) -> App:
    settings = Settings(_env_file=None, data=tmp_path, database_url=database.url)
    return make_app(settings, a_deployment(), FixedClock(datetime(2026, 3, 1, 12, 0, tzinfo=UTC)), database)


@pytest.fixture
def shop(app: App) -> Account:
    """A merchant with 100.00 GBP in the escrow."""
    address = create_account(app, "merchant", "Shop")["address"]
    with app.database.write() as session:
        session.add(ChainBalance(account=address, token=POUNDS, minor=10_000, deposited=10_000))
    return merchant_named(app, "Shop")
