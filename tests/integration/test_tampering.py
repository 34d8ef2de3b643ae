"""Whatever somebody changes in the database by hand, an audit finds it and says where: every column of every table,
random bytes of everything that was stated, rows that are gone, moved or made up. On both databases."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import Any

import pytest
from databases import Databases
from sqlmodel import SQLModel

from ledger_service.chain.heads import RECORDED
from ledger_service.errors import NotFound, Unavailable
from ledger_service.services.app import make_app
from ledger_service.services.audit import audit

from .conftest import World
from .tampering import (
    REMOVABLE,
    ROUGH,
    ROWS,
    UNANSWERED,
    UNANSWERED_TABLES,
    House,
    Problem,
    Row,
    added,
    answered,
    build,
    changed,
    forge,
    hurry,
    other_byte,
    other_value,
    payloads,
    read_on,
    removed,
    rows_of,
)
from .test_chain_audit import Change, Logs, logs_as, of_case, relay

pytestmark = pytest.mark.timeout(600)  # a test is dozens of audits
SEED = 20261123
BYTES = 1_000
SHORT_BYTES, SHORT_COLUMNS = 60, 24  # in a short run, which looks at a seeded share
TABLES = sorted({table for table, _ in answered()})
# Where else a change shows: what it belongs to is named.
ELSEWHERE = {"accounts": {"cases"}, "cases": {"case_keys", "erasures"}, "chain_events": {"chain_records"}}


@pytest.fixture(scope="module")
def house(world: World, databases_of_module: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("contracts")
    made = build(world, databases_of_module.make(), databases_of_module.make(), folder)
    read_on(made)
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        yield made
    made.court.close()


# --- all is well -----------------------------------------------------------------------------------------------------


def test_audit_of_untouched_house_finds_nothing(house: House) -> None:
    report = house.audit()
    assert report["problems"] == []
    assert (report["stages"]["rejected"], report["erased"]) == (1, 1)
    assert report["chain"]["cases_of_others"] >= 1
    for table in TABLES:
        assert rows_of(house, table, ROWS.get(table, "")), f"there is nothing in {table} to be changed"


def test_audit_of_one_case_looks_at_that_alone(house: House) -> None:
    report = house.audit(case_id=house.paid)
    assert (report["problems"], report["cases"], report["records"]) == ([], 1, 6)
    (row,) = rows_of(house, "records", f"case_id = '{house.paid}' AND kind = 'inspected'")
    with changed(house, [(row, {"signature": b"\0" * 65})]):
        assert house.audit(case_id=house.disputed)["ok"]
        problems = house.audit(case_id=house.paid)["problems"]
    assert row.values["record_id"] in {problem.get("record_id") for problem in problems}
    with pytest.raises(NotFound):
        house.audit(case_id="0x" + "ab" * 32)


# --- values ----------------------------------------------------------------------------------------------------------


def test_every_column_is_answered_for_or_exempt_with_a_reason() -> None:
    """A new column is looked at by itself; one that is exempt has to be there."""
    tables = SQLModel.metadata.tables
    assert UNANSWERED_TABLES.keys() | REMOVABLE.keys() <= tables.keys()
    assert all(column in tables[table].columns for table, column in UNANSWERED)
    assert all(reason for reason in (*UNANSWERED_TABLES.values(), *UNANSWERED.values(), *REMOVABLE.values()))


def is_changed_value_found(house: House, table: str, column: str) -> bool:
    """Whether a change of a column is found and its table named, or refused by the database itself."""
    (row,) = rows_of(house, table, ROWS.get(table, ""))
    value = other_value(row.values[column], row.table.columns[column], ROUGH.get((table, column), 1))
    with changed(house, [(row, {column: value})]) as is_taken:
        problems = house.problems() if is_taken else None
    named = {table} | ELSEWHERE.get(table, set())
    return problems is None or any(problem.get("table") in named for problem in problems)


@pytest.mark.long
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("table", TABLES)
def test_changed_value_is_found_and_named(house: House, table: str) -> None:
    missed = [column for one, column in answered() if one == table and not is_changed_value_found(house, one, column)]
    assert missed == []


def test_changed_values_at_random_are_found_and_named(house: House) -> None:
    some = random.Random(SEED).sample(answered(), SHORT_COLUMNS)
    assert [place for place in some if not is_changed_value_found(house, *place)] == []


# --- bytes -----------------------------------------------------------------------------------------------------------


def changed_bytes(house: House, count: int) -> Iterator[list[tuple[Row, str]]]:
    """So many payloads, by a seeded chance, in parts of which no two are of the same case: each has one byte changed
    while its part is looked at."""
    chance = random.Random(SEED)
    rows = [(row, column) for table, column in payloads() for row in rows_of(house, table, limit=1_000)]
    chosen = [chance.choice([one for one in rows if one[0].values[one[1]]]) for _ in range(count)]
    while chosen:
        part: dict[str, int] = {}
        for number, (row, _) in enumerate(chosen):
            part.setdefault(str(row.values.get("case_id") or row.key), number)
        taken = [chosen[number] for number in part.values()]
        chosen = [one for number, one in enumerate(chosen) if number not in part.values()]
        changes = [(row, {column: other_byte(row.values[column], chance)}) for row, column in taken]
        with changed(house, changes) as is_taken:
            assert is_taken, "a database refuses no bytes"
            yield taken


def missed_bytes(house: House, count: int) -> list[str]:
    missed = []
    for part in changed_bytes(house, count):
        problems = house.problems()
        missed += [
            f"{row.table.name}.{column} of {row.key}"
            for row, column in part
            if not any(row.is_named_by(problem) for problem in problems)
        ]
    return missed


def test_changed_byte_is_found_in_its_very_row(house: House) -> None:
    assert missed_bytes(house, SHORT_BYTES) == []


@pytest.mark.long
@pytest.mark.timeout(3_600)
def test_every_one_of_a_thousand_changed_bytes_is_found_in_its_very_row(house: House) -> None:
    assert missed_bytes(house, BYTES) == []


# --- rows ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [table for table in TABLES if table not in REMOVABLE])
def test_removed_row_is_found(house: House, table: str) -> None:
    (row,) = rows_of(house, table, ROWS.get(table, ""))
    with removed(house, row):
        problems = house.problems()
    assert problems, f"nobody misses {row.key} of {table}"


def records_of(house: House, case_id: str) -> list[Row]:
    return rows_of(house, "records", f"case_id = '{case_id}'", limit=20)


@pytest.mark.parametrize("column", ["canonical", "signature", "receipt", "signer", "nonce"])
def test_two_records_that_change_places_are_named(house: House, column: str) -> None:
    """Both are whole and signed; each stands where the other was."""
    pairs = itertools.combinations(records_of(house, house.disputed), 2)
    one, other = next(pair for pair in pairs if pair[0].values[column] != pair[1].values[column])
    with changed(house, [(one, {column: other.values[column]}), (other, {column: one.values[column]})]):
        problems = house.problems()
    assert all(any(row.is_named_by(problem) for problem in problems) for row in (one, other)), problems


def test_record_moved_to_another_case_is_missed_there_and_named_here(house: House) -> None:
    record = records_of(house, house.paid)[2]
    with changed(house, [(record, {"case_id": house.waiting})]):
        problems = house.problems()
    assert {house.paid, house.waiting} <= {problem.get("case_id") for problem in problems}


def test_record_kept_twice_is_named(house: House) -> None:
    values = records_of(house, house.paid)[2].values
    twice = {**values, "seq": 10**6, "record_id": "rec_twice", "commitment": "0x" + "ab" * 32}
    copy = Row(SQLModel.metadata.tables["records"], twice)
    with added(house, copy):
        problems = house.problems()
    assert any(copy.is_named_by(problem) for problem in problems), problems


def test_record_dated_otherwise_and_signed_again_is_named(house: House) -> None:
    """By one who holds all of the service's keys: the chain has another fingerprint."""
    case_id = house.disputed
    record = next(row for row in records_of(house, case_id) if row.values["kind"] == "authorised")
    forged = forge(house, record, b'"occurred_at":"20', b'"occurred_at":"19')
    with changed(house, [(record, forged)]):
        problems = house.problems()
    assert any(problem.get("case_id") == case_id and problem.get("check") == 1 for problem in problems), problems


