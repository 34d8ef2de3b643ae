"""Passing the page on, printing it, and reading it without a network."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, Request, expect
from pypdf import PdfReader

from .conftest import OpenPage, find_axe_violations, overflow, screenshot, wait_in_page
from .dispute_statuses import STATUSES
from .stub import TOKEN, StubService, problem, reading_link, running_stub
from .test_status_fit import LANGUAGES, standing_out

MOST_BYTES = 150_000  # of a first load, compressed


def card(page: Page) -> Any:
    return page.locator(".share")


@pytest.mark.parametrize("language", LANGUAGES)
def test_reading_link_is_shown_with_its_qr_code(language: str, open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"], size="narrow", query=f"?lang={language}")
    card(page).get_by_role("button").first.click()
    shared = reading_link(stub.url)
    expect(card(page).locator("code")).to_have_text(shared["status_link"])
    drawn = re.findall(r"M(\d+) (\d+)h", card(page).locator("svg path").get_attribute("d") or "")
    dark = {(x + 4, y + 4) for y, row in enumerate(shared["qr"]) for x, each in enumerate(row) if each == "1"}
    assert {(int(x), int(y)) for x, y in drawn} == dark
    assert overflow(page) <= 0
    assert standing_out(page) == []
    assert find_axe_violations(page) == []


def test_link_that_acts_is_never_shared_without_a_warning(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"])
    expect(card(page)).to_contain_text("whoever has it can answer in your name")
    reading = {**STATUSES["received"]["link"], "scopes": ["status:read"]}
    stub.show({**STATUSES["received"], "link": reading})
    expect(card(page)).not_to_contain_text("whoever has it can answer in your name")


def test_copy_says_what_became_of_it(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"])
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    card(page).get_by_role("button", name="Show the link for reading").click()
    card(page).get_by_role("button", name="Copy the link").click()
    expect(card(page)).to_contain_text("The link was copied.")
    assert page.evaluate("navigator.clipboard.readText()") == reading_link(stub.url)["status_link"]


def test_print_leaves_out_what_can_be_pressed(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["inspected_part"], size="phone")
    page.emulate_media(media="print")
    screenshot(page, "print")
    assert page.locator("button:visible, select:visible, summary:visible").count() == 0
    expect(card(page)).to_be_hidden()  # no code was asked for
    expect(page.get_by_role("heading", name="What has happened")).to_be_visible()
    page.emulate_media(media="screen")
    card(page).get_by_role("button", name="Show the link for reading").click()
    expect(card(page).locator("svg")).to_be_visible()
    page.emulate_media(media="print")
    expect(card(page).locator("svg")).to_be_visible()


def test_paper_has_no_link_that_acts(open_status: OpenPage, tmp_path: Path) -> None:
    """Browsers print a page's address in the margin; of this one it holds the token."""
    page = open_status(view=STATUSES["inspected_part"])
    paper = tmp_path / "page.pdf"
    margin = {"top": "1cm", "bottom": "1cm"}
    page.pdf(path=paper, display_header_footer=True, prefer_css_page_size=True, margin=margin)
    printed = "".join(sheet.extract_text() for sheet in PdfReader(paper).pages)
    assert "What has happened" in printed
    assert TOKEN[:12] not in printed.replace("\n", "")
    assert stub_host(page) not in printed


def stub_host(page: Page) -> str:
    return urlsplit(page.url).netloc


def test_link_is_shown_where_the_browser_lets_no_page_copy(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["received"])
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")  # as over plain HTTP
    card(page).get_by_role("button", name="Show the link for reading").click()
    card(page).get_by_role("button", name="Copy the link").click()
    expect(card(page)).to_contain_text("Mark the link above and copy it.")


def test_what_was_kept_ends_with_the_link(open_page: OpenPage) -> None:
    with running_stub() as stub:
        link = {**STATUSES["received"]["link"], "expires_at": "2020-01-01T00:00:00Z"}
        stub.view = {**STATUSES["received"], "link": link}
        page = open_page(f"{stub.url}/s#{TOKEN}")
        wait_in_page(page, "await (await caches.open('return-page')).match('/s') !== undefined")
        wait_in_page(page, "(await (await caches.open('return-answers')).keys()).length === 1")
        page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        page.context.set_offline(True)
        page.reload()
        expect(page.locator("h1")).to_have_text("The service cannot be reached.")
        wait_in_page(page, "(await (await caches.open('return-answers')).keys()).length === 0")


def test_page_is_readable_without_a_network_until_the_link_is_refused(open_page: OpenPage) -> None:
    with running_stub() as stub:
        stub.view = STATUSES["inspected_part"]
        page = open_page(f"{stub.url}/s#{TOKEN}", size="phone")
        expect(page.get_by_role("button", name="Accept £15.84")).to_be_visible()
        wait_in_page(page, "await (await caches.open('return-page')).match('/s') !== undefined")
        wait_in_page(page, "(await (await caches.open('return-answers')).keys()).length === 1")
        page.wait_for_function("() => navigator.serviceWorker.controller !== null")
        page.context.set_offline(True)
        page.reload()
        expect(page.locator("h1")).to_have_text("Inspected: you are offered £15.84.")
        expect(page.locator(".connection")).to_contain_text("as of 9 Dec 2026, 11:00")
        expect(page.get_by_role("button", name="Accept £15.84")).to_have_count(0)
        screenshot(page, "offline-phone")
        assert overflow(page) <= 0
        stub.refusal = problem(401, "link-revoked")
        page.context.set_offline(False)
        expect(page.locator("h1")).to_have_text("This link was withdrawn.", timeout=20_000)
        assert page.evaluate("caches.open('return-answers').then((kept) => kept.keys()).then((all) => all.length)") == 0
        page.context.set_offline(True)
        page.reload()
        expect(page.locator("h1")).to_have_text("The service cannot be reached.")


def test_what_is_kept_cannot_be_read_without_the_link(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["received"])
    wait_in_page(page, "(await (await caches.open('return-answers')).keys()).length === 1")
    script = """async () => {
      const answers = await caches.open('return-answers');
      const [request] = await answers.keys();
      return `${request.url} ${await (await answers.match(request)).text()}`;
    }"""
    kept = page.evaluate(script)
    assert "PLASTERS" not in kept
    assert TOKEN not in kept


def test_first_load_is_small_and_from_this_host_alone(open_page: OpenPage, stub: StubService) -> None:
    stub.view = STATUSES["inspected_part"]
    page = open_page("about:blank", size="phone")
    loaded: list[Request] = []
    page.on("request", lambda request: loaded.append(request))
    page.goto(f"{stub.url}/s#{TOKEN}")
    page.wait_for_selector("h1")
    first = [request for request in loaded if "/stream" not in request.url]
    assert {urlsplit(request.url).netloc for request in first} == {urlsplit(stub.url).netloc}
    addresses = {request.url.split("#")[0] for request in first}
    assert len(addresses) > 20
    size = sum(len(gzip.compress(httpx.get(address).content)) for address in addresses)
    print(f"first load: {len(addresses)} files, {size} bytes compressed")
    assert 20_000 < size < MOST_BYTES
