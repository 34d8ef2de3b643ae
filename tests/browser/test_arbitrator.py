"""The arbitrator's console on the real service and a real chain: sign in, read, vote, and what becomes of it."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from integration.running import Running
from playwright.sync_api import Page, Response, expect

from .arbitration import PASSWORD, PHOTO, Arbitration
from .conftest import OpenPage, find_axe_violations, overflow, screenshot

pytestmark = pytest.mark.timeout(900)  # each case goes through all its steps on the chain
SLOW = 60_000  # the machine may have other things to do
MOST_AT_FIRST = 150_000  # bytes, compressed
PLACEHOLDER = re.compile(r"{(\w+)}")
WALLET = """() => {
  const provider = { request: ({ method, params = [] }) => window.askWallet(method, params) };
  const detail = Object.freeze({ info: { uuid: "1", name: "Test Wallet", icon: "", rdns: "example.test" }, provider });
  window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
}"""


@pytest.fixture(scope="module")
def arbitration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arbitration]:
    running = Running(tmp_path_factory.mktemp("console") / "data", "anvil", "--no-sample")
    try:
        running.start()
        yield Arbitration(running)
    finally:
        running.close()


def console(arbitration: Arbitration, fragment: str = "", language: str = "en") -> str:
    return f"{arbitration.running.url}/arbitrator?lang={language}{fragment}"


def open_key(page: Page, keystore: Path, password: str = PASSWORD) -> None:
    page.locator("input[name=keystore]").set_input_files(keystore)
    page.locator("input[name=password]").fill(password)
    page.locator(".keystore button").click()


def open_wallet(page: Page, arbitration: Arbitration) -> None:
    """A wallet with Ines' key announces itself (EIP-6963), and is chosen."""
    page.expose_function("askWallet", arbitration.wallet)
    page.evaluate(WALLET)
    page.get_by_role("button", name="Use Test Wallet").click()


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_arbitrator_signs_in_reads_votes_and_sees_the_ruling(
    size: str, arbitration: Arbitration, open_page: OpenPage, tmp_path: Path
) -> None:
    reference = f"RMA-{size}"
    case_id = arbitration.dispute(reference)
    arbitration.vote(0, case_id, 4_000)
    page = open_page(console(arbitration), size=size)
    screenshot(page, f"arbitrator-signin-{size}")
    assert find_axe_violations(page) == []
    if size == "phone":
        open_key(page, arbitration.keystore(tmp_path))
    else:
        open_wallet(page, arbitration)
    item = page.locator(".case").filter(has_text=reference)
    expect(item).to_contain_text("1 of 3 needed", timeout=SLOW)
    expect(item).to_contain_text("£19.80")
    expect(item).to_contain_text("not yet")
    assert find_axe_violations(page) == []
    screenshot(page, f"arbitrator-queue-{size}")

    item.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text(f"{reference}: in dispute", timeout=SLOW)
    expect(page.get_by_role("region", name="What each side asks for")).to_contain_text("£11.88")
    compare(page, tmp_path)
    page.get_by_role("button", name="Check it now").click()
    expect(page.locator(".own-result")).to_contain_text("Your browser finds no contradiction", timeout=SLOW)
    fill_in(page)
    assert find_axe_violations(page) == []
    assert overflow(page) <= 0
    screenshot(page, f"arbitrator-case-{size}")

    page.get_by_role("button", name="Go on to what you sign").click()
    review = page.locator(".review")
    expect(review).to_contain_text("the consumer gets 55% of the refund", timeout=SLOW)
    expect(review.locator(".fields")).to_contain_text(case_id)
    expect(review.locator("#review-title")).to_be_focused()
    assert find_axe_violations(page) == []
    screenshot(page, f"arbitrator-review-{size}")
    review.get_by_role("button", name="Sign and cast the vote").click()
    mine = page.get_by_role("region", name="Your vote stands")
    expect(mine).to_contain_text("55%", timeout=SLOW)
    expect(mine).to_contain_text("The chain has counted it", timeout=SLOW)
    [recorded] = [vote for vote in arbitration.shown(case_id)["votes"] if vote["arbitrator"] == arbitration.address]
    expect(mine).to_contain_text(recorded["commitment"])
    assert recorded["key"] == "own"
    assert mine.locator("input, textarea, select").count() == 0
    screenshot(page, f"arbitrator-recorded-{size}")

    arbitration.vote(1, case_id, 9_000)
    expect(page.locator("h1")).to_contain_text("ruled", timeout=SLOW)
    ruling = page.get_by_role("region", name="The ruling")
    expect(ruling).to_contain_text("55% for the consumer")
    expect(ruling).to_contain_text("The tins had been opened.")
    for shown in (ruling, page.get_by_role("region", name="What has happened")):
        expect(shown).to_contain_text("In worse condition than claimed")
        expect(shown).to_contain_text("Declared no conflict of interest")
    [counted] = arbitration.running.rows(
        "SELECT share FROM chain_votes WHERE case_id = :case AND arbitrator = :who",
        case=case_id,
        who=arbitration.address,
    )
    assert counted == (5_500,)
    assert find_axe_violations(page) == []
    assert overflow(page) <= 0


