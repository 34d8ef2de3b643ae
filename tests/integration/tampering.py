"""A house with something of everything, whose rows are changed by hand, and which columns an audit answers for."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, LargeBinary, Table, create_engine, text, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel

from ledger_service.chain.deploy import deploy
from ledger_service.domain.hashing import from_hex, hex0x, keccak
from ledger_service.domain.messages import Act
from ledger_service.domain.records import record_of
from ledger_service.domain.vocabulary import Kind, Mode, Role
from ledger_service.services import audit as whole
from ledger_service.services import audit_cases
from ledger_service.services.accounts import set_webhook_secret
from ledger_service.services.erasing import erase_case
from ledger_service.services.inputs import ErasureInput
from ledger_service.services.observation_data import ObservationInput
from ledger_service.services.observations import observe
from ledger_service.services.receipts import receipt_claims
from ledger_service.services.webhook_endpoints import EndpointInput, create_endpoint
from ledger_service.store.database import Database
from ledger_service.store.tables import Mail
from ledger_service.workers.anchoring import LogKeeper, Pace

from .conftest import Ledger, World
from .court import Court

Problem = dict[str, Any]

# --- what no audit can or need answer for ----------------------------------------------------------------------------

_BEFORE = "nobody has signed it yet: the signature that comes is checked against what was shown, and fits nothing else"
_TOLD = "bookkeeping of deliveries: who wants to know what is so asks the service, and the case says it"
_LINK = "a link is no evidence: its token is signed, and this row only says that it counts"
_NUMBER = "a row's number, which nothing refers to"
_MADE = "when the row was made, which nobody signs and nothing follows from"
_OWN = "an account's own setting, which nobody signs: only its owner can tell"
_SENT = "when something is tried again: at worst it is sent once more, which the contracts refuse"

UNANSWERED_TABLES = {
    "idempotent_requests": "answers to be given again for some time, sealed: what was changed cannot be opened",
    "leases": "who may do something for some seconds",
    "mails": _TOLD,
    "prepared_cases": _BEFORE,
    "prepared_records": _BEFORE,
    "prepared_votes": _BEFORE,
    "access_trail": "who was shown what, as the service noted it: nobody signs it, and nothing of a case rests on it",
    "api_keys": "the hash of a secret that its owner alone knows: whoever changes it locks it out",
    "business_calendars": _OWN,
    "case_words": "by what a case is searched: at worst it is not found by a name, and what is found is checked",
    "provider_refunds": "what a merchant uploaded of its provider's export, which only the provider can tell",
    "saved_views": _OWN,
    "sessions": "who may ask for some hours: a right that ends by itself, and no evidence",
    "status_links": _LINK,
    "telling_cursors": _TOLD,
    "holds": "why personal fields stay closed for a while: at worst too long",
    "personal_data_exports": "how often somebody asked for their data: nobody is named",
    "second_anchors": "a copy elsewhere, which can be looked up there; nothing here rests on it",
    "retired_keys": "which master keys are over; what is sealed under one that is not there cannot be opened",
    "used_nonces": "which messages to sign in by were used, for the minutes in which they count",
    "webhook_deliveries": _TOLD,
    "webhook_endpoints": _OWN,
    "webhook_events": _TOLD,
}
UNANSWERED = {
    ("accounts", "name"): _OWN,
    ("accounts", "api_key_hash"): "the hash of a secret that its owner alone knows: whoever changes it locks it out",
    ("accounts", "created_at"): _MADE,
    ("accounts", "disabled_at"): _OWN,
    ("accounts", "owner_id"): _OWN,
    ("held_keys", "created_at"): _MADE,
    ("webhook_secrets", "id"): _NUMBER,
    ("webhook_secrets", "created_at"): _MADE,
    ("webhook_endpoint_secrets", "created_at"): _MADE,
    ("webhook_endpoint_secrets", "expires_at"): _OWN,
    ("cases", "source"): "an import's own name for its row, so that the same row is not imported twice",
    ("records", "seq"): "a row's number: the order that counts is that of the positions on the chain",
    ("votes", "seq"): "a row's number: the order that counts is the chain's",
    ("disclosures", "id"): _NUMBER,
    ("erasures", "asked_by"): "who asked, which nobody signs; the record of it is signed",
    ("erasures", "cleared_at"): _SENT,
    ("observations", "seq"): "a row's number: the order that counts is that of the log",
    ("observations", "source"): "what it was called outside, so that the same is not taken twice",
    ("log_checkpoints", "created_at"): _MADE,
    ("log_checkpoints", "anchor_asked_at"): _SENT,
    ("panels", "helper"): "which panel a new case takes: the operator's choice, which each case's terms name",
    ("panels", "created_at"): _MADE,
    ("outbox", "id"): "a row's number: whatever is sent out of its order, the contracts refuse",
    ("outbox", "created_at"): _MADE,
    ("outbox", "alone_from"): _SENT,
    ("transactions", "created_at"): _MADE,
    ("transactions", "broadcast_at"): _SENT,
    (
        "transactions",
        "settled",
    ): "the workers look each up on the chain again; beyond the chain's own count it is found",
}
# What may be gone without anybody's loss.
REMOVABLE = {
    "webhook_secrets": "deleting a secret is its owner's right",
    "webhook_endpoint_secrets": "deleting a secret is its owner's right",
    "panels": "what a case needs of it is on the chain, by its version",
    "outbox": "it was recorded; of what was not, the record is found to be lost",
}
# Values that say about when something was, and are told from a minute on.
ROUGH = {("cases", "opened_at"): 100}
# A row of a table that has more to it than the first.
ROWS = {
    "accounts": "name = 'Court shop'",
    "cases": "reference = 'disputed'",
    "held_keys": "address IN (SELECT arbitrator FROM votes)",
    "records": "kind = 'inspected'",
    "chain_records": "kind = 'inspected'",
    "chain_events": "name = 'Recorded'",
    "outbox": "action = 'act' AND done",
    "log_checkpoints": "anchor_asked_at IS NOT NULL",
    "chain_blocks": "number = (SELECT min(block_number) FROM chain_records)",
}


def answered() -> list[tuple[str, str]]:
    """Every column of every table that an audit answers for, also those that are new."""
    return [
        (table.name, column.name)
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if table.name not in UNANSWERED_TABLES and (table.name, column.name) not in UNANSWERED
    ]


def payloads() -> list[tuple[str, str]]:
    """The columns that hold what was stated, signed, sealed or answered for, byte for byte."""
    tables = SQLModel.metadata.tables
    return [
        (table, column)
        for table, column in answered()
        if isinstance(tables[table].columns[column].type, LargeBinary) or column == "receipt"
    ]


# --- the house -------------------------------------------------------------------------------------------------------


@dataclass
class House:
    """An installation with a case that was paid, one in dispute, one that was refused something, one that waits, one
    that was erased; and with a case of another's on the same contracts."""

    court: Court
    paid: str
    disputed: str
    refused: str
    waiting: str
    erased: str
    stranger: str

    @property
    def database(self) -> Database:
        return self.court.database

    def audit(self, **options: Any) -> dict[str, Any]:
        return whole.audit(self.court.app, **options)

    def problems(self) -> list[Problem]:
        found: list[Problem] = self.audit()["problems"]
        return found

    def rows(self, query: str) -> list[dict[str, Any]]:
        with self.database.read() as session:
            return [dict(row) for row in session.execute(text(query)).mappings()]

    @contextmanager
    def by_hand(self) -> Iterator[Connection]:
        """A connection that keeps to no foreign keys, as one who changes rows by hand would take."""
        is_sqlite = self.database.url.startswith("sqlite")
        url = self.database.url if is_sqlite else self.database.url.replace("postgresql:", "postgresql+pg8000:")
        engine = create_engine(url)
        try:
            with engine.begin() as connection:
                if not is_sqlite:
                    connection.execute(text("SET session_replication_role = replica"))
                yield connection
        finally:
            engine.dispose()


