"""A database that is locked, full, or cut off: requests fail openly, and what was answered for is there."""

from __future__ import annotations

import contextlib
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import event, text

from ledger_service.chain.local import LocalChain
from ledger_service.store.database import Database

from .disks import small_disk
from .lives import Nursery
from .oracle import after_each
from .site import Site
from .tally import tried
from .traffic import Traffic

_HOLDER = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""
ONE = {name: pytest.mark.parametrize("chain", [name], indirect=True) for name in ("ganache", "anvil")}
WITH_SQLITE, WITH_POSTGRESQL = ONE["ganache"], ONE["anvil"]


def check(site: Site, traffic: Traffic) -> None:
    traffic.again()
    assert not traffic.unanswered
    assert not traffic.refused
    site.settle()
    after_each(site, traffic.acknowledged, strangers=traffic.strangers)


# --- locked ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _held_by_another_process(database: Database) -> Iterator[None]:
    """BEGIN IMMEDIATE by a process of its own."""
    path = database.url.removeprefix("sqlite:///")
    command = [sys.executable, "-c", _HOLDER, path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("\n")


@contextlib.contextmanager
def _impatient(database: Database) -> Iterator[None]:
    """The product waits for thirty seconds for a lock; here it is a fifth of one."""

    def shorten(connection: Any, *_: object) -> None:
        connection.execute("PRAGMA busy_timeout=200")

    event.listen(database.engine, "checkout", shorten)
    try:
        yield
    finally:
        event.remove(database.engine, "checkout", shorten)
        database.engine.dispose()


@WITH_SQLITE
def test_locked_sqlite_refuses_requests_and_loses_nothing(site: Site, traffic: Traffic) -> None:
    traffic.some(3)
    with _impatient(site.database), _held_by_another_process(site.database):
        before = len(traffic.acknowledged)
        traffic.some(2)
        site.run_for(0.5)
        assert len(traffic.acknowledged) == before
        assert len(traffic.unanswered) == 2
    check(site, traffic)
    tried("database locked")


@WITH_SQLITE
def test_sqlite_locked_for_a_moment_is_waited_for(site: Site, traffic: Traffic) -> None:
    with _held_by_another_process(site.database):
        sending = threading.Thread(target=traffic.some, args=(3,))
        sending.start()
        time.sleep(0.7)
        assert sending.is_alive()
    sending.join(30)
    assert not traffic.unanswered
    check(site, traffic)
    tried("database locked")


@WITH_POSTGRESQL
def test_locked_postgresql_is_waited_for(site: Site, traffic: Traffic) -> None:
    with site.database.engine.connect() as other:
        for table in ("records", "outbox", "chain_cursor", "transactions"):
            other.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
        sending = threading.Thread(target=traffic.some, args=(3,))
        sending.start()
        time.sleep(0.7)
        assert sending.is_alive()
        other.rollback()
    sending.join(30)
    assert not traffic.unanswered
    check(site, traffic)
    tried("database locked")


# --- cut off ---------------------------------------------------------------------------------------------------------


@WITH_POSTGRESQL
@pytest.mark.parametrize("rounds", [8, pytest.param(80, marks=pytest.mark.long)])
def test_cut_connections_lose_nothing(site: Site, traffic: Traffic, rng: Random, rounds: int) -> None:
    """Every connection is ended by the server, at any moment, while requests and workers use them."""
    stopping = threading.Event()
    cutting = threading.Thread(target=_cut, args=(site.database.url, stopping, Random(rng.random())))
    cutting.start()
    try:
        for _ in range(rounds):
            traffic.some(4)
            site.run_for(0.2)
    finally:
        stopping.set()
        cutting.join()
    check(site, traffic)
    tried("database connections cut", rounds)


def _cut(url: str, stopping: threading.Event, rng: Random) -> None:
    other = Database(url)
    others = "datname = current_database() AND pid <> pg_backend_pid()"
    cut = text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
    while not stopping.wait(rng.uniform(0.02, 0.3)):
        with other.engine.connect() as connection:
            connection.execute(cut)
    other.close()


# --- full ------------------------------------------------------------------------------------------------------------


@WITH_SQLITE
def test_full_database_refuses_requests_and_loses_nothing(site: Site, traffic: Traffic) -> None:
    """SQLite's own answer to a full disk (SQLITE_FULL), which `max_page_count` brings about."""

    def limit(connection: Any, *_: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(site.database.engine, "checkout", limit)
    site.database.engine.dispose()
    _refuse_some(site, traffic, rounds=40)
    event.remove(site.database.engine, "checkout", limit)
    site.database.engine.dispose()
    site.restart()
    check(site, traffic)
    tried("disk full")


@WITH_POSTGRESQL
def test_full_postgresql_refuses_requests_and_loses_nothing(chain: LocalChain, tmp_path: Path, rng: Random) -> None:
    """PostgreSQL's tables lie on a disk that something else has filled; then there is room again."""
    with small_disk() as disk, Site(tmp_path, chain, disk.url()) as site:
        traffic = Traffic(site, rng)
        traffic.some(4)
        site.settle()
        traffic.some(4)  # which are on their way when the disk is full
        with disk.full(site.database.url):
            _refuse_some(site, traffic, rounds=200)
            assert site.workers.health().failures, "Nobody is told of it."
        check(site, traffic)
    tried("disk full")


@WITH_SQLITE
def test_disk_that_takes_no_more_bytes_loses_nothing(site: Site, traffic: Traffic, nursery: Nursery) -> None:
    """A real service whose files the kernel lets grow no further (RLIMIT_FSIZE)."""
    files = [path.stat().st_size for path in Path(site.folder).glob("ledger.db*")]
    with nursery.start() as service:
        assert service.is_up()
        traffic.post = service.client.post
        traffic.some(3)
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (max(files) + 20_000, max(files) + 20_000))
        for _ in range(60):
            traffic.some(1)
            if len(traffic.unanswered) > 3:
                break
    traffic.post = None
    assert traffic.unanswered
    site.restart()
    check(site, traffic)
    tried("disk full")


def _refuse_some(site: Site, traffic: Traffic, rounds: int) -> None:
    """What no longer fits is refused, openly."""
    for _ in range(rounds):
        traffic.some(1)
        site.workers.round()
        if len(traffic.unanswered) > 3:
            break
    assert traffic.unanswered
    assert traffic.statuses.keys() <= {201, 202, 503}
