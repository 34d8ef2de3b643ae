"""Disputes, offers, notices and exchanges on the page: what it says, and what it asks for before it sends."""

from __future__ import annotations

import hashlib

import pytest
from playwright.sync_api import Page, expect

from .conftest import OpenPage, find_axe_violations, overflow, screenshot
from .dispute_statuses import STATUSES
from .stub import StubService


def ask(page: Page, name: str) -> None:
    page.get_by_role("region", name="What happens next").get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


def confirm(page: Page, name: str) -> None:
    page.get_by_role("dialog").get_by_role("button", name=name).click()
    expect(page.get_by_text("Your answer is saved and signed.")).to_be_visible()


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize(
    "name", ["disputed_by_you", "ruled", "appealed", "notice_running", "exchange_offered", "delivered", "challenged"]
)
def test_show_dispute_is_accessible_and_fits(name: str, size: str, open_status: OpenPage) -> None:
    page = open_status(view=STATUSES[name], size=size)
    screenshot(page, f"{name}-{size}")
    assert overflow(page) <= 0
    assert find_axe_violations(page) == []


def test_show_dispute_says_what_both_claim_and_who_decides(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["disputed_by_you"])
    card = page.get_by_role("region", name="The dispute")
    expect(card).to_contain_text("You claim£19.80 100%")
    expect(card).to_contain_text("The shop concedes£15.84 80%")
    expect(card.get_by_role("listitem").filter(has_text="Ines Ferrari")).to_contain_text("has voted")
    expect(card.get_by_role("listitem").filter(has_text="Jun Sato")).to_contain_text("not yet")
    expect(card).to_contain_text("1 of the 3 votes needed. The middle one counts.")
    expect(card).to_contain_text("up to £2.50, taken out of what you get")
    following = page.get_by_role("region", name="What happens next")
    expect(following).to_contain_text("The arbitrators’ substitutes take over.")
    expect(following).to_contain_text("The shop offers to settle for £17.82.")


def test_show_dispute_without_arbitrators_says_so(open_status: OpenPage) -> None:
    view = STATUSES["disputed_by_you"]
    page = open_status(view={**view, "panel": None, "arbitration": None, "dispute": {**view["dispute"], "panel": None}})
    expect(page.get_by_role("region", name="The dispute")).to_contain_text("No arbitrators are named for this return.")
    expect(page.get_by_role("region", name="Your return")).to_contain_text("None named")


def test_show_panel_before_anything_is_shipped(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["authorised"], size="phone")
    details = page.get_by_role("region", name="Your return")
    expect(details).to_contain_text("Ines Ferrari, Jun Sato, Klara Novak. In a dispute 3 of them have to vote.")
    expect(details).to_contain_text("On appeal: Ines Ferrari, Jun Sato, Klara Novak, 0xdddddd…dddd, Li Wei.")
    expect(details).to_contain_text("It costs you nothing.")


def test_show_ruling_says_what_each_arbitrator_named_and_why(open_status: OpenPage) -> None:
    page = open_status(view=STATUSES["ruled"])
    step = page.locator(".timeline ol > li").filter(has_text="Decided by the votes of the arbitrators")
    expect(step).to_contain_text("80% of the refund")
    expect(step).to_contain_text("Ines Ferrari: 80% One corner is dented.")
    expect(step).to_contain_text("Jun Sato: 90%")


# --- acts ------------------------------------------------------------------------------------------------------------


def test_dispute_claims_an_amount_and_gives_reasons(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["delivered"], size="phone")
    ask(page, "Dispute")
    dialog = page.get_by_role("dialog", name="Dispute this?")
    expect(dialog).to_contain_text("From £0.00 to £19.80")
    expect(dialog).to_contain_text("This cannot be undone.")
    dialog.get_by_label("Amount you claim (GBP)").fill("9.90")
    dialog.get_by_label("Your reasons").fill(" It is scratched. ")
    screenshot(page, "dispute-phone")
    assert find_axe_violations(page) == []
    confirm(page, "Yes, dispute it")
    assert stub.acts[0][0] == {
        "kind": "disputed",
        "personal": {"reason": "It is scratched."},
        "data": {"share": 5_000},
    }