def test_record_signed_by_another_key_is_named(house: House) -> None:
    record = next(row for row in records_of(house, house.disputed) if row.values["kind"] == "authorised")
    consumer = next(row for row in records_of(house, house.disputed) if row.values["kind"] == "disputed")
    with house.database.read() as session:
        signer = house.court.app.keys.signer(session, consumer.values["signer"])
    assert signer is not None
    with changed(house, [(record, {"signature": signer.sign(b"\x07" * 32)})]):
        problems = house.problems()
    assert any(record.is_named_by(problem) and problem["check"] == 2 for problem in problems), problems


MADE_UP = {
    "chain_records": {"position": 99},
    "chain_events": {"log_index": 99},
    "chain_cases": {"case_id": "0x" + "ab" * 32},
    "chain_votes": {"round": 3},
    "chain_refusals": {"log_index": 99},
    "chain_panels": {"version": 99},
    "chain_balances": {"account": "0x" + "11" * 20},
    "chain_blocks": {"number": 0},
    "outbox": {"id": 10**6, "subject": "rec_none", "record_id": "rec_none"},
    "held_keys": {"address": "0x" + "11" * 20},
    "disclosures": {"id": 10**6, "digest": "A" * 43},
}


@pytest.mark.parametrize("table", sorted(MADE_UP))
def test_row_made_up_is_found(house: House, table: str) -> None:
    (row,) = rows_of(house, table, ROWS.get(table, ""))
    made_up = Row(row.table, {**row.values, **MADE_UP[table]})
    with added(house, made_up):
        problems = house.problems()
    assert any(problem.get("table") == table for problem in problems), problems


