"""The drill: yesterday's backup, a day of more life, the database destroyed, and what comes back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from asking import account_of
from databases import Databases, databases_in
from faults.site import Site
from faults.traffic import Traffic
from sqlmodel import select

from ledger_service.chain.deployments import read_deployment
from ledger_service.chain.local import LocalChain
from ledger_service.clock import SystemClock
from ledger_service.commands.service import make_workers
from ledger_service.services.acting import state_milestone
from ledger_service.services.app import App, make_app
from ledger_service.services.audit import audit
from ledger_service.services.inputs import CaseInput, MilestoneInput
from ledger_service.services.opening import open_case
from ledger_service.store.database import Database
from ledger_service.store.tables import ChainRecord, OutboxRow, RecordRow, TransactionRow

from .conftest import DATABASE_WITH
from .running import LEDGER, ROOT


@pytest.fixture(params=["ganache", "anvil"])
def chain(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LocalChain]:
    """Of its own: its clock is the machine's."""
    chain = LocalChain(request.param, tmp_path / "chain")
    chain.start()
    yield chain
    chain.stop()


@pytest.fixture
def databases(chain: LocalChain, tmp_path: Path) -> Iterator[Databases]:
    with databases_in(DATABASE_WITH[chain.name], tmp_path) as made:
        yield made


@pytest.fixture
def site(chain: LocalChain, databases: Databases, tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path / "data", chain, databases.empty_url()) as site:
        yield site


class Reborn:
    """The installation once more: its keys in another folder, an empty database, and a backup."""

    def __init__(self, site: Site, url: str, folder: Path) -> None:
        self.site, self.url, self.folder = site, url, folder
        for kept in ("secrets", "keys"):
            shutil.copytree(site.folder / kept, folder / kept)

    def ledger(self, *arguments: str, code: int = 0) -> str:
        return ledger(self.site, self.folder, self.url, *arguments, code=code)

    def audit(self) -> list[dict[str, Any]]:
        settings = self.site.settings.model_copy(update={"data": self.folder, "database_url": self.url})
        deployment = read_deployment(self.folder, self.site.deployment.chain_id)
        app = make_app(settings, deployment, SystemClock(), Database(self.url))
        try:
            return list(audit(app)["problems"])
        finally:
            app.database.close()


def ledger(site: Site, folder: Path, url: str, *arguments: str, code: int = 0) -> str:
    """A command as the operator gives it."""
    settings = {"LEDGER_CHAIN": site.via, "LEDGER_DATABASE_URL": url, "LEDGER_CONFIRMATIONS": "0"}
    done = subprocess.run(
        [str(LEDGER), *arguments, "--data", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, **settings},
        timeout=120,
    )
    assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def all_links(database: Database) -> list[dict[str, Any]]:
    with database.read() as session:
        query = select(ChainRecord).order_by(ChainRecord.case_id, ChainRecord.position)
        return [link.model_dump() for link in session.exec(query)]


def test_a_backup_of_all_there_is_comes_back_clean(site: Site, databases: Databases, tmp_path: Path) -> None:
    traffic = Traffic(site, Random(1))
    traffic.some(20)
    traffic.finish()
    site.settle()
    before = all_links(site.database)
    said = json.loads(ledger(site, site.folder, site.database.url, "backup", str(tmp_path / "b.zip"), "--json"))
    assert {part["name"]: part.get("rows") for part in said["parts"]}["tables/records.jsonl"] >= 20
    reborn = Reborn(site, databases.empty_url(), tmp_path / "new")
    assert json.loads(reborn.ledger("restore", str(tmp_path / "b.zip"), "--json"))["missing"] == []
    reborn.ledger("rebuild")
    assert json.loads(reborn.ledger("audit", "--json"))["problems"] == []
    database = databases.open(reborn.url)
    assert all_links(database) == before
    with database.read() as session:
        assert session.exec(select(OutboxRow).where(OutboxRow.done.is_(False))).all() == []


def test_what_came_after_yesterdays_backup_is_named_and_nothing_is_doubled(
    site: Site, databases: Databases, tmp_path: Path
) -> None:
    traffic = Traffic(site, Random(2))
    traffic.some(12)
    site.settle()
    traffic.some(8)  # accepted, and on their way when the backup is made
    ledger(site, site.folder, site.database.url, "backup", str(tmp_path / "b.zip"))
    with site.database.read() as session:
        kept = set(session.exec(select(RecordRow.commitment)).all())
    site.settle()
    traffic.some(25)
    site.settle()
    links = all_links(site.database)
    site.workers.stop()

    reborn = Reborn(site, databases.empty_url(), tmp_path / "new")
    reborn.ledger("restore", str(tmp_path / "b.zip"))
    reborn.ledger("rebuild")
    database = databases.open(reborn.url)
    assert all_links(database) == links

    ours = [link for link in links if int(link["commitment"], 16)]
    lost = {(link["case_id"], link["position"]) for link in ours if link["commitment"] not in kept}
    known = {link["case_id"] for link in ours if link["position"] == 0 and link["commitment"] in kept}
    problems = reborn.audit()
    assert lost, "nothing happened after the backup"
    for case_id, position in lost:
        named = [problem for problem in problems if problem.get("case_id") == case_id]
        assert named, f"case {case_id} is not named"
        if case_id in known:
            assert position in {problem.get("position") for problem in named}, (position, named)
    assert {problem.get("case_id") for problem in problems} <= {case_id for case_id, _ in lost}

    go_on(reborn, database, links)


def go_on(reborn: Reborn, database: Database, links: list[dict[str, Any]]) -> None:
    """The workers take up what was on its way, double nothing, and new records find their way."""
    site = reborn.site
    settings = site.settings.model_copy(update={"data": reborn.folder, "database_url": reborn.url})
    app = make_app(settings, read_deployment(reborn.folder, site.deployment.chain_id), SystemClock(), database)
    workers = make_workers(app, site.rpc)
    workers.register_policies()

    def rest() -> None:
        until = time.monotonic() + 40
        while workers.round() or waiting(database):
            assert time.monotonic() < until, (waiting(database), workers.health())

    try:
        rest()
        assert all_links(database) == links
        body = Traffic(site, Random(3))._opening().body
        opened = open_and_authorise(app, site.shop["api_key"], body)
        rest()
        states = [link["kind"] for link in all_links(database) if link["case_id"] == opened]
        assert states == ["requested", "authorised"]
        with database.read() as session:
            sent = sorted(
                {row.nonce for row in session.exec(select(TransactionRow)) if row.writer == site.keys["writer"].address}
            )
        assert sent[-1] + 1 == site.chain.rpc.nonce(site.keys["writer"].address)
    finally:
        workers.stop()


def waiting(database: Database) -> list[Any]:
    """What is on its way."""
    with database.read() as session:
        rows = session.exec(select(OutboxRow).where(OutboxRow.done.is_(False)))
        return [*rows, *session.exec(select(TransactionRow).where(TransactionRow.settled.is_(False)))]


def open_and_authorise(app: App, api_key: str, body: dict[str, Any]) -> str:
    shop = account_of(app, api_key)
    case_id = str(open_case(app, shop, CaseInput.model_validate(body))["case_id"])
    state_milestone(app, shop, case_id, MilestoneInput(kind="authorised"))
    return case_id
