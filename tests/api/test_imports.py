"""Many returns at once: what a preview says, and that rows open once."""

from __future__ import annotations

import json
from typing import Any

import httpx
from starlette.testclient import TestClient

from ledger_service.services.app import App

from .conftest import ON_BOTH, Headers, Keys, assert_problem, bearer, case_body, count_rows

pytestmark = ON_BOTH
HEAD = "reference,consumer_name,consumer_email,consumer_country,sku,quantity,unit_price,refund_amount,"
HEAD += "refund_currency\r\n"


def line(reference: str, **changes: str) -> str:
    cells = {"country": "DE", "quantity": "12", "amount": "19.80", "currency": "GBP", **changes}
    return (
        f'{reference},"Müller, Ada",ada@example.org,{cells["country"]},22556,{cells["quantity"]},1.65,'
        f"{cells['amount']},{cells['currency']}\r\n"
    )


def preview(client: TestClient, headers: Headers, text: str) -> dict[str, Any]:
    sent = {**headers, "Content-Type": "text/csv"}
    answer = client.post("/v1/imports/preview", content=text.encode(), headers=sent)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def confirm(client: TestClient, headers: Headers, text: str, preview_id: str) -> httpx.Response:
    sent = {**headers, "Content-Type": "text/csv"}
    return client.post(f"/v1/imports?preview_id={preview_id}", content=text.encode(), headers=sent)


def test_preview_tells_every_problem_by_row_and_column_and_writes_nothing(
    client: TestClient, ledger: App, as_merchant: Headers
) -> None:
    before = count_rows(ledger)
    text = HEAD + line("R-1") + line("R-2", quantity="none", country="D") + line("R-3", amount="19.801") + line("R-1")
    found = preview(client, as_merchant, text)
    assert (found["rows"], found["to_open"], found["known"], found["needed"]) == (4, 1, [], [])
    assert [(one["row"], one["field"]) for one in found["problems"]] == [
        (2, "consumer_country"),
        (2, "quantity"),
        (3, "refund_amount"),
        (4, "reference"),
    ]
    assert all(one["error"] and one["remedy"] for one in found["problems"])
    assert count_rows(ledger) == before


def test_confirmed_rows_open_once_whichever_file_they_come_in(
    client: TestClient, ledger: App, as_merchant: Headers
) -> None:
    text = HEAD + line("R-1") + line("R-2", currency="XXX") + line("R-3")
    known = preview(client, as_merchant, text)["preview_id"]
    done = confirm(client, as_merchant, text, known).json()
    assert [(one["row"], one["reference"]) for one in done["opened"]] == [(1, "R-1"), (3, "R-3")]
    assert [(one["row"], one["field"]) for one in done["problems"]] == [(2, "refund_currency")]
    case = client.get(f"/v1/cases/{done['opened'][0]['case_id']}", headers=as_merchant).json()
    assert (case["reference"], case["refund"]["amount"]) == ("R-1", "19.80")
    assert len(client.get("/v1/cases?q=müller", headers=as_merchant).json()["items"]) == 2
    again = confirm(client, as_merchant, text, known).json()
    assert (again["opened"], again["known"]) == ([], [1, 3])
    more = HEAD + line("R-3") + line("R-4")
    looked = preview(client, as_merchant, more)
    assert (looked["to_open"], looked["known"]) == (1, [1])
    assert [one["reference"] for one in confirm(client, as_merchant, more, looked["preview_id"]).json()["opened"]] == [
        "R-4"
    ]


def test_what_was_not_previewed_is_not_opened(
    client: TestClient, ledger: App, as_merchant: Headers, account: Keys
) -> None:
    text = HEAD + line("R-1")
    known = preview(client, as_merchant, text)["preview_id"]
    before = count_rows(ledger)
    assert_problem(confirm(client, as_merchant, text + line("R-2"), known), 409, "conflict", field="preview_id")
    other = bearer(account("merchant", "Other shop")["api_key"])
    assert_problem(confirm(client, other, text, known), 409, "conflict", field="preview_id")
    assert count_rows(ledger)["cases"] == before["cases"]


def test_json_list_is_what_opening_takes_and_the_lock_is_added_up(client: TestClient, as_merchant: Headers) -> None:
    bodies = [case_body(reference=f"J-{n}", refund__amount="600.00") for n in range(2)]
    found = client.post("/v1/imports/preview", json=[*bodies, {"reference": "J-9"}, 7], headers=as_merchant).json()
    assert found["needed"] == [{"amount": "1200.00", "currency": "GBP"}]
    assert {(one["row"], one["field"]) for one in found["problems"]} >= {(3, "items"), (3, "refund"), (4, "row")}
    query = f"?preview_id={found['preview_id']}"
    done = client.post(f"/v1/imports{query}", json=[*bodies, {"reference": "J-9"}, 7], headers=as_merchant).json()
    assert [one["reference"] for one in done["opened"]] == ["J-0"]  # the balance of 1000.00 covers one
    assert [one["row"] for one in done["problems"] if one["field"] == "refund.amount"] == [2]


def test_file_that_is_none_is_refused(client: TestClient, as_merchant: Headers) -> None:
    for content, kind in (
        (b"[", "application/json"),
        (b"[]", "application/json"),
        (b"7", "application/json"),
        (json.dumps([{}] * 501).encode(), "application/json"),
        (b"shoe size\r\n42\r\n", "text/csv"),
        (HEAD.encode() + b"a,b,c,d,e,f,g,h,i,j\r\n", "text/csv"),
        (b"\xff\xfe", "text/csv"),
    ):
        answer = client.post("/v1/imports/preview", content=content, headers={**as_merchant, "Content-Type": kind})
        assert answer.status_code in (400, 422), content
        assert answer.json()["field"] == "body"