def compare(page: Page, folder: Path) -> None:
    """A file that was sent to the arbitrator, and one that is another."""
    (folder / "other.png").write_bytes(PHOTO + b"\0")
    (folder / "worn.png").write_bytes(PHOTO)
    file = page.locator(".file").filter(has_text="worn.png")
    file.locator("input").set_input_files(folder / "other.png")
    expect(file).to_contain_text("Another file")
    assert file.locator("img").count() == 0
    file.locator("input").set_input_files(folder / "worn.png")
    expect(file).to_contain_text("The same file")
    expect(file).to_contain_text(f"{len(PHOTO)} bytes")
    assert file.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") == 1


def fill_in(page: Page, percent: str = "55", *, pays: str = "£10.89", fees: str = "£1.50") -> None:
    """A vote, which pays to the penny what the contract would."""
    vote = page.get_by_role("region", name="Your vote", exact=True)
    vote.get_by_label("None. I declare it with my vote.").check()
    vote.get_by_label("Per cent").fill(percent)
    expect(vote.get_by_label("Basis points")).to_have_value(f"{percent}00")
    expect(vote.locator(".pays-consumer dd")).to_have_text(pays)
    expect(vote.locator(".pays-arbitrators dd")).to_have_text(fees)
    vote.get_by_label("In worse condition than claimed").check()
    vote.get_by_label("In your words").fill("The tins had been opened.")


