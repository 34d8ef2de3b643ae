"""Who may ask for what."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.errors import Unauthenticated
from ledger_service.services import opening
from ledger_service.services.app import App
from ledger_service.services.erasing import erase_case
from ledger_service.services.inputs import CaseInput, ErasureInput, LinkInput, VoteInput
from ledger_service.services.links import create_link
from ledger_service.services.observation_data import ObservationInput
from ledger_service.services.observations import observe
from ledger_service.services.reconciling import upload
from ledger_service.services.voting import cast_vote
from ledger_service.services.webhook_endpoints import EndpointInput, create_endpoint
from ledger_service.store.tables import Account

from .conftest import ON_BOTH, Headers, Keys, Open, assert_problem, bearer, case_body, count_rows, token_of
from .panels import add_panel, record_case

BUSINESS = ["/v1/cases", "/v1/cases/0x" + "ab" * 32, "/v1/audit/refunds"]
CONSUMER = ["/v1/status", "/v1/status/verification", "/v1/status/stream"]


@pytest.mark.parametrize("path", BUSINESS + CONSUMER)
@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "needs a credential"),
        ({"Authorization": "Basic dXNlcjpwYXNz"}, "Bearer"),
        ({"Authorization": "Bearer"}, "empty"),
        ({"Authorization": "Bearer " + "x" * 5_000}, "no text of ours"),
    ],
)
def test_request_without_bearer_is_refused(client: TestClient, path: str, headers: Headers, detail: str) -> None:
    problem = assert_problem(
        client.get(path, headers=headers), 401, "unauthenticated", field="Authorization", remedy="Authorization: Bearer"
    )
    assert detail in problem["detail"]


@pytest.mark.parametrize("path", BUSINESS)
def test_unknown_api_key_is_refused(client: TestClient, path: str) -> None:
    answer = client.get(path, headers=bearer("lk_unknown"))
    assert_problem(answer, 401, "unauthenticated", field="Authorization", remedy="ledger keys create")
    assert answer.headers["www-authenticate"] == "Bearer"


def test_disabled_account_is_refused(client: TestClient, ledger: App, account: Keys) -> None:
    made = account("auditor")
    assert client.get("/v1/cases", headers=bearer(made["api_key"])).status_code == 200
    with ledger.database.write() as session:
        session.exec(select(Account)).one().disabled_at = 1
    answer = client.get("/v1/cases", headers=bearer(made["api_key"]))
    assert_problem(answer, 401, "unauthenticated", field="Authorization", remedy="ledger keys create")


@ON_BOTH
def test_account_that_was_disabled_since_its_key_was_looked_up_writes_nothing(
    client: TestClient, ledger: App, account: Keys, as_merchant: Headers, open_case: Open
) -> None:
    """A request may wait for its turn while the operator disables its account."""
    judge, carrier = account("arbitrator"), account("carrier")
    add_panel(ledger, [judge["address"]], 1)
    case_id = open_case(carrier=carrier["address"])["case_id"]
    stated = ((as_merchant, "authorised"), (bearer(carrier["api_key"]), "received"), (as_merchant, "disputed"))
    for headers, kind in stated:
        assert client.post(f"/v1/cases/{case_id}/milestones", json={"kind": kind}, headers=headers).status_code == 202
    record_case(ledger, case_id)
    with ledger.database.write() as session:
        found = {each.role: each for each in session.exec(select(Account))}
        for each in found.values():
            each.disabled_at = 1
    shop = found["merchant"]
    request = CaseInput.model_validate(case_body(reference="RMA-2", escrow="none"))
    scan = ObservationInput.model_validate({"kind": "scanned", "data": {"event": "seen"}})
    writes: list[Callable[[], object]] = [
        lambda: opening.open_case(ledger, shop, request),
        lambda: observe(ledger, found["carrier"], case_id, [scan], is_list=False),
        lambda: cast_vote(ledger, found["arbitrator"], case_id, VoteInput(share=5_000)),
        lambda: create_link(ledger, shop, case_id, LinkInput()),
        lambda: erase_case(ledger, shop, case_id, ErasureInput()),
        lambda: create_endpoint(ledger, shop, EndpointInput(url="https://93.184.216.34/returns")),
        lambda: upload(ledger, shop, "stripe", b"[]"),
    ]
    before = count_rows(ledger)
    for write in writes:
        with pytest.raises(Unauthenticated, match="just disabled"):
            write()
    assert count_rows(ledger) == before


def test_status_token_at_business_address_says_so(client: TestClient, open_case: Open) -> None:
    token = token_of(open_case()["status_link"])
    answer = client.get("/v1/cases", headers=bearer(token))
    problem = assert_problem(answer, 401, "unauthenticated", field="Authorization", remedy="/v1/status")
    assert "status link" in problem["detail"]


def test_api_key_at_status_address_says_so(client: TestClient, as_merchant: Headers) -> None:
    answer = client.get("/v1/status", headers=as_merchant)
    assert_problem(answer, 401, "unauthenticated", field="Authorization", remedy="/v1/cases")


@pytest.mark.parametrize("kind", ["receipt+jwt", "bundle+jwt"])
def test_token_of_another_kind_is_no_status_token(client: TestClient, ledger: App, open_case: Open, kind: str) -> None:
    case_id = open_case()["case_id"]
    token = ledger.tokens.sign(kind, {"sub": case_id, "jti": "x", "exp": 2**40})  # type: ignore[arg-type]
    answer = client.get("/v1/status", headers=bearer(token))
    assert_problem(answer, 401, "link-altered", field="Authorization")


@pytest.mark.parametrize("role", ["carrier", "warehouse", "inspector", "arbitrator", "auditor", "operator"])
def test_open_case_with_another_role_is_forbidden(
    client: TestClient, ledger: App, account: Keys, merchant: object, role: str
) -> None:
    headers = bearer(account(role)["api_key"])
    before = count_rows(ledger)
    answer = client.post("/v1/cases", json=case_body(), headers=headers)
    assert_problem(answer, 403, "forbidden", field="Authorization", remedy="merchant")
    assert count_rows(ledger) == before


@pytest.mark.parametrize(
    ("role", "status"),
    [("merchant", 200), ("auditor", 200), ("operator", 200), ("carrier", 403), ("inspector", 403), ("arbitrator", 403)],
)
def test_refunds_audit_answers_bookkeepers_alone(client: TestClient, account: Keys, role: str, status: int) -> None:
    made = account(role)
    answer = client.get("/v1/audit/refunds", headers=bearer(made["api_key"]))
    assert answer.status_code == status, answer.text
    if status == 403:
        assert_problem(answer, 403, "forbidden", field="Authorization", remedy="auditor")


def test_case_is_shown_to_whom_it_names(client: TestClient, account: Keys, open_case: Open) -> None:
    named, stranger = account("carrier", "Named"), account("carrier", "Stranger")
    case_id = open_case(carrier=named["address"])["case_id"]
    assert client.get(f"/v1/cases/{case_id}", headers=bearer(named["api_key"])).status_code == 200
    answer = client.get(f"/v1/cases/{case_id}", headers=bearer(stranger["api_key"]))
    assert_problem(answer, 404, "not-found", field="case_id")
    listed = client.get("/v1/cases", headers=bearer(named["api_key"])).json()["items"]
    assert [case["case_id"] for case in listed] == [case_id]
    assert client.get("/v1/cases", headers=bearer(stranger["api_key"])).json()["items"] == []


def test_merchant_named_as_a_party_sees_the_case_and_acts_in_it(
    client: TestClient, account: Keys, as_merchant: Headers, open_case: Open
) -> None:
    named = account("merchant", "The warehouse's shop")
    headers = bearer(named["api_key"])
    path = f"/v1/cases/{open_case(warehouse=named['address'])['case_id']}"
    assert len(client.get("/v1/cases", headers=headers).json()["items"]) == 1
    assert client.get(path, headers=headers).status_code == 200
    for who, kind in ((as_merchant, "authorised"), (as_merchant, "picked_up"), (headers, "received")):
        answer = client.post(f"{path}/milestones", json={"kind": kind}, headers=who)
        assert answer.status_code == 202, answer.text
    made = client.post(f"{path}/status-links", json={}, headers=headers)
    assert_problem(made, 403, "forbidden", field="Authorization", remedy="merchant")


def test_merchants_refunds_are_those_of_its_own_cases(
    client: TestClient, account: Keys, as_merchant: Headers, open_case: Open
) -> None:
    named = account("merchant", "Named in another's case")
    open_case(warehouse=named["address"])
    assert client.get("/v1/audit/refunds", headers=bearer(named["api_key"])).json()["items"] == []
    assert len(client.get("/v1/audit/refunds", headers=as_merchant).json()["items"]) == 1


@pytest.mark.parametrize("role", ["carrier", "auditor"])
def test_links_are_the_merchants(client: TestClient, account: Keys, open_case: Open, role: str) -> None:
    other = account(role)
    case_id = open_case(carrier=other["address"])["case_id"]
    headers = bearer(other["api_key"])
    made = client.post(f"/v1/cases/{case_id}/status-links", json={}, headers=headers)
    assert_problem(made, 403, "forbidden", field="Authorization", remedy="merchant")
    gone = client.delete(f"/v1/cases/{case_id}/status-links/unknown", headers=headers)
    assert_problem(gone, 403, "forbidden", field="Authorization", remedy="merchant")
