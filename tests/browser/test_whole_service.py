"""The page on the real service and a real chain: a consumer's link, a click, and the money."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from integration.running import Running, wait_for
from playwright.sync_api import expect

from .conftest import OpenPage, find_axe_violations, overflow, screenshot


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    installation = Running(tmp_path_factory.mktemp("page") / "data", "anvil", "--no-sample")
    try:
        installation.start()
        yield installation
    finally:
        installation.close()


@pytest.fixture(scope="module")
def merchant(running: Running) -> httpx.Client:
    made = running.ledger_json("keys", "create", "--role", "merchant", "--name", "Page Shop")
    running.ledger("fund", "--merchant", "Page Shop", "--amount", "100.00", "--currency", "GBP")
    client = running.client(made["api_key"])

    def is_funded() -> bool:
        return bool(running.rows("SELECT 1 FROM chain_balances WHERE minor > 0"))

    wait_for(is_funded, what="the deposit")
    return client


def _inspected(running: Running, merchant: httpx.Client, reference: str, share: int = 7_500) -> str:
    """A case that waits for its consumer; answers the acting link out of the e-mail."""
    opened = merchant.post(
        "/v1/cases",
        json={
            "reference": reference,
            "consumer": {"email": f"{reference}@customers.example", "language": "en", "country": "GB"},
            "items": [{"sku": "22556", "description": "Plasters in tin", "quantity": 12, "unit_price": "1.65"}],
            "refund": {"amount": "19.80", "currency": "GBP"},
            "policy": "uk-14",
            "escrow": "refund",
        },
    )
    assert opened.status_code == 201, opened.text
    case_id = opened.json()["case_id"]
    steps: list[tuple[str, dict[str, Any]]] = [
        ("authorised", {}),
        ("picked_up", {}),
        ("received", {}),
        ("inspected", {"grade": "used", "share": share}),
    ]
    for kind, data in steps:
        stated = merchant.post(f"/v1/cases/{case_id}/milestones", json={"kind": kind, "data": data})
        assert stated.status_code == 202, stated.text
    running.wait_recorded(merchant, case_id, "inspected")

    def link() -> str | None:
        messages = httpx.get(f"{running.url}/outbox/messages", timeout=20).raise_for_status().json()
        mine = [message for message in messages if message["to"] == f"{reference}@customers.example"]
        return str(mine[0]["link"]) if mine else None

    found: str = wait_for(link, what="the e-mail")
    return found


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_accept_on_the_page_pays_and_shows_it_without_a_reload(
    size: str, running: Running, merchant: httpx.Client, open_page: OpenPage
) -> None:
    page = open_page(_inspected(running, merchant, f"RMA-{size}", 10_000), size=size)
    expect(page.locator(".connection-live")).to_be_visible()
    expect(page.locator(".verdict-verified")).to_be_visible()
    screenshot(page, f"whole-inspected-{size}")
    page.get_by_role("region", name="What happens next").get_by_role("button", name="Accept £19.80").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, accept £19.80").click()
    expect(page.locator("h1")).to_have_text("£19.80 has been paid to you.", timeout=30_000)
    expect(page.locator(".verdict-verified")).to_be_visible(timeout=30_000)
    assert page.locator(".timeline ol > li").count() == 7  # six that somebody stated, and the contract's settlement
    assert find_axe_violations(page) == []
    assert overflow(page) <= 0
    screenshot(page, f"whole-paid-{size}")


def test_acceptance_of_a_part_waits_and_can_be_objected_to(
    running: Running, merchant: httpx.Client, open_page: OpenPage
) -> None:
    page = open_page(_inspected(running, merchant, "RMA-notice"), size="phone")
    following = page.get_by_role("region", name="What happens next")
    following.get_by_role("button", name="Accept £14.85").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, accept £14.85").click()
    expect(page.locator("h1")).to_have_text("You accepted £14.85. It does not count yet.", timeout=30_000)
    following.get_by_role("button", name="Object: this shall not count").click(timeout=30_000)
    page.get_by_role("dialog").get_by_role("button", name="Yes, object").click()
    expect(page.locator("h1")).to_have_text("Inspected: you are offered £14.85.", timeout=30_000)
    expect(page.locator(".verdict-verified")).to_be_visible(timeout=30_000)
    assert find_axe_violations(page) == []


def test_dispute_on_the_page_is_ruled_by_three_votes(
    running: Running, merchant: httpx.Client, open_page: OpenPage
) -> None:
    page = open_page(_inspected(running, merchant, "RMA-dispute"), size="desktop")
    following = page.get_by_role("region", name="What happens next")
    following.get_by_role("button", name="Dispute", exact=True).click()
    page.get_by_role("dialog").get_by_label("Your reasons").fill("It was unused.")
    page.get_by_role("dialog").get_by_role("button", name="Yes, dispute it").click()
    expect(page.get_by_role("region", name="The dispute")).to_contain_text("0 of the 3 votes needed", timeout=30_000)
    keys = json.loads((running.data / "sample-keys.json").read_text("utf-8"))
    for number, share in ((1, 6_000), (2, 9_000), (3, 5_000)):
        arbitrator = running.client(keys[f"Sample Arbitrator {number}"]["api_key"])
        (case,) = arbitrator.get("/v1/disputes").raise_for_status().json()["items"]
        vote = {"share": share, "reason": f"Reason {number}."}
        answer = arbitrator.post(f"/v1/disputes/{case['case_id']}/votes", json=vote, headers={"Prefer": "wait=30"})
        assert answer.json()["stage"] in ("recorded", "final"), answer.text
    expect(page.locator("h1")).to_have_text("The arbitrators have ruled: £11.88 for you.", timeout=30_000)
    ruling = page.locator(".timeline ol > li").filter(has_text="Decided by the votes of the arbitrators")
    expect(ruling).to_contain_text("Sample Arbitrator 2: 90% Reason 2.")
    expect(page.locator(".verdict-verified")).to_be_visible(timeout=30_000)
    expect(following.get_by_role("button", name="Appeal")).to_be_visible()
    assert find_axe_violations(page) == []
    screenshot(page, "whole-ruled-desktop")
