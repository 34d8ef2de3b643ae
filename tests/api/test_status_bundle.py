"""The evidence of a case through its status link, and the pages' policies."""

from __future__ import annotations

import re

from starlette.testclient import TestClient

from ledger_service.services.app import App

from .conftest import Headers, Open, as_consumer, bearer, token_of


def shown(client: TestClient, headers: Headers) -> list[str]:
    answer = client.get("/v1/status/bundle", headers=headers)
    assert answer.status_code == 200, answer.text
    assert re.fullmatch(r'attachment; filename="case-[0-9a-f]{8}\.bundle\.json"', answer.headers["Content-Disposition"])
    (record,) = answer.json()["evidence"]["records"]
    return list(record["disclosures"])


def test_bundle_by_a_link_that_acts_shows_its_consumer_s_fields(
    client: TestClient, ledger: App, open_case: Open
) -> None:
    case = open_case()
    assert shown(client, as_consumer(ledger, case["case_id"])) != []


def test_bundle_by_a_link_that_was_handed_out_shows_no_personal_field(client: TestClient, open_case: Open) -> None:
    assert shown(client, bearer(token_of(open_case()["status_link"]))) == []


def test_bundle_without_a_link_is_refused(client: TestClient, as_merchant: Headers) -> None:
    assert client.get("/v1/status/bundle").status_code == 401
    assert client.get("/v1/status/bundle", headers=as_merchant).status_code == 401


def test_status_page_alone_may_ask_nodes_elsewhere(client: TestClient) -> None:
    policy = client.get("/s").headers["Content-Security-Policy"]
    assert "connect-src 'self' https: http://localhost:* http://127.0.0.1:*;" in policy
    assert re.search(r"script-src 'self' 'sha256-[A-Za-z0-9+/]{43}=';", policy)
    for path in ("/", "/static/status/main.js", "/v1/status"):
        other = client.get(path).headers["Content-Security-Policy"]
        assert "connect-src 'self';" in other
        assert "script-src 'self';" in other
