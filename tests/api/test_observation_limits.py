"""Observations over HTTP: how many a case takes, and what is refused of those that their actors signed themselves."""

from __future__ import annotations

import json

import pytest
from sqlmodel import col, select
from starlette.testclient import TestClient

from ledger_service.domain.disclosures import base64url, read_disclosure
from ledger_service.domain.hashing import from_hex, hex0x, keccak
from ledger_service.domain.messages import anchor_domain, observation_hash
from ledger_service.domain.observations import MOST_BYTES
from ledger_service.domain.records import canonical_bytes
from ledger_service.keystore import LocalSigner
from ledger_service.services.app import App
from ledger_service.store.observation_log import count_and_bytes_of_case
from ledger_service.store.tables import CaseRow, DisclosureRow, ObservationRow

from .conftest import ON_BOTH, Headers, Open, assert_problem, count_rows
from .test_observations import READING, path, prepared, stated


@pytest.fixture
def case_id(open_case: Open) -> str:
    return str(open_case()["case_id"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("consumer.email", "thief@attacker.example"),
        ("note", "\ud800"),
        ("no\ud800te", "x"),
        ("note", "x" * 2_001),
        ("n" * 121, "x"),
        ("note", 3),
        ("note", "\x07"),
    ],
)
def test_disclosure_that_prepare_would_refuse_is_refused_when_it_was_signed(
    client: TestClient, ledger: App, cool_case: str, own_key: LocalSigner, sensor: Headers, name: str, value: object
) -> None:
    body = prepared(client, ledger, cool_case, own_key, sensor)
    written = json.dumps([base64url(bytes(16)), name, value], separators=(",", ":"))
    disclosure = read_disclosure(base64url(written.encode()))
    record = {**json.loads(body["record"]), "_sd": [disclosure.digest]}
    body["record"], body["disclosures"] = canonical_bytes(record).decode(), [disclosure.encoded]
    commitment, domain = keccak(body["record"].encode()), anchor_domain(1337, ledger.deployment.anchor)
    body["signature"] = hex0x(own_key.sign(domain.digest(observation_hash(from_hex(cool_case), commitment))))
    before = count_rows(ledger)
    answer = client.post(path(cool_case), json=body, headers=sensor)
    field = "personal.consumer.email" if name == "consumer.email" else "record"
    assert_problem(answer, 422, "invalid-input", field=field)
    assert count_rows(ledger) == before


# --- how much --------------------------------------------------------------------------------------------------------


def test_case_takes_so_many_observations_and_no_more(
    client: TestClient, ledger: App, case_id: str, as_merchant: Headers
) -> None:
    for _ in range(19):
        stated(client, case_id, [READING] * 100, as_merchant)
    stated(client, case_id, [READING] * 99, as_merchant)
    before = count_rows(ledger)
    answer = client.post(path(case_id), json=[READING] * 2, headers=as_merchant)
    assert_problem(answer, 413, "too-large", field="case_id", remedy="something")
    assert count_rows(ledger) == before
    stated(client, case_id, READING, as_merchant)
    assert client.post(path(case_id), json=READING, headers=as_merchant).status_code == 413


@ON_BOTH
def test_case_takes_so_many_bytes_and_no_more(
    client: TestClient, ledger: App, case_id: str, as_merchant: Headers, open_case: Open
) -> None:
    large = {**READING, "personal": {f"field {number}": "\U0001f4e6" * 2_000 for number in range(20)}}
    taken = 0
    while (answer := client.post(path(case_id), json=large, headers=as_merchant)).status_code == 202:
        taken += 1
        assert taken * 20 * 8_000 < MOST_BYTES
    assert_problem(answer, 413, "too-large", field="case_id", remedy="shorter")
    with ledger.database.read() as session:
        count, size = count_and_bytes_of_case(session, case_id)
        rows = session.exec(select(ObservationRow)).all()
        sealed = session.exec(
            select(DisclosureRow).where(col(DisclosureRow.record_id).in_([row.observation_id for row in rows]))
        ).all()
    assert (count, size) == (taken, sum(len(row.canonical) for row in rows) + sum(len(one.sealed) for one in sealed))
    assert size <= MOST_BYTES < size + size // taken + 100
    stated(client, case_id, READING, as_merchant)
    stated(client, str(open_case(reference="RMA-2")["case_id"]), large, as_merchant)


def test_case_that_was_erased_takes_and_prepares_none(
    client: TestClient, ledger: App, cool_case: str, sensor: Headers, as_merchant: Headers
) -> None:
    with ledger.database.write() as session:
        case = session.get_one(CaseRow, cool_case)
        case.erased_at = ledger.clock.seconds()
        session.add(case)
    for where, headers in (("/prepare", sensor), ("", as_merchant)):
        answer = client.post(path(cool_case, where), json=READING, headers=headers)
        assert_problem(answer, 409, "conflict", field="case_id", remedy="no more")
