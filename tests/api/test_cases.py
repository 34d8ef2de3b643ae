"""What a merchant does when nothing goes wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import update
from sqlmodel import col, select
from starlette.testclient import TestClient

from ledger_service.clock import FixedClock
from ledger_service.services.app import App
from ledger_service.store.tables import ChainRefusal, OutboxRow, RecordRow

from .conftest import ON_BOTH, Headers, Keys, Open, bearer, case_body, token_of

pytestmark = ON_BOTH


def test_open_case_answers_what_the_merchant_needs(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    answer = client.post("/v1/cases", json=case_body(), headers=as_merchant)
    assert answer.status_code == 201
    case = answer.json()
    assert case["reference"] == "RMA-1001"
    assert (case["state"], case["stage"]) == ("requested", "accepted")
    assert case["refund"]["amount"] == "19.80"
    assert case["next"] == {
        "waiting_for": "merchant",
        "deadline": case["next"]["deadline"],
        "otherwise": "authorised",
    }
    (opening,) = case["milestones"]
    assert (opening["kind"], opening["stage"], opening["case_id"]) == ("requested", "accepted", case["case_id"])
    claims = ledger.tokens.verify("receipt+jwt", opening["receipt"]["jws"], ledger.clock.now())
    assert claims["commitment"] == opening["commitment"]


def test_case_id_says_nothing_of_the_reference(open_case: Open) -> None:
    assert open_case()["case_id"] != open_case()["case_id"]


def test_merchants_link_reads_and_does_not_act(client: TestClient, open_case: Open) -> None:
    link = open_case()["status_link"]
    assert link.startswith("http://127.0.0.1:8000/s#")
    shown = client.get("/v1/status", headers=bearer(token_of(link))).json()
    assert shown["link"]["scopes"] == ["status:read"]
    assert shown["next"]["acts"] == []


def test_personal_fields_stay_out_of_answers(client: TestClient, as_merchant: Headers, open_case: Open) -> None:
    case_id = open_case()["case_id"]
    for path in ("", "/milestones", "/verification"):
        text = client.get(f"/v1/cases/{case_id}{path}", headers=as_merchant).text
        assert "ada@example.org" not in text
        assert "Ada Example" not in text


def test_case_is_led_from_request_to_outcome(client: TestClient, as_merchant: Headers, open_case: Open) -> None:
    case_id = open_case()["case_id"]
    path = f"/v1/cases/{case_id}/milestones"
    steps: list[tuple[dict[str, Any], str]] = [
        ({"kind": "authorised"}, "authorised"),
        ({"kind": "picked_up", "occurred_at": "2026-02-28T08:00:00+02:00"}, "picked_up"),
        ({"kind": "received", "data": {"parcels": 1}}, "received"),
        ({"kind": "inspected", "data": {"grade": "as_new", "share": 10000}}, "inspected"),
    ]
    for body, state in steps:
        answer = client.post(path, json=body, headers=as_merchant)
        assert answer.status_code == 202, answer.text
        assert answer.json()["kind"] == body["kind"]
        assert client.get(f"/v1/cases/{case_id}", headers=as_merchant).json()["state"] == state
    items = client.get(path, headers=as_merchant).json()["items"]
    assert [item["kind"] for item in items] == ["requested", "authorised", "picked_up", "received", "inspected"]
    assert items[2]["occurred_at"] == "2026-02-28T06:00:00Z"
    assert items[3]["data"]["parcels"] == 1


def test_list_pages_through_all_cases(
    client: TestClient, clock: FixedClock, as_merchant: Headers, open_case: Open
) -> None:
    opened = []
    for number in range(5):
        if number != 3:  # two of the same second
            clock.move(timedelta(seconds=1))
        opened.append(open_case(escrow="none", reference=f"RMA-{number}")["reference"])
    seen, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = client.get("/v1/cases", params=query, headers=as_merchant).json()
        assert len(page["items"]) <= 2
        seen += [case["reference"] for case in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert sorted(seen) == opened
    assert len(seen) == 5


def test_list_answers_one_state(client: TestClient, as_merchant: Headers, open_case: Open) -> None:
    open_case()
    assert len(client.get("/v1/cases?state=requested", headers=as_merchant).json()["items"]) == 1
    assert client.get("/v1/cases?state=settled", headers=as_merchant).json()["items"] == []


def test_refused_opening_is_called_so_everywhere(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    kept, refused = open_case()["case_id"], open_case()["case_id"]
    with ledger.database.write() as session:
        record = session.exec(select(RecordRow).where(RecordRow.case_id == refused)).one()
        place = {"block_number": 7, "log_index": 0, "tx_hash": "0x" + "ee" * 32}
        reason = "InsufficientBalance()"
        session.add(ChainRefusal(case_id=refused, commitment=record.commitment, reason=reason, **place))
        session.execute(update(OutboxRow).where(col(OutboxRow.record_id) == record.record_id).values(done=True))
    words = {kept: "requested", refused: "rejected"}
    for path in ("/v1/cases", "/v1/audit/refunds"):
        items = client.get(path, headers=as_merchant).json()["items"]
        assert {item["case_id"]: item["state"] for item in items} == words
    for case_id, word in words.items():
        assert client.get(f"/v1/cases/{case_id}", headers=as_merchant).json()["state"] == word
        (item,) = client.get(f"/v1/cases?state={word}", headers=as_merchant).json()["items"]
        assert item["case_id"] == case_id
        assert (item["stage"] == "rejected") is (word == "rejected")


def test_refunds_audit_shows_each_cases_money(
    client: TestClient, account: Keys, as_merchant: Headers, open_case: Open
) -> None:
    opened = open_case()
    for headers in (as_merchant, bearer(account("auditor")["api_key"])):
        (item,) = client.get("/v1/audit/refunds", headers=headers).json()["items"]
        assert item["case_id"] == opened["case_id"]
        assert item["refund"]["amount"] == "19.80"
        assert item["refund"]["currency"] == "GBP"


def test_bundle_comes_as_a_file(client: TestClient, as_merchant: Headers, open_case: Open) -> None:
    case_id = open_case()["case_id"]
    answer = client.get(f"/v1/cases/{case_id}/bundle", headers=as_merchant)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith('attachment; filename="case-')


def test_revoking_twice_is_revoking_once(client: TestClient, as_merchant: Headers, open_case: Open) -> None:
    path = f"/v1/cases/{open_case()['case_id']}/status-links"
    made = client.post(path, json={"expires_at": "2026-04-01T00:00:00Z"}, headers=as_merchant)
    assert made.status_code == 201
    assert made.json()["expires_at"] == "2026-04-01T00:00:00Z"
    assert client.delete(f"{path}/{made.json()['jti']}", headers=as_merchant).status_code == 204
    assert client.delete(f"{path}/{made.json()['jti']}", headers=as_merchant).status_code == 204
