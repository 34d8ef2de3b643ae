"""Disputes, splits, exchanges, challenges and objections: what each side can state, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.domain.vocabulary import State
from ledger_service.services.app import App
from ledger_service.store.tables import DisclosureRow, RecordRow

from .conftest import Headers, Open, as_consumer, assert_problem, bearer, count_rows, token_of
from .panels import add_panel, record_case

PHOTO = {"name": "seal.jpg", "media_type": "image/jpeg", "sha256": "5a" * 32}
Case = tuple[str, Headers]


def state(client: TestClient, headers: Headers, case_id: str, kind: str, **data: Any) -> httpx.Response:
    return client.post(f"/v1/cases/{case_id}/milestones", json={"kind": kind, "data": data}, headers=headers)


def act(client: TestClient, headers: Headers, kind: str, **data: Any) -> httpx.Response:
    return client.post("/v1/status/acts", json={"kind": kind, "data": data}, headers=headers)


def status(client: TestClient, headers: Headers) -> dict[str, Any]:
    shown: dict[str, Any] = client.get("/v1/status", headers=headers).json()
    return shown


@pytest.fixture
def lead(client: TestClient, ledger: App, as_merchant: Headers, open_case: Open) -> Callable[..., Case]:
    """Leads a case through these kinds, and answers its id and what the consumer's link sends."""

    def through(*kinds: str, **changes: Any) -> Case:
        case_id = open_case(**changes)["case_id"]
        for kind in kinds:
            data = {"grade": "used", "share": 7_500} if kind == "inspected" else {}
            assert state(client, as_merchant, case_id, kind, **data).status_code == 202
        return case_id, as_consumer(ledger, case_id)

    return through


@pytest.fixture
def inspected(lead: Callable[..., Case]) -> Case:
    return lead("authorised", "received", "inspected")


