"""The page in its reader's language."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from .conftest import OpenPage, find_axe_violations, screenshot
from .dispute_statuses import STATUSES
from .stub import StubService

PLACEHOLDER = re.compile(r"{(\w+)}")


def load_words(page: Page, language: str) -> dict[str, Any]:
    words: dict[str, Any] = page.evaluate(f"import('/static/i18n/{language}.js').then((file) => file.default)")
    return words


@pytest.mark.parametrize("language", ["zh", "de", "ar"])
def test_language_file_has_the_keys_and_placeholders_of_english(language: str, open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["requested"])
    english, other = load_words(page, "en"), load_words(page, language)
    assert other.keys() == english.keys()
    wrong = [
        key for key in english if sorted(PLACEHOLDER.findall(english[key])) != sorted(PLACEHOLDER.findall(other[key]))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("language", "locale", "headline", "tag"),
    [
        ("zh", "zh-CN", "£15.84 已付给您。", "zh-Hans"),
        ("de", "de-DE", "15,84 £ wurden Ihnen ausgezahlt.", "de"),
        ("en", "en-US", "£15.84 has been paid to you.", "en"),
        ("ar", "ar-AE", "دُفع إليك \u2068\u200f15.84\xa0\u2068UK£\u2069\u2069.", "ar"),
    ],
)
def test_show_status_follows_the_browser_s_language(
    language: str, locale: str, headline: str, tag: str, open_status: OpenPage
) -> None:
    page = open_status(view=STATUSES["settled_withdrawn"], size="phone", locale=locale)
    expect(page.locator("h1")).to_have_text(headline)
    expect(page.locator("html")).to_have_attribute("lang", tag)
    screenshot(page, f"settled_withdrawn-phone-{language}")
    assert find_axe_violations(page) == []


def test_show_payment_to_a_held_account_says_who_keeps_its_key(open_status: OpenPage) -> None:
    view = STATUSES["settled_withdrawn"]
    page = open_status(view={**view, "money": {**view["money"], "payee_key": "service"}})
    expect(page.locator("main")).to_contain_text("This service keeps that account’s key for you.")


def test_show_status_prefers_the_language_in_the_address(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["requested"], query="?lang=zh", locale="de-DE")
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")


def test_choose_language_changes_the_page_and_keeps_the_link(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["received"])
    before = page.evaluate("location.hash")
    page.get_by_label("Language").select_option("de")
    expect(page.locator("h1")).to_have_text("Ihr Paket ist angekommen und wird geprüft.")
    assert page.evaluate("location.hash") == before
    page.reload()
    expect(page.locator("h1")).to_have_text("Ihr Paket ist angekommen und wird geprüft.")


@pytest.mark.parametrize("language", ["en", "zh", "de", "ar"])
def test_show_status_lacks_no_word_in_any_state(language: str, open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["requested"], query=f"?lang={language}")
    prefixes = {key.split(".")[0] for key in load_words(page, language)}
    for name, view in STATUSES.items():
        stub.show(view | {"reference": name})
        expect(page.locator(".top-reference")).to_contain_text(name)
        text = page.locator("body").inner_text()
        keys = [word for word in text.split() if word.split(".")[0] in prefixes and "." in word.strip(".")]
        assert keys == []
        assert "{" not in text
        assert "undefined" not in text
