"""No text of any language stands out of its box, on the smallest phone, a usual one and a desktop."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from .conftest import SIZES, OpenPage, find_axe_violations, overflow, screenshot
from .dispute_statuses import STATUSES
from .stub import StubService

LANGUAGES = ("en", "zh", "de", "ar")
# What hides a part of itself on purpose is for screen readers; a select shows its own text.
STANDING_OUT = """() => {
  const found = [];
  for (const box of document.querySelectorAll("body *")) {
    if (box.closest(".sr-only, select, svg, noscript, script, textarea") || !box.getClientRects().length) continue;
    if (getComputedStyle(box).display === "inline") continue;
    const edge = box.getBoundingClientRect();
    const words = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
    while (words.nextNode()) {
      const text = words.currentNode;
      if (!text.data.trim() || text.parentElement.closest(".sr-only, select, svg")) continue;
      const range = document.createRange();
      range.selectNodeContents(text);
      for (const { left, right, width } of range.getClientRects()) {
        if (width && (left < edge.left - 1 || right > edge.right + 1)) {
          found.push(`${box.tagName}.${box.className}: ${text.data}`);
        }
      }
    }
  }
  return [...new Set(found)];
}"""


def standing_out(page: Page) -> list[str]:
    """Each box that a text of it crosses at the side, with the text."""
    found: list[str] = page.evaluate(STANDING_OUT)
    return found


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_fits_in_every_language(language: str, size: str, open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["requested"], size=size, query=f"?lang={language}")
    for name, view in STATUSES.items():
        stub.show(view | {"reference": name})
        expect(page.locator(".top-reference")).to_contain_text(name)
        page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
        assert (name, standing_out(page)) == (name, [])
        assert overflow(page) <= 0, name
    screenshot(page, f"last-{size}-{language}")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_dialog_fits_in_every_language(language: str, size: str, open_status: OpenPage) -> None:
    for name in ("disputed_by_you", "ruled", "notice_running", "refunded", "inspected_part"):
        page = open_status(view=STATUSES[name], query=f"?lang={language}", size=size)
        for button in page.locator(".next .actions button").all():
            button.click()
            assert standing_out(page) == []
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)


def test_a_text_that_stands_out_is_found(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["requested"], size="narrow")
    page.evaluate("document.querySelector('h1').style.cssText = 'width: 3rem; overflow-wrap: normal'")
    assert standing_out(page) != []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_state_is_accessible_in_every_language(language: str, open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["requested"], size="phone", query=f"?lang={language}")
    for name, view in STATUSES.items():
        stub.show(view | {"reference": name})
        expect(page.locator(".top-reference")).to_contain_text(name)
        assert (name, find_axe_violations(page)) == (name, [])


def test_arabic_runs_from_right_to_left_but_for_what_is_code(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["settled_withdrawn"], size="desktop", query="?lang=ar")
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    beside = "one => document.querySelector(one).getBoundingClientRect().left"
    assert page.evaluate(beside, ".lead") > page.evaluate(beside, ".aside")
    directions = page.locator("code").evaluate_all("all => all.map((each) => getComputedStyle(each).direction)")
    assert set(directions) == {"ltr"}
    page.get_by_role("combobox").select_option("en")
    expect(page.locator("html")).to_have_attribute("dir", "ltr")
    assert page.evaluate(beside, ".lead") < page.evaluate(beside, ".aside")


@pytest.mark.parametrize("locale", ["ar-SA", "ar-EG", "ar"])
def test_dates_are_those_of_the_mails_whatever_the_countrys_calendar(locale: str, open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["received"], locale=locale)
    deadline = page.locator(".next time").first.inner_text()
    assert any(year in deadline for year in ("2026", "٢٠٢٦"))
