"""A key of the consumer's own: made here, kept as a file, bound, and what is done with it signed in the browser."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from eth_keyfile import create_keyfile_json, decode_keyfile_json
from playwright.sync_api import Page, expect

from ledger_service.domain.hashing import from_hex, hex0x, keccak
from ledger_service.domain.messages import Act, SigningDomain
from ledger_service.domain.records import canonical_bytes
from ledger_service.domain.signatures import address_of, recover_signer, sign_digest
from ledger_service.domain.vocabulary import Kind, Role
from ledger_service.services.accepting import fresh_disclosures

from .conftest import OpenPage, find_axe_violations, screenshot
from .dispute_statuses import STATUSES
from .statuses import ADDRESSES, CONTRACT
from .stub import Json, StubService, problem

CASE = "0x" + "5e" * 32
DOMAIN = SigningDomain(1337, CONTRACT)
OWN = PrivateKey(bytes([77]) * 32)
PASSWORD = "correct horse"
SHARES = {"least": 0, "most": 10_000, "start": 10_000}
ACTING = ["status:read", "settlement:sign", "dispute:open"]


class Service:
    """Prepares acts as the service does, and remembers them."""

    def __init__(self, signer: str) -> None:
        self.signer = signer
        self.prepared: list[Act] = []
        self.changes: Json = {}
        self.written: Json = {}  # in the place of what the consumer wrote

    def __call__(self, body: Json) -> Json:
        data = body.get("data", {})
        said = fresh_disclosures({**body.get("personal", {}), **self.written})
        record = {
            "_sd": sorted(each.digest for each in said),
            "case_id": CASE,
            "kind": body["kind"],
            "role": "consumer",
            "data": data,
            "signer": self.signer,
            **self.changes,
        }
        act = Act(
            case_id=from_hex(CASE),
            kind=next(kind for kind in Kind if kind.wire == body["kind"]),
            role=Role.CONSUMER,
            nonce=len(self.prepared),
            valid_until=1_798_000_000,
            commitment=keccak(canonical_bytes(record)),
            share=data.get("share", 0),
            **({"key": data["key"]} if "key" in data else {}),
        )
        self.prepared.append(act)
        return {
            "record_id": "rec_prepared",
            "record": record,
            "disclosures": [each.encoded for each in said],
            "typed_data": act.typed_data(DOMAIN),
        }

    def signed_by(self, signature: str) -> str | None:
        return recover_signer(DOMAIN.digest(self.prepared[-1].struct_hash()), from_hex(signature))


def held(name: str = "inspected_part") -> Json:
    """A case whose consumer may bind a key."""
    view = STATUSES[name]
    link = {**view["link"], "scopes": ACTING, "signs": {"key_bound": None}}
    return {**view, "case_id": CASE, "link": link}


def bound(address: str, name: str = "inspected_part") -> Json:
    """The same once the key is the consumer's."""
    view = held(name)
    signs = {"accepted": None, "disputed": SHARES, "key_bound": None}
    nothing = {**view["next"], "acts": [], "limits": {}}
    return {**view, "next": nothing, "link": {**view["link"], "own_key": address, "signs": signs}}


def key_file(tmp_path: Path, key: PrivateKey = OWN, kdf: str = "scrypt") -> Path:
    path = tmp_path / "key.json"
    path.write_text(json.dumps(create_keyfile_json(key.secret, PASSWORD.encode(), kdf=kdf, iterations=2**10)))
    return path


def card(page: Page) -> Any:
    return page.get_by_role("region", name="Your own key")


def open_file(page: Page, path: Path, password: str = PASSWORD) -> None:
    card(page).get_by_label("Key file").set_input_files(path)
    card(page).get_by_label("Password of the file").fill(password)
    card(page).get_by_role("button", name="Open the key").click()


def test_key_is_made_saved_and_bound_by_its_own_signature(open_status: OpenPage, stub: StubService) -> None:
    stub.prepare = service = Service(ADDRESSES["consumer"])
    page = open_status(view=held(), size="phone")
    card(page).get_by_role("button", name="Use a key of my own").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Nobody can restore it")
    assert find_axe_violations(page) == []
    dialog.get_by_label("Password, at least 10 characters").fill(PASSWORD)
    dialog.get_by_label("The same password again").fill("correct house")
    dialog.get_by_role("button", name="Save the key as a file").click()
    expect(dialog).to_contain_text("The two passwords differ.")  # or the file could never be opened
    dialog.get_by_label("The same password again").fill(PASSWORD)
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="Save the key as a file").click()
    file = json.loads(Path(saved.value.path()).read_text())
    key = PrivateKey(decode_keyfile_json(file, PASSWORD.encode()))
    dialog.get_by_label("I have the file and know its password.").check()
    dialog.get_by_role("button", name="Go on").click()
    address = address_of(key.public_key)
    expect(dialog).to_contain_text(f"From now on only the key {address} can act for the consumer of this return")
    screenshot(page, "own-key-phone")
    assert find_axe_violations(page) == []
    dialog.get_by_role("button", name="Sign and bind the key").click()
    expect(dialog).to_contain_text("It takes over after the waiting period")
    ((body, _),) = stub.acts
    assert (body["kind"], body["record_id"], "signature" in body) == ("key_bound", "rec_prepared", False)
    assert service.signed_by(body["key_signature"]) == address == service.prepared[0].key
    dialog.get_by_role("button", name="Close").click()
    stub.show(bound(address))
    expect(card(page)).to_contain_text("is open in this browser")  # which kept it
    page.reload()
    expect(card(page)).to_contain_text("is open in this browser")
    card(page).get_by_role("button", name="Remove the key from this browser").click()
    expect(card(page).get_by_label("Key file")).to_be_visible()
    page.reload()
    expect(card(page).get_by_label("Key file")).to_be_visible()