def test_wrong_key_does_not_sign_in(arbitration: Arbitration, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(console(arbitration), size="phone")
    keystore = arbitration.keystore(tmp_path)
    open_key(page, keystore, "another password")
    expect(page.locator(".failure")).to_have_text("This password does not open the file.", timeout=SLOW)
    changed = json.loads(keystore.read_text()) | {"version": 1}
    (tmp_path / "old.json").write_text(json.dumps(changed))
    open_key(page, tmp_path / "old.json")
    expect(page.locator(".failure")).to_contain_text("no keystore file of version 3", timeout=SLOW)
    stranger = Arbitration.__new__(Arbitration)
    stranger.key = type(arbitration.key)(bytes([9]) * 32)
    (tmp_path / "strange").mkdir()
    open_key(page, stranger.keystore(tmp_path / "strange"))
    expect(page.locator(".failure")).to_have_text("The service knows no arbitrator with this key.", timeout=SLOW)
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_vote_that_comes_too_late_is_refused_and_says_so(
    arbitration: Arbitration, open_page: OpenPage, tmp_path: Path
) -> None:
    case_id = arbitration.dispute("RMA-late")
    page = open_page(console(arbitration, f"#/case/{case_id}"), size="desktop")
    open_key(page, arbitration.keystore(tmp_path))
    expect(page.locator("h1")).to_have_text("RMA-late: in dispute", timeout=SLOW)
    fill_in(page)
    page.get_by_role("button", name="Go on to what you sign").click()
    expect(page.locator(".review")).to_be_visible(timeout=SLOW)
    arbitration.running.change("UPDATE chain_cases SET deadline = 1, due = 1 WHERE case_id = :case", case=case_id)
    page.get_by_role("button", name="Sign and cast the vote").click()
    expect(page.locator(".failure")).to_contain_text("Too late: your vote was not taken", timeout=SLOW)
    expect(page.locator(".why-not")).to_contain_text("The time for votes has passed.", timeout=SLOW)
    assert page.get_by_role("button", name="Sign and cast the vote").count() == 0
    assert arbitration.running.rows("SELECT 1 FROM votes WHERE case_id = :case", case=case_id) == []


def test_appeal_is_shown_with_the_ruling_before_and_what_losing_it_costs(
    arbitration: Arbitration, open_page: OpenPage, tmp_path: Path
) -> None:
    case_id = arbitration.dispute("RMA-appeal")
    arbitration.vote(0, case_id, 3_000)
    arbitration.vote(1, case_id, 9_000)
    arbitration.vote_by_signature(case_id, 4_000)
    arbitration.appeal("RMA-appeal", case_id, 8_000)
    page = open_page(console(arbitration), size="phone")
    open_key(page, arbitration.keystore(tmp_path))
    item = page.locator(".case").filter(has_text="RMA-appeal")
    expect(item).to_contain_text("Appeal", timeout=SLOW)
    item.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("RMA-appeal: on appeal", timeout=SLOW)
    expect(page.locator("h1")).to_be_focused()
    before = page.get_by_role("region", name="The ruling before")
    expect(before).to_contain_text("40% for the consumer")
    expect(before).to_contain_text("Both have a point.")
    fill_in(page, "40", pays="£5.42", fees="£4.00")  # the appeal's fees, £2.50, are the loser's
    fill_in(page, "41", pays="£8.12", fees="£4.00")
    assert find_axe_violations(page) == []


def test_what_was_written_outlives_the_session(arbitration: Arbitration, open_page: OpenPage, tmp_path: Path) -> None:
    case_id = arbitration.dispute("RMA-draft")
    page = open_page(console(arbitration, f"#/case/{case_id}"), size="phone")
    keystore = arbitration.keystore(tmp_path, "pbkdf2")
    open_key(page, keystore)
    expect(page.locator("h1")).to_have_text("RMA-draft: in dispute", timeout=SLOW)
    fill_in(page)
    token = json.loads(page.evaluate("sessionStorage.getItem('arbitrator.session')"))["token"]
    arbitration.running.client(token).delete("/v1/sessions/current").raise_for_status()
    page.get_by_role("button", name="Go on to what you sign").click()
    expect(page.get_by_role("alert").filter(has_text="Your session has ended.")).to_be_visible(timeout=SLOW)
    open_key(page, keystore)
    expect(page.get_by_label("In your words")).to_have_value("The tins had been opened.", timeout=SLOW)
    expect(page.get_by_label("Per cent")).to_have_value("55")
    token = json.loads(page.evaluate("sessionStorage.getItem('arbitrator.session')"))["token"]
    arbitration.running.client(token).delete("/v1/sessions/current").raise_for_status()
    expect(page.get_by_role("alert").filter(has_text="Your session has ended.")).to_be_visible(timeout=SLOW)
    page.locator("summary").click()
    page.locator("input[name=api_key]").fill(arbitration.api_keys[1])
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("RMA-draft: in dispute", timeout=SLOW)
    expect(page.locator("input[value=none]")).not_to_be_checked()  # what somebody else declared and wrote in this tab
    expect(page.get_by_text("The tins had been opened.")).to_have_count(0)
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in to rule")
    assert page.evaluate("sessionStorage.length + localStorage.length") == 0


def test_arbitrator_whose_key_the_service_holds_votes_by_keyboard_alone(
    arbitration: Arbitration, open_page: OpenPage
) -> None:
    case_id = arbitration.dispute("RMA-keyboard")
    page = open_page(console(arbitration, f"#/case/{case_id}"), size="desktop", color_scheme="dark")
    tab_to(page, "summary", "Enter")
    tab_to(page, "input[name=api_key]")
    page.keyboard.insert_text(arbitration.api_keys[2])
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("RMA-keyboard: in dispute", timeout=SLOW)
    tab_to(page, "input[value=none]", "Space")
    tab_to(page, ".slider", "End")
    expect(page.locator(".pays-consumer dd")).to_have_text("£19.80")
    tab_to(page, "textarea")
    page.keyboard.insert_text("Nothing was used.")
    tab_to(page, ".vote-form button", "Enter")
    expect(page.locator("#review-title")).to_be_focused(timeout=SLOW)
    assert find_axe_violations(page) == []
    screenshot(page, "arbitrator-review-dark")
    tab_to(page, ".review .primary", "Enter")
    expect(page.get_by_role("region", name="Your vote stands")).to_contain_text("100%", timeout=SLOW)
    [given] = arbitration.shown(case_id)["votes"]
    assert given["key"] == "service"


def tab_to(page: Page, selector: str, press: str | None = None) -> None:
    """Goes on by the Tab key to an element, and presses another key there."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            break
    else:
        raise AssertionError(f"Tab leads nowhere to {selector}")
    if press:
        page.keyboard.press(press)


def test_conflict_of_interest_leaves_no_vote_to_cast(
    arbitration: Arbitration, open_page: OpenPage, tmp_path: Path
) -> None:
    case_id = arbitration.dispute("RMA-conflict")
    page = open_page(console(arbitration, f"#/case/{case_id}", "ar"), size="phone")
    screenshot(page, "arbitrator-signin-phone-ar")
    open_key(page, arbitration.keystore(tmp_path))
    expect(page.locator("h1")).to_contain_text("RMA-conflict", timeout=SLOW)
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.locator("input[value=have]").check()
    expect(page.locator(".notice")).to_contain_text("إذن لا تصوّت")
    assert page.locator(".vote-form button").count() == 0
    page.locator("input[value=none]").check()
    page.locator(".numbers input").first.fill("55,5")
    expect(page.locator(".numbers input").last).to_have_value("5550")
    assert find_axe_violations(page) == []
    assert overflow(page) <= 0
    screenshot(page, "arbitrator-case-phone-ar")
    for language in ("de", "zh", "en"):
        page.get_by_role("combobox").select_option(language)
        expect(page.locator("html")).to_have_attribute("lang", re.compile(f"^{language}"))
        text = page.locator("body").inner_text()
        assert re.findall(r"\b(?:vote|case|stake|round|claims|evidence|policy|panel|silence)\.\w+", text) == []
        assert "{" not in text
        assert "undefined" not in text


@pytest.mark.parametrize("language", ["de", "zh", "ar"])
def test_language_file_has_the_keys_and_placeholders_of_english(
    language: str, arbitration: Arbitration, open_page: OpenPage
) -> None:
    page = open_page(console(arbitration))
    english, other = (_words(page, code) for code in ("en", language))
    assert other.keys() == english.keys()
    wrong = [key for key in english if set(PLACEHOLDER.findall(english[key])) != set(PLACEHOLDER.findall(other[key]))]
    assert wrong == []


def _words(page: Page, language: str) -> dict[str, Any]:
    path = f"/static/arbitrator/i18n/{language}.js"
    words: dict[str, Any] = page.evaluate(f"import('{path}').then((file) => file.default)")
    return words


def test_first_load_is_small_and_asks_no_other_host(arbitration: Arbitration, open_page: OpenPage) -> None:
    page = open_page("about:blank")
    loaded: list[Response] = []
    page.on("response", lambda response: loaded.append(response))
    page.goto(console(arbitration))
    expect(page.locator("h1")).to_have_text("Sign in to rule", timeout=SLOW)
    assert {response.url.split("/")[2] for response in loaded} == {arbitration.running.url.split("/")[2]}
    assert sum(len(gzip.compress(response.body())) for response in loaded) < MOST_AT_FIRST
    policy = loaded[0].headers["content-security-policy"]
    assert "connect-src 'self';" in policy
