"""Documents to keep, fetched with the token and handed to the browser."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from .conftest import OpenPage, find_axe_violations
from .dispute_statuses import STATUSES
from .stub import TOKEN

VIEW = STATUSES["requested"]


def answer(page: Page, name: str, status: int = 200) -> list[dict[str, Any]]:
    """Answers a document in the service's place; what was asked."""
    asked: list[dict[str, Any]] = []

    def fulfil(route: Route) -> None:
        asked.append({"url": route.request.url, **route.request.headers})
        headers = {"Content-Disposition": f'attachment; filename="case-1234abcd{name[-4:]}"'}
        route.fulfill(status=status, content_type="application/pdf", headers=headers, body=b"%PDF-1.7")

    page.route(f"**/v1/status/{name}", fulfil)
    return asked


@pytest.mark.parametrize(
    ("button", "name"),
    [("Download as PDF", "bundle.pdf"), ("Confirmation of your request (PDF)", "acknowledgement.pdf")],
)
def test_document_is_fetched_with_the_token_and_saved(button: str, name: str, open_status: OpenPage) -> None:
    page = open_status(view={**VIEW, "link": {**VIEW["link"], "scopes": ["status:read", "settlement:sign"]}})
    asked = answer(page, name)
    with page.expect_download() as saved:
        page.get_by_role("button", name=button).click()
    assert saved.value.suggested_filename == "case-1234abcd.pdf"
    assert [one["authorization"] for one in asked] == [f"Bearer {TOKEN}"]
    assert TOKEN not in asked[0]["url"]
    assert find_axe_violations(page) == []


def test_link_that_reads_is_offered_no_confirmation(open_status: OpenPage) -> None:
    page = open_status(view={**VIEW, "link": {**VIEW["link"], "scopes": ["status:read"]}})
    expect(page.get_by_role("button", name="Download as PDF")).to_be_visible()
    expect(page.get_by_role("button", name="Confirmation of your request (PDF)")).to_have_count(0)


def test_document_that_cannot_be_had_is_said(open_status: OpenPage) -> None:
    page = open_status(view=VIEW)
    answer(page, "bundle.pdf", 503)
    page.get_by_role("button", name="Download as PDF").click()
    expect(page.get_by_role("alert")).to_contain_text("could not be fetched")
    expect(page.get_by_role("button", name="Download as PDF")).to_be_visible()
