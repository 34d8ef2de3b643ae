"""The log of observations on real chains: anchored once whatever is killed, taken back or away, and provable."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from databases import Databases
from sqlalchemy import Connection, text
from sqlmodel import Session, select

from ledger_service.chain.anchors import latest_anchor
from ledger_service.chain.case_reader import FullReader
from ledger_service.chain.rpc import Rpc
from ledger_service.domain.hashing import hex0x
from ledger_service.errors import Conflict, IntegrityFailure, Interrupted
from ledger_service.services.app import make_app
from ledger_service.services.audit import audit
from ledger_service.services.backup import make_backup, restore_backup
from ledger_service.services.bundles import make_bundle
from ledger_service.services.caretaking import release
from ledger_service.services.links import ACTING, LinkClaims
from ledger_service.services.log_audit import log_problems, log_problems_of_case
from ledger_service.services.observation_data import ObservationInput
from ledger_service.services.observations import observe_by_link
from ledger_service.store import observation_log as sql
from ledger_service.store.database import Database
from ledger_service.store.migrate import upgrade
from ledger_service.store.tables import (
    ChainAnchor,
    LogCheckpoint,
    LogTile,
    ObservationRow,
    TransactionRow,
)
from ledger_service.verification import verify_bundle
from ledger_service.workers.anchoring import LogKeeper
from ledger_service.workers.indexer import Indexer
from ledger_service.workers.rebuilding import rebuild

from .conftest import World
from .observing import NOW_AND_AGAIN, Log, log
from .test_faults import Undo, reorg

__all__ = ["log", "reorg"]  # fixtures


def _check(report: Any, number: int) -> Any:
    return next(check for check in report.checks if check.number == number)


def test_observations_are_anchored_and_anybody_can_verify_them(log: Log) -> None:
    log.state(3)
    assert log.stages() == ["accepted"] * 3
    assert _check(log.verdict(), 7).result == "pending"
    log.run_until_anchored()
    size, root = latest_anchor(log.rpc, log.app.deployment.anchor)
    (checkpoint,) = [row for row in log.rows(LogCheckpoint) if row.size == size]
    assert (size, hex0x(root)) == (3, checkpoint.root)

    report = log.verdict()
    assert report.verdict == "verified", [check for check in report.checks if check.result != "pass"]
    assert _check(report, 7).result == "pass"
    observed = [row for row in report.rows if row.kind == "reading"]
    assert [row.stage for row in observed] == ["anchored"] * 3
    assert all([check.number for check in row.checks] == [1, 2, 3, 7] for row in observed)

    log.state(2)  # which no anchor covers yet
    log.keeper.step()
    assert log.stages() == ["anchored"] * 3 + ["logged"] * 2
    assert _check(log.verdict(), 7).result == "pending"
    log.run_until_anchored()
    assert log.verdict().verdict == "verified"
    assert log.on_chain() == [3, 5]


def test_what_the_consumer_noted_verifies_like_all_else(log: Log) -> None:
    link = LinkClaims(log.case_id, "jti", ACTING, expires_at=log.app.clock.seconds() + 60)
    noted = ObservationInput(kind="noted", data={"note": "The box was open when it came."})
    observe_by_link(log.app, link, noted)
    log.run_until_anchored()
    report = log.verdict()
    assert report.verdict == "verified", [check for check in report.checks if check.result != "pass"]
    (row,) = [row for row in report.rows if row.kind == "noted"]
    assert [check.result for check in row.checks] == ["pass"] * 4
    assert "consumer" in row.checks[2].detail


def test_evidence_that_was_changed_fails(log: Log) -> None:
    log.state(3)
    log.run_until_anchored()
    for change, failed in _CHANGES.items():
        bundle = make_bundle(log.app, log.case_id)
        _change(bundle["evidence"], change)
        report = verify_bundle(bundle, FullReader(log.rpc))
        numbers = {check.number for check in report.checks if check.result == "fail"} - {0}
        assert failed in numbers, (change, report.as_json())


_CHANGES = {
    "canonical": 1,
    "signature": 2,
    "proof": 7,
    "index": 7,
    "note": 7,
    "anchor": 7,
    "contract": 2,
    "receipt": 7,
    "twice": 1,
    "no checkpoint": 7,
    "no observations": 7,
}


def _change(evidence: dict[str, Any], what: str) -> None:
    first, second, checkpoint = *evidence["observations"][:2], evidence["checkpoint"]
    if what == "canonical":
        first["canonical"] = first["canonical"].replace("4.5", "9.5")
    elif what in ("signature", "receipt"):
        first[what] = second[what]
    elif what == "proof":
        first["proof"] = first["proof"][::-1]
    elif what == "index":
        first["index"], second["index"] = second["index"], first["index"]
    elif what == "note":
        checkpoint["note"] = checkpoint["note"].replace("\n3\n", "\n4\n")
    elif what == "anchor":
        checkpoint["anchor"]["tx_hash"] = evidence["links"][0]["tx_hash"]
    elif what == "contract":
        checkpoint["contract"] = evidence["chain"]["ledger"]
    elif what == "twice":
        evidence["observations"].append(first)
    elif what == "no checkpoint":
        evidence["checkpoint"] = None
    else:
        evidence["observations"] = []


def test_kill_between_signing_and_broadcast_anchors_once(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    log.run_until(log.is_at_rest)
    log.state(4)

    class Killed(BaseException):
        pass

    def die(_rows: Any) -> None:
        raise Killed

    writer = log.workers._submitter.writers[0]
    monkeypatch.setattr(writer, "broadcast", die)
    with pytest.raises(Killed):
        log.run_until(lambda: False)
    assert log.on_chain() == []
    assert log.stages() == ["logged"] * 4
    log.start_workers()
    log.run_until_anchored()
    assert log.on_chain() == [4]
    roots = {(row.writer, row.nonce) for row in log.rows(TransactionRow)}
    assert len(roots) == len({row.root for row in log.rows(TransactionRow)})


def test_kill_inside_of_an_append_leaves_nothing_and_the_next_goes_on(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.state(300)
    log.keeper.step()
    log.state(5)
    before = log.rows(LogTile), log.rows(LogCheckpoint)
    append = sql.append

    def die(*args: Any) -> None:
        append(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(sql, "append", die)
    with pytest.raises(KeyboardInterrupt):
        log.keeper.step()
    assert (log.rows(LogTile), log.rows(LogCheckpoint)) == before
    monkeypatch.undo()
    log.keeper.step()
    assert sorted(row.log_index for row in log.rows(ObservationRow)) == list(range(305))
    log.run_until(lambda: log.on_chain()[-1:] == [305])


def test_reorg_of_an_anchor_takes_the_stage_back_and_anchors_again(log: Log, reorg: Undo) -> None:
    log.run_until(log.is_at_rest)
    log.state(2)
    log.keeper.step()
    reorg.mark()
    log.run_until_anchored()
    reorg.undo()
    assert log.on_chain() == []

    log.workers._index()
    assert log.stages() == ["logged"] * 2
    assert log.rows(ChainAnchor) == []
    log.run_until_anchored()
    assert log.on_chain() == [2]
    assert log.verdict().verdict == "verified"


def test_log_grows_while_the_chain_is_away_and_is_anchored_afterwards(log: Log) -> None:
    log.state(2)
    log.run_until_anchored()
    nowhere = Rpc("http://127.0.0.1:9", timeout=1)
    log.start_workers(nowhere)
    for _ in range(3):
        log.state(2)
        log.keeper.step()
    assert log.stages() == ["anchored"] * 2 + ["logged"] * 6
    log.workers.round()
    assert log.on_chain() == [2]
    log.start_workers()
    log.run_until_anchored()
    assert log.on_chain()[-1] == 8
    nowhere.close()


def test_two_workers_at_once_append_each_entry_once(log: Log) -> None:
    keepers = [LogKeeper(log.app, NOW_AND_AGAIN, at_once=7) for _ in range(4)]

    def run(keeper: LogKeeper) -> None:
        for _ in range(12):
            with suppress(Conflict, Interrupted):  # another one was faster
                keeper.step()

    with ThreadPoolExecutor(5) as pool:
        stating = pool.submit(lambda: [log.state(9) for _ in range(12)])
        list(pool.map(run, keepers))
        stating.result()
    while keepers[0].step():
        pass
    rows = log.rows(ObservationRow)
    assert sorted(row.log_index for row in rows) == list(range(108))
    by_place = {row.log_index: row.commitment for row in rows}
    with log.app.database.read() as session:
        assert sql.entries(session, 0, 108) == [by_place[index] for index in range(108)]
    log.run_until_anchored()
    assert log.verdict().verdict == "verified"


def test_database_that_is_older_than_the_chain_appends_nothing(log: Log) -> None:
    log.state(3)
    log.run_until_anchored()
    with log.app.database.write() as session:  # as a backup from before would have it
        for row in session.exec(select(ObservationRow)):
            row.log_index = None
        for table in (LogTile, LogCheckpoint):
            for kept in session.exec(select(table)):
                session.delete(kept)
    log.state(1)
    with pytest.raises(IntegrityFailure, match="does not lead to"):
        log.keeper.step()
    assert log.rows(LogCheckpoint) == []


@pytest.fixture
def migrated_log(world: World, databases: Databases, tmp_path: Path) -> Iterator[Log]:
    """With a database of which backups are made."""
    database = databases.open(databases.empty_url())
    upgrade(database)
    log = Log(world, database, tmp_path / "installation")
    yield log
    log.close()


def test_restored_database_appends_nothing_before_it_knows_the_chain(
    migrated_log: Log, databases: Databases, tmp_path: Path
) -> None:
    """Its log would be a second one, with checkpoints of its own under the same name."""
    log = migrated_log
    log.state(3)
    log.run_until_anchored()
    log.state(1)  # which the log lacks yet
    file = tmp_path / "before.zip"
    make_backup(log.app.settings.data, log.app.database, file, log.app.clock, lambda *_: None)
    log.state(2)
    log.run_until_anchored()
    empty = databases.open(databases.empty_url())
    restore_backup(log.app.settings.data, empty, file, lambda *_: None)
    reborn = make_app(log.app.settings, log.app.deployment, log.app.clock, empty)
    keeper = LogKeeper(reborn, NOW_AND_AGAIN, head=lambda: log.rpc.latest().number)

    def sizes() -> list[int]:
        with empty.read() as session:
            return sorted(row.size for row in session.exec(select(LogCheckpoint)))

    assert keeper.step() == 0
    assert sizes() == [3]
    indexer = Indexer(empty, log.rpc, reborn.deployment, reborn.policies.by_id)
    rebuild(empty, log.rpc, reborn.clock, indexer, lambda _: None)
    assert keeper.step() == 0, "nobody has looked yet at what was erased since"
    release(reborn)
    with pytest.raises(IntegrityFailure, match="does not lead to"):
        keeper.step()
    assert sizes() == [3]


def test_log_of_a_service_that_begins_waits_for_the_index(log: Log) -> None:
    """An older copy of the database's files has no hold on it."""
    log.state(3)
    log.run_until_anchored()
    log.state(1)
    log.world.chain.rpc.call("evm_mine")
    keeper = LogKeeper(log.app, NOW_AND_AGAIN, head=lambda: log.rpc.latest().number)
    assert keeper.step() == 0
    log.workers._index()
    assert keeper.step() == 1


