"""Links that do not work, and services that do not answer, in plain words."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import OpenPage, find_axe_violations, screenshot, wait_in_page
from .dispute_statuses import STATUSES
from .stub import TOKEN, StubService, problem

REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "expired": (problem(401, "link-expired", "This link has expired."), "This link has expired."),
    "erased": (problem(401, "link-erased", "The data was erased."), "Your data in this return was erased."),
    "revoked": (problem(401, "link-revoked", "This link was revoked."), "This link was withdrawn."),
    "altered": (
        problem(
            401, "link-altered", "This link cannot be read. It was altered, cut short, or signed by somebody else."
        ),
        "This link has been altered or cut short.",
    ),
    "unknown": (
        problem(401, "link-unknown", "This link is not known here."),
        "This link does not open a return.",
    ),
    "limited": (problem(429, "limit-exceeded", "Too many requests."), "Too many requests."),
    "server": (problem(503, "unavailable", "The chain does not answer."), "The service has a problem."),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_open_link_that_is_refused_says_why_and_what_to_do(name: str, open_status: OpenPage, stub: StubService) -> None:
    stub.refusal, headline = REFUSALS[name]
    page = open_status(size="phone")
    expect(page.locator("h1")).to_have_text(headline)
    screenshot(page, f"problem-{name}-phone")
    assert find_axe_violations(page) == []


@pytest.mark.parametrize(
    ("token", "headline"),
    [("", "This link is incomplete."), (TOKEN.split(".")[0], "This link has been altered or cut short.")],
)
def test_open_link_without_its_token_asks_nothing(
    token: str, headline: str, open_status: OpenPage, stub: StubService
) -> None:
    page = open_status(token=token)
    expect(page.locator("h1")).to_have_text(headline)
    assert stub.tokens == set()


def test_open_link_while_the_service_is_away_tries_again(open_status: OpenPage, stub: StubService) -> None:
    stub.refusal = problem(503, "unavailable")
    page = open_status(view=STATUSES["received"])
    expect(page.locator("h1")).to_have_text("The service has a problem.")
    stub.refusal = None
    page.get_by_role("button", name="Try again now").click()
    expect(page.locator("h1")).to_have_text("Your parcel has arrived and is being inspected.")


def test_open_link_while_unreachable_says_that_the_return_goes_on(open_status: OpenPage) -> None:
    """On a device that has kept nothing; what one that has shows is in test_status_share.py."""
    page = open_status(view=STATUSES["received"])
    wait_in_page(page, "(await (await caches.open('return-answers')).keys()).length === 1")
    page.route("**/v1/status*", lambda route: route.abort())
    page.evaluate("caches.delete('return-answers')")
    page.reload()
    expect(page.locator("h1")).to_have_text("The service cannot be reached.")
    screenshot(page, "problem-unreachable-desktop")
    page.unroute("**/v1/status*")
    expect(page.locator("h1")).to_have_text("Your parcel has arrived and is being inspected.")
