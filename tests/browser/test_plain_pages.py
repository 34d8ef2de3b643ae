"""The landing page and the outbox of a local run, and what holds for every page file."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .conftest import OpenPage, find_axe_violations, overflow, screenshot
from .stub import ROOT, TOKEN, StubService

PAGES = ROOT / "frontend_static"
FORBIDDEN = {
    "markup from strings": re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc"),
    "code from strings": re.compile(r"\beval\(|new Function"),
    # An import map is data, which the policy lets in by its hash.
    "inline code or style": re.compile(r"<script(?![^>]*\bsrc=| type=\"importmap\">)|<style|\sstyle=|\son[a-z]+=\""),
    "addresses elsewhere": re.compile(r"https?://(?!www\.w3\.org/2000/svg|localhost\b)\w"),
}


@pytest.mark.parametrize("rule", FORBIDDEN)
def test_page_files_hold_to_the_content_security_policy(rule: str) -> None:
    files = [path for path in PAGES.rglob("*") if path.suffix in (".html", ".js", ".css", ".svg")]
    assert files
    assert [path.name for path in files if FORBIDDEN[rule].search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_landing_page_leads_on(size: str, open_page: OpenPage, stub: StubService) -> None:
    page = open_page(stub.url, size=size)
    expect(page.get_by_role("link", name="OpenAPI")).to_have_attribute("href", "/openapi.json")
    expect(page.get_by_role("link", name="The arbitrators’ console")).to_have_attribute("href", "/arbitrator")
    screenshot(page, f"landing-{size}")
    assert overflow(page) <= 0
    assert find_axe_violations(page) == []


def test_outbox_shows_mails_newest_first_and_leads_to_the_page(open_page: OpenPage, stub: StubService) -> None:
    link = f"{stub.url}/s#{TOKEN}"
    stub.messages = [
        {
            "id": "1",
            "to": "a@example.com",
            "subject": "Your return",
            "date": "2026-12-01T09:00:00Z",
            "text": "Hello",
            "link": link,
        },
        {
            "id": "2",
            "to": "a@example.com",
            "subject": "Inspected",
            "date": "2026-12-08T09:00:00Z",
            "text": "Hello\n\nagain",
            "link": link,
        },
    ]
    page = open_page(f"{stub.url}/outbox", size="phone")
    expect(page.locator("h2").first).to_have_text("Inspected")
    page.get_by_text("Read the e-mail").first.click()
    screenshot(page, "outbox-phone")
    assert overflow(page) <= 0
    assert find_axe_violations(page) == []
    expect(page.get_by_role("link", name="Open the status page").first).to_have_attribute("href", f"/s#{TOKEN}")


def test_outbox_without_mails_says_so(open_page: OpenPage, stub: StubService) -> None:
    page = open_page(f"{stub.url}/outbox")
    expect(page.get_by_text("Nothing was sent yet.")).to_be_visible()