# --- the audit -------------------------------------------------------------------------------------------------------


_SPOILED: dict[str, tuple[str, str]] = {
    "UPDATE observations SET occurred_at = occurred_at + 1 WHERE log_index = 1": ("observations", "occurred_at"),
    "UPDATE observations SET kind = 'noted' WHERE log_index = 2": ("observations", "kind"),
    "UPDATE observations SET signature = canonical WHERE log_index = 1": ("observations", "signer, signature"),
    "UPDATE observations SET receipt = 'x' WHERE log_index = 1": ("observations", "receipt"),
    "UPDATE observations SET log_index = NULL WHERE log_index = 1": ("observations", ""),
    "UPDATE observations SET log_index = 900 WHERE log_index = 299": ("observations", ""),
    "UPDATE log_tiles SET hashes = (SELECT hashes FROM log_tiles WHERE level = 0 AND number = 1) "
    "WHERE level = 0 AND number = 0": ("log_tiles", "hashes"),
    "DELETE FROM log_tiles WHERE level = 1": ("log_tiles", "hashes"),
    "INSERT INTO log_tiles SELECT 3, 7, hashes FROM log_tiles WHERE level = 1": ("log_tiles", ""),
    "UPDATE log_checkpoints SET root = '0x11'": ("log_checkpoints", "root"),
    "UPDATE log_checkpoints SET note = 'x'": ("log_checkpoints", "note"),
    "DELETE FROM log_checkpoints": ("observations", "log_index"),
    "UPDATE chain_anchors SET root = '0x11'": ("chain_anchors", "root"),
    "DELETE FROM chain_anchors": ("chain_anchors", ""),
}


