"""A folder without its secrets: commands say so, and make none that would open nothing of what is sealed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from databases import Databases
from typer.testing import CliRunner, Result

from ledger_service.chain.abi import CONTRACTS
from ledger_service.chain.deployments import Contract, write_deployment
from ledger_service.cli import main
from ledger_service.clock import SystemClock
from ledger_service.config import Settings
from ledger_service.installation import Installation, keep_installation
from ledger_service.services.accounts import create_account
from ledger_service.services.app import make_app
from ledger_service.services.backup import require_secrets
from ledger_service.store.migrate import upgrade

from .conftest import a_deployment

NOWHERE = "http://127.0.0.1:1"
_ANY = Contract("0x" + "33" * 20, "0x" + "33" * 32, "0x" + "33" * 32)
DEPLOYMENT = replace(a_deployment(), contracts=dict.fromkeys(CONTRACTS, _ANY))


class House:
    def __init__(self, data: Path, databases: Databases) -> None:
        self.data, self.url = data, databases.empty_url()
        self.database = databases.open(self.url)
        upgrade(self.database)
        data.mkdir()
        write_deployment(data, DEPLOYMENT)
        keep_installation(data, Installation(NOWHERE, NOWHERE, DEPLOYMENT.chain_id, "http://127.0.0.1:8000"))
        self.settings = Settings(_env_file=None, data=data, database_url=self.url)

    def account(self) -> None:
        app = make_app(self.settings, DEPLOYMENT, SystemClock(), self.database)
        create_account(app, "merchant", "Shop")

    def ledger(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--data", str(self.data)], env={"LEDGER_DATABASE_URL": self.url})

    @property
    def secrets(self) -> list[str]:
        return sorted(path.name for path in (self.data / "secrets").glob("*"))


@pytest.fixture
def house(tmp_path: Path, databases: Databases) -> House:
    return House(tmp_path / "data", databases)


@pytest.mark.parametrize(
    "arguments",
    [
        ("rebuild",),
        ("audit",),
        ("worker",),
        ("serve",),
        ("keys", "create", "--role", "carrier", "--name", "x"),
        ("keys", "rotate"),
    ],
)
def test_command_on_a_folder_that_lost_its_secrets_makes_none(house: House, arguments: tuple[str, ...]) -> None:
    house.account()
    for path in (house.data / "secrets").glob("*"):
        path.unlink()
    said = house.ledger(*arguments)
    assert said.exit_code == 1
    assert str(house.data / "secrets") in said.stderr
    assert "master-key" in said.stderr
    assert "your copy of secrets/ and keys/" in said.stderr
    assert house.secrets == []


@pytest.mark.parametrize("name", ["master-key", "token-keys.json", "keystore-password"])
def test_one_secret_that_is_gone_is_named(house: House, name: str) -> None:
    house.account()
    (house.data / "secrets" / name).unlink()
    said = house.ledger("audit")
    assert said.exit_code == 1
    assert name in said.stderr
    assert name not in house.secrets


def test_first_command_after_the_deployment_makes_the_secrets(house: House) -> None:
    assert house.ledger("keys", "create", "--role", "carrier", "--name", "x").exit_code == 0
    assert house.secrets == ["keystore-password", "master-key", "token-keys.json"]


def test_password_that_is_kept_elsewhere_is_looked_for_there(house: House) -> None:
    house.account()
    elsewhere = (house.data / "secrets" / "keystore-password").rename(house.data / "password")
    require_secrets(house.settings.model_copy(update={"key_password_file": elsewhere}), house.database)