@pytest.mark.parametrize("kdf", ["scrypt", "pbkdf2"])
def test_act_is_signed_with_the_key_of_a_file_from_any_wallet(
    kdf: str, open_status: OpenPage, stub: StubService, tmp_path: Path
) -> None:
    address = address_of(OWN.public_key)
    stub.prepare = service = Service(address)
    page = open_status(view=bound(address), size="phone")
    following = page.get_by_role("region", name="What happens next")
    expect(following.get_by_role("button")).to_have_count(0)
    expect(following).to_contain_text("You sign with your own key")
    assert find_axe_violations(page) == []
    open_file(page, key_file(tmp_path, kdf=kdf), "wrong one")
    expect(card(page)).to_contain_text("This is not the password of the file.")
    open_file(page, key_file(tmp_path, kdf=kdf))
    following.get_by_role("button", name="Dispute").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Amount you claim (GBP)").fill("17.82")
    dialog.get_by_role("button", name="Yes, dispute it").click()
    expect(dialog).to_contain_text("Dispute: £17.82")
    assert stub.acts == []
    dialog.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_text("Your answer is saved and signed.")).to_be_visible()
    ((body, _),) = stub.acts
    assert (body["kind"], body["record_id"], body["signer"]) == ("disputed", "rec_prepared", address)
    assert service.prepared[0].share == 9_000
    assert service.signed_by(body["signature"]) == address


@pytest.mark.parametrize("changes", [{"kind": "accepted"}, {"data": {"share": 100}}, {"case_id": "0x" + "11" * 32}])
def test_nothing_is_signed_that_was_not_asked(
    changes: Json, open_status: OpenPage, stub: StubService, tmp_path: Path
) -> None:
    stub.prepare = service = Service(address_of(OWN.public_key))
    service.changes = changes
    page = open_status(view=bound(service.signer))
    open_file(page, key_file(tmp_path))
    page.get_by_role("region", name="What happens next").get_by_role("button", name="Dispute").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, dispute it").click()
    expect(page.get_by_role("dialog")).to_contain_text("This did not work.")
    expect(page.get_by_role("button", name="Sign and send")).to_have_count(0)
    assert stub.acts == []


def test_words_that_the_consumer_did_not_write_are_not_signed(
    open_status: OpenPage, stub: StubService, tmp_path: Path
) -> None:
    stub.prepare = service = Service(address_of(OWN.public_key))
    page = open_status(view=bound(service.signer))
    open_file(page, key_file(tmp_path))
    page.get_by_role("region", name="What happens next").get_by_role("button", name="Dispute").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("It was never opened.")
    service.written = {"reason": "I opened it."}
    dialog.get_by_role("button", name="Yes, dispute it").click()
    expect(dialog).to_contain_text("This did not work.")
    assert page.get_by_role("button", name="Sign and send").count() == 0
    service.written = {}
    dialog.get_by_role("button", name="Yes, dispute it").click()
    expect(dialog.get_by_role("button", name="Sign and send")).to_be_visible()


def test_key_of_another_case_and_what_is_no_key_are_refused(
    open_status: OpenPage, stub: StubService, tmp_path: Path
) -> None:
    page = open_status(view=bound(address_of(OWN.public_key)))
    open_file(page, key_file(tmp_path, PrivateKey(bytes([78]) * 32)))
    expect(card(page)).to_contain_text("That is another key")
    (tmp_path / "none.json").write_text('{"version": 3}')
    open_file(page, tmp_path / "none.json")
    expect(card(page)).to_contain_text("This is no key file.")


WALLET = """window.ethereum = { chain: "0x539", request: async ({ method, params }) => {
  if (method === "eth_requestAccounts") return ["ACCOUNT"];
  if (method === "eth_chainId") return window.ethereum.chain;
  if (method === "wallet_switchEthereumChain") throw Object.assign(new Error("unknown"), { code: 4902 });
  return window.signTyped(params[0], params[1]);
} };"""


