""" "Check it yourself" on the real service with a real chain: what both say side by side, and a shop that lies."""

from __future__ import annotations

import httpx
import pytest
from integration.running import Running
from playwright.sync_api import Page, expect

from .conftest import OpenPage, find_axe_violations, overflow, screenshot
from .test_whole_service import _inspected, merchant, running

__all__ = ["merchant", "running"]  # fixtures
_OF_LAST = "WHERE case_id = :case_id AND position = 4"


def check(page: Page) -> None:
    page.locator(".own .button").first.click()
    page.locator(".own .verdict").wait_for(timeout=60_000)
    expect(page.locator(".own-form .button")).to_be_enabled(timeout=60_000)


@pytest.mark.parametrize(("size", "language"), [("phone", "en"), ("desktop", "zh")])
def test_shop_and_chain_say_the_same(
    size: str, language: str, running: Running, merchant: httpx.Client, open_page: OpenPage
) -> None:
    link = _inspected(running, merchant, f"RMA-own-{size}")
    page = open_page(link.replace("/s#", f"/s?lang={language}#"), size=size)
    check(page)
    own = page.locator(".own")
    expect(own.locator(".verdict")).to_have_class("verdict verdict-verified")
    expect(own.locator("input[type=url]")).to_have_value(page.evaluate("localStorage.getItem('return-node')"))
    assert own.locator(".own-line-pass").count() == 7  # state, money, and five records
    assert own.locator(".own-line").count() == 7
    assert find_axe_violations(page) == []
    assert overflow(page) <= 0
    screenshot(page, f"own-whole-{size}-{language}")
    own.locator("input[type=text]").fill("0x" + "12" * 32)
    own.locator(".own-form .button").click()
    expect(own.locator(".failure")).to_have_count(1)  # the node's chain has no such block
    node = own.locator("input[type=url]").input_value()
    asked = {"jsonrpc": "2.0", "id": 1, "method": "eth_getBlockByNumber", "params": ["latest", False]}
    newest = httpx.post(node, json=asked).json()["result"]["hash"]
    own.locator("input[type=text]").fill(newest)
    own.locator(".own-form .button").click()
    expect(own.locator(".failure")).to_have_count(0)
    expect(own.locator(".verdict")).to_have_class("verdict verdict-verified")


def test_shop_that_hides_or_misdates_a_record_is_found_out(
    running: Running, merchant: httpx.Client, open_page: OpenPage
) -> None:
    """What the service shows comes out of its database, in which somebody changes what the chain said."""
    page = open_page(_inspected(running, merchant, "RMA-own-lie"), size="phone")
    check(page)
    kept = page.evaluate("Object.keys(localStorage).find((key) => key.startsWith('return-memory:'))")
    case_id = kept.removeprefix("return-memory:")
    last = page.locator(".own-line").last

    running.change(f"UPDATE chain_records SET time = time - 86400 {_OF_LAST}", case_id=case_id)
    page.reload()
    check(page)
    expect(last).to_have_class("own-line own-line-fail")
    expect(last).to_contain_text("Goods inspected")
    expect(page.locator(".own-line-fail")).to_have_count(1)

    running.change(f"DELETE FROM chain_records {_OF_LAST}", case_id=case_id)
    page.reload()
    check(page)
    expect(page.locator(".own .verdict")).to_have_class("verdict verdict-failed")
    warning = page.get_by_role("alert").filter(has_text="Something is gone")
    expect(warning).to_contain_text("this return had more steps than it has now")
    inspected = page.locator(".own-line").filter(has_text="Goods inspected").first
    expect(inspected).to_contain_text("block")
    screenshot(page, "own-whole-lie-phone")
    assert find_axe_violations(page) == []
    assert overflow(page) <= 0
