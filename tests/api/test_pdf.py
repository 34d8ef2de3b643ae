"""Documents for people through the API: who gets which, with which personal fields, and what is inside."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import update
from starlette.testclient import TestClient
from unit.documents.pages import boxes_outside, files_in, text_of

from api import load
from ledger_service import telemetry
from ledger_service.chain.rpc import wait_until
from ledger_service.clock import FixedClock
from ledger_service.documents import typesetting
from ledger_service.documents.texts import texts
from ledger_service.domain.jws import read_token
from ledger_service.mail_sending import mail_sender
from ledger_service.services.app import App
from ledger_service.store.tables import RecordRow
from ledger_service.workers.notifier import Notifier

from .conftest import Headers, Keys, Open, as_consumer, assert_problem, bearer, token_of

NAME, EMAIL, REASON = "محمد عبد الله العتيبي", "mohammed@example.org", "Zu klein; könnte größer sein. 太小了"
SCAN = texts("en")["bundle.scan"]


@pytest.fixture
def opened(open_case: Open) -> dict[str, Any]:
    consumer = {"name": NAME, "email": EMAIL, "country": "DE", "language": "de"}
    return open_case(consumer=consumer, policy="eu-14", reason=REASON)


def document(answer: httpx.Response, name: str) -> bytes:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert answer.headers["cache-control"] == "no-store"
    assert boxes_outside(answer.content) == []
    return answer.content


def signs(text: str) -> list[str]:
    """Letters without their order: a line is extracted as it stands, from left to right."""
    return sorted(text.replace(" ", ""))


def has_name(text: str) -> bool:
    wanted = signs(NAME)
    return any(all(line.count(sign) >= wanted.count(sign) for sign in wanted) for line in text.splitlines())


def test_merchant_gets_the_evidence_with_names_and_words(
    client: TestClient, as_merchant: Headers, opened: dict[str, Any]
) -> None:
    case_id = opened["case_id"]
    made = document(client.get(f"/v1/cases/{case_id}/bundle.pdf", headers=as_merchant), f"case-{case_id[2:10]}.pdf")
    text = text_of(made)
    assert has_name(text)
    assert REASON in text.replace("\n", " ")
    assert EMAIL not in text
    assert "Noch nicht auf der Chain" in text
    ((_, content),) = files_in(made).items()
    shown = json.loads(content)["evidence"]["records"][0]["disclosures"]
    assert len(shown) == 3  # name, order and reason
    assert f"Rücksendung {opened['reference']}" in text
    assert SCAN in text.replace("\n", " ")


def test_carrier_gets_the_evidence_without_personal_fields(client: TestClient, account: Keys, open_case: Open) -> None:
    carrier = account("carrier")
    case_id = open_case(carrier=carrier["address"], reason=REASON)["case_id"]
    answer = client.get(f"/v1/cases/{case_id}/bundle.pdf", headers=bearer(carrier["api_key"]))
    made = document(answer, f"case-{case_id[2:10]}.pdf")
    text = text_of(made).replace("\n", " ")
    assert REASON not in text
    assert SCAN not in text
    assert f"Return {case_id[2:10]}" in text
    assert json.loads(*files_in(made).values())["evidence"]["records"][0]["disclosures"] == []


def test_link_that_acts_shows_the_name_and_one_that_reads_does_not(
    client: TestClient, ledger: App, opened: dict[str, Any]
) -> None:
    reading = bearer(token_of(opened["status_link"]))
    name = f"case-{opened['case_id'][2:10]}.pdf"
    acting = document(client.get("/v1/status/bundle.pdf", headers=as_consumer(ledger, opened["case_id"])), name)
    looking = document(client.get("/v1/status/bundle.pdf", headers=reading), name)
    assert has_name(text_of(acting))
    assert not has_name(text_of(looking))
    assert NAME not in json.dumps([content.decode() for content in files_in(looking).values()], ensure_ascii=False)


def test_document_of_somebody_elses_case_is_not_found(
    client: TestClient, account: Keys, opened: dict[str, Any]
) -> None:
    other = bearer(account("merchant", "Other shop")["api_key"])
    for name in ("bundle.pdf", "acknowledgement.pdf"):
        answer = client.get(f"/v1/cases/{opened['case_id']}/{name}", headers=other)
        assert_problem(answer, 404, "not-found", field="case_id")
        assert client.get(f"/v1/cases/{opened['case_id']}/{name}").status_code == 401


def test_acknowledgement_says_content_date_and_time_and_is_signed(
    client: TestClient, ledger: App, opened: dict[str, Any]
) -> None:
    case_id = opened["case_id"]
    answer = client.get("/v1/status/acknowledgement.pdf", headers=as_consumer(ledger, case_id))
    made = document(answer, f"acknowledgement-{case_id[2:10]}.pdf")
    text = text_of(made).replace("\n", " ")
    for said in ("Ihr Widerruf ist eingegangen", "Your withdrawal has been received", "2011/83/EU", EMAIL, REASON):
        assert said in text
    assert has_name(text_of(made))
    assert "1. März 2026, 12:00:00 UTC" in text
    inside = files_in(made)
    signed = inside[f"acknowledgement-{case_id[2:10]}.jws"].decode()
    claims, _ = read_token("acknowledgement+jwt", signed, ledger.tokens.jwks())
    record = json.loads(inside[f"case-{case_id[2:10]}.bundle.json"])["evidence"]["records"][0]
    assert (claims["sub"], claims["jti"]) == (case_id, record["record_id"])
    assert claims["commitment"] == record["commitment"]
    assert (claims["declared"], claims["received_at"]) == ("withdrawal", "2026-03-01T12:00:00Z")
    assert (claims["content"]["name"], claims["content"]["acknowledged_to"]) == (NAME, EMAIL)


def test_acknowledgement_is_the_same_each_time(
    client: TestClient, as_merchant: Headers, opened: dict[str, Any]
) -> None:
    path = f"/v1/cases/{opened['case_id']}/acknowledgement.pdf"
    assert client.get(path, headers=as_merchant).content == client.get(path, headers=as_merchant).content


def test_return_by_a_promise_of_the_shop_is_no_withdrawal(
    client: TestClient, as_merchant: Headers, open_case: Open
) -> None:
    case_id = open_case(policy="default")["case_id"]
    text = text_of(client.get(f"/v1/cases/{case_id}/acknowledgement.pdf", headers=as_merchant).content)
    assert "Your return request has been received" in text
    assert "2011/83/EU" not in text


def test_link_that_reads_gets_no_acknowledgement(client: TestClient, opened: dict[str, Any]) -> None:
    answer = client.get("/v1/status/acknowledgement.pdf", headers=bearer(token_of(opened["status_link"])))
    assert_problem(answer, 403, "forbidden", field="Authorization")


def test_party_that_is_not_the_merchant_gets_no_acknowledgement(
    client: TestClient, account: Keys, open_case: Open
) -> None:
    carrier = account("carrier")
    case_id = open_case(carrier=carrier["address"])["case_id"]
    answer = client.get(f"/v1/cases/{case_id}/acknowledgement.pdf", headers=bearer(carrier["api_key"]))
    assert_problem(answer, 403, "forbidden", field="Authorization")


def test_documents_are_kept_nowhere(
    client: TestClient, as_merchant: Headers, opened: dict[str, Any], tmp_path: Path
) -> None:
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    client.get(f"/v1/cases/{opened['case_id']}/bundle.pdf", headers=as_merchant)
    client.get(f"/v1/cases/{opened['case_id']}/acknowledgement.pdf", headers=as_merchant)
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before


# --- by e-mail -------------------------------------------------------------------------------------------------------


def sent(ledger: App) -> EmailMessage:
    """The one message that is due, as the folder of a local run gets it."""
    assert Notifier(ledger, mail_sender(ledger.settings)).step() == 1
    (file,) = (ledger.settings.data / "mail").glob("*.eml")
    return cast("EmailMessage", message_from_bytes(file.read_bytes(), policy=policy.default))


def test_first_message_brings_the_acknowledgement(ledger: App, opened: dict[str, Any]) -> None:
    message = sent(ledger)
    body = message.get_body(("plain",))
    assert body is not None
    assert "/s#" in body.get_content()
    (attached,) = message.iter_attachments()
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_filename() == f"acknowledgement-{opened['case_id'][2:10]}.pdf"
    made = attached.get_content()
    assert "Ihr Widerruf ist eingegangen" in text_of(made)
    assert set(files_in(made)) == {
        f"acknowledgement-{opened['case_id'][2:10]}.jws",
        f"case-{opened['case_id'][2:10]}.bundle.json",
    }


def test_message_goes_out_also_where_its_acknowledgement_cannot_be_made(ledger: App, opened: dict[str, Any]) -> None:
    with ledger.database.write() as session:
        session.execute(update(RecordRow).values(canonical=b"{"))
    message = sent(ledger)
    assert message.get_content_type() == "text/plain"
    assert "/s#" in message.get_content()


@contextmanager
def busy() -> Iterator[None]:
    """Others' documents take every place there is."""
    for _ in range(typesetting._AT_ONCE):
        assert typesetting._room.acquire(timeout=30)
    try:
        yield
    finally:
        for _ in range(typesetting._AT_ONCE):
            typesetting._room.release()


