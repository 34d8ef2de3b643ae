"""A provider's export against the cases, and lists as files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledger_service.services.app import App
from ledger_service.store.tables import CaseRow

from .conftest import ON_BOTH, Headers, Keys, Open, assert_problem, bearer, count_rows
from .panels import record_case

pytestmark = ON_BOTH
STRIPE = json.loads((Path(__file__).parents[1] / "vectors" / "stripe_refund.json").read_text())


def refund(number: int, case: dict[str, str] | None = None, **changes: Any) -> dict[str, Any]:
    return {**STRIPE, "id": f"re_{number}", "amount": 1980, "currency": "gbp", "metadata": case or {}, **changes}


def upload(client: TestClient, headers: Headers, refunds: list[dict[str, Any]]) -> dict[str, Any]:
    answer = client.post("/v1/reconciliation/uploads?provider=stripe", json=refunds, headers=headers)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def findings(client: TestClient, headers: Headers) -> dict[str | None, str]:
    """By reference, or by the refund's id where it is of no case; read two at a time."""
    found: dict[str | None, str] = {}
    cursor: str | None = None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = client.get("/v1/reconciliation", params=query, headers=headers).json()
        for item in page["items"]:
            key = item["reference"] or item["provider_refunds"][0]["refund_id"]
            assert key not in found
            found[key] = item["finding"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.fixture
def paid(open_case: Open, ledger: App) -> dict[str, str]:
    """Cases that a provider has to pay in full, by reference; `open` has no outcome yet."""
    ids = {}
    for reference in ("same", "less", "late", "failed", "twice", "foreign", "silent", "open"):
        ids[reference] = open_case(reference=reference, escrow="none")["case_id"]
        decided = {} if reference == "open" else {"state": "settled", "share": 10_000, "due": 0, "deadline": 0}
        record_case(ledger, ids[reference], **decided)
    return ids


def exported(paid: dict[str, str]) -> list[dict[str, Any]]:
    return [
        refund(1, {"case_id": paid["same"]}),
        refund(2, {"reference": "less"}, amount=1000),
        refund(3, {"reference": "late"}, status="pending"),
        refund(4, {"reference": "failed"}, status="failed"),
        refund(5, {"reference": "twice"}),
        refund(6, {"reference": "twice"}),
        refund(7, {"reference": "foreign"}, currency="eur"),
        refund(8, {"reference": "nobody's"}),
        refund(9, {"reference": "open"}),
    ]


def test_each_difference_has_its_name(client: TestClient, as_merchant: Headers, paid: dict[str, str]) -> None:
    report = upload(client, as_merchant, [*exported(paid), refund(10, amount="much")])
    assert (report["rows"], report["new"], report["unclaimed"], report["refused"]) == (10, 9, 1, 1)
    assert [(one["row"], one["field"]) for one in report["problems"]] == [(10, "amount")]
    expected = {
        "same": "matched",
        "less": "different_amount",
        "late": "pending",
        "failed": "different_status",
        "twice": "doubled",
        "foreign": "different_currency",
        "silent": "missing_there",
        "open": "undecided",
        "re_8": "missing_here",
    }
    assert findings(client, as_merchant) == expected
    summary = client.get("/v1/reconciliation/summary", headers=as_merchant).json()
    assert summary == {"findings": dict.fromkeys(expected.values(), 1), "total": 9}
    only = client.get("/v1/reconciliation?finding=doubled", headers=as_merchant).json()["items"]
    assert [item["case_id"] for item in only] == [paid["twice"]]
    money = client.get(f"/v1/audit/refunds/{paid['less']}", headers=as_merchant).json()
    amounts = {name: money["amounts"][name] for name in ("requested", "decided", "paid_by_provider", "difference")}
    assert amounts == {"requested": "19.80", "decided": "19.80", "paid_by_provider": "10.00", "difference": "9.80"}
    assert [one["refund_id"] for one in money["provider_refunds"]] == ["re_2"]
    assert money["verification"]["checks"]
    assert money["records"][0]["transaction"] == "0x" + "cc" * 32


def test_same_export_again_changes_nothing_and_a_newer_one_its_statuses(
    client: TestClient, ledger: App, as_merchant: Headers, paid: dict[str, str]
) -> None:
    upload(client, as_merchant, exported(paid))
    before = count_rows(ledger)
    again = upload(client, as_merchant, exported(paid)[3:])  # a part of it, as long exports come
    assert (again["new"], again["changed"], again["unchanged"]) == (0, 0, 6)
    newer = upload(client, as_merchant, [refund(3, {"reference": "late"}), refund(3, {"reference": "late"})])
    assert (newer["new"], newer["changed"], newer["unchanged"]) == (0, 1, 0)
    assert findings(client, as_merchant)["late"] == "matched"
    assert count_rows(ledger) == before  # no record, nothing for the chain
    twice = upload(client, as_merchant, [refund(1, {"case_id": paid["same"]}), refund(1, {"case_id": paid["less"]})])
    assert (twice["unchanged"], twice["refused"]) == (1, 1)


def test_refund_keeps_its_case_and_its_end_when_an_old_export_comes_again(
    client: TestClient, ledger: App, as_merchant: Headers, paid: dict[str, str], open_case: Open
) -> None:
    """A case's reference may be erased by then, or another case may have it too."""
    export = [refund(1, {"reference": "same"}), refund(2, {"reference": "silent"})]
    upload(client, as_merchant, export)
    open_case(reference="same", escrow="none")
    with ledger.database.write() as session:
        session.get_one(CaseRow, paid["silent"]).reference = ""
    again = upload(client, as_merchant, [export[0], {**export[1], "status": "pending"}])
    assert (again["unchanged"], again["unclaimed"]) == (2, 0)
    found = findings(client, as_merchant)
    assert (found["same"], found["re_2"]) == ("matched", "matched")
    assert "re_1" not in found
    failed = upload(client, as_merchant, [{**export[1], "status": "failed"}])
    assert failed["changed"] == 1


def test_refund_finds_its_case_by_the_merchants_own_record(
    client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    case_id = open_case(reference="mine", escrow="none")["case_id"]
    record_case(ledger, case_id, state="payable", share=10_000)
    path = f"/v1/cases/{case_id}/milestones"
    stated = client.post(path, json={"kind": "refunded", "data": {"reference": "re_77"}}, headers=as_merchant)
    assert stated.status_code == 202, stated.text
    assert upload(client, as_merchant, [refund(77)])["unclaimed"] == 0
    assert findings(client, as_merchant) == {"mine": "matched"}


def test_anothers_case_is_nobodys(
    client: TestClient, account: Keys, as_merchant: Headers, paid: dict[str, str]
) -> None:
    other = bearer(account("merchant", "Other shop")["api_key"])
    named = [refund(1, {"case_id": paid["same"]}), refund(2, {"reference": "less"})]
    assert upload(client, other, named)["unclaimed"] == 2
    assert findings(client, other) == {"re_1": "missing_here", "re_2": "missing_here"}
    assert findings(client, as_merchant)["same"] == "missing_there"
    assert_problem(client.get(f"/v1/audit/refunds/{paid['same']}", headers=other), 404, "not-found", field="case_id")


def test_upload_that_is_no_export_is_refused(client: TestClient, as_merchant: Headers) -> None:
    path = "/v1/reconciliation/uploads?provider=csv"
    headers = {**as_merchant, "Content-Type": "text/csv"}
    assert_problem(client.post(path, content=b"a,b\r\n", headers=headers), 422, "invalid-input", field="body")
    assert_problem(
        client.get("/v1/reconciliation?cursor=xx", headers=as_merchant), 422, "invalid-input", field="cursor"
    )


# --- files -----------------------------------------------------------------------------------------------------------


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_cases_come_as_a_file_in_which_nothing_is_a_formula(
    client: TestClient, as_merchant: Headers, open_case: Open
) -> None:
    for reference in ('=HYPERLINK("x")', 'RMA, "7"'):
        open_case(reference=reference, escrow="none")
    answer = client.get("/v1/exports/cases.csv?bom=true&mode=none", headers=as_merchant)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="cases.csv"'
    assert answer.content.startswith(b"\xef\xbb\xbfcase_id,reference,")
    rows = table(answer.content.decode("utf-8-sig"))
    assert sorted(row["reference"] for row in rows) == ['\'=HYPERLINK("x")', 'RMA, "7"']
    assert (rows[0]["refund_amount"], rows[0]["refund_currency"]) == ("19.80", "GBP")
    assert rows[0]["opened_at"] == "2026-03-01T12:00:00Z"
    assert table(client.get("/v1/exports/cases.csv?mode=bond", headers=as_merchant).text) == []


def test_refunds_come_as_a_file(
    client: TestClient, account: Keys, as_merchant: Headers, paid: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ledger_service.services.exporting._PART", 3)  # several parts of eight
    upload(client, as_merchant, exported(paid))
    rows = {row["reference"]: row for row in table(client.get("/v1/exports/refunds.csv", headers=as_merchant).text)}
    assert len(rows) == 8
    assert rows["twice"]["difference"] == "-19.80"
    assert rows["open"]["difference"] == ""
    carrier = bearer(account("carrier")["api_key"])
    assert_problem(client.get("/v1/exports/refunds.csv", headers=carrier), 403, "forbidden", field="Authorization")
