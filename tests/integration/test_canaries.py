"""Unmistakable values in every place that takes something personal or secret, all kinds of failures, and then a search
of everything that operators and strangers can read: logs, metrics, readiness. None of them may be there, in any form.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socketserver
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from ledger_service.chain.local import LocalChain

from .running import Running, wait_for


def forms(value: str) -> set[bytes]:
    """How a value can look once programs have had it: plain, JSON, in an address, in hex, inside base64."""
    raw = value.encode()
    inside = {_base64_core(raw, offset) for offset in range(3)}
    urlsafe = {core.replace(b"+", b"-").replace(b"/", b"_") for core in inside}
    return {
        raw,
        json.dumps(value)[1:-1].encode(),
        json.dumps(value, ensure_ascii=False)[1:-1].encode(),
        quote(value, safe="").encode(),
        quote(value).encode(),
        repr(value)[1:-1].encode(),
        raw.hex().encode(),
        *inside,
        *urlsafe,
    }


def _base64_core(raw: bytes, offset: int) -> bytes:
    """What of its base64 stays the same whatever stands around it, so many bytes into a group of three."""
    encoded = base64.b64encode(b"\0" * offset + raw)
    first = -(-offset * 8 // 6)
    last = (offset + len(raw)) * 8 // 6
    return encoded[first:last]


@pytest.mark.parametrize("value", ["Käthe O'Canary-1", "canary+2@customers.example", '/?ö"\\canary-3'])
@pytest.mark.parametrize("before", [b"", b"a", b"ab", b"abc"])
def test_search_finds_a_value_in_every_form(value: str, before: bytes) -> None:
    around = before + value.encode() + b"tail"
    for text in (
        base64.b64encode(around),
        base64.urlsafe_b64encode(around),
        quote(around).encode(),
        json.dumps({"x": around.decode()}).encode(),
        json.dumps({"x": around.decode()}, ensure_ascii=False).encode(),
        around.hex().encode(),
        repr(around.decode()).encode(),
    ):
        assert any(form in text for form in forms(value)), text


@dataclass
class Planted:
    """What was planted, by where."""

    values: dict[str, str] = field(default_factory=dict)

    def __call__(self, where: str, shape: str = "{}") -> str:
        mark = f"Cänary-{hashlib.sha256(where.encode()).hexdigest()[:12]}"
        return self.know(where, shape.format(mark if shape == "{}" else mark.replace("ä", "a").lower()))

    def know(self, where: str, value: str) -> str:
        self.values[where] = value
        return value


class Mailserver(socketserver.StreamRequestHandler):
    """Refuses every login, and says back what it was sent."""

    def handle(self) -> None:
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            if word == b"EHLO":
                self.wfile.write(b"250-here\r\n250 AUTH PLAIN LOGIN\r\n")
            elif word == b"AUTH":
                said = base64.b64decode(line.split()[-1]).replace(b"\0", b" ")
                self.wfile.write(b"535 no " + said + b" " + line.strip() + b"\r\n")
            else:
                self.wfile.write(b"250 ok\r\n")


@pytest.fixture(scope="module")
def mailserver() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mailserver) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalChain]:
    chain = LocalChain("ganache", tmp_path_factory.mktemp("chain"))
    chain.start()
    yield chain
    chain.stop()


@pytest.fixture(scope="module")
def running(
    chain: LocalChain, mailserver: int, planted: Planted, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEDGER_LOG_FORMAT", "json")
        patch.setenv("LEDGER_WEBHOOKS_PRIVATE", "true")
        patch.setenv("LEDGER_SMTP_HOST", "127.0.0.1")
        patch.setenv("LEDGER_SMTP_PORT", str(mailserver))
        patch.setenv("LEDGER_SMTP_USER", planted("SMTP user", "smtp-{}"))
        patch.setenv("LEDGER_SMTP_PASSWORD", planted("SMTP password", "pw-{}"))
        url = f"{chain.url}/?key={planted('key of the RPC URL', 'rpc-{}')}"
        installation = Running(tmp_path_factory.mktemp("canaries") / "data", url, "--no-sample")
    try:
        installation.start()
        yield installation
    finally:
        installation.close()


def _case(planted: Planted) -> dict[str, Any]:
    return {
        "reference": "RMA-1",
        "order": {"reference": planted("order")},
        "consumer": {
            "name": planted("name"),
            "email": planted("e-mail", "{}@customers.example"),
            "customer_number": planted("customer number"),
            "country": "DE",
            "language": "de",
        },
        "items": [{"sku": "1", "description": "Tin", "quantity": 1, "unit_price": "1.00"}],
        "refund": {"amount": "1.00", "currency": "GBP"},
        "policy": "eu-14",
        "escrow": "none",
        "reason": planted("reason"),
        "shipment": {"carrier": "FedEx", "tracking_code": planted("tracking code")},
    }


def _refuse_everything(client: httpx.Client, url: str, planted: Planted, case_id: str) -> None:
    """Whatever a caller can get wrong, with something secret in it."""
    mark = planted("mistake")
    plain = mark.encode("ascii", "ignore").decode()
    planted.know("mistake in ASCII", plain)
    body = _case(planted)
    for wrong in (
        {**body, "consumer": {**body["consumer"], "country": mark}},
        {**body, "consumer": {**body["consumer"], "email": f"{mark} no address"}},
        {**body, "refund": {"amount": mark, "currency": mark}},
        {**body, "policy": mark},
        {**body, mark: mark},
        {**body, "items": [{mark: [mark]}]},
        {**body, "escrow": "refund", "refund": {"amount": "9999999.00", "currency": "GBP"}},
    ):
        assert client.post("/v1/cases", json=wrong).status_code in (409, 422)
    headers = {"Content-Type": "application/json"}
    assert client.post("/v1/cases", content=f'{{"{mark}": '.encode(), headers=headers).status_code == 400
    for headers in (
        {"Idempotency-Key": plain * 40},
        {"X-Request-Id": plain, "Prefer": f"wait={plain}"},
        {"Authorization": f"Bearer {plain}"},
        {"Authorization": f"{plain} {plain}"},
        {"User-Agent": plain, "Referer": f"{url}/{plain}", "Cookie": f"a={plain}", "X-Forwarded-For": plain},
    ):
        assert client.post("/v1/cases", json={"consumer": plain}, headers=headers).status_code in (401, 422)
    for path in (f"/{mark}", f"/v1/cases/{mark}", f"/v1/cases?cursor={mark}", f"/s?{mark}", f"/v1/status?token={mark}"):
        assert client.get(path).status_code < 500
    method = plain.upper()[:10].replace("-", "")  # which the server's parser may know to be none
    assert client.request(method, f"/v1/cases/{case_id}").status_code in (400, 405)
    assert client.post(f"/v1/cases/{case_id}/milestones", json={"kind": mark}).status_code == 422


def _state_words(client: httpx.Client, planted: Planted, case_id: str) -> None:
    path = f"/v1/cases/{case_id}/milestones"
    authorised = {"kind": "authorised", "data": {"note": planted("note")}}
    client.post(path, json=authorised)
    attachment = {"name": planted("photo's name", "{}.jpg"), "media_type": "image/jpeg", "sha256": "5a" * 32}
    client.post(path, json={"kind": "evidence", "data": {"text": planted("evidence"), "attachments": [attachment]}})
    client.post(path, json={"kind": "declined", "data": {"reason": planted("reason of declining")}})


def _send_webhooks(running: Running, planted: Planted, url: str) -> None:
    secret = planted("webhook secret")
    running.ledger("keys", "webhook-secret", "--merchant", "Shop", "--secret", secret)
    body = json.dumps({"id": "evt_1", "result": {"tracking_code": planted.values["tracking code"], "status": 5}})
    for key in (secret, "another"):
        digest = hmac.new(key.encode(), body.encode(), hashlib.sha256).hexdigest()
        headers = {"X-Hmac-Signature": f"hmac-sha256-hex={digest}"}
        httpx.post(f"{url}/v1/webhooks/easypost", content=body, headers=headers, timeout=60)


def _make_endpoint(client: httpx.Client, planted: Planted) -> None:
    target = f"http://127.0.0.1:9/{planted('webhook URL', 'hook-{}')}"
    made = client.post("/v1/webhook-endpoints", json={"url": target, "description": planted("webhook description")})
    assert made.status_code == 201, made.text
    planted.know("webhook endpoint's secret", made.json()["secret"])


def _sign_in(running: Running, client: httpx.Client, planted: Planted) -> None:
    """A session that is used, one that there is not, and a signature that is nobody's."""
    token = planted.know("session's token", client.post("/v1/sessions").json()["token"])
    with httpx.Client(base_url=running.url, timeout=60) as console:
        for credential, status in ((token, 200), (planted("guessed session", "ses_{}"), 401)):
            headers = {"Authorization": f"Bearer {credential.encode('ascii', 'ignore').decode()}"}
            assert console.get("/v1/sessions/current", headers=headers).status_code == status
        address = "0x" + hashlib.sha256(b"somebody").hexdigest()[:40]
        message = console.post("/v1/sessions/challenge", json={"address": address}).json()["message"]
        planted.know("nonce of a sign-in", message.partition("Nonce: ")[2].partition("\n")[0])
        signature = planted.know("signature of a sign-in", hashlib.sha512(b"signature").hexdigest() + "1b")
        body = {"message": message, "signature": f"0x{signature}"}
        assert console.post("/v1/sessions/sign-in", json=body).status_code == 401
        wrong = {"message": planted("message that is none"), "signature": f"0x{signature}"}
        assert console.post("/v1/sessions/sign-in", json=wrong).status_code == 422


