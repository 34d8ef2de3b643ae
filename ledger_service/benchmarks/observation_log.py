"""How appending to the log, proofs from it and memory change while it grows tenfold."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Integer
from sqlmodel import SQLModel

from ..chain.abi import CONTRACTS
from ..chain.deployments import Contract, Deployment
from ..clock import SystemClock
from ..config import Settings
from ..errors import IntegrityFailure
from ..services.app import App, make_app
from ..services.log import inclusion
from ..store.accepted import insert_many
from ..store.database import Database
from ..store.migrate import upgrade
from ..store.tables import Account, CaseRow, ObservationRow
from ..workers.anchoring import LogKeeper, Pace
from .comparing import Figure, Row
from .scale import Scale

_BATCH = 5_000
_PROOFS = 200
_TWICE = 0.5  # of the speed: no more than twice the time
_MEGABYTES = 50.0
_NOBODY = "0x" + "11" * 20


@dataclass(frozen=True, slots=True)
class _Look:
    appended: float
    proofs: float
    megabytes: float


def measure_log(folder: Path, scale: Scale) -> list[Row]:
    """On SQLite, in this process. Where the observations come from is not measured."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    app = _app(folder)
    keeper = LogKeeper(app, Pace(entries=2 * scale.logged, seconds=2**31), at_once=_BATCH)
    first = _grow(app, keeper, 0, scale.logged // 10)
    last = _grow(app, keeper, scale.logged // 10, scale.logged)
    app.database.close()
    at, peer = f"at {scale.logged:,} observations", f"the same at {scale.logged // 10:,}"
    grown = max(last.megabytes - first.megabytes, 0.0)
    return [
        Row("log.append", f"log, {at}", "entries/s", peer, _one(last.appended), _one(first.appended), _TWICE),
        Row(
            "log.proof", f"inclusion proof made, {at}", "proofs/s", peer, _one(last.proofs), _one(first.proofs), _TWICE
        ),
        Row(
            "log.memory",
            f"memory that the log takes more, {at} than at a tenth",
            "MB",
            "the most that it may be",
            _one(grown),
            _one(_MEGABYTES),
            1.0,
            "most",
        ),
    ]


def _one(figure: float) -> Figure:
    return Figure((figure,))


def _grow(app: App, keeper: LogKeeper, size: int, until: int) -> _Look:
    """The speed of the last fifth, and what holds then."""
    rates: list[float] = []
    while size < until:
        count = min(_BATCH, until - size)
        _observe(app, size, count)
        began = time.perf_counter()
        if keeper.step() != count:
            raise IntegrityFailure("A measured batch was not appended.", remedy="Repair the benchmark.")
        rates.append(count / (time.perf_counter() - began))
        size += count
    chosen = random.Random(7)  # noqa: S311 - which entries are looked at
    began = time.perf_counter()
    for _ in range(_PROOFS):
        inclusion(app, chosen.randrange(size), None, None)
    proofs = _PROOFS / (time.perf_counter() - began)
    late = sorted(rates[-max(len(rates) // 5, 1) :])
    return _Look(late[len(late) // 2], proofs, _resident())


def _observe(app: App, first: int, count: int) -> None:
    """Rows as they are taken, with nothing signed: the log reads their fingerprints alone."""
    rows = [
        {
            "observation_id": f"obs_{number}",
            "case_id": _case_id(),
            "kind": "noted",
            "role": "merchant",
            "signer": _NOBODY,
            "key_holder": "service",
            "canonical": b"{}",
            "commitment": f"0x{number:064x}",
            "signature": b"",
            "occurred_at": 0,
            "accepted_at": 0,
            "receipt": "",
            "source": None,
            "log_index": None,
        }
        for number in range(first, first + count)
    ]
    with app.database.write() as session:
        insert_many(session, ObservationRow, rows)


def _case_id() -> str:
    return "0x" + "5a" * 32


def _app(folder: Path) -> App:
    """An installation with one case and no chain."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(_env_file=None, data=folder, database_url=f"sqlite:///{folder / 'ledger.db'}")
    database = Database(settings.database)
    upgrade(database)
    nowhere = Contract(_NOBODY, "0x" + "00" * 32, "0x" + "00" * 32)
    deployment = Deployment(1, "0x" + "00" * 32, 0, _NOBODY, _NOBODY, dict.fromkeys(CONTRACTS, nowhere))
    with database.write() as session:
        session.add(Account(id=1, name="Bench", role="merchant", address=_NOBODY, api_key_hash="", created_at=0))
        session.flush()
        session.add(CaseRow(**_blank(CaseRow), case_id=_case_id(), account_id=1, mode="none", refund_minor=1))
    return make_app(settings, deployment, SystemClock(), database)


def _blank(table: type[SQLModel]) -> dict[str, Any]:
    """A value for every column that has to have one, of no meaning."""
    chosen = ("case_id", "account_id", "mode", "refund_minor")
    columns = SQLModel.metadata.tables[str(table.__tablename__)].columns
    return {
        column.name: 0 if isinstance(column.type, Integer) else ""
        for column in columns
        if not column.nullable and column.name not in chosen
    }


def _resident() -> float:
    """The memory that this process holds now, in MB; 0 where the machine does not say (it is read from /proc)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError):
        return 0.0
    return pages * 4096 / 1e6
