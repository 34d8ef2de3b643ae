"""More requests at once than there are hands: some are turned away at once, the others are answered in time."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from anyio import to_thread
from prometheus_client import Counter as Counted
from sqlalchemy import text

from api import load, writing
from api.app import create_app
from ledger_service import telemetry
from ledger_service.chain.rpc import wait_until
from ledger_service.services.app import App

from .conftest import Headers, Open, bearer, case_body, count_rows

Answers = list[tuple[httpx.Response, float]]


@pytest.fixture(autouse=True)
def few_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test can fill quickly."""
    monkeypatch.setattr(load, "_WRITING", 4)
    monkeypatch.setattr(load, "_WAITING_TO_WRITE", 8)
    monkeypatch.setattr(load, "_WAITING_TO_READ", 5)
    monkeypatch.setattr(writing, "_WAITING_TO_BE_TAKEN", 5)


def _ask(server: str, count: int, path: str, method: str = "GET", **more: Any) -> Answers:
    """So many requests at the same moment, with the seconds that each took."""

    async def all_of_them() -> Answers:
        limits = httpx.Limits(max_connections=count)
        async with httpx.AsyncClient(base_url=server, timeout=120, limits=limits) as client:

            async def one() -> tuple[httpx.Response, float]:
                began = time.monotonic()
                return await client.request(method, path, **more), time.monotonic() - began

            return await asyncio.gather(*(one() for _ in range(count)))

    return asyncio.run(all_of_them())


@contextmanager
def _locked_until_shed(ledger: App) -> Iterator[None]:
    """Nobody can write to the database until somebody was turned away."""
    lock = sqlite3.connect(
        ledger.database.url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
    )
    lock.execute("BEGIN IMMEDIATE")
    shed, before = telemetry.SHED.labels("write"), _count(telemetry.SHED.labels("write"))

    def release() -> None:
        wait_until(lambda: _count(shed) > before, seconds=20)
        lock.execute("ROLLBACK")

    waiting = threading.Thread(target=release)
    waiting.start()
    try:
        yield
    finally:
        waiting.join()
        lock.close()


def _count(counter: Counted) -> float:
    return next(iter(counter.collect())).samples[0].value


def test_burst_of_writes_sheds_the_rest_and_doubles_nothing(server: str, ledger: App, as_merchant: Headers) -> None:
    body = case_body(escrow="none")
    (_, alone), *_ = _ask(server, 1, "/v1/cases", "POST", json=body, headers=as_merchant)
    with _locked_until_shed(ledger):  # or the first are answered before the last have come
        answers = _ask(server, 60, "/v1/cases", "POST", json=body, headers=as_merchant)
    codes = Counter(answer.status_code for answer, _ in answers)
    assert set(codes) == {201, 503}, codes
    for answer, _ in answers:
        if answer.status_code == 503:
            assert answer.json()["type"] == "urn:ledger:problem:overloaded"
            assert int(answer.headers["retry-after"]) > 0
    with ledger.database.read() as session:
        assert session.execute(text("SELECT count(*) FROM cases")).scalar_one() == codes[201] + 1
    accepted = [seconds for answer, seconds in answers if answer.status_code == 201]
    # Each has at most the 12 before it to wait for, and the burst itself to be read.
    assert statistics.median(accepted) < 60 * max(alone, 0.05)


def test_same_request_fifty_times_at_once_is_one_case(server: str, ledger: App, as_merchant: Headers) -> None:
    headers = {**as_merchant, "Idempotency-Key": "the-same"}
    answers = _ask(server, 50, "/v1/cases", "POST", json=case_body(escrow="none"), headers=headers)
    assert {answer.status_code for answer, _ in answers} <= {201, 503}
    taken = {answer.json()["case_id"] for answer, _ in answers if answer.status_code == 201}
    assert len(taken) == 1
    with ledger.database.read() as session:
        assert session.execute(text("SELECT count(*) FROM cases")).scalar_one() == 1