def _break_inside(running: Running, client: httpx.Client, planted: Planted, case_id: str) -> None:
    """Stored data that cannot be read: an exception that nobody expected, whose text quotes it."""
    first = "WHERE seq = (SELECT min(seq) FROM records WHERE case_id = ?)"
    with sqlite3.connect(running.data / "ledger.db", timeout=30) as database:
        (kept,) = database.execute(f"SELECT canonical FROM records {first}", (case_id,)).fetchone()
        broken = planted("broken row").encode()
        database.execute(f"UPDATE records SET canonical = ? {first}", (broken, case_id))
    assert client.get(f"/v1/cases/{case_id}").status_code == 500
    with sqlite3.connect(running.data / "ledger.db", timeout=30) as database:
        database.execute(f"UPDATE records SET canonical = ? {first}", (kept, case_id))
        database.execute("ALTER TABLE accounts RENAME TO accounts_away")
    assert client.get(f"/v1/cases/{case_id}").status_code in (500, 503)
    with sqlite3.connect(running.data / "ledger.db", timeout=30) as database:
        database.execute("ALTER TABLE accounts_away RENAME TO accounts")


def _lock_out(running: Running, client: httpx.Client, planted: Planted) -> None:
    lock = sqlite3.connect(running.data / "ledger.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    try:
        assert client.post("/v1/cases", json=_case(planted)).status_code == 503
    finally:
        lock.execute("ROLLBACK")
        lock.close()


@pytest.mark.timeout(600)
def test_nothing_planted_is_ever_shown(running: Running, chain: LocalChain, planted: Planted) -> None:
    key = planted.know(
        "API key", running.ledger_json("keys", "create", "--role", "merchant", "--name", "Shop")["api_key"]
    )
    client = running.client(key)
    _make_endpoint(client, planted)
    _sign_in(running, client, planted)
    opened = client.post("/v1/cases", json=_case(planted), headers={"Idempotency-Key": planted("key", "id-{}")})
    assert opened.status_code == 201, opened.text
    case_id, link = opened.json()["case_id"], opened.json()["status_link"]
    token = planted.know("status token", link.partition("#")[2])
    client.get("/v1/status", headers={"Authorization": f"Bearer {token}"})
    client.get("/v1/status", headers={"Authorization": f"Bearer {token[:-9]}AAAAAAAAA"})
    running.wait_recorded(client, case_id, "requested")
    _state_words(client, planted, case_id)
    _refuse_everything(client, running.url, planted, case_id)
    _send_webhooks(running, planted, running.url)
    _break_inside(running, client, planted, case_id)
    wait_for(lambda: "mail.not_sent" in running.output.read_text(), seconds=120, what="a mail that is refused")
    wait_for(lambda: "webhook_failed" in running.output.read_text(), seconds=120, what="a failed webhook")
    _lock_out(running, client, planted)
    chain.stop()
    wait_for(lambda: "chain" in _readyz(running)["degraded"], seconds=120, what="the chain's absence")
    assert client.post("/v1/cases", json=_case(planted)).status_code == 201
    wait_for(lambda: "does not answer" in running.output.read_text(), seconds=120, what="a step that fails")

    shown = running.output.read_bytes()
    shown += httpx.get(f"{running.url}/metrics", timeout=60).content + json.dumps(_readyz(running)).encode()
    assert case_id.encode() in shown, "the search looks where the logs are"
    assert b'"event": "unexpected"' in shown
    assert len(planted.values) > 20
    found = {where for where, value in planted.values.items() if any(form in shown for form in forms(value))}
    assert found == set()


def _readyz(running: Running) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{running.url}/readyz", timeout=60).json()
    return answer


def test_every_line_of_the_service_is_json(running: Running) -> None:
    """Beside what `ledger run` tells its operator at the start."""
    lines = Path(running.output).read_text().splitlines()
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    assert {"answered", "indexed", "step_failed", "unexpected"} <= {line["event"] for line in logged}
    assert not [line for line in lines if "Traceback" in line]