def test_wallet_signs_the_typed_data(open_status: OpenPage, stub: StubService) -> None:
    address = address_of(OWN.public_key)
    stub.prepare = service = Service(address)
    page = open_status(view=bound(address))
    shown: list[Json] = []

    def sign(account: str, text: str) -> str:
        shown.append(json.loads(text))
        assert account == address.lower()
        return hex0x(sign_digest(OWN, DOMAIN.digest(service.prepared[-1].struct_hash())))

    page.expose_function("signTyped", sign)
    page.evaluate(WALLET.replace("ACCOUNT", address.lower()))
    stub.show(bound(address) | {"reference": "RMA-2"})  # the page looks for a wallet as it is drawn
    card(page).get_by_role("button", name="Use my wallet").click()
    page.get_by_role("region", name="What happens next").get_by_role("button", name="Accept £15.84").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, accept £15.84").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign and send").click()
    expect(page.get_by_text("Your answer is saved and signed.")).to_be_visible()
    assert shown == [service.prepared[0].typed_data(DOMAIN)]
    assert service.signed_by(stub.acts[0][0]["signature"]) == address


def test_wallet_on_another_chain_is_said_to_be(open_status: OpenPage, stub: StubService) -> None:
    address = address_of(OWN.public_key)
    stub.prepare = Service(address)
    page = open_status(view=bound(address))
    page.evaluate(WALLET.replace("ACCOUNT", address.lower()))
    page.evaluate("window.ethereum.chain = '0x1'")
    stub.show(bound(address) | {"reference": "RMA-2"})
    card(page).get_by_role("button", name="Use my wallet").click()
    page.get_by_role("region", name="What happens next").get_by_role("button", name="Accept £15.84").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, accept £15.84").click()
    page.get_by_role("dialog").get_by_role("button", name="Sign and send").click()
    expect(page.get_by_role("dialog")).to_contain_text("Your wallet is on another chain. Choose the chain 1337 in it")
    assert stub.acts == []


def test_what_is_shown_is_what_is_signed_though_the_offer_changes(
    open_status: OpenPage, stub: StubService, tmp_path: Path
) -> None:
    address = address_of(OWN.public_key)
    stub.prepare = service = Service(address)
    view = bound(address, "disputed_by_you")
    view["link"]["signs"]["split"] = SHARES
    page = open_status(view=view)
    open_file(page, key_file(tmp_path))
    page.get_by_role("region", name="What happens next").get_by_role("button", name="Settle for £17.82").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Yes, settle for £17.82").click()
    expect(dialog.locator(".signed")).to_contain_text("Settle for £17.82")
    stub.show({**view, "offer": {"by": "merchant", "share": 9_500, "amount": "18.81"}})
    expect(page.locator(".offer")).to_contain_text("£18.81")
    expect(dialog).not_to_contain_text("£18.81")
    expect(dialog.locator(".signed")).to_contain_text("Settle for £17.82")
    assert service.prepared[0].share == 9_000


def test_what_was_prepared_for_one_question_is_not_signed_as_another(
    open_status: OpenPage, stub: StubService, tmp_path: Path
) -> None:
    """A dialog that the browser closed while its act was prepared, and another that was opened meanwhile."""
    address = address_of(OWN.public_key)
    service, asked, goes_on = Service(address), threading.Event(), threading.Event()

    def slow(body: Json) -> Json:
        asked.set()
        assert goes_on.wait(30)
        return service(body)

    stub.prepare = slow
    page = open_status(view=bound(address))
    open_file(page, key_file(tmp_path))
    following = page.get_by_role("region", name="What happens next")
    following.get_by_role("button", name="Dispute").click()
    page.get_by_role("dialog").get_by_role("button", name="Yes, dispute it").click()
    assert asked.wait(30)
    page.evaluate("document.querySelector('dialog').close()")  # as a second Escape does
    following.get_by_role("button", name="Accept £15.84").click()
    with page.expect_response("**/acts/prepare"):
        goes_on.set()
    expect(page.get_by_role("dialog").get_by_role("button", name="Yes, accept £15.84")).to_be_enabled()
    expect(page.locator(".signed")).to_have_count(0)


def test_refused_act_keeps_what_was_written(open_status: OpenPage, stub: StubService, tmp_path: Path) -> None:
    address = address_of(OWN.public_key)
    stub.prepare = Service(address)
    stub.act_refusal = problem(409, "out-of-order", "The prepared message has expired.", "Prepare it again.")
    page = open_status(view=bound(address))
    open_file(page, key_file(tmp_path))
    page.get_by_role("region", name="What happens next").get_by_role("button", name="Dispute").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("It was never opened.")
    dialog.get_by_role("button", name="Yes, dispute it").click()
    dialog.get_by_role("button", name="Sign and send").click()
    expect(dialog).to_contain_text("Prepare it again.")
    expect(dialog.get_by_role("textbox")).to_have_value("It was never opened.")
    stub.act_refusal = None
    dialog.get_by_role("button", name="Yes, dispute it").click()
    dialog.get_by_role("button", name="Sign and send").click()
    expect(page.get_by_text("Your answer is saved and signed.")).to_be_visible()


def test_reading_link_has_no_key_and_says_how_to_get_one_that_acts(open_status: OpenPage) -> None:
    view = held()
    page = open_status(view={**view, "link": {**view["link"], "scopes": ["status:read"], "signs": {}}})
    expect(card(page)).to_have_count(0)
    expect(page.get_by_text("To answer, open the link in any e-mail about your return")).to_be_visible()