def take(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    body: dict[str, Any] = answer.json()
    return body


# --- disputes --------------------------------------------------------------------------------------------------------


def test_dispute_by_the_consumer_claims_all_unless_stated(client: TestClient, inspected: Case) -> None:
    _, consumer = inspected
    take(act(client, consumer, "disputed", reason="It was unused."))
    shown = status(client, consumer)
    assert shown["state"] == "disputed"
    assert shown["dispute"]["round"] == "first"
    assert shown["dispute"]["claims"] == {
        "consumer": {"share": 10_000, "amount": "19.80"},
        "merchant": {"share": 7_500, "amount": "14.85"},
    }
    assert shown["next"]["waiting_for"] == "panel"
    assert shown["next"]["otherwise"] == "refund_full"
    assert shown["timeline"][-1]["data"] == {"share": 10_000, "reason": "It was unused."}


def test_dispute_by_the_merchant_concedes_nothing_unless_stated(
    client: TestClient, as_merchant: Headers, lead: Callable[..., Case]
) -> None:
    case_id, consumer = lead("authorised", "received")
    take(state(client, as_merchant, case_id, "disputed"))
    assert status(client, consumer)["dispute"]["claims"]["merchant"]["share"] == 0
    take(state(client, as_merchant, case_id, "disputed", share=2_000))
    assert status(client, consumer)["dispute"]["claims"]["merchant"] == {"share": 2_000, "amount": "3.96"}


def test_dispute_by_a_merchant_that_inspected_itself_is_refused(
    client: TestClient, ledger: App, as_merchant: Headers, inspected: Case
) -> None:
    before = count_rows(ledger)
    assert_problem(state(client, as_merchant, inspected[0], "disputed"), 409, "out-of-order", field="kind")
    assert count_rows(ledger) == before


@pytest.mark.parametrize("share", [-1, 10_001, "5000", 0.5, True])
def test_claim_that_is_no_share_is_refused(client: TestClient, ledger: App, inspected: Case, share: object) -> None:
    before = count_rows(ledger)
    assert_problem(act(client, inspected[1], "disputed", share=share), 422, "invalid-input", field="data.share")
    assert count_rows(ledger) == before


def test_words_of_a_dispute_stay_out_of_the_open_record(
    client: TestClient, ledger: App, as_merchant: Headers, inspected: Case
) -> None:
    case_id, consumer = inspected
    taken = take(act(client, consumer, "disputed", reason="My sister Adelheid saw it."))
    with ledger.database.read() as session:
        row = session.exec(select(RecordRow).where(RecordRow.record_id == taken["record_id"])).one()
        sealed = session.exec(select(DisclosureRow).where(DisclosureRow.record_id == taken["record_id"])).one()
    assert b"Adelheid" not in row.canonical
    assert b"Adelheid" not in sealed.sealed
    listed = client.get(f"/v1/cases/{case_id}/milestones", headers=as_merchant).json()["items"][-1]
    assert listed["data"] == {"share": 10_000}
    assert listed["disclosed"] == {"reason": "My sister Adelheid saw it."}


def test_words_of_a_dispute_are_not_the_carrier_s_to_read(
    client: TestClient, ledger: App, account: Any, lead: Callable[..., Case]
) -> None:
    carrier = account("carrier")
    case_id, consumer = lead("authorised", carrier=carrier["address"])
    take(act(client, consumer, "disputed", reason="My sister Adelheid saw it."))
    shown = client.get(f"/v1/cases/{case_id}", headers=bearer(carrier["api_key"]))
    assert shown.status_code == 200
    assert "Adelheid" not in shown.text


def test_words_of_a_dispute_are_not_for_a_link_that_only_reads(
    client: TestClient, as_merchant: Headers, inspected: Case
) -> None:
    case_id, consumer = inspected
    take(act(client, consumer, "disputed", reason="My sister Adelheid saw it."))
    made = client.post(f"/v1/cases/{case_id}/status-links", headers=as_merchant, json={})
    shown = status(client, bearer(token_of(made.json()["status_link"])))
    assert shown["timeline"][-1]["data"] == {"share": 10_000}
    assert status(client, consumer)["timeline"][-1]["data"]["reason"] == "My sister Adelheid saw it."


@pytest.mark.parametrize("field", ["reason", "text", "note"])
@pytest.mark.parametrize("kind", ["disputed", "split", "evidence"])
def test_whatever_is_said_in_a_dispute_is_sealed(
    client: TestClient, ledger: App, inspected: Case, kind: str, field: str
) -> None:
    _, consumer = inspected
    more: dict[str, Any] = {"attachments": [PHOTO]} if kind == "evidence" else {"share": 8_000}
    if kind == "evidence":
        take(act(client, consumer, "disputed"))
    taken = take(act(client, consumer, kind, **{**more, field: "My sister Adelheid saw it."}))
    assert "Adelheid" not in open_record(ledger, taken["record_id"])
    assert status(client, consumer)["timeline"][-1]["data"] == {**more, field: "My sister Adelheid saw it."}


@pytest.mark.parametrize("kind", ["declined", "cancelled"])
def test_words_of_other_acts_are_sealed_too(
    client: TestClient, ledger: App, as_merchant: Headers, lead: Callable[..., Case], kind: str
) -> None:
    case_id, consumer = lead()
    words = {"reason": "Adelheid kept it.", "note": "Ask Adelheid."}
    if kind == "declined":
        taken = take(state(client, as_merchant, case_id, kind, **words))
    else:
        taken = take(act(client, consumer, kind, **words))
    assert "Adelheid" not in open_record(ledger, taken["record_id"])
    assert status(client, consumer)["timeline"][-1]["data"] == words
    listed = client.get(f"/v1/cases/{case_id}/milestones", headers=as_merchant).json()["items"][-1]
    assert (listed["data"], listed["disclosed"]) == ({}, words)


def open_record(ledger: App, record_id: str) -> str:
    with ledger.database.read() as session:
        return session.exec(select(RecordRow).where(RecordRow.record_id == record_id)).one().canonical.decode()


@pytest.mark.parametrize("kind", ["disputed", "evidence", "objected", "split", "appealed", "challenged"])
def test_field_that_a_dispute_does_not_know_is_refused(
    client: TestClient, ledger: App, inspected: Case, kind: str
) -> None:
    before = count_rows(ledger)
    answer = act(client, inspected[1], kind, share=8_000, witness="Adelheid")
    field = "data.share" if kind in ("evidence", "objected") else "data.witness"
    assert_problem(answer, 422, "invalid-input", field=field, remedy="personal")
    assert count_rows(ledger) == before


# --- evidence --------------------------------------------------------------------------------------------------------


def test_evidence_names_files_by_their_fingerprints(client: TestClient, as_merchant: Headers, inspected: Case) -> None:
    case_id, consumer = inspected
    take(act(client, consumer, "disputed"))
    deadline = status(client, consumer)["next"]["deadline"]
    take(state(client, as_merchant, case_id, "evidence", text="The seal was broken.", attachments=[PHOTO]))
    shown = status(client, consumer)
    assert shown["timeline"][-1]["data"] == {"text": "The seal was broken.", "attachments": [PHOTO]}
    assert shown["next"]["deadline"] == deadline


def test_names_of_files_stay_out_of_the_open_record(
    client: TestClient, ledger: App, account: Any, as_merchant: Headers, lead: Callable[..., Case]
) -> None:
    carrier = account("carrier")
    case_id, consumer = lead("authorised", "received", "inspected", carrier=carrier["address"])
    take(act(client, consumer, "disputed"))
    files = [{**PHOTO, "name": "Passport Adelheid.jpg"}, PHOTO]
    taken = take(act(client, consumer, "evidence", attachments=files))
    assert "Adelheid" not in open_record(ledger, taken["record_id"])
    assert "seal.jpg" not in open_record(ledger, taken["record_id"])
    listed = client.get(f"/v1/cases/{case_id}/milestones", headers=as_merchant).json()["items"][-1]
    assert listed["data"] == {"attachments": [{"media_type": "image/jpeg", "sha256": "5a" * 32}] * 2}
    assert listed["disclosed"] == {"attachments.0.name": "Passport Adelheid.jpg", "attachments.1.name": "seal.jpg"}
    assert client.get(f"/v1/disputes/{case_id}", headers=as_merchant).json()["evidence"][-1]["attachments"] == files
    assert "Adelheid" not in client.get(f"/v1/cases/{case_id}", headers=bearer(carrier["api_key"])).text
    with ledger.database.write() as session:
        for row in session.exec(select(DisclosureRow).where(DisclosureRow.record_id == taken["record_id"])):
            session.delete(row)
    shown = status(client, consumer)["timeline"][-1]["data"]
    assert shown == {"attachments": [{**PHOTO, "name": None}] * 2}


def test_name_of_a_file_that_stands_twice_is_refused(client: TestClient, inspected: Case) -> None:
    take(act(client, inspected[1], "disputed"))
    body = {"kind": "evidence", "data": {"attachments": [PHOTO]}, "personal": {"attachments.0.name": "b"}}
    answer = client.post("/v1/status/acts", json=body, headers=inspected[1])
    assert_problem(answer, 422, "invalid-input", field="personal.attachments.0.name")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "data.text"),
        ({"text": "  "}, "data.text"),
        ({"text": 7}, "data.text"),
        ({"text": "x" * 2_001}, "data.text"),
        ({"text": "a\x00b"}, "data.text"),
        ({"attachments": {}}, "data.attachments"),
        ({"attachments": [PHOTO] * 21}, "data.attachments"),
        ({"attachments": [PHOTO, {**PHOTO, "sha256": "5A" * 32}]}, "data.attachments.1"),
        ({"attachments": [{**PHOTO, "media_type": "photo"}]}, "data.attachments.0"),
        ({"attachments": [{**PHOTO, "name": ""}]}, "data.attachments.0"),
        ({"attachments": [{**PHOTO, "url": "http://example.org"}]}, "data.attachments.0"),
    ],
)
def test_evidence_that_proves_nothing_is_refused(
    client: TestClient, ledger: App, inspected: Case, data: dict[str, Any], field: str
) -> None:
    _, consumer = inspected
    take(act(client, consumer, "disputed"))
    before = count_rows(ledger)
    assert_problem(act(client, consumer, "evidence", **data), 422, "invalid-input", field=field)
    assert count_rows(ledger) == before


