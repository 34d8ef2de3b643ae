"""The status page in every state: what it says, that it fits, and that everybody can read it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from .conftest import OpenPage, find_axe_violations, overflow, screenshot
from .dispute_statuses import STATUSES
from .stub import StubService

HEADLINES = {
    "just_opened": "Your return is with the shop for approval.",
    "requested": "Your return is with the shop for approval.",
    "declined": "The shop declined your return.",
    "authorised": "Your return is approved. Send the goods back.",
    "picked_up": "Your parcel is on its way back.",
    "received": "Your parcel has arrived and is being inspected.",
    "inspected_part": "Inspected: you are offered £15.84.",
    "inspected_full": "Inspected: you are to get the full refund, £19.80.",
    "inspected_zero": "Inspected: no refund is proposed.",
    "disputed": "Your return is in dispute.",
    "disputed_by_you": "Your return is in dispute.",
    "ruled": "The arbitrators have ruled: £15.84 for you.",
    "appealed": "Your return is before the appeal panel.",
    "notice_running": "You accepted £15.84. It does not count yet.",
    "exchange_offered": "Inspected: you are offered £15.84.",
    "exchanging": "A replacement is on its way to you.",
    "delivered": "The replacement was delivered.",
    "exchanged": "Your goods were exchanged.",
    "challenged": "You contest the payment. Arbitrators decide.",
    "payable_bond": "The shop must now pay you £15.84.",
    "payable_none": "The shop must now pay you £15.84.",
    "refunded": "The shop says it has paid you £15.84.",
    "settled_deciding": "£15.84 is about to be paid to you.",
    "settled_due": "£15.84 is yours.",
    "settled_withdrawn": "£15.84 has been paid to you.",
    "settled_by_silence": "£19.80 has been paid to you.",
    "settled_provider": "The shop has refunded you £15.84.",
    "settled_unpaid": "The shop did not pay the £15.84 it owes you.",
    "settled_zero": "This return ended without a refund.",
    "cancelled": "You cancelled this return.",
    "not_sent": "This return ended: the goods were not sent in time.",
    "not_opened": "This return was not opened: the contract refused it.",
    "failed": "Your parcel has arrived and is being inspected.",
    "rejected": "Inspected: you are offered £15.84.",
}
PLACES = {
    "just_opened": "Shop",
    "received": "Contract",
    "payable_bond": "Guarantee",
    "payable_none": "Shop",
    "settled_withdrawn": "You",
    "settled_unpaid": "Shop",
    "cancelled": "Shop",
}


def test_headlines_cover_every_state() -> None:
    assert HEADLINES.keys() == STATUSES.keys()


def test_show_status_says_every_state_in_plain_words(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["requested"], size="phone")
    for name, headline in HEADLINES.items():
        stub.show(STATUSES[name] | {"reference": name})
        expect(page.locator(".top-reference")).to_have_text(f"Return {name}")
        expect(page.locator("h1")).to_have_text(headline)
        screenshot(page, f"{name}-phone")
        assert overflow(page) <= 0


@pytest.mark.parametrize(
    ("name", "size", "scheme"),
    [
        ("authorised", "phone", "dark"),
        ("failed", "phone", "light"),
        ("settled_withdrawn", "desktop", "light"),
        ("rejected", "desktop", "light"),
        ("rejected", "desktop", "dark"),
        ("failed", "desktop", "dark"),
    ],
)
def test_show_status_is_accessible_in_light_and_dark(name: str, size: str, scheme: str, open_status: OpenPage) -> None:
    page = open_status(view=STATUSES[name], size=size, color_scheme=scheme)
    for summary in page.locator("summary").all():
        summary.click()
    screenshot(page, f"{name}-{size}-{scheme}")
    assert overflow(page) <= 0
    assert find_axe_violations(page) == []


@pytest.mark.parametrize("name", PLACES)
def test_show_status_marks_where_the_money_is(name: str, open_status: OpenPage) -> None:
    page = open_status(view=STATUSES[name])
    expect(page.locator(".track [aria-current=step]")).to_contain_text(PLACES[name])


def test_show_status_says_what_happens_next_by_when_and_otherwise_what(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["received"])
    following = page.get_by_role("region", name="What happens next")
    expect(following).to_contain_text("The inspector looks at the goods")
    expect(following).to_contain_text(re.compile("Tuesday,? 22 December 2026 at 10:25"))
    expect(following).to_contain_text("in 12 days")
    expect(following).to_contain_text("You get the full £19.80.")


def test_show_status_after_the_deadline_says_that_the_rule_is_applied(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["rejected"])
    expect(page.get_by_text("This time has passed.")).to_be_visible()


def test_show_timeline_says_who_stated_it_with_whose_key_and_when(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["settled_by_silence"])
    steps = page.locator(".timeline ol > li")
    received = steps.filter(has_text="Parcel received")
    expect(received).to_contain_text("Stated by the warehouse (Northgate Returns), signed with their own key")
    expect(received).to_contain_text("Happened, as stated7 Dec 2026, 10:24")
    expect(received).to_contain_text("Recorded by the chain7 Dec 2026, 10:25")
    expect(received.locator("time").first).to_have_attribute("title", "2026-12-07 09:24 UTC")
    picked_up = steps.filter(has_text="Parcel picked up")
    expect(picked_up).to_contain_text("Stated by the carrier (FedEx), signed by this service on their behalf")
    authorised = steps.filter(has_text="the shop did not answer in time")
    expect(authorised).to_contain_text("Done by the contract itself, by rule")
    expect(steps.first).to_contain_text("Settled")


def test_show_timeline_explains_what_is_not_final_and_what_was_refused(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["rejected"])
    steps = page.locator(".timeline ol > li")
    expect(steps.nth(0)).to_contain_text("Saved and confirmed by this service; not on the chain yet.")
    refused = steps.filter(has_text="The contract refused this step.")
    expect(refused).to_contain_text("it was not possible at this point of the return")
    expect(steps.nth(1)).to_contain_text("Goods inspected")  # the refused step stands where it belongs


def test_show_checks_names_the_one_that_failed(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["failed"])
    expect(page.get_by_role("alert")).to_contain_text("a check of this record failed")
    page.get_by_role("button", name="See which one").click()
    expect(page.get_by_role("heading", name="Is this record sound?")).to_be_focused()
    first = page.locator(".check").first
    expect(first).to_contain_text("Failed")
    expect(first).to_contain_text("Record rec_received_07 does not match")
    expect(page.locator(".result-pass")).to_have_count(6)
    expect(page.locator(".result-skipped")).to_have_count(1)


def test_show_chain_says_who_runs_it_and_what_that_means(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["failed"])
    chain = page.get_by_role("region", name="Who runs the chain")
    expect(chain).to_contain_text("local test chain on this machine")
    expect(chain).to_contain_text("could rewrite it")
    expect(chain).to_contain_text("final 12 blocks after its own")
    expect(page.get_by_text("this chain and its money are not real")).to_be_visible()


def test_show_status_keeps_what_parties_wrote_as_text(open_status: OpenPage) -> None:
    view = STATUSES["declined"]
    timeline = [*view["timeline"][:-1], {**view["timeline"][-1], "data": {"note": "<img src=x onerror=alert(1)>"}}]
    page = open_status(view={**view, "timeline": timeline, "merchant": {"name": "<b>Shop</b>"}})
    expect(page.locator("blockquote")).to_have_text("<img src=x onerror=alert(1)>")
    expect(page.locator(".top-shop")).to_have_text("<b>Shop</b>")
    assert page.locator("blockquote img, .top-shop b").count() == 0


def test_load_status_shifts_nothing_once_shown(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["inspected_part"], size="phone")
    shift = page.evaluate(
        """() => new Promise((resolve) => {
          let sum = 0;
          new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
            .observe({ type: "layout-shift", buffered: true });
          requestAnimationFrame(() => setTimeout(() => resolve(sum), 0));
        })"""
    )
    assert shift < 0.1


def test_show_status_says_that_writing_is_delayed_while_it_is(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["requested"] | {"delayed": True}, size="phone")
    sentence = page.locator(".timeline").get_by_text("The record is kept; writing it to the chain is delayed.")
    expect(sentence).to_be_visible()
    (above, first) = (found.bounding_box() for found in (sentence, page.locator(".step").first))
    assert above
    assert first
    assert above["y"] + above["height"] + 8 <= first["y"], "it stands apart from the newest step"
    assert find_axe_violations(page) == []
    assert overflow(page) <= 0
    stub.show(STATUSES["requested"] | {"delayed": False})
    expect(sentence).to_have_count(0)