def test_dispute_of_more_than_the_refund_is_not_sent(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["delivered"])
    ask(page, "Dispute")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount you claim (GBP)").fill("19.81")
    dialog.get_by_role("button", name="Yes, dispute it").click()
    expect(dialog).to_be_visible()
    assert stub.acts == []


def test_evidence_sends_fingerprints_and_keeps_the_files(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["disputed_by_you"], size="phone")
    ask(page, "Add evidence")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What the arbitrators should know").fill("The photo shows it.")
    content = b"\x89PNG not really"
    dialog.get_by_label("Files").set_input_files(
        [
            {"name": "photo.png", "mimeType": "image/png", "buffer": content},
        ]
    )
    expect(dialog).not_to_contain_text("This cannot be undone.")
    confirm(page, "Add it to the record")
    assert stub.acts[0][0] == {
        "kind": "evidence",
        "personal": {"text": "The photo shows it."},
        "data": {
            "attachments": [
                {"name": "photo.png", "media_type": "image/png", "sha256": hashlib.sha256(content).hexdigest()}
            ]
        },
    }


def test_appeal_asks_for_more_than_the_ruling_and_names_its_cost(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["ruled"], size="phone")
    ask(page, "Appeal")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("If you get no more than the £15.84 ruled now, the appeal’s fee of up to £2.50")
    expect(dialog).to_contain_text("From £15.85 to £19.80")
    dialog.get_by_label("Amount you claim (GBP)").fill("17.82")
    screenshot(page, "appeal-phone")
    confirm(page, "Yes, appeal")
    assert stub.acts[0][0]["data"] == {"share": 9_000}


def test_objection_is_the_answer_to_a_notice(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["notice_running"], size="phone")
    card = page.get_by_role("region", name="What happens next")
    expect(card).to_contain_text("You accepted £15.84. It takes effect at Friday, 11 December 2026 at 10:25.")
    expect(card).to_contain_text("you have time to object in case it was not you")
    ask(page, "Object: this shall not count")
    confirm(page, "Yes, object")
    assert stub.acts[0][0]["kind"] == "objected"


def test_challenge_states_what_is_missing(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["refunded"], size="phone")
    ask(page, "I was not paid")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Amount still missing (GBP)")).to_have_value("15.84")
    confirm(page, "Yes, contest the payment")
    assert stub.acts[0][0] == {"kind": "challenged", "personal": {}, "data": {"share": 8_000}}


def test_settlement_that_the_shop_offers_is_taken_as_it_is(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["disputed_by_you"])
    ask(page, "Settle for £17.82")
    expect(page.get_by_role("dialog")).to_contain_text("You take £17.82 as the full and final amount")
    confirm(page, "Yes, settle for £17.82")
    assert stub.acts[0][0] == {"kind": "split", "personal": {}, "data": {"share": 9_000}}


def test_settlement_of_one_s_own_is_offered(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["delivered"])
    ask(page, "Offer a settlement")
    page.get_by_role("dialog").get_by_label("Amount for you (GBP)").fill("4.95")
    confirm(page, "Yes, offer it")
    assert stub.acts[0][0] == {"kind": "split", "personal": {}, "data": {"share": 2_500}}


def test_exchange_says_that_it_waits_where_the_service_signs(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["exchange_offered"], size="phone")
    expect(page.get_by_text("The shop offers to exchange the goods instead of paying.")).to_be_visible()
    ask(page, "Agree to the exchange")
    expect(page.get_by_role("dialog")).to_contain_text("only after a waiting period in which you can object")
    confirm(page, "Yes, agree to the exchange")
    assert stub.acts[0][0]["kind"] == "exchange_agreed"


@pytest.mark.parametrize("language", ["de", "zh", "ar"])
def test_dialogs_have_all_their_words(language: str, open_status: OpenPage) -> None:
    for name in ("disputed_by_you", "ruled", "notice_running", "exchange_offered", "refunded"):
        page = open_status(view=STATUSES[name], query=f"?lang={language}", size="phone")
        for button in page.locator(".next .actions button").all():
            button.click()
            text = page.locator("dialog").inner_text()
            assert not [word for word in text.split() if word.startswith(("act.", "field."))]
            assert "{" not in text
            page.keyboard.press("Escape")
            expect(page.get_by_role("dialog")).to_have_count(0)