def test_evidence_without_a_dispute_is_refused(client: TestClient, ledger: App, inspected: Case) -> None:
    before = count_rows(ledger)
    assert_problem(act(client, inspected[1], "evidence", text="x"), 409, "out-of-order", field="kind")
    assert count_rows(ledger) == before


def test_words_that_stand_twice_are_refused(client: TestClient, inspected: Case) -> None:
    body = {"kind": "disputed", "data": {"reason": "a"}, "personal": {"reason": "b"}}
    answer = client.post("/v1/status/acts", json=body, headers=inspected[1])
    assert_problem(answer, 422, "invalid-input", field="data.reason")


# --- notices ---------------------------------------------------------------------------------------------------------


def test_acceptance_of_a_part_waits_out_the_notice(client: TestClient, inspected: Case) -> None:
    _, consumer = inspected
    assert "objected" not in status(client, consumer)["next"]["acts"]
    take(act(client, consumer, "accepted"))
    shown = status(client, consumer)
    assert shown["state"] == "inspected"
    assert shown["notice"] == {
        "kind": "accepted",
        "effective_at": "2026-03-03T12:00:00Z",
        "share": 7_500,
        "amount": "14.85",
        "key": None,
    }
    assert shown["next"]["deadline"] == "2026-03-03T12:00:00Z"
    assert shown["next"]["otherwise"] == "notice_accepted"
    assert shown["next"]["waiting_for"] == "consumer"
    assert set(shown["next"]["acts"]) == {"disputed", "objected"}


