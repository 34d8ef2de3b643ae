"""What the workers destroy because the chain says so: for good alone, not while something is under way, and whenever
the record was read."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete, text
from sqlmodel import select

from api.examples import CASE
from ledger_service.domain.vocabulary import Kind
from ledger_service.services import caretaking
from ledger_service.services.app import App
from ledger_service.services.caretaking import Caretaker, release
from ledger_service.services.inputs import CaseInput
from ledger_service.services.opening import open_case
from ledger_service.store.database import Database
from ledger_service.store.privacy import RESTORED
from ledger_service.store.tables import (
    Account,
    CaseKey,
    ChainCase,
    ChainCursor,
    ChainRecord,
    ChainRefusal,
    Erasure,
    Hold,
    Mail,
    OutboxRow,
    RecordRow,
)

_RECORD = dict.fromkeys(("role", "actor", "commitment", "entry", "head", "block_hash", "tx_hash"), "")
_CASE = dict.fromkeys(("state", "mode", "grade", "nonces", "head", "merchant", "consumer", "token", "policy"), "")
_NUMBERS = dict.fromkeys(("flags", "deadline", "due", "length", "share", "fee"), 0)
NEEDED = 12


class House:
    """A case that has ended, with its key; what the indexer would write is written by hand."""

    def __init__(self, app: App, shop: Account) -> None:
        self.app = replace(app, settings=app.settings.model_copy(update={"confirmations": NEEDED}))
        self.database = app.database
        body = CaseInput.model_validate({**CASE, "escrow": "none"})
        self.case_id = str(open_case(app, shop, body)["case_id"])
        self.keep(ChainCursor(id=1, block_number=0, block_hash="0x"))
        with self.database.write() as session:
            session.execute(delete(OutboxRow))
            session.execute(delete(Mail))

    def keep(self, row: Any) -> None:
        with self.database.write() as session:
            session.merge(row)

    def erased_at(self, block: int) -> None:
        values = _RECORD | {"case_id": self.case_id, "position": 9, "kind": Kind.ERASED.wire}
        self.keep(ChainRecord(**values, time=0, block_number=block, log_index=0))

    def read_up_to(self, block: int) -> None:
        self.keep(ChainCursor(id=1, block_number=block, block_hash="0x"))

    @property
    def has_key(self) -> bool:
        with self.database.read() as session:
            return session.get(CaseKey, self.case_id) is not None

    @property
    def is_held(self) -> bool:
        with self.database.read() as session:
            return session.get(Hold, RESTORED) is not None


@pytest.fixture
def house(app: App, shop: Account) -> House:
    return House(app, shop)


def care(caretaker: Caretaker) -> None:
    """Without the pause between two."""
    caretaker._not_before = 0.0
    caretaker.step()


def test_erasure_in_a_block_that_may_go_destroys_nothing(house: House) -> None:
    house.erased_at(5_000)
    caretaker = Caretaker(house.app, lambda: 0)
    house.read_up_to(5_000 + NEEDED - 1)
    care(caretaker)
    assert house.has_key
    house.read_up_to(5_000 + NEEDED)
    care(caretaker)
    assert not house.has_key


@pytest.mark.parametrize("what", ["money", "mail", "record"])
def test_what_is_under_way_is_waited_for_however_long_it_takes(house: House, what: str) -> None:
    case_id = house.case_id
    house.erased_at(5)
    rows: dict[str, Any] = {
        "money": ChainCase(**_CASE | _NUMBERS | {"case_id": case_id, "to_consumer": 7, "withdrawn": 0}, block_number=5),
        "mail": Mail(case_id=case_id, position=9, template="closed", due_at=0),
        "record": OutboxRow(action="withdraw", subject=case_id, case_id=case_id, created_at=0),
    }
    house.keep(rows[what])
    caretaker = Caretaker(house.app, lambda: 0)
    for block in (5 + NEEDED, 10_000, 20_000):
        house.read_up_to(block)
        care(caretaker)
        assert house.has_key
    with house.database.write() as session:
        session.execute(text("UPDATE chain_cases SET withdrawn = to_consumer"))
        session.execute(delete(Mail))
        session.execute(delete(OutboxRow))
    care(caretaker)
    assert not house.has_key


def test_what_was_read_while_it_worked_is_looked_at_next(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    clear, caretaker = caretaking.clear, Caretaker(house.app, lambda: 0)
    house.read_up_to(2_000)

    def slow(app: App) -> Any:
        house.erased_at(3_000)
        house.read_up_to(50_000)
        return clear(app)

    with monkeypatch.context() as patch:
        patch.setattr(caretaking, "clear", slow)
        care(caretaker)
    assert house.has_key
    care(caretaker)
    assert not house.has_key


def test_restored_case_stays_closed_until_its_erasure_is_final(house: House) -> None:
    """The mail of the backup is no reason to wait: it had gone, or been dropped, when the case was erased."""
    house.keep(Hold(name=RESTORED, since=0))
    house.keep(Mail(case_id=house.case_id, position=9, template="closed", due_at=0))
    house.erased_at(100)
    house.read_up_to(100)
    release(house.app)
    assert (house.has_key, house.is_held) == (True, True)
    house.read_up_to(100 + NEEDED)
    care(Caretaker(house.app, lambda: 100))
    assert (house.has_key, house.is_held) == (False, False)


@pytest.mark.parametrize("is_restored", [True, False])
def test_restored_backup_keeps_nothing_of_what_was_never_opened(house: House, is_restored: bool) -> None:
    """The chain takes no record of such an erasure, so that it could be any of them."""
    if is_restored:
        house.keep(Hold(name=RESTORED, since=0))
    with house.database.read() as session:
        record = session.exec(select(RecordRow).where(RecordRow.case_id == house.case_id)).one()
    sent = {"action": "open", "subject": house.case_id, "case_id": house.case_id, "record_id": record.record_id}
    house.keep(OutboxRow(**sent, created_at=0, done=True))
    said = {"case_id": house.case_id, "commitment": record.commitment, "reason": "PolicyUnknown()", "tx_hash": "0x"}
    house.keep(ChainRefusal(**said, block_number=100, log_index=0))
    caretaker = Caretaker(house.app, lambda: 100)
    for block, is_final in ((100 + NEEDED - 1, False), (100 + NEEDED, True)):
        house.read_up_to(block)
        care(caretaker)
        assert house.is_held is (is_restored and not is_final)
        assert house.has_key is not (is_restored and is_final)


def test_somebody_who_reads_for_long_keeps_nobody_waiting(house: House) -> None:
    """As a backup does: SQLite's write-ahead log cannot be emptied meanwhile."""
    if not house.database.is_sqlite:
        pytest.skip("readers are in nobody's way at PostgreSQL")
    caretaker, other = Caretaker(house.app, lambda: 0), Database(house.database.url)
    with other.read() as reader:
        reader.exec(select(CaseKey)).all()
        house.keep(Erasure(case_id=house.case_id, asked_by=None, destroyed_at=0))
        pauses = []
        for _ in range(7):
            began = time.monotonic()
            care(caretaker)
            ended = time.monotonic()
            assert ended - began < 1.0
            pauses.append(round(caretaker._not_before - ended))
        assert pauses == [4, 8, 16, 32, 60, 60, 60]
        assert caretaker.step() == 0
    care(caretaker)
    assert round(caretaker._not_before - time.monotonic()) == 2
    with house.database.read() as session:
        assert session.get_one(Erasure, house.case_id).cleared_at is not None
    other.close()
