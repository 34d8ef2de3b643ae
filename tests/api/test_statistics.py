"""Counts, sums and times by group, and the service-level board, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledger_service.clock import FixedClock
from ledger_service.domain.entry import Entry
from ledger_service.domain.hashing import hex0x
from ledger_service.domain.vocabulary import Grade, Kind, Role, State
from ledger_service.services.app import App
from ledger_service.store.tables import ChainCase, ChainRecord

from .conftest import NOW, ON_BOTH, POUNDS, Headers, Keys, Open, assert_problem, bearer

pytestmark = ON_BOTH
START = int(NOW.timestamp())  # a Sunday
HOUR, DAY = 3_600, 86_400
Step = tuple[Kind, Role, State, int]


def on_chain(ledger: App, opened: dict[str, Any], steps: list[Step], share: int = 0) -> None:
    """As if the chain had these records of a case, each so many seconds after the start."""
    case_id = opened["case_id"]
    last = steps[-1][2]
    with ledger.database.write() as session:
        for position, (kind, role, state, after) in enumerate(steps):
            entry = Entry(position, kind, role, state, 0, START + after, Grade.NONE, share, 0, 0)
            hashes = {"commitment": "0x" + "00" * 32, "head": "0x" + "00" * 32, "block_hash": "0x" + "bb" * 32}
            place = {"block_number": 1, "log_index": position, "tx_hash": "0x" + "cc" * 32}
            said = {"kind": kind.wire, "role": role.wire, "actor": POUNDS, "entry": hex0x(entry.pack())}
            session.add(ChainRecord(case_id=case_id, position=position, time=START + after, **said, **hashes, **place))
        session.add(
            ChainCase(
                case_id=case_id,
                state=last.wire,
                mode=opened["escrow"],
                flags=0,
                grade="none",
                deadline=0,
                due=0,
                length=len(steps),
                share=share,
                fee=0,
                nonces="[0,0,0,0,0,0,0]",
                head="0x" + "00" * 32,
                merchant=opened["parties"]["merchant"],
                consumer=opened["parties"]["consumer"],
                token=POUNDS,
                policy=opened["policy"]["id"],
                withdrawn=share and 1980,
                block_number=1,
            )
        )


def lasting(seconds: int, state: State = State.SETTLED, answered: int = 60) -> list[Step]:
    return [
        (Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, 0),
        (Kind.AUTHORISED, Role.MERCHANT, State.AUTHORISED, answered),
        (Kind.SETTLED, Role.NONE, state, seconds),
    ]


@pytest.fixture
def ended(ledger: App, open_case: Open) -> None:
    """Twenty cases that took 1 to 20 hours; the last two closed, and one more that goes on."""
    for hours in range(1, 21):
        body = {"consumer__country": "DE" if hours % 2 else "FR", "reason_code": "style" if hours < 6 else None}
        opened = open_case(escrow="none", reference=f"S-{hours}", **body)
        closed = hours > 18
        on_chain(
            ledger, opened, lasting(hours * HOUR, State.CLOSED if closed else State.SETTLED), 0 if closed else 10_000
        )
    open_case(escrow="none", reference="S-open")


def groups(client: TestClient, headers: Headers, **query: str) -> dict[str | None, Any]:
    answer = client.get("/v1/statistics", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return {item["key"]: item for item in answer.json()["items"]}


def test_groups_hold_counts_sums_and_percentiles(client: TestClient, as_merchant: Headers, ended: None) -> None:
    by_outcome = groups(client, as_merchant)
    assert {key: item["cases"] for key, item in by_outcome.items()} == {"closed": 2, "full_refund": 18, "open": 1}
    assert by_outcome["full_refund"]["seconds"] == {"median": 9 * HOUR, "p95": 18 * HOUR}
    assert by_outcome["closed"]["seconds"] == {"median": 19 * HOUR, "p95": 20 * HOUR}
    assert by_outcome["open"]["seconds"] == {"median": None, "p95": None}
    assert by_outcome["full_refund"]["money"] == [
        {"currency": "GBP", "cases": 18, "requested": "356.40", "paid_on_chain": "356.40"}
    ]
    by_country = groups(client, as_merchant, group_by="country", state="settled")
    assert {key: item["cases"] for key, item in by_country.items()} == {"DE": 9, "FR": 9}
    by_reason = groups(client, as_merchant, group_by="reason")
    assert {key: item["cases"] for key, item in by_reason.items()} == {None: 16, "style": 5}
    assert by_reason["style"]["seconds"] == {"median": 3 * HOUR, "p95": 5 * HOUR}
    by_month = groups(client, as_merchant, group_by="month")
    assert (by_month["2026-03"]["cases"], by_month["2026-03"]["ended"]) == (21, 20)


def test_statistics_are_of_ones_own_cases(client: TestClient, account: Keys, ended: None) -> None:
    assert groups(client, bearer(account("merchant", "Other shop")["api_key"])) == {}
    assert sum(item["cases"] for item in groups(client, bearer(account("auditor")["api_key"])).values()) == 21
    carrier = bearer(account("carrier")["api_key"])
    for path in ("/v1/statistics", "/v1/service-levels", "/v1/service-levels/breaches?level=return"):
        assert_problem(client.get(path, headers=carrier), 403, "forbidden", field="Authorization")


# --- the board -------------------------------------------------------------------------------------------------------


@pytest.fixture
def stepped(ledger: App, open_case: Open, clock: FixedClock) -> dict[str, str]:
    """Four cases: quick, slow in all, one that is waited for, and one that went to a dispute twice."""
    way: dict[str, list[Step]] = {}
    for name, late in (("quick", 1), ("slow", 2)):
        way[name] = [
            (Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, 0),
            (Kind.AUTHORISED, Role.MERCHANT, State.AUTHORISED, late * HOUR),
            (Kind.PICKED_UP, Role.CARRIER, State.PICKED_UP, DAY),
            (Kind.RECEIVED, Role.WAREHOUSE, State.RECEIVED, DAY + late * 6 * DAY),
            (Kind.INSPECTED, Role.INSPECTOR, State.INSPECTED, DAY + late * 6 * DAY + late * 24 * HOUR),
        ]
    way["waiting"] = [(Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, 0)]
    way["disputed"] = [
        (Kind.REQUESTED, Role.MERCHANT, State.REQUESTED, 0),
        (Kind.SPLIT, Role.MERCHANT, State.REQUESTED, 600),  # an answer, though the state stays
        (Kind.DECLINED, Role.MERCHANT, State.DECLINED, 5 * HOUR),
        (Kind.DISPUTED, Role.CONSUMER, State.DISPUTED, 10 * HOUR),
        (Kind.EVIDENCE, Role.CONSUMER, State.DISPUTED, 11 * HOUR),
        (Kind.RULED, Role.PANEL, State.RULED, 20 * HOUR),
        (Kind.APPEALED, Role.CONSUMER, State.DISPUTED, 30 * HOUR),
    ]
    ids = {}
    for name, steps in way.items():
        opened = open_case(escrow="none", reference=name)
        on_chain(ledger, opened, steps)
        ids[name] = opened["case_id"]
    clock.move(timedelta(days=40))
    return ids


def board(client: TestClient, headers: Headers, **query: str) -> dict[str, Any]:
    answer = client.get("/v1/service-levels", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return {item["level"]: item for item in answer.json()["items"]}


def test_board_counts_each_step_and_what_came_late(
    client: TestClient, as_merchant: Headers, stepped: dict[str, str]
) -> None:
    found = board(client, as_merchant)
    shown = {level: (one["done"], one["open"], one["late"]) for level, one in found.items()}
    assert shown == {
        "first_response": (3, 1, 2),  # slow, and waiting
        "inspection": (2, 0, 1),
        "return": (2, 0, 1),  # 6 days are within 7 working days, 12 are not
        "dispute": (1, 1, 1),
    }
    assert found["first_response"]["seconds"] == {"median": HOUR, "p95": 2 * HOUR}
    assert found["dispute"]["seconds"] == {"median": 10 * HOUR, "p95": 10 * HOUR}
    assert found["return"]["target"] == "7wd"
    assert board(client, as_merchant, since="2026-03-02T13:00:00Z")["return"]["done"] == 0


def test_own_calendar_decides_what_came_late(client: TestClient, as_merchant: Headers, stepped: dict[str, str]) -> None:
    calendar = {"name": "Seven days", "weekend": []}
    assert client.put("/v1/business-calendar", json=calendar, headers=as_merchant).json() == {
        "name": "Seven days",
        "weekend": [],
        "holidays": [],
    }
    assert board(client, as_merchant)["return"]["late"] == 1
    holidays = [f"2026-03-{day:02}" for day in range(3, 15)]
    client.put("/v1/business-calendar", json={**calendar, "holidays": holidays}, headers=as_merchant)
    assert client.get("/v1/business-calendar", headers=as_merchant).json()["holidays"] == holidays
    assert board(client, as_merchant)["return"]["late"] == 0


def test_calendar_needs_a_working_day(client: TestClient, as_merchant: Headers) -> None:
    answer = client.put(
        "/v1/business-calendar", json={"name": "never", "weekend": [1, 2, 3, 4, 5, 6, 7]}, headers=as_merchant
    )
    assert_problem(answer, 422, "invalid-input", field="weekend")