def test_message_waits_for_an_acknowledgement_that_is_only_held_up(
    ledger: App, clock: FixedClock, opened: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "_PATIENCE", 0.01)
    with busy():
        assert Notifier(ledger, mail_sender(ledger.settings)).step() == 1
    assert list((ledger.settings.data / "mail").glob("*.eml")) == []
    clock.move(timedelta(hours=1))
    (attached,) = sent(ledger).iter_attachments()
    assert attached.get_content_type() == "application/pdf"


def test_message_goes_out_in_the_end_where_its_acknowledgement_stays_held_up(
    ledger: App, clock: FixedClock, opened: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "_PATIENCE", 0.01)
    notifier = Notifier(ledger, mail_sender(ledger.settings))
    with busy():
        for _ in range(2):
            assert notifier.step() == 1
            clock.move(timedelta(hours=1))
        assert list((ledger.settings.data / "mail").glob("*.eml")) == []
        assert list(sent(ledger).iter_attachments()) == []


def test_acknowledgement_whose_evidence_is_too_large_comes_without_it(
    ledger: App, opened: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "MAX_ATTACHED", 3_000)
    (attached,) = sent(ledger).iter_attachments()
    made = attached.get_content()
    assert set(files_in(made)) == {f"acknowledgement-{opened['case_id'][2:10]}.jws"}
    assert "too large to be attached" in text_of(made).replace("\n", " ")


# --- many at once ----------------------------------------------------------------------------------------------------


def test_documents_beyond_the_line_are_turned_away_at_once(
    server: str, opened: dict[str, Any], as_merchant: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks for more than can be made takes none of the threads that others' pages are read with."""
    monkeypatch.setattr(load, "_WAITING_FOR_A_DOCUMENT", 1)
    path = f"{server}/v1/cases/{opened['case_id']}"

    def ask() -> tuple[int, str | None]:
        answer = httpx.get(f"{path}/bundle.pdf", headers=as_merchant, timeout=60)
        return answer.status_code, answer.headers.get("retry-after")

    shed = telemetry.SHED.labels("document")
    with ThreadPoolExecutor(6) as crowd:
        with busy():
            asked = [crowd.submit(ask) for _ in range(6)]
            wait_until(lambda: shed._value.get() >= 3, seconds=8)
            assert httpx.get(path, headers=as_merchant, timeout=60).status_code == 200
        answers = [one.result() for one in asked]
    assert sorted(answers, key=str) == [(200, None)] * 3 + [(503, "5")] * 3
