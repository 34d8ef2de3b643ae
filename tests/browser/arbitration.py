"""Disputes on a real local chain, for the arbitrator's console: a panel of three, and one of five for appeals."""

from __future__ import annotations

import contextlib
import hashlib
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import httpx
from coincurve import PrivateKey
from eth_account import Account
from eth_account.messages import encode_defunct
from integration.running import Running, wait_for

from ledger_service.chain.faucet import pay_in
from ledger_service.commands.context import Installed, open_installation
from ledger_service.domain.panels import Panel
from ledger_service.domain.signatures import address_of
from ledger_service.services.accounts import create_account
from ledger_service.services.app import App
from ledger_service.services.panels import register_panel, version_registered

PASSWORD = "correct horse battery staple"


def _png() -> bytes:
    """A picture of one grey point (PNG, RFC 2083)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(b"\0\x80")), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


PHOTO = _png()


class Arbitration:
    """An installation with a shop, and its panel: Ines signs in her browser, the service holds the others' keys."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.key = PrivateKey(bytes([7]) * 32)
        self.address = address_of(self.key.public_key)
        installed = open_installation(running.data)
        with contextlib.closing(installed.app.database):
            self._set_up(installed)
        self.own, *self.others = [running.client(api_key) for api_key in self.api_keys]
        self.merchant = running.client(self._shop["api_key"])
        wait_for(lambda: running.rows("SELECT 1 FROM chain_balances WHERE minor > 0"), what="the deposit")

    def _set_up(self, installed: Installed) -> None:
        """As `ledger keys create`, `ledger panels register` and `ledger fund` do, without a process for each."""
        app = installed.app
        self.chain_id = app.deployment.chain_id
        made = [create_account(app, "arbitrator", "Ines Ferrari", self.address)]
        made += [create_account(app, "arbitrator", name) for name in ("Jun Tanaka", "Kofi Mensah", "Lea", "Mio")]
        self.api_keys = [str(each["api_key"]) for each in made]
        seats = tuple(str(each["address"]) for each in made)
        upper = self._registered(app, Panel(seats, threshold=5, fee=50), helper=True)
        self._registered(app, Panel(seats[:3], threshold=3, appeal_panel=upper, fee=50))
        self._shop = create_account(app, "merchant", "Console Shop")
        tokens = app.deployment.tokens
        pay_in(installed.rpc.url, app.deployment, tokens["GBP"], self._shop["address"], 50_000)

    def _registered(self, app: App, panel: Panel, *, helper: bool = False) -> int:
        panel_id = register_panel(app, panel, helper=helper)
        return int(wait_for(lambda: version_registered(app, panel_id), what="the panel"))

    def keystore(self, folder: Path, kdf: str = "scrypt") -> Path:
        """A keystore file of Ines' key, as wallets write it, with fewer rounds."""
        path = folder / f"ines-{kdf}.json"
        path.write_text(json.dumps(Account.encrypt(self.key.secret, PASSWORD, kdf=kdf, iterations=4096)))
        return path

    def wallet(self, method: str, params: list[str]) -> Any:
        """What a wallet with Ines' key answers (EIP-1193)."""
        if method == "eth_requestAccounts":
            return [self.address.lower()]
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "personal_sign":
            signed = Account.sign_message(encode_defunct(hexstr=params[0]), self.key.secret)
        else:
            assert method == "eth_signTypedData_v4"
            signed = Account.sign_typed_data(self.key.secret, full_message=json.loads(params[1]))
        return "0x" + bytes(signed.signature).hex()

    def dispute(self, reference: str) -> str:
        """A case that its consumer disputes, with evidence of its merchant, as the chain has it; answers its id."""
        body = {
            "reference": reference,
            "consumer": {"email": f"{reference}@customers.example", "language": "en", "country": "GB"},
            "items": [{"sku": "22556", "description": "Plasters in tin", "quantity": 12, "unit_price": "1.65"}],
            "refund": {"amount": "19.80", "currency": "GBP"},
            "policy": "uk-14",
            "escrow": "refund",
        }
        opened = self.merchant.post("/v1/cases", json=body)
        assert opened.status_code == 201, opened.text
        case_id = str(opened.json()["case_id"])
        for kind, data in (
            ("authorised", {}),
            ("picked_up", {}),
            ("received", {}),
            ("inspected", {"grade": "used", "share": 6_000}),
        ):
            self._state(case_id, kind, data)
        self.running.wait_recorded(self.merchant, case_id, "inspected")
        token = wait_for(lambda: self._acting_token(reference), what="the e-mail")
        act = {"kind": "disputed", "personal": {"reason": "I opened one tin only, to see its size."}}
        httpx.post(
            f"{self.running.url}/v1/status/acts", json=act, headers={"Authorization": f"Bearer {token}"}, timeout=60
        ).raise_for_status()
        photo = {"name": "worn.png", "media_type": "image/png", "sha256": hashlib.sha256(PHOTO).hexdigest()}
        self._state(case_id, "evidence", {"text": "Two tins came back empty.", "attachments": [photo]})
        self.running.wait_recorded(self.merchant, case_id, "disputed")
        return case_id

    def _state(self, case_id: str, kind: str, data: dict[str, Any]) -> None:
        stated = self.merchant.post(f"/v1/cases/{case_id}/milestones", json={"kind": kind, "data": data})
        assert stated.status_code == 202, stated.text

    def _acting_token(self, reference: str) -> str | None:
        messages = httpx.get(f"{self.running.url}/outbox/messages", timeout=60).raise_for_status().json()
        mine = [message for message in messages if message["to"] == f"{reference}@customers.example"]
        return str(mine[0]["link"]).partition("#")[2] if mine else None

    def vote(self, number: int, case_id: str, share: int) -> None:
        """The vote of one of the others, as the chain counted it."""
        headers = {"Prefer": "wait=30"}
        body = {"share": share, "reason": "As it was shown."}
        answer = self.others[number].post(f"/v1/disputes/{case_id}/votes", json=body, headers=headers)
        assert answer.json()["stage"] in ("recorded", "final"), answer.text

    def vote_by_signature(self, case_id: str, share: int) -> None:
        """Ines' vote without the console, as the chain counted it."""
        path, body = f"/v1/disputes/{case_id}/votes", {"share": share, "reason": "Both have a point."}
        prepared = self.own.post(f"{path}/prepare", json=body).raise_for_status().json()
        signature = self.wallet("eth_signTypedData_v4", [self.address, json.dumps(prepared["typed_data"])])
        signed = {**body, "vote_id": prepared["vote_id"], "signer": self.address, "signature": signature}
        answer = self.own.post(path, json=signed, headers={"Prefer": "wait=30"})
        assert answer.json()["stage"] in ("recorded", "final"), answer.text

    def appeal(self, reference: str, case_id: str, share: int) -> None:
        """The consumer's appeal against the ruling, as the chain has it."""
        wait_for(lambda: self.shown(case_id)["state"] == "ruled", what="the ruling")
        httpx.post(
            f"{self.running.url}/v1/disputes/{case_id}/appeals",
            json={"share": share, "reason": "Nine tins were never opened."},
            headers={"Authorization": f"Bearer {self._acting_token(reference)}"},
            timeout=60,
        ).raise_for_status()
        wait_for(lambda: case_id in self._before_ines(), what="the appeal")

    def _before_ines(self) -> list[str]:
        return [str(item["case_id"]) for item in self.own.get("/v1/disputes").raise_for_status().json()["items"]]

    def shown(self, case_id: str) -> dict[str, Any]:
        """The dispute as one of the panel reads it."""
        answer: httpx.Response = self.others[0].get(f"/v1/disputes/{case_id}").raise_for_status()
        return dict(answer.json())