def build(shared: World, database: Database, other: Database, folder: Path) -> House:
    """On contracts of its own, since a contract anchors one log."""
    world = copy.copy(shared)
    world.deployment = deploy(world.chain.rpc, folder, world.operator, world.roles)
    court = Court(world, database)
    erased = _erased(court)
    paid = court.inspected("paid", 10_000)
    court.consumer_says(paid, "accepted")
    set_webhook_secret(court.app, court.shop, "easypost", "a secret of some length")
    create_endpoint(court.app, court.shop, EndpointInput(url="https://93.184.216.34/hooks"))
    court.settle()
    court.ledger.run_until(lambda: court.case(paid).withdrawn, seconds=120)
    disputed = court.disputed("disputed")
    court.shop_says(disputed, "evidence", text="The lamp was worn.")
    court.vote(disputed, court.judges, 9_000, 8_500)
    _observed(court, disputed)
    waiting, refused = court.open("waiting"), court.open("refused")
    court.settle()
    court.shop_says(refused, "declined")
    world.chain.advance(court.case(refused).due - court.app.clock.seconds() + 2)  # before it is sent
    court.settle()
    return House(court, paid, disputed, refused, waiting, erased, _strangers_case(world, other))


def _observed(court: Court, case_id: str) -> None:
    """Some entries of the log: some under an anchored checkpoint, some under one that is not."""
    reading = ObservationInput(kind="reading", data={"quantity": "temperature", "value": "4.5", "unit": "C"})
    message = ObservationInput(kind="message", data={"text": "Where is it?"})
    keeper = LogKeeper(court.app, Pace(entries=1, seconds=1))
    observe(court.app, court.shop, case_id, [reading, message], is_list=True)
    keeper.step()
    court.settle()
    observe(court.app, court.shop, case_id, [reading], is_list=True)
    LogKeeper(court.app, Pace(entries=1_000, seconds=10**9)).step()