def test_objection_voids_the_notice(client: TestClient, inspected: Case) -> None:
    _, consumer = inspected
    take(act(client, consumer, "accepted"))
    take(act(client, consumer, "objected", reason="That was not me."))
    shown = status(client, consumer)
    assert shown["notice"] is None
    assert shown["next"]["otherwise"] == "disputed"
    assert "accepted" in shown["next"]["acts"]


def test_second_surrender_while_a_notice_runs_is_refused(
    client: TestClient, ledger: App, as_merchant: Headers, inspected: Case
) -> None:
    case_id, consumer = inspected
    take(act(client, consumer, "accepted"))
    before = count_rows(ledger)
    assert_problem(act(client, consumer, "split", share=100), 409, "out-of-order", field="kind", remedy="object")
    assert_problem(state(client, as_merchant, case_id, "split", share=100), 409, "out-of-order", field="kind")
    assert count_rows(ledger) == before


def test_objection_without_a_notice_is_refused(client: TestClient, inspected: Case) -> None:
    assert_problem(act(client, inspected[1], "objected"), 409, "out-of-order", field="kind")


def test_cancellation_waits_out_the_notice(client: TestClient, lead: Callable[..., Case]) -> None:
    _, consumer = lead("authorised")
    take(act(client, consumer, "cancelled"))
    shown = status(client, consumer)
    assert (shown["state"], shown["notice"]["kind"]) == ("authorised", "cancelled")
    assert shown["notice"]["amount"] is None
    assert shown["next"]["otherwise"] == "notice_cancelled"


# --- splits ----------------------------------------------------------------------------------------------------------


def test_split_counts_once_both_signed_the_same(client: TestClient, as_merchant: Headers, inspected: Case) -> None:
    case_id, consumer = inspected
    take(state(client, as_merchant, case_id, "split", share=6_000))
    shown = status(client, consumer)
    assert shown["offer"] == {"by": "merchant", "share": 6_000, "amount": "11.88"}
    assert shown["next"]["limits"]["split"] == {"least": 0, "most": 10_000, "start": 6_000}
    take(act(client, consumer, "split", share=7_000))
    assert status(client, consumer)["offer"]["by"] == "consumer"
    take(state(client, as_merchant, case_id, "split", share=7_000))
    shown = status(client, consumer)
    assert shown["offer"] is None
    assert shown["notice"]["kind"] == "split"
    assert shown["notice"]["amount"] == "13.86"


