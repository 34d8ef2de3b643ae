"""Who the consumer is: what the case was opened with, whatever anybody states later under the same name."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledger_service.domain.evidence import parse_evidence
from ledger_service.domain.reading import Reading
from ledger_service.domain.vocabulary import Role
from ledger_service.mail_sending import mail_sender
from ledger_service.services.app import App
from ledger_service.services.audit_fields import fields_unlike
from ledger_service.services.blind_indexes import consumer_index
from ledger_service.services.evidence import gather, show_all
from ledger_service.services.observations import Stated, take_stated
from ledger_service.store.tables import CaseRow
from ledger_service.workers.notifier import Notifier

from .conftest import Headers, Open, as_consumer, assert_problem, count_rows

HERS, THIEF = "adelheid@customers.example", "thief@attacker.example"
STOLEN = {"consumer.email": THIEF, "consumer.name": "A Thief", "shipment.tracking_code": "T-99", "reference": "other"}


@pytest.fixture
def case_id(open_case: Open) -> str:
    return str(open_case(consumer={"name": "Adelheid", "email": HERS, "country": "DE"})["case_id"])


@pytest.fixture
def meddled(ledger: App, case_id: str) -> str:
    """A case with an observation as earlier releases took them, which has the names of the opening's fields."""
    stated = Stated("noted", Role.MERCHANT, ledger.clock.now(), {}, {"note": "Look.", **STOLEN})
    with ledger.database.write() as session:
        assert len(take_stated(ledger, session, session.get_one(CaseRow, case_id), [stated])) == 1
    return case_id


def test_mail_goes_to_the_address_that_the_case_was_opened_with(ledger: App, meddled: str) -> None:
    assert Notifier(ledger, mail_sender(ledger.settings)).step() == 1
    [file] = (ledger.settings.data / "mail").glob("*.eml")
    message = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert message["To"] == HERS
    assert "thief" not in message.as_string().lower()


def test_person_is_found_by_the_address_that_the_case_was_opened_with(
    client: TestClient, ledger: App, meddled: str, as_merchant: Headers
) -> None:
    with ledger.database.write() as session:
        case = session.get_one(CaseRow, meddled)
        case.consumer_index = None
        session.add(case)
    answer = client.post("/v1/personal-data", json={"email": THIEF}, headers=as_merchant)
    assert_problem(answer, 404, "not-found", field="email")
    answer = client.post("/v1/personal-data", json={"email": HERS}, headers=as_merchant)
    assert [told["case"]["case_id"] for told in answer.json()["cases"]] == [meddled]


def test_audit_holds_indexes_against_the_fields_of_the_opening(ledger: App, open_case: Open) -> None:
    case_id = str(open_case(shipment=None, consumer={"country": "DE"}, escrow="none")["case_id"])
    stated = Stated("noted", Role.MERCHANT, ledger.clock.now(), {}, {"note": "Look.", **STOLEN})
    with ledger.database.write() as session:
        case = session.get_one(CaseRow, case_id)
        take_stated(ledger, session, case, [stated])
        case.consumer_index = consumer_index(ledger, case.account_id, THIEF)
        session.add(case)
    with ledger.database.read() as session:
        rows, evidence = gather(ledger, session, case_id, show_all)
    [problem] = fields_unlike(ledger, rows, Reading(parse_evidence(evidence)))
    assert problem.column == "consumer_index"


@pytest.mark.parametrize(
    "name", ["consumer.email", "consumer.x", "Consumer.Email", "order.reference", "shipment.tracking_code", "reference"]
)
def test_milestone_that_states_a_field_of_the_opening_is_refused(
    client: TestClient, ledger: App, case_id: str, as_merchant: Headers, name: str
) -> None:
    before = count_rows(ledger)
    body: dict[str, Any] = {"kind": "authorised", "personal": {name: THIEF}}
    answer = client.post(f"/v1/cases/{case_id}/milestones", json=body, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field=f"personal.{name}", remedy="another name")
    answer = client.post(f"/v1/cases/{case_id}/milestones/prepare", json=body, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field=f"personal.{name}")
    assert count_rows(ledger) == before


def test_consumer_s_act_that_states_a_field_of_the_opening_is_refused(
    client: TestClient, ledger: App, case_id: str
) -> None:
    body = {"kind": "cancelled", "personal": {"consumer.email": THIEF}}
    answer = client.post("/v1/status/acts", json=body, headers=as_consumer(ledger, case_id))
    assert_problem(answer, 422, "invalid-input", field="personal.consumer.email")
