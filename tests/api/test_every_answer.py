"""What holds for every answer, whichever route it belongs to."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.services import case_lists
from ledger_service.services.app import App

from .conftest import Headers, Keys, Open, assert_problem, bearer, local_client, token_of, wait_for_metrics

STATUS_PAGE = Path(__file__).parents[2] / "frontend_static" / "status.html"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def policy_of_the_status_page() -> str:
    """Its one inline script, the import map, is let in by its hash, and it may ask a node of its reader's choosing."""
    (import_map,) = re.findall(r"<script[^>]*>(.+?)</script>", STATUS_PAGE.read_text("utf-8"), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(import_map.encode()).digest()).decode()
    scripts = POLICY.replace("script-src 'self'", f"script-src 'self' 'sha256-{digest}'")
    return scripts.replace("connect-src 'self'", "connect-src 'self' https: http://localhost:* http://127.0.0.1:*")


@pytest.mark.parametrize(
    "path", ["/", "/s", "/v1/cases", "/nowhere", "/static/nothing.js", "/healthz", "/openapi.json"]
)
def test_answer_carries_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["content-security-policy"] == (POLICY if path != "/s" else policy_of_the_status_page())
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert len(headers["x-request-id"]) == 16
    assert "server" not in headers


def test_answers_of_the_api_stay_out_of_caches(client: TestClient, open_case: Open) -> None:
    token = token_of(open_case()["status_link"])
    assert client.get("/v1/status", headers=bearer(token)).headers["cache-control"] == "no-store"
    assert client.get("/v1/cases").headers["cache-control"] == "no-store"
    assert client.get("/.well-known/jwks.json").headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize("path", ["/nowhere", "/v1/nowhere", "/v1/cases/", "/docs", "/redoc", "/static/nothing.js"])
def test_unknown_address_is_a_problem(client: TestClient, path: str) -> None:
    assert_problem(client.get(path), 404, "not-found", remedy="openapi.json")


def test_wrong_method_is_a_problem_that_names_the_right_ones(client: TestClient) -> None:
    answer = client.put("/v1/cases")
    assert_problem(answer, 405, "method-not-allowed", remedy="Allow")
    assert set(answer.headers["allow"].split(", ")) <= {"GET", "POST"}


