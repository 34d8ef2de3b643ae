"""The page follows the return without being reloaded, and says so when it cannot."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import OpenPage, screenshot
from .dispute_statuses import STATUSES
from .stub import TOKEN, StubService, problem


def test_change_is_shown_without_reload_and_announced(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"])
    expect(page.locator(".connection")).to_have_text("Live")
    stub.show(STATUSES["inspected_part"])
    expect(page.locator("h1")).to_have_text("Inspected: you are offered £15.84.")
    expect(page.locator("[aria-live=polite]")).to_have_text("Inspected: you are offered £15.84.")


def test_token_goes_into_the_header_and_nowhere_else(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"])
    expect(page.locator(".connection")).to_have_text("Live")
    assert stub.tokens == {f"Bearer {TOKEN}"}
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]
    resources = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert not [name for name in resources if TOKEN in name]


def test_open_details_stay_open_when_a_change_comes(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"])
    last = page.locator(".timeline ol > li").last
    last.locator("summary").click()
    stub.show(STATUSES["inspected_part"])
    expect(page.locator(".timeline ol > li")).to_have_count(5)
    expect(last.locator("details")).to_have_attribute("open", "")


def test_cut_stream_is_opened_again(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"])
    expect(page.locator(".connection")).to_have_text("Live")
    stub.cut_streams()
    stub.show(STATUSES["inspected_full"])
    expect(page.locator("h1")).to_contain_text("the full refund")
    expect(page.locator(".connection")).to_have_text("Live")


def test_change_is_polled_where_streams_do_not_get_through(open_status: OpenPage, stub: StubService) -> None:
    stub.offers_stream = False
    page = open_status(view=STATUSES["received"])
    expect(page.locator(".connection")).to_contain_text("last updated at 11:00:00")
    stub.view = STATUSES["inspected_full"]
    expect(page.locator("h1")).to_contain_text("the full refund")


def test_lost_service_is_said_and_what_was_known_stays(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"], size="phone")
    expect(page.locator(".connection")).to_have_text("Live")
    page.context.set_offline(True)
    stub.cut_streams()
    expect(page.locator(".connection")).to_have_text("Offline · last updated at 11:00:00")
    expect(page.locator("h1")).to_have_text("Your parcel has arrived and is being inspected.")
    screenshot(page, "offline-phone")
    page.context.set_offline(False)
    expect(page.locator(".connection")).to_have_text("Live")


def test_revoked_link_ends_a_page_that_is_open(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"])
    expect(page.locator(".connection")).to_have_text("Live")
    stub.refusal = problem(401, "link-revoked", "This link was revoked.")
    stub.cut_streams()
    expect(page.locator("h1")).to_have_text("This link was withdrawn.")


def test_limit_while_open_keeps_the_page_and_says_why(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"])
    expect(page.locator(".connection")).to_have_text("Live")
    stub.refusal, stub.refusal_headers = problem(429, "limit-exceeded"), {"Retry_After": "1"}
    stub.cut_streams()
    expect(page.locator(".connection")).to_contain_text("Too many requests")
    expect(page.locator("h1")).to_have_text("Your parcel has arrived and is being inspected.")
    stub.refusal = None
    expect(page.locator(".connection")).to_have_text("Live")


def test_other_link_in_the_same_window_is_followed(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["received"])
    stub.view = STATUSES["cancelled"]
    page.evaluate("hash => { location.hash = hash; }", TOKEN[:-1] + "A")
    expect(page.locator("h1")).to_have_text("You cancelled this return.")
