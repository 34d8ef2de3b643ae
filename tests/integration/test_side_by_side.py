"""Two services and two workers side by side on one database, two of which are killed: each request counts once."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from databases import KINDS, Databases, databases_in
from faults.site import Site
from faults.traffic import CURRENCY
from sqlalchemy import func
from sqlmodel import select

from ledger_service.chain.local import LocalChain
from ledger_service.services.audit import audit
from ledger_service.store.tables import CaseRow, ChainRecord, OutboxRow, RecordRow

from .running import LEDGER, ROOT, free_port, wait_for

REQUESTS, SENT_TWICE = 100, 100  # 200 in all


@pytest.fixture(params=KINDS)
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Databases]:
    with databases_in(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def site(databases: Databases, tmp_path: Path) -> Iterator[Site]:
    chain = LocalChain("anvil", tmp_path / "chain")
    chain.start()
    with Site(tmp_path / "data", chain, databases.empty_url()) as site:
        site.workers.stop()  # they give the place to those that are started
        yield site
    chain.stop()


Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(site: Site, tmp_path: Path) -> Iterator[Start]:
    """Starts a command of the installation; what still runs at the end is killed."""
    running: list[subprocess.Popen[bytes]] = []
    settings = {
        "LEDGER_CHAIN": site.via,
        "LEDGER_CONFIRMATIONS": "0",
        "LEDGER_DATABASE_URL": site.settings.database_url,
        "LEDGER_PUBLIC_URL": "http://127.0.0.1",
    }

    def run(*arguments: str) -> subprocess.Popen[bytes]:
        with (tmp_path / f"{len(running)}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(LEDGER), *arguments, "--data", str(site.folder)],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env={**os.environ, **settings},
            )
        running.append(process)
        return process

    yield run
    for process in running:
        process.kill()
        process.wait()


def is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def body_of(number: int) -> dict[str, Any]:
    return {
        "reference": f"RMA-{number}",
        "consumer": {"name": "Ana", "email": "ana@customers.example", "country": "DE", "language": "de"},
        "items": [{"sku": "1", "description": "Lamp", "quantity": 1, "unit_price": "19.80"}],
        "refund": {"amount": "19.80", "currency": CURRENCY},
        "policy": "eu-14",
        "escrow": "refund" if number % 2 else "none",
    }


class Clients:
    """Sends each request until it is answered, first to the one service and then to the other, as a balancer does."""

    def __init__(self, urls: list[str], api_key: str) -> None:
        self._urls, self._key = urls, api_key

    def open(self, number: int) -> tuple[int, str, bool]:
        """The request's number, its case, and whether the answer was given before."""
        headers = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": f"request-{number % REQUESTS}"}
        ends = time.monotonic() + 90
        turn = number % len(self._urls)
        while time.monotonic() < ends:
            try:
                url = f"{self._urls[turn]}/v1/cases"
                answer = httpx.post(url, json=body_of(number % REQUESTS), headers=headers, timeout=30)
            except httpx.HTTPError:
                turn = (turn + 1) % len(self._urls)
                continue
            if answer.status_code == 201:
                return number % REQUESTS, answer.json()["case_id"], "Idempotent-Replayed" in answer.headers
            assert answer.status_code in (409, 503), answer.text
            time.sleep(0.2)
        raise AssertionError(f"request {number} was never answered")


def test_each_of_many_requests_counts_once_although_processes_are_killed(site: Site, start: Start) -> None:
    ports = [free_port(), free_port()]
    urls = [f"http://127.0.0.1:{port}" for port in ports]
    services = [start("serve", "--no-workers", "--port", str(port)) for port in ports]
    workers = [start("worker"), start("worker")]
    wait_for(lambda: all(map(is_up, urls)), seconds=180, what="the services")
    clients = Clients(urls, site.shop["api_key"])
    numbers = [*range(REQUESTS), *range(SENT_TWICE)]
    Random(4).shuffle(numbers)
    numbers = [number + REQUESTS * (place % 2) for place, number in enumerate(numbers)]
    with ThreadPoolExecutor(12) as pool:
        sent = [pool.submit(clients.open, number) for number in numbers]
        wait_for(lambda: sum(one.done() for one in sent) >= len(sent) // 3, seconds=90, what="a third of the requests")
        for one in (services[0], workers[0]):
            one.send_signal(signal.SIGKILL)
        answers = [one.result(180) for one in sent]

    cases = {number: case_id for number, case_id, _ in answers}
    assert {(number, case_id) for number, case_id, _ in answers} == set(cases.items())
    assert len(set(cases.values())) == REQUESTS
    wait_for(lambda: _is_settled(site), seconds=120, what="all of it on the chain")
    with site.database.read() as session:
        assert session.exec(select(func.count()).select_from(CaseRow)).one() == REQUESTS
        assert session.exec(select(func.count()).select_from(RecordRow)).one() == REQUESTS
        assert set(session.exec(select(ChainRecord.case_id)).all()) == set(cases.values())
        assert session.exec(select(func.count()).select_from(ChainRecord)).one() == REQUESTS
    assert audit(site.honest)["problems"] == []


def _is_settled(site: Site) -> bool:
    with site.database.read() as session:
        return session.exec(select(OutboxRow.id).where(OutboxRow.done.is_(False)).limit(1)).first() is None
