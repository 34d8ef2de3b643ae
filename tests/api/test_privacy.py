"""Who is shown which field of a person, what a person is told of themselves, and what is erased for whom."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.domain.disclosures import read_disclosure
from ledger_service.services.app import App
from ledger_service.services.revealing import MAY_SEE, may_show
from ledger_service.store.tables import CaseRow, IdempotentRequest, PersonalDataExport
from ledger_service.verification import verify_bundle

from .conftest import Headers, Keys, Open, assert_problem, bearer, case_body

CONSUMER = {
    "name": "Adelheid Example",
    "email": "adelheid@customers.example",
    "customer_number": "K-12345",
    "postal_address": "Long Street 1, 12345 Town",
    "country": "DE",
    "language": "de",
}
# Every field that a case can hold of a person, by the input that it comes from.
FIELDS = (
    "consumer.name",
    "consumer.email",
    "consumer.customer_number",
    "consumer.postal_address",
    "order.reference",
    "reference",
    "reason",
    "shipment.tracking_code",
    "note",
)
# The same table as in docs/privacy.md: what a role may be shown of them.
SEEN = {
    "merchant": set(FIELDS),
    "operator": set(FIELDS),
    "auditor": {"order.reference", "reference", "reason", "shipment.tracking_code", "note"},
    "arbitrator": {"reference", "reason", "note"},
    "carrier": {"shipment.tracking_code"},
    "warehouse": {"shipment.tracking_code"},
    "inspector": set(),
}
# What carriers and the warehouse add later: who may be shown it, by the same table.
SEEN_OF_THE_PARCEL = {
    "location": {"merchant", "operator", "auditor", "arbitrator", "carrier", "warehouse"},
    "receipt": {"merchant", "operator", "auditor", "arbitrator", "carrier", "warehouse"},
    "message": {"merchant", "operator", "auditor", "arbitrator", "carrier", "warehouse"},
    "event": {"merchant", "operator", "auditor", "carrier", "warehouse"},
}


@pytest.fixture
def parties(account: Keys) -> dict[str, dict[str, Any]]:
    return {role: account(role) for role in ("carrier", "warehouse", "inspector", "auditor", "operator")}


@pytest.fixture
def case_id(client: TestClient, open_case: Open, as_merchant: Headers, parties: dict[str, dict[str, Any]]) -> str:
    named = {role: parties[role]["address"] for role in ("carrier", "warehouse", "inspector")}
    opened = open_case(
        consumer=CONSUMER, reason="It does not fit.", shipment={"carrier": "FedEx", "tracking_code": "T-77"}, **named
    )
    body = {"kind": "authorised", "data": {"note": "Send it to dock 4."}}
    assert client.post(f"/v1/cases/{opened['case_id']}/milestones", json=body, headers=as_merchant).status_code == 202
    return str(opened["case_id"])


def shown(bundle: dict[str, Any]) -> dict[str, Any]:
    texts = [text for record in bundle["evidence"]["records"] for text in record["disclosures"]]
    return {one.name: one.value for one in map(read_disclosure, texts)}


@pytest.mark.parametrize("role", SEEN)
def test_table_of_what_a_role_may_see(role: str) -> None:
    assert {name for name in FIELDS if may_show(role, name)} == SEEN[role]
    assert set(MAY_SEE) == set(SEEN)


@pytest.mark.parametrize("field", SEEN_OF_THE_PARCEL)
def test_table_of_who_may_see_a_field_of_the_parcel(field: str) -> None:
    assert {role for role in MAY_SEE if may_show(role, field)} == SEEN_OF_THE_PARCEL[field]


@pytest.mark.parametrize("row", ["arbitrator of the dispute", "carrier, warehouse"])
def test_documentation_says_who_is_shown_places_and_receipts(row: str) -> None:
    page = Path(__file__).parents[2].joinpath("docs", "privacy.md").read_text("utf-8")
    [said] = [line for line in page.splitlines() if line.startswith(f"| {row} |")]
    assert "places" in said
    assert "receipts" in said


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("role", [role for role in SEEN if role not in ("merchant", "arbitrator")])
def test_each_role_is_shown_what_it_may_see_and_nothing_else(
    client: TestClient, parties: dict[str, dict[str, Any]], case_id: str, role: str, field: str
) -> None:
    answer = client.get(
        f"/v1/cases/{case_id}/bundle", params={"reveal": field}, headers=bearer(parties[role]["api_key"])
    )
    if field in SEEN[role]:
        assert set(shown(answer.json())) == {field}
    else:
        assert_problem(answer, 403, "forbidden", field="reveal")


@pytest.mark.parametrize("role", [role for role in SEEN if role not in ("merchant", "arbitrator")])
def test_all_is_all_that_the_role_may_see(
    client: TestClient, parties: dict[str, dict[str, Any]], case_id: str, role: str
) -> None:
    answer = client.get(
        f"/v1/cases/{case_id}/bundle", params={"reveal": "all"}, headers=bearer(parties[role]["api_key"])
    )
    assert set(shown(answer.json())) == SEEN[role]


def test_one_field_is_shown_without_another(client: TestClient, as_merchant: Headers, case_id: str) -> None:
    """The refund without the address: what is hidden leaves every check as it was."""
    path = f"/v1/cases/{case_id}/bundle"
    bundle = client.get(path, params=[("reveal", "consumer.name"), ("reveal", "reference")], headers=as_merchant).json()
    assert shown(bundle) == {"consumer.name": "Adelheid Example", "reference": "RMA-1001"}
    assert "Long Street" not in json.dumps(bundle)
    checks = {check.number: check for check in verify_bundle(bundle).checks}
    assert checks[1].result == "pass"
    assert shown(client.get(path, headers=as_merchant).json()) == {}
    assert set(shown(client.get(path, params={"reveal": "all"}, headers=as_merchant).json())) == set(FIELDS)


def test_field_that_the_case_does_not_have_is_named(client: TestClient, as_merchant: Headers, case_id: str) -> None:
    answer = client.get(f"/v1/cases/{case_id}/bundle", params={"reveal": "consumer.nmae"}, headers=as_merchant)
    problem = assert_problem(answer, 422, "invalid-input", field="reveal")
    assert "consumer.name" in str(answer.json()), problem


def test_who_asks_for_a_field_that_is_not_there_is_told_the_names_it_may_be_shown(
    client: TestClient, parties: dict[str, dict[str, Any]], case_id: str
) -> None:
    headers = bearer(parties["carrier"]["api_key"])
    answer = client.get(f"/v1/cases/{case_id}/bundle", params={"reveal": "location"}, headers=headers)
    assert_problem(answer, 422, "invalid-input", field="reveal")
    assert answer.json()["remedy"] == "It has shipment.tracking_code that you may be shown."


def test_bundle_of_somebody_elses_case_is_not_there(client: TestClient, account: Keys, case_id: str) -> None:
    other = bearer(account("merchant", "Another")["api_key"])
    answer = client.get(f"/v1/cases/{case_id}/bundle", params={"reveal": "all"}, headers=other)
    assert_problem(answer, 404, "not-found", field="case_id")


# --- all that is held about a person ---------------------------------------------------------------------------------


def ask(client: TestClient, headers: Headers, email: str) -> Any:
    return client.post("/v1/personal-data", json={"email": email}, headers=headers)


def test_person_is_told_all_that_is_held(
    client: TestClient, ledger: App, as_merchant: Headers, case_id: str, open_case: Open
) -> None:
    open_case(consumer={"name": "Somebody Else", "email": "else@customers.example"})
    noted = {"kind": "noted", "data": {"topic": "goods", "note": "Adelheid rang."}}
    assert client.post(f"/v1/cases/{case_id}/observations", json=noted, headers=as_merchant).status_code == 202
    answer = ask(client, {**as_merchant, "Idempotency-Key": "x"}, "Adelheid@Customers.example")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    [told] = answer.json()["cases"]
    assert told["case"]["case_id"] == case_id
    fields = {field["name"]: field["value"] for field in told["personal_fields"]}
    assert set(fields) == set(FIELDS)
    assert fields["consumer.postal_address"] == CONSUMER["postal_address"]
    assert [record["record"]["kind"] for record in told["records"]] == ["requested", "authorised"]
    [observation] = told["observations"]
    assert (observation["record"]["kind"], observation["record"]["data"]) == ("noted", {"topic": "goods"})
    assert told["votes"] == []
    assert [mail["template"] for mail in told["mails"]] == ["opened"]
    assert told["links"][0]["scopes"] == ["status:read"]
    assert told["signing_key"]["held_by_the_service"] is True
    assert "Somebody Else" not in answer.text
    with ledger.database.read() as session:
        [kept] = session.exec(select(PersonalDataExport)).all()
        cached = session.exec(select(IdempotentRequest).where(IdempotentRequest.key == "x")).all()
    assert (kept.cases, kept.asked_by) == (1, 1)
    assert cached == [], "it would be a copy of it all"


def test_case_of_an_earlier_release_is_found_too(
    client: TestClient, ledger: App, as_merchant: Headers, case_id: str
) -> None:
    with ledger.database.write() as session:
        case = session.get_one(CaseRow, case_id)
        assert case.consumer_index is not None
        case.consumer_index = None
        session.add(case)
    assert len(ask(client, as_merchant, CONSUMER["email"]).json()["cases"]) == 1


def test_merchant_is_told_of_its_own_cases_alone(client: TestClient, account: Keys, case_id: str) -> None:
    other = bearer(account("merchant", "Another")["api_key"])
    assert_problem(ask(client, other, CONSUMER["email"]), 404, "not-found", field="email")
    opened = client.post("/v1/cases", json=case_body(escrow="none", consumer=CONSUMER), headers=other)
    [told] = ask(client, other, CONSUMER["email"]).json()["cases"]
    assert told["case"]["case_id"] == opened.json()["case_id"] != case_id


@pytest.mark.parametrize("role", ["carrier", "auditor", "operator"])
def test_nobody_but_a_merchant_asks_over_http(
    client: TestClient, parties: dict[str, dict[str, Any]], case_id: str, role: str
) -> None:
    assert_problem(
        ask(client, bearer(parties[role]["api_key"]), CONSUMER["email"]), 403, "forbidden", field="Authorization"
    )


def test_one_person_at_two_merchants_is_not_linked_by_the_database(
    client: TestClient, ledger: App, account: Keys, case_id: str
) -> None:
    other = bearer(account("merchant", "Another")["api_key"])
    client.post("/v1/cases", json=case_body(escrow="none", consumer=CONSUMER), headers=other)
    with ledger.database.read() as session:
        indexes = session.exec(select(CaseRow.consumer_index)).all()
    assert len(set(indexes)) == 2


# --- erasure; what happens once a case has ended is tried on real chains ---------------------------------------------


def test_live_case_is_not_erased(client: TestClient, as_merchant: Headers, case_id: str) -> None:
    answer = client.post(f"/v1/cases/{case_id}/erasure", headers=as_merchant)
    assert_problem(answer, 409, "out-of-order", field="case_id", remedy="settled or closed")
    assert "authorised" in answer.json()["detail"]
    prepared = client.post(f"/v1/cases/{case_id}/erasure/prepare", headers=as_merchant)
    assert_problem(prepared, 409, "out-of-order", field="case_id")


@pytest.mark.parametrize("role", ["carrier", "auditor", "arbitrator"])
def test_erasure_is_the_merchants_and_the_operators(client: TestClient, account: Keys, case_id: str, role: str) -> None:
    key = account(role, f"Some {role}")["api_key"]
    answer = client.post(f"/v1/cases/{case_id}/erasure", headers=bearer(key))
    assert_problem(answer, 403, "forbidden", field="Authorization")


def test_erased_is_no_milestone_that_is_posted(client: TestClient, as_merchant: Headers, case_id: str) -> None:
    answer = client.post(f"/v1/cases/{case_id}/milestones", json={"kind": "erased"}, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="kind")