def test_split_without_a_share_is_refused(client: TestClient, inspected: Case) -> None:
    assert_problem(act(client, inspected[1], "split"), 422, "invalid-input", field="data.share")


# --- exchanges -------------------------------------------------------------------------------------------------------


def test_exchange_needs_both_sides(client: TestClient, ledger: App, as_merchant: Headers, inspected: Case) -> None:
    case_id, consumer = inspected
    assert_problem(act(client, consumer, "exchange_agreed"), 409, "out-of-order", field="kind")
    take(state(client, as_merchant, case_id, "exchange_agreed"))
    shown = status(client, consumer)
    assert shown["exchange_offered"] is True
    assert "exchange_agreed" in shown["next"]["acts"]
    take(act(client, consumer, "exchange_agreed"))
    assert status(client, consumer)["notice"]["kind"] == "exchange_agreed"


def test_exchange_goes_its_way(
    client: TestClient, ledger: App, as_merchant: Headers, lead: Callable[..., Case]
) -> None:
    case_id, consumer = lead("authorised", "received", "inspected")
    record_case(ledger, case_id, state=State.EXCHANGING.wire)
    take(state(client, as_merchant, case_id, "exchange_shipped", carrier="FedEx"))
    take(state(client, as_merchant, case_id, "exchange_delivered"))
    shown = status(client, consumer)
    assert shown["state"] == "delivered"
    assert shown["next"]["otherwise"] == "settled"
    take(act(client, consumer, "disputed", reason="It is broken."))
    assert status(client, consumer)["state"] == "disputed"


# --- challenges ------------------------------------------------------------------------------------------------------


@pytest.fixture
def refunded(client: TestClient, ledger: App, as_merchant: Headers, lead: Callable[..., Case]) -> Case:
    add_panel(ledger, ["0x" + "a1" * 20], 1)
    case_id, consumer = lead("authorised", "received", "inspected", escrow="bond")
    record_case(ledger, case_id, state=State.PAYABLE.wire)
    take(state(client, as_merchant, case_id, "refunded", reference="re_1"))
    return case_id, consumer


def test_challenge_claims_all_that_is_owed_unless_stated(client: TestClient, refunded: Case) -> None:
    _, consumer = refunded
    assert status(client, consumer)["next"]["limits"]["challenged"] == {"least": 1, "most": 7_500, "start": 7_500}
    take(act(client, consumer, "challenged", reason="Nothing arrived."))
    shown = status(client, consumer)
    assert (shown["state"], shown["dispute"]["round"]) == ("disputed", "challenge")
    assert shown["dispute"]["claims"]["consumer"] == {"share": 7_500, "amount": "14.85"}
    assert shown["next"]["otherwise"] == "as_claimed"


@pytest.mark.parametrize("share", [0, 7_501, 10_000])
def test_challenge_of_more_than_is_owed_is_refused(client: TestClient, ledger: App, refunded: Case, share: int) -> None:
    before = count_rows(ledger)
    assert_problem(act(client, refunded[1], "challenged", share=share), 422, "invalid-input", field="data.share")
    assert count_rows(ledger) == before


# --- scopes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["disputed", "evidence", "challenged", "appealed", "objected", "split", "accepted"])
def test_link_that_reads_states_nothing(client: TestClient, ledger: App, open_case: Open, kind: str) -> None:
    reading = bearer(token_of(open_case()["status_link"]))
    before = count_rows(ledger)
    assert_problem(act(client, reading, kind), 403, "forbidden", field="Authorization", remedy="e-mail")
    assert count_rows(ledger) == before


@pytest.mark.parametrize("kind", ["ruled", "settled", "closed", "erased", "vote", "none", "requested"])
def test_what_nobody_states_cannot_be_posted(
    client: TestClient, as_merchant: Headers, inspected: Case, kind: str
) -> None:
    assert_problem(state(client, as_merchant, inspected[0], kind), 422, "invalid-input", field="kind")
