"""What the link may do: asked once more with its consequence in money, sent once."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from .conftest import OpenPage, find_axe_violations, screenshot
from .dispute_statuses import STATUSES
from .stub import StubService, problem


def ask(page: Page, name: str) -> None:
    page.get_by_role("region", name="What happens next").get_by_role("button", name=name).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def test_read_only_link_shows_no_buttons(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["declined"])
    assert page.locator(".next button").count() == 0


def test_own_key_is_named_in_place_of_buttons(open_status: OpenPage) -> None:
    view = STATUSES["inspected_part"]
    own = "0x" + "ab" * 20
    page = open_status(
        view={**view, "next": {**view["next"], "acts": []}, "link": {**view["link"], "own_key": own}}, size="phone"
    )
    card = page.get_by_role("region", name="What happens next")
    expect(card).to_contain_text("You sign with your own key, 0xababab…abab.")
    expect(card.get_by_title(own)).to_be_visible()
    assert card.get_by_role("button").count() == 0
    assert find_axe_violations(page) == []


def test_accept_says_the_consequence_and_sends_the_act(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["inspected_part"], size="phone")
    ask(page, "Accept £15.84")
    dialog = page.get_by_role("dialog", name="Accept £15.84?")
    expect(dialog).to_contain_text("You asked for £19.80. What is not paid to you goes back to the shop.")
    expect(dialog).to_contain_text("This cannot be undone.")
    screenshot(page, "accept-phone")
    assert find_axe_violations(page) == []
    dialog.get_by_role("button", name="Yes, accept £15.84").click()
    expect(page.get_by_text("Your answer is saved and signed.")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)
    ((body, key),) = stub.acts
    assert body == {"kind": "accepted", "personal": {}}
    assert len(key or "") == 32
    stub.show(STATUSES["settled_withdrawn"])
    expect(page.locator("h1")).to_have_text("£15.84 has been paid to you.")
    expect(page.get_by_text("Your answer is saved and signed.")).to_have_count(0)


def test_cancel_says_that_the_lock_goes_back(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["authorised"])
    ask(page, "Cancel the return")
    dialog = page.get_by_role("dialog", name="Cancel this return?")
    expect(dialog).to_contain_text("get no refund of £19.80")
    expect(dialog).to_contain_text("The £19.80 locked for this return goes back to the shop.")
    dialog.get_by_role("button", name="Yes, cancel the return").click()
    expect(page.get_by_text("Your answer is saved and signed.")).to_be_visible()
    assert stub.acts[0][0]["kind"] == "cancelled"


def test_leave_by_keyboard_sends_nothing_and_gives_the_focus_back(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["authorised"])
    ask(page, "Cancel the return")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel the return")).to_be_focused()
    assert stub.acts == []


def test_state_the_pickup_needs_the_receipt_s_number(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["authorised"])
    ask(page, "I have handed over the parcel")
    dialog = page.get_by_role("dialog")
    confirm = dialog.get_by_role("button", name="Yes, I have handed it over")
    confirm.click()
    assert stub.acts == []
    dialog.get_by_label("Number on the carrier’s receipt").fill(" JD0002 ")
    confirm.click()
    expect(page.get_by_text("Your answer is saved and signed.")).to_be_visible()
    assert stub.acts[0][0] == {"kind": "picked_up", "personal": {"receipt": "JD0002"}}


def test_refused_act_shows_the_service_s_reason_and_remedy(open_status: OpenPage, stub: StubService) -> None:
    stub.act_refusal = problem(409, "out-of-order", "The time for this ended.", "Look at its state in a moment.")
    page = open_status(view=STATUSES["inspected_part"])
    ask(page, "Accept £15.84")
    page.get_by_role("button", name="Yes, accept £15.84").click()
    alert = page.get_by_role("dialog").get_by_role("alert")
    expect(alert).to_contain_text("The time for this ended. Look at its state in a moment.")
    page.get_by_role("button", name="Go back").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_act_sent_again_after_a_broken_line_keeps_its_key(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["inspected_part"])
    ask(page, "Accept £15.84")
    confirm = page.get_by_role("button", name="Yes, accept £15.84")
    lost: list[str | None] = []

    def lose(route, request):  # type: ignore[no-untyped-def]
        lost.append(request.headers.get("idempotency-key"))
        route.abort()

    page.route("**/v1/status/acts", lose)
    confirm.click()
    expect(page.get_by_role("dialog")).to_contain_text("your answer is not counted twice")
    page.unroute("**/v1/status/acts")
    confirm.click()
    expect(page.get_by_text("Your answer is saved and signed.")).to_be_visible()
    assert [key for _, key in stub.acts] == lost


def test_act_that_the_contract_refused_can_be_tried_again(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["inspected_part"])
    ask(page, "Accept £15.84")
    page.get_by_role("button", name="Yes, accept £15.84").click()
    expect(page.get_by_text("Your answer is saved and signed.")).to_be_visible()
    refused = STATUSES["rejected"]["timeline"][-1] | {"record_id": "rec_act"}
    view = STATUSES["inspected_part"]
    stub.show({**view, "timeline": [*view["timeline"], refused]})
    expect(page.get_by_role("button", name="Accept £15.84")).to_be_visible()