def test_locked_database_takes_no_thread_from_readers(server: str, ledger: App, as_merchant: Headers) -> None:
    lock = sqlite3.connect(ledger.database.url.removeprefix("sqlite:///"), isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    body = case_body(escrow="none")
    codes: Counter[int] = Counter()

    def write() -> None:
        answers = _ask(server, 12, "/v1/cases", "POST", json=body, headers=as_merchant)
        codes.update(answer.status_code for answer, _ in answers)

    writing = threading.Thread(target=write)
    writing.start()
    time.sleep(1.0)
    read = _ask(server, 20, "/v1/cases", headers=as_merchant)
    assert {answer.status_code for answer, _ in read} == {200}
    assert codes == {}, "the readers did not wait for the writers"
    lock.execute("ROLLBACK")
    lock.close()
    writing.join(60)
    assert codes == {201: 12}


def test_crowd_of_readers_is_shed_and_the_monitor_is_not(server: str, as_merchant: Headers) -> None:
    seen: list[int] = []
    stop = threading.Event()

    def monitor() -> None:
        with httpx.Client(base_url=server, timeout=60) as client:
            while not stop.is_set():
                seen.extend(client.get(path).status_code for path in ("/healthz", "/metrics"))

    watching = threading.Thread(target=monitor)
    watching.start()
    answers = _ask(server, 300, "/v1/cases", headers=as_merchant)
    stop.set()
    watching.join(60)
    codes = Counter(answer.status_code for answer, _ in answers)
    assert codes[200] >= 40
    assert codes[503] > 0
    assert codes.total() == codes[200] + codes[503]
    assert set(seen) == {200}


def test_long_body_with_a_link_waits_for_no_hand_while_too_many_do(ledger: App) -> None:
    """Who asks is looked up before the rest of a long body is read, by the same hands that everybody waits for."""
    release = threading.Event()

    async def post_while_all_are_busy() -> httpx.Response:
        hands = to_thread.current_default_thread_limiter()
        crowd = [asyncio.create_task(to_thread.run_sync(release.wait)) for _ in range(int(hands.total_tokens) + 5)]
        while hands.statistics().tasks_waiting < 5:  # noqa: ASYNC110 - a limiter tells nobody when somebody waits
            await asyncio.sleep(0.01)
        transport = httpx.ASGITransport(create_app(ledger))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
                sent = client.post("/v1/status/acts", content=bytes(20_000), headers=bearer("a.b.c"))
                return await asyncio.wait_for(sent, 20)
        finally:
            release.set()
            await asyncio.gather(*crowd)

    assert asyncio.run(post_while_all_are_busy()).status_code == 503


@contextmanager
def _nobody_else_writes(ledger: App) -> Iterator[sqlite3.Connection]:
    """The connection that has the database's write lock, until the block ends or it commits."""
    lock = sqlite3.connect(
        ledger.database.url.removeprefix("sqlite:///"), isolation_level=None, check_same_thread=False
    )
    lock.execute("BEGIN IMMEDIATE")
    try:
        yield lock
        if lock.in_transaction:
            lock.execute("ROLLBACK")
    finally:
        lock.close()


def test_wrong_keys_take_no_place_in_the_line_of_milestones_while_the_database_is_stuck(
    server: str, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    first, second = (f"/v1/cases/{open_case(escrow='none')['case_id']}/milestones" for _ in range(2))
    with ThreadPoolExecutor(2) as pool, _nobody_else_writes(ledger):
        taken = [pool.submit(_ask, server, 1, first, "POST", json={"kind": "authorised"}, headers=as_merchant)]
        time.sleep(1.0)
        wrong = _ask(server, 20, second, "POST", json={"kind": "authorised"}, headers=bearer("lk_wrong"))
        assert {answer.status_code for answer, _ in wrong} == {401}
        taken.append(pool.submit(_ask, server, 1, second, "POST", json={"kind": "authorised"}, headers=as_merchant))
        time.sleep(0.5)
    assert [answer.status_code for each in taken for answer, _ in each.result()] == [202, 202]


def test_key_that_is_disabled_while_its_milestone_waits_for_the_database_takes_nothing(
    server: str, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    path = f"/v1/cases/{open_case(escrow='none')['case_id']}/milestones"
    with ThreadPoolExecutor(1) as pool, _nobody_else_writes(ledger) as lock:
        asked = pool.submit(_ask, server, 1, path, "POST", json={"kind": "authorised"}, headers=as_merchant)
        time.sleep(1.0)
        lock.execute("UPDATE accounts SET disabled_at = 1")
        lock.execute("COMMIT")
    [(answer, _)] = asked.result()
    assert answer.status_code == 401
    assert count_rows(ledger)["records"] == 1, "the opening alone"
