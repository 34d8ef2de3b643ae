"""The link that a consumer may pass on."""

from __future__ import annotations

import base64
import json
from io import StringIO

import segno
from starlette.testclient import TestClient

from ledger_service.services.app import App

from .conftest import Headers, Open, as_consumer, assert_problem, bearer, token_of


def test_consumer_gets_the_link_that_only_reads(client: TestClient, ledger: App, open_case: Open) -> None:
    opened = open_case()
    shared = client.get("/v1/status/reading-link", headers=as_consumer(ledger, opened["case_id"])).json()
    assert shared["status_link"] == opened["status_link"]
    reading = bearer(token_of(shared["status_link"]))
    assert client.get("/v1/status", headers=reading).json()["link"]["scopes"] == ["status:read"]
    assert client.get("/v1/status/reading-link", headers=reading).json() == shared


def test_qr_code_is_the_link_s(client: TestClient, ledger: App, open_case: Open) -> None:
    shared = client.get("/v1/status/reading-link", headers=as_consumer(ledger, open_case()["case_id"])).json()
    drawn = StringIO()
    segno.make(shared["status_link"], error="l", micro=False).save(drawn, kind="txt", border=0)
    assert "\n".join(shared["qr"]) == drawn.getvalue().strip()


def test_where_each_reading_link_was_revoked_there_is_none(
    client: TestClient, ledger: App, open_case: Open, as_merchant: Headers
) -> None:
    opened = open_case()
    consumer = as_consumer(ledger, opened["case_id"])
    jti = client.post(f"/v1/cases/{opened['case_id']}/status-links", json={}, headers=as_merchant).json()["jti"]
    assert client.get("/v1/status/reading-link", headers=consumer).status_code == 200
    client.delete(f"/v1/cases/{opened['case_id']}/status-links/{jti}", headers=as_merchant)
    client.delete(f"/v1/cases/{opened['case_id']}/status-links/{jti_of(opened)}", headers=as_merchant)
    answer = client.get("/v1/status/reading-link", headers=consumer)
    assert_problem(answer, 404, "not-found", field="case_id", remedy="Ask the shop for one.")


def jti_of(opened: dict[str, str]) -> str:
    body = token_of(opened["status_link"]).split(".")[1]
    claims: dict[str, str] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims["jti"]
