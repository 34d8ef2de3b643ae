"""How a database goes about what acts are judged by: what other cases have is never looked at."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import event, insert

from ledger_service.store.acting_reads import unsettled
from ledger_service.store.database import Database
from ledger_service.store.tables import Account, CaseRow, ChainRecord, RecordRow

_ADDRESS = "0x" + "22" * 20
_CASES = 1_000
_KINDS = ("requested", "authorised", "picked_up", "received")
_LAST = 3  # records of the last case that the chain does not have yet


@pytest.fixture
def filled(database: Database) -> Database:
    """As it was filled a moment ago: nobody has counted what is in it."""
    records = [_record(case, place) for case in range(_CASES) for place in range(len(_KINDS))]
    with database.write() as session:
        session.add(Account(name="Shop", role="merchant", address=_ADDRESS, api_key_hash="x", created_at=0))
        session.flush()
        session.execute(insert(CaseRow), [_case(number) for number in range(_CASES)])
        session.execute(insert(RecordRow), records)
        session.execute(insert(ChainRecord), [_link(number, row) for number, row in enumerate(records[:-_LAST])])
    return database


def _case(number: int) -> dict[str, Any]:
    roles = dict.fromkeys(("merchant", "carrier", "warehouse", "inspector", "consumer", "token"), _ADDRESS)
    words = {"reference": "R", "policy": "eu-14", "policy_id": "0x", "mode": "refund", "currency": "GBP"}
    sums = {"refund_minor": 7, "freight_minor": 2, "reserve_minor": 1, "opened_at": 0, "account_id": 1}
    return {"case_id": f"0x{number:064x}", "language": "en", "terms": "{}", **roles, **words, **sums}


def _record(case: int, place: int) -> dict[str, Any]:
    said = {"kind": _KINDS[place], "role": "merchant", "signer": _ADDRESS, "key_holder": "service"}
    signed = {"canonical": b"{}", "commitment": f"0x{case:060x}{place:04x}", "nonce": place, "signature": bytes(65)}
    times = dict.fromkeys(("valid_until", "occurred_at", "accepted_at"), 0)
    return {"record_id": f"rec_{case}_{place}", "case_id": f"0x{case:064x}", "receipt": "", **said, **signed, **times}


def _link(number: int, record: dict[str, Any]) -> dict[str, Any]:
    same = {name: record[name] for name in ("case_id", "kind", "role", "commitment")}
    words = dict.fromkeys(("entry", "head", "block_hash", "tx_hash"), "0x")
    place = {"position": number % len(_KINDS), "time": 0, "block_number": number, "log_index": 0}
    return {"actor": record["signer"], **same, **words, **place}


def test_acts_are_judged_without_a_look_at_other_cases(filled: Database) -> None:
    wanted = [f"0x{number:064x}" for number in range(_CASES - 32, _CASES)]
    sent: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        sent.append((statement, parameters))

    event.listen(filled.engine, "before_cursor_execute", keep)
    with filled.read() as session:
        found = unsettled(session, wanted)
        event.remove(filled.engine, "before_cursor_execute", keep)
        statement, parameters = next(one for one in sent if "chain_records" in one[0])
        cursor = session.connection().connection.cursor()
        cursor.execute(("EXPLAIN QUERY PLAN " if filled.is_sqlite else "EXPLAIN ") + statement, parameters)
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
    assert [len(found[case_id].records) for case_id in wanted] == [0] * 31 + [_LAST]
    print(f"\n{plan}")  # shown by `pytest -s`
    assert not re.search(r"SCAN (records|chain_records)|Seq Scan on (records|chain_records)|Merge Anti", plan), plan
