"""An installation without a chain: a request that writes makes no chain call, so none is needed to test requests.

The deployment names contracts that nobody will ask. Acts are judged against what was accepted before them, so a case
can be led through its states; only nothing is ever `recorded`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from databases import KINDS, databases_in
from sqlalchemy import func, select
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from api.app import create_app
from api.examples import CASE
from api.server import make_server
from ledger_service.chain.abi import CONTRACTS
from ledger_service.chain.deployments import Contract, Deployment, Token
from ledger_service.clock import FixedClock
from ledger_service.config import Settings
from ledger_service.keystore import LocalSigner, new_key
from ledger_service.services import accounts, links
from ledger_service.services.app import App, make_app
from ledger_service.store.tables import CaseRow, ChainBalance

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ON_BOTH = pytest.mark.parametrize("database_kind", KINDS, indirect=True)
OPERATOR = "0x" + "11" * 20
POUNDS = "0x" + "44" * 20


def deployment() -> Deployment:
    def at(digit: str) -> Contract:
        return Contract("0x" + digit * 40, "0x" + digit * 64, "0x" + digit * 64)

    return Deployment(
        chain_id=1337,
        genesis_hash="0x" + "22" * 32,
        deployed_at_block=0,
        operator=OPERATOR,
        guardian=OPERATOR,
        contracts={name: at(digit) for name, digit in zip(CONTRACTS, "35789", strict=True)},
        tokens={"GBP": Token(POUNDS, 18, 10**16, test=True)},
    )


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, data=tmp_path, rate_limit="100000/minute", rate_limit_failures="100000/minute")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def database_kind(request: pytest.FixtureRequest) -> str:
    """SQLite, where a module does not ask for both with `ON_BOTH`."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def ledger(settings: Settings, clock: FixedClock, database_kind: str, tmp_path: Path) -> Iterator[App]:
    with databases_in(database_kind, tmp_path) as databases:
        url = databases.url()
        yield make_app(settings.model_copy(update={"database_url": url}), deployment(), clock, databases.open(url))


def local_client(ledger: App, address: str = "127.0.0.1", name: str = "127.0.0.1") -> TestClient:
    """A caller from this address who knows the service by this name."""
    return TestClient(
        create_app(ledger), base_url=f"http://{name}:8000", raise_server_exceptions=False, client=(address, 50_000)
    )


@pytest.fixture
def client(ledger: App) -> Iterator[TestClient]:
    with local_client(ledger) as client:
        yield client


@pytest.fixture
def server(ledger: App, settings: Settings) -> Iterator[str]:
    """The address of the API on a real server, for what only shows over a socket."""
    server = make_server(create_app(ledger), settings.model_copy(update={"port": 0}))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


# --- who asks --------------------------------------------------------------------------------------------------------

Keys = Callable[..., dict[str, Any]]
Headers = dict[str, str]


def bearer(credential: str) -> Headers:
    return {"Authorization": f"Bearer {credential}"}


@pytest.fixture
def account(ledger: App) -> Keys:
    """Makes an account: `account("carrier")`, `account("merchant", "Other shop")`."""

    def make(role: str, name: str = "", address: str | None = None) -> dict[str, Any]:
        return accounts.create_account(ledger, role, name or f"The {role}", address)

    return make


@pytest.fixture
def merchant(ledger: App, account: Keys) -> dict[str, Any]:
    """A merchant with 1000.00 GBP in the escrow, as an indexer would have read it."""
    made = account("merchant")
    with ledger.database.write() as session:
        session.add(ChainBalance(account=made["address"], token=POUNDS, minor=100_000))
    return made


@pytest.fixture
def as_merchant(merchant: dict[str, Any]) -> Headers:
    return bearer(merchant["api_key"])


# --- what they send --------------------------------------------------------------------------------------------------


def case_body(**changes: Any) -> dict[str, Any]:
    """A body that is right, but for these changes; `refund__amount="-1"` changes an inner field."""
    body: dict[str, Any] = {**CASE}
    for path, value in changes.items():
        first, _, second = path.partition("__")
        body[first] = {**body[first], second: value} if second else value
    return body


Open = Callable[..., dict[str, Any]]


@pytest.fixture
def open_case(client: TestClient, as_merchant: Headers) -> Open:
    """Opens a case and answers the 201 body."""

    def post(**changes: Any) -> dict[str, Any]:
        answer = client.post("/v1/cases", json=case_body(**changes), headers=as_merchant)
        assert answer.status_code == 201, answer.text
        opened: dict[str, Any] = answer.json()
        return opened

    return post


@pytest.fixture
def own_key() -> LocalSigner:
    """The key of a sensor that signs for itself."""
    return LocalSigner(new_key())


@pytest.fixture
def sensor(account: Keys, own_key: LocalSigner) -> Headers:
    return bearer(account("carrier", "Cool Carrier", own_key.address)["api_key"])


@pytest.fixture
def cool_case(open_case: Open, own_key: LocalSigner) -> str:
    return str(open_case(carrier=own_key.address)["case_id"])


def token_of(link: str) -> str:
    return link.partition("/s#")[2]


def as_consumer(ledger: App, case_id: str) -> Headers:
    """The consumer with the link that acts, as it came by e-mail."""
    with ledger.database.write() as session:
        case = session.get_one(CaseRow, case_id)
        url, _ = links.issue_link(ledger, session, case, links.ACTING, ledger.clock.seconds() + 3_600)
    return bearer(token_of(url))


# --- what is left ----------------------------------------------------------------------------------------------------


def count_rows(ledger: App) -> dict[str, int]:
    """Rows by table: two of these are equal where nothing was written. Who looked at what is written by and by."""
    with ledger.database.read() as session:
        return {
            name: session.execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in SQLModel.metadata.tables.items()
            if name != "access_trail"
        }


def wait_for_metrics(client: TestClient, *lines: str) -> str:
    """The metrics once they hold these lines: how things are is looked up twice a second at most."""
    ends = time.monotonic() + 5
    while True:
        text = client.get("/metrics").text
        missing = set(lines) - set(text.splitlines())
        if not missing:
            return text
        assert time.monotonic() < ends, missing
        time.sleep(0.05)


def assert_problem(
    answer: httpx.Response, status: int, slug: str, *, field: str | None = None, remedy: str = ""
) -> dict[str, Any]:
    """It is a problem of this kind, names the field and a remedy (of which `remedy` is a part)."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:ledger:problem:{slug}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body.get("field") == field
    assert remedy in body["remedy"]
    assert body["remedy"]
    assert body["instance"] == f"urn:ledger:request:{answer.headers['x-request-id']}"
    return body
