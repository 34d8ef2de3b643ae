"""Signing in as consoles do."""

from __future__ import annotations

from typing import Any

import httpx
from starlette.testclient import TestClient

from ledger_service.domain.hashing import hex0x, keccak
from ledger_service.keystore import LocalSigner

from .conftest import bearer


def personal_sign(key: LocalSigner, message: str) -> str:
    """As wallets sign messages (ERC-191)."""
    raw = message.encode()
    return hex0x(key.sign(keccak(b"\x19Ethereum Signed Message:\n" + str(len(raw)).encode() + raw)))


def open_session(client: TestClient, api_key: str) -> dict[str, Any]:
    answer = client.post("/v1/sessions", headers=bearer(api_key))
    assert answer.status_code == 201, answer.text
    opened: dict[str, Any] = answer.json()
    return opened


def challenge(client: TestClient, address: str) -> str:
    answer = client.post("/v1/sessions/challenge", json={"address": address})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["message"])


def sign_in(client: TestClient, key: LocalSigner, message: str, **more: str) -> httpx.Response:
    body = {"message": message, "signature": personal_sign(key, message), **more}
    return client.post("/v1/sessions/sign-in", json=body)
