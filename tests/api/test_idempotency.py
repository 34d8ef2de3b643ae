"""The same request under one Idempotency-Key counts once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import pytest
from asking import account_of
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.clock import FixedClock
from ledger_service.errors import Conflict
from ledger_service.services.app import App
from ledger_service.services.housekeeping import tidy
from ledger_service.services.idempotency import KEPT_SECONDS, IdempotencyClaim, begin
from ledger_service.services.inputs import CaseInput
from ledger_service.services.links import ACTING, issue_link
from ledger_service.services.opening import open_case as open_as_merchant
from ledger_service.store.tables import CaseRow, IdempotentRequest, RecordRow

from .conftest import ON_BOTH, Headers, Keys, Open, assert_problem, bearer, case_body, count_rows, token_of

pytestmark = ON_BOTH

KEY = {"Idempotency-Key": "8e03978e-40d5-43dd-bc93-6894a57f9324"}


def test_same_request_gets_the_same_answer(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    first = client.post("/v1/cases", json=case_body(), headers={**as_merchant, **KEY})
    assert first.status_code == 201
    assert "idempotent-replayed" not in first.headers
    before = count_rows(ledger)
    again = client.post("/v1/cases", json=case_body(), headers={**as_merchant, **KEY})
    assert again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert count_rows(ledger) == before


def test_same_json_in_another_layout_is_the_same_request(client: TestClient, as_merchant: Headers) -> None:
    headers = {**as_merchant, **KEY, "Content-Type": "application/json"}
    first = client.post("/v1/cases", json=case_body(), headers={**as_merchant, **KEY})
    spread = "\n".join(client.build_request("POST", "/", json=case_body()).content.decode().split(","))
    again = client.post("/v1/cases", content=spread.replace("\n", " ,\n"), headers=headers)
    assert again.json() == first.json()


def test_key_in_quotes_is_the_same_key(client: TestClient, as_merchant: Headers) -> None:
    first = client.post("/v1/cases", json=case_body(), headers={**as_merchant, "Idempotency-Key": "k-1"})
    again = client.post("/v1/cases", json=case_body(), headers={**as_merchant, "Idempotency-Key": '"k-1"'})
    assert again.json() == first.json()


def test_other_body_under_the_same_key_is_refused(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    assert client.post("/v1/cases", json=case_body(), headers={**as_merchant, **KEY}).status_code == 201
    before = count_rows(ledger)
    answer = client.post("/v1/cases", json=case_body(reference="RMA-2"), headers={**as_merchant, **KEY})
    assert_problem(answer, 422, "invalid-input", field="Idempotency-Key", remedy="new key")
    assert count_rows(ledger) == before


def test_same_key_at_another_address_is_refused(client: TestClient, as_merchant: Headers, open_case: Open) -> None:
    one, two = open_case()["case_id"], open_case()["case_id"]
    headers = {**as_merchant, **KEY}
    assert client.post(f"/v1/cases/{one}/milestones", json={"kind": "authorised"}, headers=headers).status_code == 202
    answer = client.post(f"/v1/cases/{two}/milestones", json={"kind": "authorised"}, headers=headers)
    assert_problem(answer, 422, "invalid-input", field="Idempotency-Key")


def test_another_callers_same_key_is_another_key(client: TestClient, account: Keys, as_merchant: Headers) -> None:
    other = bearer(account("merchant", "Other")["api_key"])
    body = case_body(escrow="none")
    first = client.post("/v1/cases", json=body, headers={**as_merchant, **KEY})
    second = client.post("/v1/cases", json=body, headers={**other, **KEY})
    assert second.status_code == 201
    assert second.json()["case_id"] != first.json()["case_id"]


def test_key_of_a_failed_request_is_free(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    before = count_rows(ledger)
    wrong = client.post("/v1/cases", json=case_body(policy="mars-14"), headers={**as_merchant, **KEY})
    assert_problem(wrong, 422, "invalid-input", field="policy")
    assert count_rows(ledger) == before
    assert client.post("/v1/cases", json=case_body(), headers={**as_merchant, **KEY}).status_code == 201


@pytest.mark.parametrize("key", ["", "with space", "ä", "x" * 256])
def test_wrong_key_is_refused(client: TestClient, ledger: App, as_merchant: Headers, key: str) -> None:
    before = count_rows(ledger)
    headers = {**as_merchant, "Idempotency-Key": key.encode()}
    answer = client.post("/v1/cases", json=case_body(), headers=headers)
    assert_problem(answer, 422, "invalid-input", field="Idempotency-Key")
    assert count_rows(ledger) == before


@pytest.mark.parametrize("what", ["milestone", "prepare", "link", "act", "prepare_case"])
def test_every_post_counts_once(
    client: TestClient, ledger: App, account: Keys, as_merchant: Headers, open_case: Open, what: str
) -> None:
    carrier = account("carrier", address="0x" + "ca" * 20)
    case_id = open_case(carrier=carrier["address"])["case_id"]
    address = f"/v1/cases/{case_id}"
    if what == "prepare":
        assert client.post(f"{address}/milestones", json={"kind": "authorised"}, headers=as_merchant).is_success
    with ledger.database.write() as session:
        case = session.exec(select(CaseRow)).one()
        acting, _ = issue_link(ledger, session, case, ACTING, ledger.clock.seconds() + 3_600)
    path, body, headers = {
        "milestone": (f"{address}/milestones", {"kind": "authorised"}, as_merchant),
        "prepare": (f"{address}/milestones/prepare", {"kind": "picked_up"}, bearer(carrier["api_key"])),
        "link": (f"{address}/status-links", {}, as_merchant),
        "act": ("/v1/status/acts", {"kind": "cancelled"}, bearer(token_of(acting))),
        "prepare_case": ("/v1/cases/prepare", case_body(), as_merchant),
    }[what]
    first = client.post(path, json=body, headers={**headers, **KEY})
    assert first.is_success, first.text
    before = count_rows(ledger)
    again = client.post(path, json=body, headers={**headers, **KEY})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert count_rows(ledger) == before


def test_stored_answer_holds_no_readable_link(client: TestClient, ledger: App, as_merchant: Headers) -> None:
    opened = client.post("/v1/cases", json=case_body(), headers={**as_merchant, **KEY}).json()
    with ledger.database.read() as session:
        stored = session.exec(select(IdempotentRequest)).one()
    assert token_of(opened["status_link"]) not in stored.body
    assert opened["case_id"] not in stored.body


def test_answers_are_forgotten_after_a_day(
    client: TestClient, ledger: App, clock: FixedClock, as_merchant: Headers
) -> None:
    first = client.post("/v1/cases", json=case_body(), headers={**as_merchant, **KEY}).json()
    clock.move(timedelta(seconds=KEPT_SECONDS))
    assert tidy(ledger) == 0
    clock.move(timedelta(seconds=1))
    assert tidy(ledger) == 1
    again = client.post("/v1/cases", json=case_body(), headers={**as_merchant, **KEY}).json()
    assert again["case_id"] != first["case_id"]


def test_prepared_messages_are_forgotten_once_they_have_expired(
    client: TestClient, ledger: App, clock: FixedClock, as_merchant: Headers
) -> None:
    assert client.post("/v1/cases/prepare", json=case_body(), headers=as_merchant).status_code == 201
    clock.move(timedelta(days=ledger.settings.signature_days + 1))
    assert tidy(ledger) == 0
    clock.move(timedelta(seconds=1))
    assert tidy(ledger) == 1
    assert count_rows(ledger)["prepared_cases"] == 0


def test_of_two_processes_with_one_request_the_second_undoes_itself(ledger: App, merchant: dict[str, Any]) -> None:
    """Both looked before either had written: the database decides."""
    account = account_of(ledger, merchant["api_key"])
    request = CaseInput.model_validate(case_body())
    claims = [begin(ledger, "account:1", "k", "hash") for _ in range(2)]
    assert all(isinstance(claim, IdempotencyClaim) for claim in claims)
    first = open_as_merchant(ledger, account, request, idempotency=claims[0])
    before = count_rows(ledger)
    with pytest.raises(Conflict) as caught:
        open_as_merchant(ledger, account, request, idempotency=claims[1])
    assert caught.value.field == "Idempotency-Key"
    assert count_rows(ledger) == before
    kept = begin(ledger, "account:1", "k", "hash")
    assert (kept.status, kept.body) == (201, first)


# --- at the same time ------------------------------------------------------------------------------------------------


def _together(address: str, path: str, bodies: list[dict[str, Any]], headers: Headers) -> list[httpx.Response]:
    """A request for each body, from a thread of its own, let go at once."""
    gate = threading.Barrier(len(bodies))

    def send(body: dict[str, Any]) -> httpx.Response:
        gate.wait(30)
        return client.post(path, json=body, headers=headers)

    limits = httpx.Limits(max_connections=len(bodies))
    with httpx.Client(base_url=address, timeout=60, limits=limits) as client, ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(send, bodies))


def test_open_case_fifty_times_in_parallel_opens_one(server: str, ledger: App, as_merchant: Headers) -> None:
    answers = _together(server, "/v1/cases", [case_body()] * 50, {**as_merchant, **KEY})
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    rows = count_rows(ledger)
    assert rows["cases"] == rows["records"] == rows["status_links"] == rows["idempotent_requests"] == 1
    assert rows["mails"] == rows["case_keys"] == 1


def test_milestone_fifty_times_in_parallel_is_one(
    server: str, client: TestClient, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    case_id = open_case()["case_id"]
    path = f"/v1/cases/{case_id}/milestones"
    answers = _together(server, path, [{"kind": "authorised"}] * 50, {**as_merchant, **KEY})
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["record_id"] for answer in answers}) == 1
    rows = count_rows(ledger)
    assert rows["records"] == 2
    assert rows["idempotent_requests"] == 1


def test_two_requests_in_parallel_under_one_key_let_one_win(server: str, ledger: App, as_merchant: Headers) -> None:
    bodies = [case_body(reference=f"RMA-{number % 2}") for number in range(10)]
    answers = _together(server, "/v1/cases", bodies, {**as_merchant, **KEY})
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [422] * 5
    assert count_rows(ledger)["cases"] == 1


def test_acts_on_one_case_in_parallel_take_one_place_each(
    server: str, ledger: App, as_merchant: Headers, open_case: Open
) -> None:
    """Everybody is judged by what was accepted before: no two get the same nonce, whichever thread was first."""
    case_id = open_case()["case_id"]
    path = f"{server}/v1/cases/{case_id}/milestones"

    def state(kind: str) -> int:
        return httpx.post(path, json={"kind": kind}, headers=as_merchant, timeout=60).status_code

    for kind in ("authorised", "picked_up", "received"):
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(state, [kind] * 8))
        assert sorted(answers) == [202, *[409] * 7]
    with ledger.database.read() as session:
        taken = [(row.role, row.nonce) for row in session.exec(select(RecordRow).where(RecordRow.case_id == case_id))]
    assert len(taken) == len(set(taken)) == 4


def test_openings_in_parallel_promise_no_money_twice(server: str, as_merchant: Headers) -> None:
    """1000.00 GBP cover five locks of 190.00, whoever looks at the balance at the same moment."""

    def post(_number: int) -> int:
        body = case_body(refund__amount="190.00")
        return httpx.post(f"{server}/v1/cases", json=body, headers=as_merchant, timeout=120).status_code

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(post, range(8)))
    assert sorted(answers) == [*[201] * 5, *[409] * 3]
