"""Who missed what: who may ask, and what is answered before the chain has anything."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from ledger_service.services.app import App

from .conftest import Headers, Keys, Open, as_consumer, assert_problem, bearer


def test_case_that_is_not_on_the_chain_yet_has_no_breaches(
    client: TestClient, as_merchant: Headers, open_case: Open
) -> None:
    case_id = open_case()["case_id"]
    answer = client.get(f"/v1/cases/{case_id}/breaches", headers=as_merchant)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert (body["case_id"], body["items"]) == (case_id, [])
    assert set(body["as_of"]) == {"block", "time"}


def test_breaches_are_shown_to_auditors_and_the_consumer(
    client: TestClient, ledger: App, account: Keys, open_case: Open
) -> None:
    case_id = open_case()["case_id"]
    auditor = bearer(account("auditor")["api_key"])
    assert client.get(f"/v1/cases/{case_id}/breaches", headers=auditor).status_code == 200
    assert client.get("/v1/status/breaches", headers=as_consumer(ledger, case_id)).json()["case_id"] == case_id


def test_breaches_of_somebody_elses_case_are_not_found(client: TestClient, account: Keys, open_case: Open) -> None:
    case_id = open_case()["case_id"]
    other = bearer(account("merchant", "Other shop")["api_key"])
    answer = client.get(f"/v1/cases/{case_id}/breaches", headers=other)
    assert_problem(answer, 404, "not-found", field="case_id")


def test_breaches_without_a_credential_are_refused(client: TestClient, open_case: Open) -> None:
    case_id = open_case()["case_id"]
    assert client.get(f"/v1/cases/{case_id}/breaches").status_code == 401
    assert client.get("/v1/status/breaches").status_code == 401
