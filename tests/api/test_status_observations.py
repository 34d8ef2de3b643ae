"""What consumers observe, stated through the link that came to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from coincurve import PrivateKey
from sqlalchemy import delete
from sqlmodel import col, select
from starlette.testclient import TestClient

from ledger_service.clock import FixedClock
from ledger_service.config import Settings
from ledger_service.domain.hashing import from_hex
from ledger_service.domain.messages import anchor_domain, observation_hash
from ledger_service.domain.signatures import address_of, recover_signer
from ledger_service.services import log_audit
from ledger_service.services.app import App, make_app
from ledger_service.store.tables import CaseRow, ObservationRow, RecordRow

from .conftest import Headers, Open, as_consumer, assert_problem, bearer, count_rows, deployment, local_client, token_of
from .panels import record_case
from .test_own_keys import sign

KEY, STRANGER = (PrivateKey(bytes([number]) * 32) for number in (41, 42))
OWN = address_of(KEY.public_key)
PATH = "/v1/status/observations"
NOTE: dict[str, Any] = {"kind": "noted", "data": {"topic": "parcel", "note": "The box was open, says Ada Example."}}


@pytest.fixture
def case_id(open_case: Open) -> str:
    return str(open_case()["case_id"])


@pytest.fixture
def consumer(ledger: App, case_id: str) -> Headers:
    return as_consumer(ledger, case_id)


@pytest.fixture
def own_consumer(ledger: App, case_id: str) -> Headers:
    """One who has bound a key of their own, as an indexer would have read it."""
    record_case(ledger, case_id, consumer=OWN, flags=0, marks=0)
    return as_consumer(ledger, case_id)


@pytest.mark.parametrize("kind", ["noted", "message"])
def test_consumer_states_what_they_saw_and_say(
    client: TestClient, ledger: App, case_id: str, consumer: Headers, as_merchant: Headers, kind: str
) -> None:
    body = NOTE if kind == "noted" else {"kind": "message", "data": {"to": "merchant", "text": "When will it be?"}}
    answer = client.post(PATH, json=body, headers=consumer)
    assert answer.status_code == 202, answer.text
    assert (answer.json()["case_id"], answer.json()["stage"]) == (case_id, "accepted")
    assert answer.json()["receipt"]["jws"]
    with ledger.database.read() as session:
        row = session.exec(select(ObservationRow)).one()
        assert row.signer == session.get_one(CaseRow, case_id).consumer
    assert (row.role, row.key_holder) == ("consumer", "service")
    assert b"Ada" not in row.canonical
    digest = anchor_domain(1337, ledger.deployment.anchor).digest(
        observation_hash(from_hex(case_id), from_hex(row.commitment))
    )
    assert recover_signer(digest, row.signature) == row.signer
    shown = client.get(f"/v1/cases/{case_id}/observations", headers=as_merchant).json()["items"][0]
    assert shown["disclosed"]


def test_it_counts_once(client: TestClient, ledger: App, consumer: Headers) -> None:
    headers = {**consumer, "Idempotency-Key": "once"}
    first = client.post(PATH, json=NOTE, headers=headers)
    before = count_rows(ledger)
    again = client.post(PATH, json=NOTE, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert count_rows(ledger) == before


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"kind": "scanned", "data": {"status": "delivered"}}, 403, "kind"),
        ({"kind": "reading", "data": {"quantity": "weight", "value": "1", "unit": "kg"}}, 403, "kind"),
        ({**NOTE, "role": "merchant"}, 403, "role"),
        ({"kind": "noted", "data": {}}, 422, "data.note"),
        ({"kind": "noted", "data": {"note": "x" * 2_001}}, 422, "data.note"),
        ({"kind": "noted", "data": {"note": "x", "weight": "7"}}, 422, "data.weight"),
        ([NOTE], 422, "body"),
    ],
    ids=["scan", "reading", "role", "empty", "long", "unknown", "list"],
)
def test_what_consumers_do_not_state_is_refused(
    client: TestClient, ledger: App, consumer: Headers, body: Any, status: int, field: str
) -> None:
    before = count_rows(ledger)
    answer = client.post(PATH, json=body, headers=consumer)
    assert_problem(answer, status, "forbidden" if status == 403 else "invalid-input", field=field)
    assert count_rows(ledger) == before


def test_link_that_only_reads_states_nothing(client: TestClient, ledger: App, open_case: Open) -> None:
    reader = bearer(token_of(open_case()["status_link"]))
    before = count_rows(ledger)
    for path in (PATH, f"{PATH}/prepare"):
        assert_problem(client.post(path, json=NOTE, headers=reader), 403, "forbidden", field="Authorization")
    assert count_rows(ledger) == before


def test_each_link_has_its_rate(
    tmp_path: Path, ledger: App, clock: FixedClock, case_id: str, consumer: Headers
) -> None:
    few = Settings(_env_file=None, data=tmp_path, rate_limit="2/hour")
    with local_client(make_app(few, deployment(), clock, ledger.database)) as client:
        answers = [client.post(PATH, json=NOTE, headers=consumer) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [202, 202, 429]
        assert client.post(PATH, json=NOTE, headers=as_consumer(ledger, case_id)).status_code == 202


def signed(prepared: dict[str, Any], signature: str) -> dict[str, Any]:
    return {**{name: prepared[name] for name in ("record", "disclosures")}, "signature": signature}


def test_consumer_with_a_key_of_their_own_signs_it(client: TestClient, ledger: App, own_consumer: Headers) -> None:
    unsigned = client.post(PATH, json=NOTE, headers=own_consumer)
    assert_problem(unsigned, 422, "invalid-input", field="signature", remedy="observations/prepare")
    prepared = client.post(f"{PATH}/prepare", json=NOTE, headers=own_consumer).json()
    assert (prepared["signer"], json.loads(prepared["record"])["role"]) == (OWN, "consumer")
    wrong = client.post(PATH, json=signed(prepared, sign(STRANGER, prepared)), headers=own_consumer)
    assert_problem(wrong, 422, "invalid-input", field="signature")
    answer = client.post(PATH, json=signed(prepared, sign(KEY, prepared)), headers=own_consumer)
    assert answer.status_code == 202, answer.text
    assert answer.json()["commitment"] == prepared["commitment"]
    with ledger.database.read() as session:
        assert session.exec(select(ObservationRow.key_holder)).all() == ["own"]


def test_consumer_whose_key_is_held_need_not_prepare(client: TestClient, consumer: Headers) -> None:
    answer = client.post(f"{PATH}/prepare", json=NOTE, headers=consumer)
    assert_problem(answer, 409, "conflict", field="Authorization", remedy=PATH)


def test_audit_knows_the_keys_that_a_consumer_has_bound(
    client: TestClient, ledger: App, case_id: str, consumer: Headers
) -> None:
    """And no other's: whoever was not bound did not speak for the consumer."""
    client.post(PATH, json=NOTE, headers=consumer)
    bound = {"kind": "key_bound", "data": {"key": OWN}}
    prepared = client.post("/v1/status/acts/prepare", json=bound, headers=consumer).json()
    back = {"kind": "key_bound", "record_id": prepared["record_id"], "key_signature": sign(KEY, prepared)}
    assert client.post("/v1/status/acts", json=back, headers=consumer).status_code == 202
    record_case(ledger, case_id, consumer=OWN, flags=0, marks=0)
    prepared = client.post(f"{PATH}/prepare", json=NOTE, headers=consumer).json()
    assert client.post(PATH, json=signed(prepared, sign(KEY, prepared)), headers=consumer).status_code == 202
    assert list(log_audit._observation_problems(ledger)) == []
    with ledger.database.write() as session:
        session.execute(delete(RecordRow).where(col(RecordRow.kind) == "key_bound"))
    (problem,) = log_audit._observation_problems(ledger)
    assert problem.column == "signer, signature"
