"""API keys: made, rotated with an overlap, revoked; and a merchant's own parties."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.clock import FixedClock
from ledger_service.errors import Unauthenticated
from ledger_service.services import accounts, api_keys, sessions
from ledger_service.services.app import App
from ledger_service.store.tables import Account, ApiKey

from .conftest import ON_BOTH, Headers, Keys, Open, assert_problem, bearer, count_rows

pytestmark = ON_BOTH


def works(client: TestClient, api_key: str) -> bool:
    status = client.get("/v1/api-keys", headers=bearer(api_key)).status_code
    assert status in (200, 401)
    return status == 200


def make(client: TestClient, headers: Headers, **body: Any) -> dict[str, Any]:
    answer = client.post("/v1/api-keys", json={"name": "Scanner", **body}, headers=headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_further_key_acts_as_its_account_and_is_shown_once(
    client: TestClient, ledger: App, as_merchant: Headers, merchant: dict[str, Any], clock: FixedClock
) -> None:
    made = make(client, as_merchant, expires_at="2026-03-02T00:00:00Z")
    current = client.post("/v1/sessions", headers=bearer(made["api_key"])).json()
    assert (current["name"], current["address"]) == ("The merchant", merchant["address"])
    first, further = client.get("/v1/api-keys", headers=as_merchant).json()["items"]
    assert (first["key_id"], further["key_id"]) == ("key_first", made["key_id"])
    assert "api_key" not in further
    with ledger.database.read() as session:
        assert made["api_key"] not in session.exec(select(ApiKey)).one().model_dump_json()
    clock.move(timedelta(hours=12))
    assert not works(client, made["api_key"])
    assert client.get("/v1/sessions/current", headers=bearer(current["token"])).status_code == 401
    assert not client.get("/v1/api-keys", headers=as_merchant).json()["items"][1]["counts"]


def test_rotated_key_counts_for_the_overlap_the_first_one_too(
    client: TestClient, as_merchant: Headers, merchant: dict[str, Any], clock: FixedClock
) -> None:
    rotated = client.post("/v1/api-keys/key_first/rotation", json={"overlap_hours": 2}, headers=as_merchant).json()
    assert works(client, merchant["api_key"])
    assert works(client, rotated["api_key"])
    clock.move(timedelta(hours=2))
    assert not works(client, merchant["api_key"])
    again = client.post(
        f"/v1/api-keys/{rotated['key_id']}/rotation", json={"overlap_hours": 0}, headers=bearer(rotated["api_key"])
    ).json()
    assert not works(client, rotated["api_key"])
    assert works(client, again["api_key"])


def test_revoked_key_ends_at_once_with_its_sessions_and_the_last_one_stays(
    client: TestClient, as_merchant: Headers, merchant: dict[str, Any]
) -> None:
    answer = client.delete("/v1/api-keys/key_first", headers=as_merchant)
    assert_problem(answer, 409, "conflict", field="key_id", remedy="another")
    made = make(client, as_merchant)
    opened = client.post("/v1/sessions", headers=as_merchant).json()["token"]
    assert client.delete("/v1/api-keys/key_first", headers=bearer(made["api_key"])).status_code == 204
    assert not works(client, merchant["api_key"])
    assert client.get("/v1/sessions/current", headers=bearer(opened)).status_code == 401
    mine = bearer(made["api_key"])
    for key_id in ("key_first", "key_" + "0" * 16):
        assert_problem(client.delete(f"/v1/api-keys/{key_id}", headers=mine), 404, "not-found", field="key_id")
    assert client.delete(f"/v1/api-keys/{made['key_id']}", headers=mine).status_code == 409


def test_key_that_ended_since_it_was_looked_up_leaves_no_other_behind(
    client: TestClient, ledger: App, as_merchant: Headers
) -> None:
    """Whoever has a stolen key sends a last request as the key is ended."""
    stolen = make(client, as_merchant)
    [account] = accounts.authenticate_all(ledger, [stolen["api_key"]])
    assert isinstance(account, Account)
    holder = api_keys.Holder(account, sessions.hash_of(stolen["api_key"]))
    assert client.delete(f"/v1/api-keys/{stolen['key_id']}", headers=as_merchant).status_code == 204
    before = count_rows(ledger)
    tries: list[Callable[[], object]] = [
        lambda: api_keys.make_key(ledger, holder, api_keys.KeyInput(name="Another")),
        lambda: api_keys.rotate_key(ledger, holder, "key_first", api_keys.RotationInput()),
        lambda: api_keys.revoke_key(ledger, holder, "key_first"),
        lambda: api_keys.make_party(ledger, holder, api_keys.PartyInput(role="carrier", name="Mine")),
    ]
    for one in tries:
        with pytest.raises(Unauthenticated, match="just ended"):
            one()
    assert count_rows(ledger) == before


def test_another_accounts_keys_are_not_found(client: TestClient, as_merchant: Headers, account: Keys) -> None:
    made = make(client, as_merchant)
    other = bearer(account("merchant", "Other shop")["api_key"])
    assert client.delete(f"/v1/api-keys/{made['key_id']}", headers=other).status_code == 404
    path = f"/v1/api-keys/{made['key_id']}/rotation"
    assert client.post(path, json={}, headers=other).status_code == 404
    assert works(client, made["api_key"])


def test_session_makes_no_credentials(client: TestClient, as_merchant: Headers) -> None:
    session = bearer(client.post("/v1/sessions", headers=as_merchant).json()["token"])
    assert client.get("/v1/api-keys", headers=session).status_code == 200
    tries = [
        client.post("/v1/api-keys", json={"name": "mine"}, headers=session),
        client.post("/v1/api-keys/key_first/rotation", json={}, headers=session),
        client.delete("/v1/api-keys/key_first", headers=session),
        client.post("/v1/parties", json={"role": "carrier", "name": "Van"}, headers=session),
        client.delete("/v1/parties/1", headers=session),
    ]
    for answer in tries:
        assert_problem(answer, 403, "forbidden", field="Authorization", remedy="API key")


def test_renewing_by_the_operator_ends_every_key(
    client: TestClient, ledger: App, as_merchant: Headers, merchant: dict[str, Any]
) -> None:
    made = make(client, as_merchant)
    renewed = accounts.renew_api_key(ledger, "merchant", "The merchant")
    assert [works(client, key) for key in (merchant["api_key"], made["api_key"], renewed["api_key"])] == [
        False,
        False,
        True,
    ]


def test_key_that_is_over_already_is_refused(client: TestClient, as_merchant: Headers) -> None:
    answer = client.post("/v1/api-keys", json={"name": "x", "expires_at": "2026-03-01T12:00:00Z"}, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="expires_at")


def test_merchant_makes_its_own_parties_and_ends_them(client: TestClient, as_merchant: Headers, account: Keys) -> None:
    made = client.post("/v1/parties", json={"role": "inspector", "name": "Own hands"}, headers=as_merchant).json()
    assert works(client, made["api_key"])
    shown = client.get("/v1/parties", headers=as_merchant).json()["items"]
    assert shown == [{name: value for name, value in made.items() if name != "api_key"}]
    other = bearer(account("merchant", "Other shop")["api_key"])
    path = f"/v1/parties/{made['party_id']}"
    assert client.delete(path, headers=other).status_code == 404
    assert client.delete(path, headers=as_merchant).status_code == 204
    assert not works(client, made["api_key"])
    for body in ({"role": "auditor", "name": "Me"}, {"role": "merchant", "name": "Me"}):
        assert_problem(client.post("/v1/parties", json=body, headers=as_merchant), 422, "invalid-input", field="role")
    carrier = bearer(account("carrier")["api_key"])
    assert client.post("/v1/parties", json={"role": "carrier", "name": "Mine"}, headers=carrier).status_code == 403


def test_merchant_makes_no_account_at_another_s_address(
    client: TestClient, as_merchant: Headers, merchant: dict[str, Any], account: Keys, open_case: Open
) -> None:
    """It would be shown all cases that name the address, and state by its key."""
    open_case()
    other = bearer(account("merchant", "Other shop")["api_key"])
    body = {"role": "carrier", "name": "Spy", "address": merchant["address"]}
    assert_problem(client.post("/v1/parties", json=body, headers=other), 422, "invalid-input", field="address")
    assert client.get("/v1/parties", headers=other).json()["items"] == []
