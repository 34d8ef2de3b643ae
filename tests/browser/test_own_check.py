""" "Check it yourself" on the status page: the evidence, judged by the reader's own browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from unit.verification.builder import Life, inspected, opened, paid, seal
from unit.verification.test_seen import grown, grown_from, observed

from ledger_service.domain.hashing import hex0x
from ledger_service.domain.observations import AnchorPlace
from ledger_service.domain.vocabulary import Kind, Role

from .conftest import OpenPage, find_axe_violations, overflow, screenshot
from .dispute_statuses import STATUSES
from .stub import ROOT, StubService
from .test_status_language import PLACEHOLDER

WORDS = ("en", "zh", "de", "ar")
BUNDLES = ROOT / "tests" / "vectors" / "bundles"
NOWHERE = "http://127.0.0.1:9"  # the port that discards: nobody listens


def view_of(case_id: str, name: str = "inspected_part") -> dict[str, Any]:
    return {**STATUSES[name], "case_id": case_id}


def bundle_of(life: Life) -> dict[str, Any]:
    return seal(life.evidence().as_json())


def check(page: Page) -> None:
    """Presses the button, the first one or that of the form, and waits for what comes."""
    page.locator(".own .button").first.click()
    page.locator(".own .verdict").wait_for()
    expect(page.locator(".own-form .button")).to_be_enabled()


@pytest.fixture
def open_case(open_status: OpenPage, stub: StubService) -> OpenPage:
    """Opens the page of a life."""

    def open_(life: Life, **options: Any) -> Page:
        stub.bundle = bundle_of(life)
        return open_status(view=view_of(hex0x(life.case_id)), **options)

    return open_


# --- what it says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "language", "scheme"), [("phone", "en", "light"), ("desktop", "de", "dark")])
def test_check_without_a_node_judges_the_evidence_alone(
    size: str, language: str, scheme: str, open_case: OpenPage
) -> None:
    page = open_case(paid(), size=size, query=f"?lang={language}", color_scheme=scheme)
    assert page.locator(".own .verdict").count() == 0  # nothing before it is asked for
    check(page)
    page.locator(".own summary").click()
    expect(page.locator(".own .verdict")).to_have_class("verdict verdict-verified")
    assert page.locator(".own .check").count() == 9
    assert page.locator(".own .result-fail").count() == 0
    screenshot(page, f"own-alone-{size}-{language}")
    assert find_axe_violations(page) == []
    assert overflow(page) <= 0


@pytest.mark.parametrize("language", WORDS)
def test_check_on_a_narrow_phone_fits_in_every_language(language: str, open_case: OpenPage) -> None:
    page = open_case(paid(), size="narrow", query=f"?lang={language}")
    check(page)
    page.locator(".own summary").click()
    assert overflow(page) <= 0
    text = page.locator(".own").inner_text()
    assert re.findall(r"\b(?:own|check|kind)\.[\w.]+", text) == []
    assert "{" not in text
    assert "undefined" not in text


@pytest.mark.parametrize("language", ["zh", "de", "ar"])
def test_words_of_the_check_have_the_keys_and_placeholders_of_english(language: str, open_case: OpenPage) -> None:
    page = open_case(paid())
    script = "code => import(`/static/i18n/own/${code}.js`).then((file) => file.default)"
    english, other = page.evaluate(script, "en"), page.evaluate(script, language)
    assert other.keys() == english.keys()
    wrong = [key for key in english if {*PLACEHOLDER.findall(english[key])} != {*PLACEHOLDER.findall(other[key])}]
    assert wrong == []


def test_check_follows_the_language(open_case: OpenPage) -> None:
    page = open_case(paid())
    check(page)
    page.get_by_label("Language").select_option("de")
    expect(page.locator(".own .verdict-name")).to_have_text("Ihr Browser findet keinen Widerspruch")


def test_changed_evidence_fails_although_the_service_says_that_all_is_well(
    open_case: OpenPage, stub: StubService
) -> None:
    page = open_case(paid())
    record = stub.bundle["evidence"]["records"][3]
    record["canonical"] = record["canonical"].replace("received", "Received")
    check(page)
    own = page.locator(".own")
    expect(own.locator(".verdict-name")).to_have_text("Your browser found a contradiction")
    expect(own).to_contain_text("The service itself says that all is well.")
    own.locator("summary").click()
    expect(own.locator(".check").nth(1)).to_contain_text("they were changed")
    screenshot(page, "own-failed-desktop")
    assert find_axe_violations(page) == []


def test_evidence_of_another_case_is_refused(open_case: OpenPage, stub: StubService) -> None:
    page = open_case(paid())
    stub.bundle = bundle_of(paid(refund=2_500))
    page.locator(".own .button").click()
    expect(page.locator(".own .failure")).to_contain_text("no evidence of this return")


def test_a_service_without_evidence_is_said(open_case: OpenPage, stub: StubService) -> None:
    page = open_case(paid())
    stub.bundle = {"type": "about:blank"}
    page.locator(".own .button").click()
    expect(page.locator(".own .failure")).to_contain_text("no evidence of this return")


# --- nodes -----------------------------------------------------------------------------------------------------------


class _Silent(BaseHTTPRequestHandler):
    """A node that answers whoever asks, and tells no browser that its pages may."""

    def do_POST(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_OPTIONS = do_POST  # noqa: N815 - the names that it is called by

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def node_without_cors() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Silent)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def ask(page: Page, node: str) -> None:
    page.locator(".own input[type=url]").fill(node)
    page.locator(".own-form .button").click()


def test_nodes_that_cannot_be_asked_are_told_apart(open_case: OpenPage) -> None:
    page = open_case(paid())
    check(page)
    ask(page, "http://node.example")
    expect(page.locator(".own .failure")).to_contain_text("It begins with https://")
    ask(page, NOWHERE)
    expect(page.locator(".own .failure")).to_contain_text("Nothing answers at this address.")
    with node_without_cors() as node:
        ask(page, node)
        expect(page.locator(".own .failure")).to_contain_text("does not let web pages ask it (CORS)")
    expect(page.locator(".own .verdict-name")).to_have_text("Correct so far")


def test_node_is_kept_in_this_browser(open_case: OpenPage) -> None:
    page = open_case(paid())
    check(page)
    ask(page, NOWHERE)
    expect(page.locator(".own .failure")).to_be_visible()
    page.reload()
    page.locator(".own .button").click()
    expect(page.locator(".own input[type=url]")).to_have_value(f"{NOWHERE}")


# --- a block's hash from elsewhere ------------------------------------------------------------------------------------


def name_block(page: Page, block_hash: str) -> None:
    page.locator(".own input[type=text]").fill(block_hash)
    page.locator(".own-form .button").click()
    expect(page.locator(".own-form .button")).to_be_enabled()


@pytest.fixture
def proven(open_status: OpenPage, stub: StubService) -> tuple[Page, str]:
    """The page of a case whose evidence has a state proof, checked; and the hash of the block that it is of."""
    stub.bundle = json.loads((BUNDLES / "refunded.json").read_text("utf-8"))
    known = json.loads((BUNDLES / "expected.json").read_text("utf-8"))["bundles"]["refunded"]["block_hash"]
    page = open_status(view=view_of(stub.bundle["evidence"]["case_id"]))
    check(page)
    return page, known


def test_block_hash_from_elsewhere_proves_what_the_file_alone_does_not(
    proven: tuple[Page, str], stub: StubService
) -> None:
    page, known = proven
    expect(page.locator(".own .verdict-name")).to_have_text("Your browser finds no contradiction")
    number = stub.bundle["evidence"]["head"]["block"]
    expect(page.locator(".own-form")).to_contain_text(f"The hash of block {number}")
    stub.bundle = {"type": "about:blank"}  # it is the evidence that was loaded that the hash is about
    name_block(page, f" {known.replace('a', 'A')} ")
    expect(page.locator(".own .verdict-name")).to_have_text("Your browser confirms it, by the block that you named")
    page.locator(".own summary").click()
    expect(page.locator(".own .check .result-skipped")).to_have_count(1)  # no observations
    expect(page.locator(".own .check").nth(5)).to_contain_text("whose hash you gave")
    screenshot(page, "own-block-hash-desktop")
    assert find_axe_violations(page) == []


def test_another_block_hash_fails_in_the_command_lines_words(proven: tuple[Page, str]) -> None:
    page, known = proven
    other = "0x" + "12" * 32
    name_block(page, other)
    expect(page.locator(".own .verdict")).to_have_class("verdict verdict-failed")
    page.locator(".own summary").click()
    said = f"The evidence was made at block {known}, not at {other}."
    expect(page.locator(".own .check").nth(6)).to_contain_text(said)
    name_block(page, "0x12")
    expect(page.locator(".own .failure").first).to_contain_text("This is no block hash")
    name_block(page, known)
    expect(page.locator(".own .verdict")).to_have_class("verdict verdict-verified")


# --- memory ----------------------------------------------------------------------------------------------------------


def checked_again(page: Page, stub: StubService, bundle: dict[str, Any]) -> None:
    stub.bundle = bundle
    page.reload()
    check(page)


def test_a_timeline_that_grew_is_no_trouble(open_case: OpenPage, stub: StubService) -> None:
    page = open_case(inspected())
    check(page)
    expect(page.locator(".own")).to_contain_text("This browser now remembers what it saw")
    checked_again(page, stub, bundle_of(paid()))
    expect(page.locator(".own")).to_contain_text("Compared with what this browser saw on")
    assert page.locator(".own-warning").count() == 0


def test_a_timeline_that_shrank_is_told_every_time(open_case: OpenPage, stub: StubService) -> None:
    """The service made a bundle that holds by itself, of a history that is shorter than the one seen."""
    page = open_case(inspected(), size="phone")
    check(page)
    for _ in range(2):
        checked_again(page, stub, bundle_of(opened().act(Kind.AUTHORISED, Role.MERCHANT)))
        warning = page.get_by_role("alert").filter(has_text="Something is gone")
        expect(warning).to_contain_text("this return had more steps than it has now")
        expect(warning).to_contain_text("is missing from the evidence")
        expect(page.locator(".own .verdict")).to_have_class("verdict verdict-failed")
    screenshot(page, "own-vanished-phone")
    assert find_axe_violations(page) == []
    assert overflow(page) <= 0


def test_a_history_with_other_records_is_told(open_case: OpenPage, stub: StubService) -> None:
    page = open_case(opened().act(Kind.AUTHORISED, Role.MERCHANT))
    check(page)
    checked_again(page, stub, bundle_of(opened().act(Kind.DECLINED, Role.MERCHANT)))
    warning = page.get_by_role("alert").filter(has_text="Something is gone")
    expect(warning).to_contain_text("were replaced by others")
    expect(warning).to_contain_text("has another content now")


def test_an_acknowledged_statement_that_never_came_is_told(open_case: OpenPage, stub: StubService) -> None:
    waiting = opened()
    waiting.stated(Kind.AUTHORISED, Role.MERCHANT)
    page = open_case(waiting)
    check(page)
    expect(page.locator(".own .verdict-name")).to_have_text("Correct so far")
    checked_again(page, stub, bundle_of(opened()))
    expect(page.get_by_role("alert").filter(has_text="Something is gone")).to_contain_text("acknowledged on")


def test_a_log_that_was_replaced_is_told_and_one_that_grew_is_not(open_case: OpenPage, stub: StubService) -> None:
    page = open_case(paid())
    warning = page.get_by_role("alert").filter(has_text="Something is gone")
    checked_again(page, stub, seal(observed(paid(), 3).as_json()))
    expect(page.locator(".own .verdict")).to_have_class("verdict verdict-verified")
    stub.log_proof = [hex0x(node) for node in grown_from(3, 5).consistency_proof(3, 5)]
    checked_again(page, stub, seal(grown(3, 5).as_json()))
    assert warning.count() == 0
    checked_again(page, stub, seal(observed(paid(), 5, "another").as_json()))
    expect(warning).to_contain_text("was replaced by another")
    checked_again(page, stub, seal(observed(paid(), 3, "another").as_json()))
    expect(warning).to_contain_text("The log of scans and messages")


def test_earlier_checkpoint_of_the_log_that_was_seen_is_no_trouble(open_case: OpenPage, stub: StubService) -> None:
    """Evidence names the first anchored checkpoint over its observations, which may be older than one seen before."""
    page = open_case(paid())
    warning = page.get_by_role("alert").filter(has_text="Something is gone")
    checked_again(page, stub, seal(grown(3, 5).as_json()))
    stub.log_proof = [hex0x(node) for node in grown_from(3, 5).consistency_proof(3, 5)]
    checked_again(page, stub, seal(observed(paid(), 3).as_json()))
    assert warning.count() == 0
    checked_again(page, stub, seal(observed(paid(), 5, "another").as_json()))  # the later one is still known
    expect(warning).to_contain_text("was replaced by another")


@pytest.mark.parametrize("is_anchored", [False, True])
def test_checkpoint_is_remembered_once_its_anchor_is_final(
    open_case: OpenPage, stub: StubService, is_anchored: bool
) -> None:
    page = open_case(paid())
    evidence = observed(paid(), 5, "another")
    assert evidence.checkpoint is not None
    fresh = AnchorPlace(evidence.head_block, "0x" + "77" * 32, 99)
    waiting = replace(evidence.checkpoint, anchor=fresh if is_anchored else None)
    asking = replace(evidence.chain, confirmations=1)
    checked_again(page, stub, seal(replace(evidence, chain=asking, checkpoint=waiting).as_json()))
    expect(page.locator(".own .verdict")).to_have_class("verdict verdict-pending")
    checked_again(page, stub, seal(observed(paid(), 3).as_json()))
    assert page.locator(".own-warning").count() == 0
    checked_again(page, stub, seal(observed(paid(), 3, "another").as_json()))
    assert page.locator(".own-warning").count() == 1


def test_nothing_personal_is_remembered(open_case: OpenPage, stub: StubService) -> None:
    page = open_case(paid())
    check(page)
    kept = page.evaluate("JSON.stringify({ ...localStorage })")
    assert "Ada" not in kept
    assert "canonical" not in kept
    known = json.loads(json.loads(kept)[f"return-memory:{stub.bundle['evidence']['case_id']}"])
    assert known["length"] == len(stub.bundle["evidence"]["links"])
    assert len(known["receipts"]) == len(stub.bundle["evidence"]["records"])


def test_a_browser_that_keeps_nothing_checks_all_the_same(open_case: OpenPage) -> None:
    page = open_case(paid())
    page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full') } }")
    check(page)
    expect(page.locator(".own .verdict")).to_have_class("verdict verdict-verified")


def test_evidence_can_be_saved_as_it_came(open_case: OpenPage, stub: StubService) -> None:
    page = open_case(paid())
    check(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the evidence").click()
    assert re.fullmatch(r"case-[0-9a-f]{8}\.bundle\.json", download.value.suggested_filename)
    assert json.loads(download.value.path().read_text("utf-8")) == stub.bundle


def test_first_load_holds_nothing_of_the_checks(open_status: OpenPage, stub: StubService) -> None:
    page = open_status(view=STATUSES["requested"])
    loaded = page.evaluate("performance.getEntriesByType('resource').map((each) => each.name)")
    assert [
        name for name in loaded if "/verify/" in name or "noble" in name or re.search(r"/own[_/]check|/own/", name)
    ] == []
