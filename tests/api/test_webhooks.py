"""The carrier's webhook: its own bytes, its own signature, one merchant's cases."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.services import accounts
from ledger_service.services.app import App
from ledger_service.store.tables import Account, CaseRow, DisclosureRow, ObservationRow, RecordRow

from .conftest import Headers, Keys, Open, assert_problem, bearer, case_body, count_rows

EVENT = (Path(__file__).parents[1] / "vectors" / "easypost_tracker_updated.json").read_bytes()
SECRET = "sôme secret"


def signed(raw: bytes, secret: str = SECRET) -> Headers:
    import unicodedata

    key = unicodedata.normalize("NFKD", secret).encode()
    digest = hmac.new(key, raw, hashlib.sha256).hexdigest()
    return {"X-Hmac-Signature": f"hmac-sha256-hex={digest}", "Content-Type": "application/json"}


def keep_secret(ledger: App, name: str, secret: str) -> None:
    with ledger.database.read() as session:
        account = session.exec(select(Account).where(Account.name == name)).one()
    accounts.set_webhook_secret(ledger, account, "easypost", secret)


@pytest.fixture
def waiting_case(client: TestClient, ledger: App, as_merchant: Headers, open_case: Open) -> str:
    """A case whose parcel waits for the carrier that the webhook speaks of."""
    keep_secret(ledger, "The merchant", SECRET)
    case_id: str = open_case()["case_id"]
    sent = client.post(f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}, headers=as_merchant)
    assert sent.status_code == 202
    return case_id


def post(client: TestClient, raw: bytes, headers: Headers, query: str = "") -> Any:
    return client.post(f"/v1/webhooks/easypost{query}", content=raw, headers=headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        signed(EVENT, "another secret"),
        signed(EVENT + b" "),
        {**signed(EVENT), "X-Hmac-Signature": "hmac-sha256-hex="},
        {**signed(EVENT), "X-Hmac-Signature": signed(EVENT)["X-Hmac-Signature"].removeprefix("hmac-sha256-hex=")},
    ],
    ids=["missing", "other secret", "other body", "empty", "no prefix"],
)
def test_webhook_with_wrong_signature_is_refused(
    client: TestClient, ledger: App, waiting_case: str, headers: Headers
) -> None:
    before = count_rows(ledger)
    assert_problem(post(client, EVENT, headers), 401, "unauthenticated", field="X-Hmac-Signature", remedy="secret")
    assert count_rows(ledger) == before


@pytest.mark.parametrize("raw", [b"{", b"[]", b"{}", b'{"description": "tracker.updated", "result": []}'])
def test_signed_nonsense_is_refused(client: TestClient, ledger: App, waiting_case: str, raw: bytes) -> None:
    before = count_rows(ledger)
    answer = post(client, raw, signed(raw))
    assert answer.status_code == 422
    assert answer.json()["field"]
    assert count_rows(ledger) == before


def test_pick_up_scan_becomes_the_carriers_milestone(client: TestClient, ledger: App, waiting_case: str) -> None:
    answer = post(client, EVENT, signed(EVENT))
    assert answer.status_code == 200
    (result,) = answer.json()["results"]
    assert (result["case_id"], result["result"]) == (waiting_case, "accepted")
    with ledger.database.read() as session:
        record = session.exec(select(RecordRow).where(RecordRow.kind == "picked_up")).one()
    stated = json.loads(record.canonical)
    assert (stated["role"], stated["key"]) == ("carrier", "service")
    assert stated["occurred_at"] == "2024-07-31T19:27:00Z"


def test_webhook_again_changes_nothing(client: TestClient, ledger: App, waiting_case: str) -> None:
    assert post(client, EVENT, signed(EVENT)).status_code == 200
    before = count_rows(ledger)
    again = post(client, EVENT, signed(EVENT))
    assert again.status_code == 200
    assert again.json()["results"][0]["result"] == "ignored"
    assert count_rows(ledger) == before


def test_webhook_touches_its_merchants_cases_only(
    client: TestClient, ledger: App, account: Keys, waiting_case: str
) -> None:
    other = bearer(account("merchant", "Other")["api_key"])
    keep_secret(ledger, "Other", "other secret")
    theirs = client.post("/v1/cases", json=case_body(escrow="none"), headers=other).json()["case_id"]
    sent = client.post(f"/v1/cases/{theirs}/milestones", json={"kind": "authorised"}, headers=other)
    assert sent.status_code == 202
    (result,) = post(client, EVENT, signed(EVENT, "other secret")).json()["results"]
    assert result["case_id"] == theirs


def test_webhook_that_names_its_merchant_is_checked_with_that_secret(
    client: TestClient, ledger: App, account: Keys, waiting_case: str
) -> None:
    account("merchant", "Other")
    keep_secret(ledger, "Other", "other secret")
    wrong = post(client, EVENT, signed(EVENT), "?merchant=Other")
    assert_problem(wrong, 401, "unauthenticated", field="X-Hmac-Signature", remedy="secret")
    unknown = post(client, EVENT, signed(EVENT), "?merchant=Nobody")
    assert_problem(unknown, 404, "not-found", field="merchant", remedy="ledger keys create")
    assert post(client, EVENT, signed(EVENT), "?merchant=The%20merchant").status_code == 200


# --- every scan is an observation ------------------------------------------------------------------------------------


def scans(ledger: App) -> list[ObservationRow]:
    with ledger.database.read() as session:
        return list(session.exec(select(ObservationRow).order_by(ObservationRow.seq)))


def changed(**changes: Any) -> bytes:
    event = json.loads(EVENT)
    return json.dumps({**event, "id": "evt_2", "result": {**event["result"], **changes}}).encode()


DETAILS = json.loads(EVENT)["result"]["tracking_details"]


def test_every_scan_becomes_an_observation_of_the_carrier(client: TestClient, ledger: App, waiting_case: str) -> None:
    (result,) = post(client, EVENT, signed(EVENT)).json()["results"]
    assert result["observations"] == len(DETAILS)
    rows = scans(ledger)
    assert [json.loads(row.canonical)["occurred_at"] for row in rows] == [one["datetime"] for one in DETAILS]
    first = json.loads(rows[0].canonical)
    assert (first["kind"], first["role"], first["key"]) == ("scanned", "carrier", "service")
    assert first["data"] == {
        "source": "easypost",
        "carrier": "FedEx",
        "status": "pre_transit",
        "status_detail": "label_created",
        "country": "US",
    }
    with ledger.database.read() as session:
        sealed = session.exec(select(DisclosureRow).where(DisclosureRow.record_id == rows[1].observation_id)).all()
    assert len(sealed) == len(json.loads(rows[1].canonical)["_sd"]) == 3
    assert all(b"ORLANDO" not in row.canonical for row in rows)


def test_scan_that_comes_again_is_one(client: TestClient, ledger: App, waiting_case: str) -> None:
    first = changed(tracking_details=[*DETAILS[:3], DETAILS[1]])
    assert post(client, first, signed(first)).json()["results"][0]["observations"] == 3
    (result,) = post(client, EVENT, signed(EVENT)).json()["results"]
    assert result["observations"] == len(DETAILS) - 3
    assert len(scans(ledger)) == len(DETAILS)
    assert len({row.source for row in scans(ledger)}) == len(DETAILS)


def test_scans_before_the_pick_up_are_taken(client: TestClient, ledger: App, waiting_case: str) -> None:
    raw = changed(tracking_details=DETAILS[:1])
    (result,) = post(client, raw, signed(raw)).json()["results"]
    assert (result["result"], result["observations"]) == ("ignored", 1)
    assert [row.kind for row in scans(ledger)] == ["scanned"]


def test_scan_that_cannot_be_read_holds_up_no_other(client: TestClient, ledger: App, waiting_case: str) -> None:
    odd = [
        {**DETAILS[0], "datetime": None},
        {**DETAILS[0], "datetime": "2199-01-01T00:00:00Z"},
        {**DETAILS[0], "message": "x" * 600},
        {**DETAILS[0], "status": "No Word"},
    ]
    raw = changed(tracking_details=[*odd, *DETAILS[:2]])
    (result,) = post(client, raw, signed(raw)).json()["results"]
    assert (result["result"], result["observations"]) == ("accepted", 2)


def test_scans_of_an_erased_case_are_not_taken(client: TestClient, ledger: App, waiting_case: str) -> None:
    with ledger.database.write() as session:
        session.get_one(CaseRow, waiting_case).erased_at = 1
    assert post(client, EVENT, signed(EVENT)).json()["results"][0]["observations"] == 0
    assert scans(ledger) == []