def _erased(court: Court) -> str:
    case_id = court.open("erased", "none")
    court.shop_says(case_id, "declined")
    court.lapse(case_id)
    with court.database.write() as session:
        session.execute(update(Mail).values(state="dropped"))
    erase_case(court.app, None, case_id, ErasureInput())
    court.settle()
    return case_id


def _strangers_case(world: World, database: Database) -> str:
    ledger = Ledger(world, database)
    try:
        case = ledger.book.open(Mode.NONE)
        ledger.book.state(case, Kind.AUTHORISED, Role.MERCHANT)
        ledger.run_until(ledger.book.settled, seconds=120)
        return case.id
    finally:
        ledger.workers.stop()
        ledger.rpc.close()


def read_on(house: House) -> None:
    """Until the house has read the chain's newest block."""
    rpc = house.court.ledger.rpc

    def is_at_head() -> bool:
        (row,) = house.rows("SELECT block_number FROM chain_cursor")
        return bool(row["block_number"] == rpc.latest().number)

    house.court.ledger.run_until(is_at_head, seconds=120)


def hurry(patch: Any) -> None:
    """Nothing moves in these tests: what looks wrong is not waited for."""
    patch.setattr(whole, "_PAUSE", 0)
    patch.setattr(whole, "_PATIENCE", 1)
    patch.setattr(audit_cases, "_PAUSE", 0)


# --- changing rows ---------------------------------------------------------------------------------------------------


def other_value(value: Any, column: Any, by: int = 1) -> Any:
    """One that the column takes, as near to it as can be."""
    if value is None:
        return 1 if column.type.python_type is int else "x"
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + by
    middle = len(value) // 2
    if isinstance(value, bytes):
        return value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :]
    return f"{value[:middle]}{'b' if value[middle : middle + 1] == 'a' else 'a'}{value[middle + 1 :]}"