@pytest.mark.parametrize(
    "path",
    [
        "/lib/ganache/package.json",
        "/lib/preact/../ganache/package.json",
        "/lib/preact/%2e%2e/ganache/package.json",
        "/lib/../pyproject.toml",
        "/static/../pyproject.toml",
        "/static/%2e%2e/pyproject.toml",
        "/static/..%2fpyproject.toml",
        "/static//etc/passwd",
    ],
)
def test_files_beside_the_pages_are_not_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_libraries_of_the_pages_are_served(client: TestClient) -> None:
    answer = client.get("/lib/preact/dist/preact.mjs")
    assert answer.status_code == 200
    assert "javascript" in answer.headers["content-type"]
    assert answer.headers["cache-control"] == "no-cache"
    again = client.get("/lib/preact/dist/preact.mjs", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_status_page_is_served_without_a_token(client: TestClient) -> None:
    answer = client.get("/s")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


# --- what nobody expected --------------------------------------------------------------------------------------------


def test_unexpected_error_is_logged_under_an_id_without_what_was_sent(
    ledger: App, account: Keys, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def break_down(*_: Any, **__: Any) -> None:
        raise RuntimeError("ada@example.org is in the message")

    monkeypatch.setattr(case_lists, "list_cases", break_down)
    headers = bearer(account("auditor")["api_key"])
    with TestClient(create_app(ledger), raise_server_exceptions=False) as client:
        answer = client.get("/v1/cases?cursor=secret", headers=headers)
    problem = assert_problem(answer, 500, "unexpected", remedy="operator")
    assert answer.headers["x-request-id"] in problem["detail"]
    assert answer.headers["content-security-policy"] == POLICY
    written = "".join(capfd.readouterr())
    assert answer.headers["x-request-id"] in written
    assert "RuntimeError" in written
    assert "break_down" in written
    for private in ("ada@example.org", "secret", headers["Authorization"][7:]):
        assert private not in written


# --- for machines ----------------------------------------------------------------------------------------------------


def test_metrics_count_by_template_and_status(client: TestClient, open_case: Open, as_merchant: Headers) -> None:
    case_id = open_case()["case_id"]
    client.get(f"/v1/cases/{case_id}", headers=as_merchant)
    client.get(f"/v1/cases/{case_id}")
    client.get("/made/up/by/somebody")
    client.request("BREW", "/v1/cases")
    text = client.get("/metrics").text
    assert 'ledger_http_requests_total{method="GET",route="/v1/cases/{case_id}",status="200"} 1.0' in text
    assert 'ledger_http_requests_total{method="GET",route="/v1/cases/{case_id}",status="401"} 1.0' in text
    assert 'route="unknown",status="404"' in text
    assert "BREW" not in text
    wait_for_metrics(client, "ledger_queue_depth 2.0")  # the opening, and the parties to register
    assert "ledger_ready 0.0" in text


def test_health_answers_whatever_else_is_wrong(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}


def test_key_set_holds_public_keys_alone(client: TestClient) -> None:
    (key,) = client.get("/.well-known/jwks.json").json()["keys"]
    assert {"kty": key["kty"], "crv": key["crv"], "alg": key["alg"]} == {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA"}
    assert "d" not in key


# --- the outbox of a local run ---------------------------------------------------------------------------------------

MAIL = """\
From: returns@localhost
To: ada@example.org
Subject: =?utf-8?q?Ihre_R=C3=BCcksendung?=
Date: Sun, 01 Mar 2026 12:00:00 +0100
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: 8bit

Guten Tag <b>Ada</b>, hier: http://127.0.0.1:8000/s#a.b.c
"""


@pytest.fixture
def mail(ledger: App) -> None:
    folder = ledger.settings.data / "mail"
    folder.mkdir()
    (folder / "1-opened.eml").write_text(MAIL, encoding="utf-8")


def test_outbox_lists_the_mails_of_a_local_run(client: TestClient, mail: None) -> None:
    assert client.get("/outbox").status_code == 200
    assert client.head("/outbox/messages").status_code == 200
    (shown,) = client.get("/outbox/messages").json()
    assert shown.pop("text").startswith("Guten Tag")
    assert shown == {
        "id": "1-opened",
        "date": "2026-03-01T11:00:00Z",
        "subject": "Ihre Rücksendung",
        "to": "ada@example.org",
        "link": "http://127.0.0.1:8000/s#a.b.c",
    }


def test_outbox_without_mails_is_empty(client: TestClient) -> None:
    assert client.get("/outbox/messages").json() == []


@pytest.mark.parametrize("path", ["/outbox", "/outbox/messages"])
@pytest.mark.parametrize(
    "why", ["another machine", "another name", "the public name", "a mail server", "a public chain"]
)
def test_outbox_is_hidden_elsewhere(ledger: App, mail: None, path: str, why: str) -> None:
    changes: dict[str, dict[str, str]] = {
        "the public name": {"public_url": "https://returns.example.org"},
        "a mail server": {"smtp_host": "mail.example.org"},
        "a public chain": {"chain": "https://rpc.example.org"},
    }
    app = App(**{**ledger.__dict__, "settings": ledger.settings.model_copy(update=changes.get(why, {}))})
    address = "192.0.2.7" if why == "another machine" else "127.0.0.1"
    names = {"another name": "attacker.example", "the public name": "returns.example.org"}
    with local_client(app, address, names.get(why, "localhost")) as client:
        assert_problem(client.get(path), 404, "not-found")


def test_pages_need_no_files(client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("api.routes.pages._PAGES", tmp_path)
    assert_problem(client.get("/s"), 404, "not-found")
