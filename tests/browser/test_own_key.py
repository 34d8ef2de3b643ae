"""A key of the consumer's own: made here, kept as a file, bound, and what is done with it signed in the browser."""

from __future__ import annotations

import json
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

from .conftest import OpenPage, find_axe_violations, screenshot
from .dispute_statuses import STATUSES
from .statuses import ADDRESSES, CONTRACT
from .stub import Json, StubService

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

    def __call__(self, body: Json) -> Json:
        data = body.get("data", {})
        record = {
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
        return {"record_id": "rec_prepared", "record": record, "typed_data": act.typed_data(DOMAIN)}

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


def test_key_of_another_case_and_what_is_no_key_are_refused(
    open_status: OpenPage, stub: StubService, tmp_path: Path
) -> None:
    page = open_status(view=bound(address_of(OWN.public_key)))
    open_file(page, key_file(tmp_path, PrivateKey(bytes([78]) * 32)))
    expect(card(page)).to_contain_text("That is another key")
    (tmp_path / "none.json").write_text('{"version": 3}')
    open_file(page, tmp_path / "none.json")
    expect(card(page)).to_contain_text("This is no key file.")


WALLET = """window.ethereum = { request: async ({ method, params }) =>
  method === "eth_requestAccounts" ? ["ACCOUNT"] : window.signTyped(params[0], params[1]) };"""


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


def test_reading_link_has_no_key_and_says_how_to_get_one_that_acts(open_status: OpenPage) -> None:
    view = held()
    page = open_status(view={**view, "link": {**view["link"], "scopes": ["status:read"], "signs": {}}})
    expect(card(page)).to_have_count(0)
    expect(page.get_by_text("To answer, open the link in any e-mail about your return")).to_be_visible()
