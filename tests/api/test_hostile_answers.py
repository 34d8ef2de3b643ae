"""What no answer lacks, whatever was asked and whatever went wrong."""

from __future__ import annotations

import re

import pytest
from starlette.testclient import TestClient

from api.security import HEADERS

from .conftest import Headers

PAGES = ("/", "/s", "/outbox", "/arbitrator")
JSON = {"Content-Type": "application/json"}
ANSWERS: dict[str, tuple[str, str, Headers, bytes, int]] = {
    "page": ("GET", "/s", {}, b"", 200),
    "script": ("GET", "/static/outbox.js", {}, b"", 200),
    "library": ("GET", "/lib/preact/dist/preact.mjs", {}, b"", 200),
    "style": ("GET", "/static/css/base.css", {}, b"", 200),
    "not ours": ("GET", "/lib/ganache/package.json", {}, b"", 404),
    "health": ("GET", "/healthz", {}, b"", 200),
    "head": ("HEAD", "/healthz", {}, b"", 405),
    "nobody": ("GET", "/v1/cases", {}, b"", 401),
    "nowhere": ("GET", "/v1/nowhere", {}, b"", 404),
    "method": ("PATCH", "/v1/cases", {}, b"", 405),
    "no JSON": ("POST", "/v1/sessions/challenge", JSON, b"{", 400),
    "no type": ("POST", "/v1/sessions/challenge", {}, b"{}", 415),
    "no body": ("POST", "/v1/sessions/challenge", JSON, b"", 422),
    "too large": ("POST", "/v1/sessions/challenge", JSON, b" " * 300_000, 413),
    "too deep": ("POST", "/v1/sessions/challenge", JSON, b"[" * 100, 422),
    "log": ("GET", "/v1/log/key", {}, b"", 200),
    "preflight": ("OPTIONS", "/v1/cases", {"Origin": "https://a.example"}, b"", 405),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_answer_has_the_headers_that_all_have(client: TestClient, name: str) -> None:
    method, path, headers, body, status = ANSWERS[name]
    answer = client.request(method, path, headers=headers, content=body)
    assert answer.status_code == status, answer.text
    policy = answer.headers["content-security-policy"]
    assert policy if path == "/s" else policy == HEADERS["Content-Security-Policy"]
    assert {header: answer.headers[header] for header in HEADERS if header != "Content-Security-Policy"} == {
        header: value for header, value in HEADERS.items() if header != "Content-Security-Policy"
    }
    assert "server" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert not [header for header in answer.headers if header.startswith("access-control-")]


@pytest.mark.parametrize("page", PAGES)
def test_page_needs_nothing_that_its_policy_forbids(client: TestClient, page: str) -> None:
    """No code or style stands in the page itself but an import map, which its policy lets in by its hash."""
    answer = client.get(page)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    for needed in ("default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"):
        assert needed in policy
    assert not re.search(r"<style|\sstyle=|\son[a-z]+\s*=|javascript:", answer.text, re.IGNORECASE)
    for attributes, content in re.findall(r"<script([^>]*)>(.*?)</script>", answer.text, re.DOTALL):
        assert not content.strip() or 'type="importmap"' in attributes
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", answer.text)
