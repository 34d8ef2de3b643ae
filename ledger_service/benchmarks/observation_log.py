"""How appending to the log, proofs from it and memory change while it grows tenfold."""

from __future__ import annotations

import logging
import random
import time
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
from .comparing import Figure, Row, in_turns
from .scale import Scale

_BATCH = 5_000
_PROOFS = 200
_TWICE = 0.5  # of the speed: no more than twice the time
_MEGABYTES = 50.0
_NOBODY = "0x" + "11" * 20


class _Log:
    """A log of so many entries, on SQLite, in this process. Where the observations come from is not measured."""

    def __init__(self, folder: Path, size: int) -> None:
        self.app = _app(folder)
        self._keeper = LogKeeper(self.app, Pace(entries=2**31, seconds=2**31), at_once=_BATCH)
        self._batch = min(_BATCH, size // 5)
        self._size = 0
        self._random = random.Random(7)  # noqa: S311 - which entries are looked at
        while self._size < size:
            self.append()

    def append(self) -> float:
        """Entries a second."""
        _observe(self.app, self._size, self._batch)
        began = time.perf_counter()
        if self._keeper.step() != self._batch:
            raise IntegrityFailure("A measured batch was not appended.", remedy="Repair the benchmark.")
        self._size += self._batch
        return self._batch / (time.perf_counter() - began)

    def prove(self) -> float:
        """Proofs a second, under the newest checkpoint."""
        began = time.perf_counter()
        for _ in range(_PROOFS):
            inclusion(self.app, self._random.randrange(self._size), None, None)
        return _PROOFS / (time.perf_counter() - began)


def measure_log(folder: Path, scale: Scale) -> list[Row]:
    """A large log beside one of a tenth, in turns."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    tenth = _Log(folder / "tenth", scale.logged // 10)
    before = _resident()
    whole = _Log(folder / "whole", scale.logged)
    grown = max(_resident() - before, 0.01)
    large, small, proven, proven_before = in_turns(
        max(scale.rounds, 3), whole.append, tenth.append, whole.prove, tenth.prove
    )
    for log in (tenth, whole):
        log.app.database.close()
    at, peer = f"at {scale.logged:,} observations", f"the same at {scale.logged // 10:,}"
    more = "memory that the log takes more"
    limit = "the most that it may be"
    return [
        Row("log.append", f"log, {at}", "entries/s", peer, large, small, _TWICE),
        Row("log.proof", f"inclusion proof made, {at}", "proofs/s", peer, proven, proven_before, _TWICE),
        Row("log.memory", f"{more}, {at}", "MB", limit, _one(grown), _one(_MEGABYTES), 1.0, "most"),
    ]


def _one(figure: float) -> Figure:
    return Figure((figure,))


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