# --- erasures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "left", [{"erased_at": None}, {"reference": "RMA-1"}, {"tracking_index": "ab"}, {"consumer_index": "ab"}], ids=str
)
def test_case_erased_in_part_is_named(house: House, left: dict[str, object]) -> None:
    (case,) = rows_of(house, "cases", f"case_id = '{house.erased}'")
    with changed(house, [(case, left)]):
        problems = house.problems()
    assert any(case.is_named_by(problem) for problem in problems), problems


def test_personal_field_left_by_an_erasure_is_named(house: House) -> None:
    (field,) = rows_of(house, "disclosures")
    (record,) = rows_of(house, "records", f"case_id = '{house.erased}' AND kind = 'requested'")
    named = {"id": 10**6, "case_id": house.erased, "record_id": record.values["record_id"], "digest": "A" * 43}
    left = Row(field.table, {**field.values, **named})
    with added(house, left):
        problems = house.problems()
    assert any(left.is_named_by(problem) for problem in problems), problems


# --- nodes that lie --------------------------------------------------------------------------------------------------


def problems_through(house: House, change: Change) -> list[Problem]:
    """What an audit finds that asks a node that changes its answers."""
    app = house.court.app
    with relay(house.court.world.chain.url, change, batches=True) as url:
        settings = app.settings.model_copy(update={"chain": url})
        found: list[Problem] = audit(make_app(settings, app.deployment, app.clock, house.database))["problems"]
    return found


def test_event_that_the_node_withholds_is_named(house: House) -> None:
    def withhold(logs: Logs) -> Logs:
        third = [log for log in of_case_recorded(logs, house.paid) if int(log["data"][-6:], 16) == 2]
        return [log for log in logs if log not in third]

    problems = problems_through(house, logs_as(withhold))
    assert {(problem["case_id"], problem.get("table")) for problem in problems} == {
        (house.paid, None),
        (house.paid, "chain_events"),
    }
    assert any("the event at position 2 is missing" in problem["detail"] for problem in problems)


def of_case_recorded(logs: Logs, case_id: str) -> Logs:
    return [
        log for log in of_case([log for log in logs if len(log["topics"]) > 1], case_id) if log["topics"][0] == RECORDED
    ]


def test_event_that_the_node_makes_another_cases_is_named(house: House) -> None:
    def move(logs: Logs) -> Logs:
        for log in of_case_recorded(logs, house.paid)[:1]:
            log["topics"][1] = house.waiting
        return logs

    problems = problems_through(house, logs_as(move))
    assert {house.paid, house.waiting} <= {problem.get("case_id") for problem in problems}


def test_events_of_another_contract_are_refused(house: House) -> None:
    def foreign(logs: Logs) -> Logs:
        return [{**log, "address": "0x" + "11" * 20} for log in logs]

    with pytest.raises(Unavailable, match="logs that are none"):
        problems_through(house, logs_as(foreign))


@pytest.mark.parametrize("lie", ["hidden", "dated otherwise", "another"])
def test_block_that_the_node_lies_about_is_named(house: House, lie: str) -> None:
    (block,) = rows_of(house, "chain_blocks", ROWS["chain_blocks"])
    number = block.values["number"]

    def lying(call: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_getBlockByNumber" or call["params"][0] != hex(number):
            return answer
        changes = {"dated otherwise": {"timestamp": "0x1"}, "another": {"hash": "0x" + "ab" * 32}}
        return {**answer, "result": None if lie == "hidden" else {**answer["result"], **changes[lie]}}

    problems = problems_through(house, lying)
    assert any(block.is_named_by(problem) for problem in problems), problems
    assert any(problem.get("check") == 6 for problem in problems), problems