def other_byte(value: Any, chance: random.Random) -> Any:
    """The value with one byte, or character, changed at random."""
    at = chance.randrange(len(value))
    if isinstance(value, bytes):
        return value[:at] + bytes([value[at] ^ chance.randrange(1, 256)]) + value[at + 1 :]
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return value[:at] + chance.choice([one for one in letters if one != value[at]]) + value[at + 1 :]


@dataclass(frozen=True)
class Row:
    """A stored row, by its key."""

    table: Table
    values: dict[str, Any]

    @property
    def key(self) -> dict[str, Any]:
        return {column.name: self.values[column.name] for column in self.table.primary_key.columns}

    def is_named_by(self, problem: Problem) -> bool:
        """Whether a problem is about this very row."""
        if problem.get("table") != self.table.name:
            return False
        named = dict(part.split(" ", 1) for part in problem.get("row", "").split(", ") if " " in part)
        return bool(named) and all(str(self.values.get(name)) == value for name, value in named.items())


def rows_of(house: House, table: str, where: str = "", limit: int = 1) -> list[Row]:
    """Rows in the order of their key."""
    found = SQLModel.metadata.tables[table]
    query = found.select().order_by(*found.primary_key.columns)
    if where:
        query = query.where(text(where))
    with house.database.read() as session:
        return [Row(found, dict(row)) for row in session.execute(query.limit(limit)).mappings()]


@contextmanager
def changed(house: House, changes: Sequence[tuple[Row, dict[str, Any]]]) -> Iterator[bool]:
    """With these rows changed, and as they were afterwards; False where the database itself refuses it."""
    try:
        with house.by_hand() as connection:
            for row, values in changes:
                connection.execute(row.table.update().where(*_is(row.table, row.key)).values(values))
    except DBAPIError:
        yield False
        return
    try:
        yield True
    finally:
        with house.by_hand() as connection:
            for row, values in changes:
                key = {name: values.get(name, value) for name, value in row.key.items()}
                before = {name: row.values[name] for name in values}
                connection.execute(row.table.update().where(*_is(row.table, key)).values(before))


@contextmanager
def removed(house: House, row: Row) -> Iterator[None]:
    with house.by_hand() as connection:
        connection.execute(row.table.delete().where(*_is(row.table, row.key)))
    try:
        yield
    finally:
        with house.by_hand() as connection:
            connection.execute(row.table.insert().values(row.values))


@contextmanager
def added(house: House, row: Row) -> Iterator[None]:
    with house.by_hand() as connection:
        connection.execute(row.table.insert().values(row.values))
    try:
        yield
    finally:
        with house.by_hand() as connection:
            connection.execute(row.table.delete().where(*_is(row.table, row.key)))


def _is(table: Table, key: dict[str, Any]) -> list[Any]:
    return [table.columns[name] == value for name, value in key.items()]


def forge(house: House, record: Row, old: bytes, new: bytes) -> dict[str, Any]:
    """The columns of one that says something else: hashed, signed and answered for anew with the service's keys."""
    app, values = house.court.app, record.values
    canonical = values["canonical"].replace(old, new)
    assert canonical != values["canonical"]
    commitment, case_id = keccak(canonical), from_hex(values["case_id"])
    kind, role = Kind.from_wire(values["kind"]), Role.from_wire(values["role"])
    act = Act(case_id, kind, role, values["nonce"], values["valid_until"], commitment)
    with house.database.read() as session:
        signer = app.keys.signer(session, values["signer"])
    assert signer is not None
    claims = receipt_claims(app, values["record_id"], record_of(canonical), values["accepted_at"])
    return {
        "canonical": canonical,
        "commitment": hex0x(commitment),
        "signature": signer.sign(app.deployment.domain.digest(act.struct_hash())),
        "receipt": app.tokens.sign("receipt+jwt", claims),
    }