def test_audit_finds_what_was_changed_in_the_log(log: Log) -> None:
    log.state(150)
    log.state(150)
    log.run_until_anchored()
    assert list(log_problems(log.app, log.rpc)) == []
    for statement, (table, column) in _SPOILED.items():
        with log.app.database.engine.connect() as connection:
            spoiled = Spoiled(connection)
            connection.execute(text(statement))
            found = list(log_problems(replace(log.app, database=spoiled), log.rpc))
            connection.rollback()
        assert (table, column) in {(one.table, one.column or "") for one in found}, (statement, found)
    assert list(log_problems(log.app, log.rpc)) == []


_SPOILED_CASE = {
    "UPDATE observations SET signature = (SELECT signature FROM observations WHERE seq = 2) WHERE seq = 1": 1,
    "UPDATE observations SET log_index = NULL WHERE seq = 1; UPDATE observations SET log_index = 0 WHERE seq = 2": 1,
    "DELETE FROM log_tiles": 6,
    "DELETE FROM log_checkpoints": 6,
}


def test_audit_of_one_case_finds_what_is_wrong_with_its_observations(log: Log) -> None:
    for count in (3, 2):
        log.state(count)
        log.run_until_anchored()
    log.state()
    log.keeper.step()  # in the log, and under no anchor yet
    report = audit(log.app, case_id=log.case_id)
    assert report["ok"], report["problems"]
    for statements, least in _SPOILED_CASE.items():
        with log.app.database.engine.connect() as connection:
            spoiled = Spoiled(connection)
            for statement in statements.split("; "):
                connection.execute(text(statement))
            found = list(log_problems_of_case(replace(log.app, database=spoiled), log.rpc, log.case_id))
            connection.rollback()
        assert len([one for one in found if one.table == "observations"]) >= least, (statements, found[:3])


class Spoiled(Database):
    """A database as one connection sees it, which undoes in the end what it changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def read(self) -> Iterator[Session]:
        with Session(self._connection, expire_on_commit=False) as session:
            yield session
