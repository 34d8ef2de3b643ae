"""Lists of cases: what filters, search, order and pages name, counts, work, and saved views."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.clock import FixedClock
from ledger_service.services.app import App
from ledger_service.services.erasing import destroy
from ledger_service.store.privacy import destroy_case
from ledger_service.store.tables import CaseRow, CaseWord, ChainCursor

from .conftest import ON_BOTH, Headers, Keys, Open, assert_problem, bearer
from .panels import record_case

pytestmark = ON_BOTH


def references(client: TestClient, headers: Headers, **query: Any) -> list[str]:
    answer = client.get("/v1/cases", params=query, headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["reference"] for item in answer.json()["items"]]


@pytest.fixture
def three(open_case: Open, clock: FixedClock) -> list[str]:
    """Three cases, a minute apart, that differ in everything that is filtered by; their ids."""
    ids = []
    for number, (amount, country, reason) in enumerate([("10.00", "DE", "defective"), ("30.00", "FR", "style")]):
        body = {"reference": f"A-{number}", "refund__amount": amount, "consumer__country": country}
        ids.append(open_case(**body, reason_code=reason)["case_id"])
        clock.move(timedelta(minutes=1))
    ids.append(open_case(reference="B-2", refund__amount="20.00", escrow="none", policy="uk-14")["case_id"])
    return ids


FILTERED: list[tuple[dict[str, str], list[str]]] = [
    ({"mode": "none"}, ["B-2"]),
    ({"country": "FR"}, ["A-1"]),
    ({"reason": "defective"}, ["A-0"]),
    ({"policy": "uk-14"}, ["B-2"]),
    ({"currency": "GBP", "mode": "refund"}, ["A-1", "A-0"]),
    ({"currency": "EUR"}, []),
    ({"opened_from": "2026-03-01T12:01:00Z"}, ["B-2", "A-1"]),
    ({"opened_before": "2026-03-01T12:01:00Z"}, ["A-0"]),
    ({"state": "requested", "stage": "accepted", "waiting_for": "merchant"}, ["B-2", "A-1", "A-0"]),
    ({"stage": "recorded"}, []),
    ({"waiting_for": "consumer"}, []),
    ({"deadline_before": "2030-01-01T00:00:00Z"}, []),
    ({"sort": "opened"}, ["A-0", "A-1", "B-2"]),
    ({"sort": "amount"}, ["A-0", "B-2", "A-1"]),
    ({"sort": "-amount"}, ["A-1", "B-2", "A-0"]),
    ({"sort": "reference"}, ["A-0", "A-1", "B-2"]),
    ({"q": "A-"}, ["A-1", "A-0"]),
    ({"q": "%%"}, []),
]


def test_filters_and_order_name_just_these(client: TestClient, as_merchant: Headers, three: list[str]) -> None:
    for query, found in FILTERED:
        assert references(client, as_merchant, **query) == found, query
        counted = {name: value for name, value in query.items() if name != "sort"}
        count = client.get("/v1/cases/counts", params=counted, headers=as_merchant).json()
        assert count == {"total": len(found), "is_exact": True}


def test_list_tells_what_the_chain_has(client: TestClient, ledger: App, as_merchant: Headers, three: list[str]) -> None:
    for number, case_id in enumerate(three):
        due = 2_000_000_000 - number
        record_case(ledger, case_id, due=due, deadline=due, block_number=number * 100)
    with ledger.database.write() as session:
        session.merge(ChainCursor(id=1, block_number=150, block_hash="0x" + "77" * 32))
    assert references(client, as_merchant, sort="deadline") == ["B-2", "A-1", "A-0"]
    assert references(client, as_merchant, deadline_before="2033-05-18T03:33:19Z") == ["B-2"]
    assert references(client, as_merchant, stage="final") == ["A-1", "A-0"]
    assert references(client, as_merchant, stage="recorded") == ["B-2"]
    (item,) = client.get("/v1/cases?stage=recorded", headers=as_merchant).json()["items"]
    assert (item["deadline"], item["waiting_for"]) == ("2033-05-18T03:33:18Z", "merchant")


@pytest.mark.parametrize("sort", ["-opened", "deadline", "reference"])
def test_pages_neither_repeat_nor_skip_while_cases_are_opened(
    client: TestClient, as_merchant: Headers, open_case: Open, sort: str
) -> None:
    first = {open_case(reference=f"C-{number}", escrow="none")["case_id"] for number in range(5)}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        query = {"limit": 2, "sort": sort, **({"cursor": cursor} if cursor else {})}
        page = client.get("/v1/cases", params=query, headers=as_merchant).json()
        seen += [item["case_id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        if len(seen) == 2:
            open_case(reference="B-9", escrow="none", refund__amount="19.79")
    assert len(seen) == len(set(seen))
    assert first <= set(seen)


def test_cursor_of_another_order_is_refused(client: TestClient, as_merchant: Headers, three: list[str]) -> None:
    cursor = client.get("/v1/cases?limit=1", headers=as_merchant).json()["next_cursor"]
    answer = client.get("/v1/cases", params={"cursor": cursor, "sort": "amount"}, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="cursor", remedy="next_cursor")


def test_unknown_parameter_is_refused_and_not_ignored(client: TestClient, as_merchant: Headers) -> None:
    assert_problem(client.get("/v1/cases?sate=settled", headers=as_merchant), 422, "invalid-input", field="sate")


# --- search by what is sealed ----------------------------------------------------------------------------------------


def test_case_is_found_by_what_is_sealed(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    order = {"reference": "O-77"}
    open_case(reference="X", order=order, consumer={"name": "José Müller", "email": "jose@example.org"})
    open_case(reference="Y", consumer={"name": "Josette Mull", "email": "j@example.org"})
    for text in ("müller", "MULLER josé", "Jose Muller", "o-77", "Jose@Example.org"):
        assert references(client, as_merchant, q=text) == ["X"], text
    with ledger.database.read() as session:
        assert not any("muller" in row.word for row in session.exec(select(CaseWord)))


def test_another_merchant_finds_nobody(client: TestClient, account: Keys, open_case: Open) -> None:
    carrier = account("carrier", "Cool Carrier")
    open_case(consumer={"name": "José Müller", "email": "jose@example.org"}, carrier=carrier["address"])
    other = account("merchant", "Other shop")
    for key in (carrier, other):
        assert references(client, bearer(key["api_key"]), q="müller") == []


def test_erased_case_is_found_by_nothing_that_was_sealed(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    case_id = open_case(consumer={"name": "José Müller", "email": "jose@example.org"})["case_id"]
    with ledger.database.write() as session:
        destroy_case(session, session.get_one(CaseRow, case_id), None, ledger.clock.seconds())
    assert references(client, as_merchant, q="müller") == []
    with ledger.database.read() as session:
        assert session.exec(select(CaseWord)).all() == []


def test_saved_view_that_looks_for_an_erased_person_goes_with_the_case(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    person = {"name": "José Müller", "email": "jose@example.org"}
    case_id = open_case(reference="RMA-77", order={"reference": "ORD-9"}, consumer=person)["case_id"]
    mine = ("jose@example.org", "josé müller", "ORD-9", "RMA-77")
    others = ("ada@example.org", "Müller Bauer", "RMA-7", "")
    for text in (*mine, *others):
        query = {"q": text} if text else {"state": "received"}
        saved = client.post(
            "/v1/saved-views", json={"name": f"of {text or 'all'}", "query": query}, headers=as_merchant
        )
        assert saved.status_code == 201, saved.text
    with ledger.database.write() as session:
        destroy(ledger, session, session.get_one(CaseRow, case_id), None)
    left = client.get("/v1/saved-views", headers=as_merchant).json()["items"]
    assert sorted(view["name"] for view in left) == sorted(f"of {text or 'all'}" for text in others)


# --- work ------------------------------------------------------------------------------------------------------------


def test_work_is_what_waits_for_the_caller_the_most_urgent_first(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open, three: list[str], account: Keys
) -> None:
    inspector = account("inspector")
    inspected = open_case(reference="D-3", inspector=inspector["address"])["case_id"]
    for case_id, state, due in [
        (three[0], "received", 2_000_000_000),
        (three[1], "authorised", 1_800_000_000),
        (three[2], "payable", 1_900_000_000),
        (inspected, "received", 1_700_000_000),
    ]:
        record_case(ledger, case_id, state=state, due=due, deadline=due)
    work = client.get("/v1/work-list", headers=as_merchant).json()["items"]
    assert [(item["reference"], item["role"], item["otherwise"]) for item in work] == [
        ("B-2", "merchant", "settled_unpaid"),
        ("A-0", "inspector", "refund_full"),
    ]
    assert work[1]["acts"] == ["disputed", "inspected", "split"]
    assert work[1]["at_stake"] == {"amount": "10.00", "currency": "GBP"}
    assert work[0]["deadline"] == "2030-03-17T17:46:40Z"
    theirs = client.get("/v1/work-list", headers=bearer(inspector["api_key"])).json()["items"]
    assert [(item["reference"], item["role"]) for item in theirs] == [("D-3", "inspector")]


def test_what_was_stated_waits_for_nobody_any_more(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    case_id = open_case()["case_id"]
    record_case(ledger, case_id)
    assert len(client.get("/v1/work-list", headers=as_merchant).json()["items"]) == 1
    path = f"/v1/cases/{case_id}/milestones"
    assert client.post(path, json={"kind": "authorised"}, headers=as_merchant).status_code == 202
    assert client.get("/v1/work-list", headers=as_merchant).json()["items"] == []


def test_auditors_have_no_work(client: TestClient, ledger: App, account: Keys, open_case: Open) -> None:
    record_case(ledger, open_case()["case_id"])
    assert client.get("/v1/work-list", headers=bearer(account("auditor")["api_key"])).json()["items"] == []


# --- saved views -----------------------------------------------------------------------------------------------------


def test_view_is_kept_changed_and_removed_by_its_owner_alone(
    client: TestClient, as_merchant: Headers, account: Keys
) -> None:
    other = bearer(account("merchant", "Other shop")["api_key"])
    made = client.post("/v1/saved-views", json={"name": "Mine", "query": {"state": "payable"}}, headers=as_merchant)
    assert made.status_code == 201
    path = f"/v1/saved-views/{made.json()['view_id']}"
    assert made.json()["query"] == {"state": "payable", "sort": "-opened"}
    assert client.get("/v1/saved-views", headers=other).json()["items"] == []
    changed = {"name": "Mine too", "query": {"q": "RMA", "sort": "deadline", "opened_from": "2026-03-01T00:00:00Z"}}
    for headers, status in ((other, 404), (as_merchant, 200)):
        assert client.put(path, json=changed, headers=headers).status_code == status
    (item,) = client.get("/v1/saved-views", headers=as_merchant).json()["items"]
    assert (item["name"], item["query"]) == ("Mine too", changed["query"])
    for headers, status in ((other, 404), (as_merchant, 204), (as_merchant, 404)):
        assert client.delete(path, headers=headers).status_code == status


def test_name_of_a_view_is_taken_once(client: TestClient, as_merchant: Headers) -> None:
    body = {"name": "Mine", "query": {}}
    assert client.post("/v1/saved-views", json=body, headers=as_merchant).status_code == 201
    assert_problem(
        client.post("/v1/saved-views", json=body, headers=as_merchant), 409, "conflict", field="name", remedy="another"
    )


def test_view_with_an_unknown_filter_is_refused(client: TestClient, as_merchant: Headers) -> None:
    answer = client.post("/v1/saved-views", json={"name": "Mine", "query": {"sate": "payable"}}, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="query.sate")
