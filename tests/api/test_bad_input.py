"""Every line of bad input: the right status, the field and the remedy named, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from ledger_service.clock import FixedClock
from ledger_service.services.app import App

from .conftest import Headers, Keys, Open, as_consumer, assert_problem, bearer, case_body, count_rows, token_of

Post = Callable[..., Any]


@pytest.fixture
def unwritten(ledger: App) -> Iterator[Callable[[], None]]:
    """Call it once all is set up; what the test does after that may write nothing."""
    before: list[dict[str, int]] = []
    yield lambda: before.append(count_rows(ledger))
    assert before, "the test never said from when on nothing may be written"
    assert count_rows(ledger) == before[0]


# --- cases -----------------------------------------------------------------------------------------------------------

WRONG_CASES = {
    "too_many_decimals": ({"refund__amount": "19.805"}, "refund.amount", "at most 2 digits"),
    "negative_amount": ({"refund__amount": "-1.00"}, "refund.amount", "without sign"),
    "zero_amount": ({"refund__amount": "0.00"}, "refund.amount", ""),
    "amount_as_number": ({"refund__amount": 19.8}, "refund.amount", ""),
    "amount_with_exponent": ({"refund__amount": "1e3"}, "refund.amount", "without sign or exponent"),
    "amount_beyond_measure": ({"refund__amount": "999999999999999.99"}, "refund.amount", ""),
    "unknown_currency": ({"refund__currency": "XQX"}, "refund.currency", "code such as EUR"),
    "currency_without_token": ({"refund__currency": "CHF"}, "refund.currency", "GBP"),
    "unknown_country": ({"consumer__country": "XX"}, "consumer.country", "ISO 3166"),
    "country_in_small_letters": ({"consumer__country": "de"}, "consumer.country", ""),
    "unknown_policy": ({"policy": "mars-14"}, "policy", "eu-14"),
    "unknown_escrow": ({"escrow": "perhaps"}, "escrow", ""),
    "money_without_consumer": ({"consumer": {"country": "DE"}}, "consumer.email", "e-mail"),
    "no_items": ({"items": []}, "items", ""),
    "quantity_of_none": ({"items": [{"sku": "1", "quantity": 0, "unit_price": "1.00"}]}, "items.0.quantity", ""),
    "unit_price_negative": (
        {"items": [{"sku": "1", "quantity": 1, "unit_price": "-1"}]},
        "items.0.unit_price",
        "without sign",
    ),
    "requested_in_the_future": ({"requested_at": "2026-03-02T12:00:00Z"}, "requested_at", "when it happened"),
    "time_without_zone": ({"order": {"ordered_at": "2010-12-01T10:24:00"}}, "order.ordered_at", ""),
    "time_beyond_the_calendar": ({"order": {"ordered_at": "9999-12-31T23:59:59-14:00"}}, "order.ordered_at", ""),
    "zero_address": ({"carrier": "0x" + "00" * 20}, "carrier", ""),
    "wrong_checksum": ({"carrier": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed"}, "carrier", ""),
    "unknown_field": ({"refunds": {}}, "refunds", "spelling"),
    "control_characters": ({"reference": "RMA\u0000"}, "reference", ""),
    "lone_surrogate": ({"consumer__name": "\ud800"}, "consumer.name", ""),
}


@pytest.mark.parametrize(("changes", "field", "remedy"), WRONG_CASES.values(), ids=WRONG_CASES)
def test_open_case_refuses(
    client: TestClient,
    as_merchant: Headers,
    unwritten: Callable[[], None],
    changes: dict[str, Any],
    field: str,
    remedy: str,
) -> None:
    unwritten()
    raw = json.dumps(case_body(**changes))  # which writes a lone surrogate, as a client might
    answer = client.post("/v1/cases", content=raw, headers={**as_merchant, "Content-Type": "application/json"})
    assert_problem(answer, 422, "invalid-input", field=field, remedy=remedy)


def test_open_case_names_every_wrong_field(
    client: TestClient, as_merchant: Headers, unwritten: Callable[[], None]
) -> None:
    unwritten()
    answer = client.post("/v1/cases", json={"reference": "", "escrow": "?"}, headers=as_merchant)
    problem = assert_problem(answer, 422, "invalid-input", field="reference")
    fields = [error["field"] for error in problem["errors"]]
    assert fields == ["reference", "items", "refund", "escrow"]
    assert all(error["detail"] and error["remedy"] for error in problem["errors"])


def test_open_case_without_cover_is_a_conflict(
    client: TestClient, as_merchant: Headers, unwritten: Callable[[], None]
) -> None:
    unwritten()
    answer = client.post("/v1/cases", json=case_body(refund__amount="1000.01"), headers=as_merchant)
    assert_problem(answer, 409, "conflict", field="refund.amount", remedy="Deposit")


def test_problem_never_repeats_what_was_sent(client: TestClient, as_merchant: Headers) -> None:
    body = case_body(consumer={"email": "ada lovelace@example.org", "name": 7, "secret-field": "Ada"})
    answer = client.post("/v1/cases", json=body, headers=as_merchant)
    assert answer.status_code == 422
    assert "lovelace" not in answer.text
    assert "Ada" not in answer.text


# --- the body itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [b"{", b"{'a': 1}", b'{"a": }', b"\xff\xfe{}"], ids=range(4))
def test_broken_json_is_refused(
    client: TestClient, as_merchant: Headers, unwritten: Callable[[], None], raw: bytes
) -> None:
    unwritten()
    headers = {**as_merchant, "Content-Type": "application/json"}
    answer = client.post("/v1/cases", content=raw, headers=headers)
    assert_problem(answer, 400, "malformed", field="body", remedy="JSON")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8-sig"])
@pytest.mark.parametrize("text", ['{"kind": "authorised"}', "[" * 4_000], ids=["flat", "deep"])
@pytest.mark.parametrize("path", ["/v1/cases", f"/v1/cases/0x{7:064x}/milestones"], ids=["route", "fast"])
def test_json_that_is_not_utf_8_is_refused(
    client: TestClient, as_merchant: Headers, unwritten: Callable[[], None], encoding: str, text: str, path: str
) -> None:
    """RFC 8259, section 8.1: brackets are counted in bytes, so a body may be in no other encoding."""
    unwritten()
    headers = {**as_merchant, "Content-Type": "application/json"}
    answer = client.post(path, content=text.encode(encoding), headers=headers)
    assert_problem(answer, 400, "malformed", field="body", remedy="UTF-8 without a byte order mark")


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 50_000, b'"\\"",' + b"[" * 1_000], ids=range(3))
def test_json_nested_too_deep_is_refused(
    client: TestClient, as_merchant: Headers, unwritten: Callable[[], None], raw: bytes
) -> None:
    unwritten()
    headers = {**as_merchant, "Content-Type": "application/json"}
    answer = client.post("/v1/cases", content=raw, headers=headers)
    assert_problem(answer, 422, "invalid-input", field="body", remedy="flatter")


def test_brackets_inside_texts_do_not_nest(client: TestClient, as_merchant: Headers) -> None:
    body = case_body(reason="[" * 500 + '"' + "{" * 500)
    assert client.post("/v1/cases", json=body, headers=as_merchant).status_code == 201


@pytest.mark.parametrize("raw", [b"[]", b'"text"', b"null", b"7"])
def test_json_that_is_no_object_is_refused(
    client: TestClient, as_merchant: Headers, unwritten: Callable[[], None], raw: bytes
) -> None:
    unwritten()
    headers = {**as_merchant, "Content-Type": "application/json"}
    assert_problem(client.post("/v1/cases", content=raw, headers=headers), 422, "invalid-input", field="body")


def test_missing_body_is_refused(client: TestClient, as_merchant: Headers, unwritten: Callable[[], None]) -> None:
    unwritten()
    assert_problem(client.post("/v1/cases", headers=as_merchant), 422, "invalid-input", field="body")


def test_body_of_another_type_is_refused(
    client: TestClient, as_merchant: Headers, unwritten: Callable[[], None]
) -> None:
    unwritten()
    headers = {**as_merchant, "Content-Type": "text/plain"}
    answer = client.post("/v1/cases", content=b"{}", headers=headers)
    assert_problem(answer, 415, "unsupported-media-type", field="Content-Type", remedy="application/json")


def test_numbers_that_json_does_not_have_are_refused(
    client: TestClient, as_merchant: Headers, open_case: Open, unwritten: Callable[[], None]
) -> None:
    case_id = open_case()["case_id"]
    unwritten()
    answer = client.post(
        f"/v1/cases/{case_id}/milestones",
        content=b'{"kind": "authorised", "data": {"weight": NaN}}',
        headers={**as_merchant, "Content-Type": "application/json"},
    )
    assert_problem(answer, 422, "invalid-input", field="data")


# --- milestones ------------------------------------------------------------------------------------------------------


def test_milestone_of_unknown_case_is_not_found(
    client: TestClient, as_merchant: Headers, unwritten: Callable[[], None]
) -> None:
    unwritten()
    for case_id in ("0x" + "ab" * 32, "0xdead", "RMA-1001"):
        answer = client.post(f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}, headers=as_merchant)
        assert_problem(answer, 404, "not-found", field="case_id")


def test_milestone_of_wrong_role_is_forbidden(
    client: TestClient, account: Keys, open_case: Open, unwritten: Callable[[], None]
) -> None:
    carrier = account("carrier")
    case_id = open_case(carrier=carrier["address"])["case_id"]
    unwritten()
    answer = client.post(
        f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}, headers=bearer(carrier["api_key"])
    )
    assert_problem(answer, 403, "forbidden", field="kind", remedy="party")


def test_milestone_in_wrong_order_is_out_of_order(
    client: TestClient, as_merchant: Headers, open_case: Open, unwritten: Callable[[], None]
) -> None:
    case_id = open_case()["case_id"]
    unwritten()
    body = {"kind": "inspected", "data": {"grade": "as_new", "share": 10000}}
    answer = client.post(f"/v1/cases/{case_id}/milestones", json=body, headers=as_merchant)
    assert_problem(answer, 409, "out-of-order", field="kind")


def test_milestone_twice_is_out_of_order(
    client: TestClient, as_merchant: Headers, open_case: Open, unwritten: Callable[[], None]
) -> None:
    address = f"/v1/cases/{open_case()['case_id']}/milestones"
    assert client.post(address, json={"kind": "authorised"}, headers=as_merchant).status_code == 202
    unwritten()
    answer = client.post(address, json={"kind": "authorised"}, headers=as_merchant)
    assert_problem(answer, 409, "out-of-order", field="kind")


@pytest.mark.parametrize("personal", [{}, {"receipt": ""}, {"receipt": "  "}, {"note": "JD0002"}])
def test_pickup_by_the_consumer_needs_the_carriers_receipt(
    client: TestClient,
    ledger: App,
    as_merchant: Headers,
    open_case: Open,
    unwritten: Callable[[], None],
    personal: dict[str, str],
) -> None:
    case_id = open_case()["case_id"]
    authorised = client.post(f"/v1/cases/{case_id}/milestones", json={"kind": "authorised"}, headers=as_merchant)
    assert authorised.status_code == 202
    headers = as_consumer(ledger, case_id)
    unwritten()
    answer = client.post("/v1/status/acts", json={"kind": "picked_up", "personal": personal}, headers=headers)
    assert_problem(answer, 422, "invalid-input", field="personal.receipt", remedy="receipt")


@pytest.mark.parametrize("kind", ["ruled", "settled", "closed", "requested", "Authorised", "nonsense", ""])
def test_milestone_that_cannot_be_posted_is_refused(
    client: TestClient, as_merchant: Headers, open_case: Open, unwritten: Callable[[], None], kind: str
) -> None:
    case_id = open_case()["case_id"]
    unwritten()
    answer = client.post(f"/v1/cases/{case_id}/milestones", json={"kind": kind}, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="kind")


def test_milestone_from_the_future_is_refused(
    client: TestClient, as_merchant: Headers, open_case: Open, unwritten: Callable[[], None]
) -> None:
    case_id = open_case()["case_id"]
    unwritten()
    body = {"kind": "authorised", "occurred_at": "2026-03-01T12:10:00Z"}
    answer = client.post(f"/v1/cases/{case_id}/milestones", json=body, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="occurred_at", remedy="when it happened")


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"grade": "as_new", "share": 10001}, "data.share"),
        ({"grade": "as_new", "share": -1}, "data.share"),
        ({"grade": "as_new", "share": "all"}, "data.share"),
        ({"grade": "as_new", "fee": 10001}, "data.fee"),
        ({"share": 10000}, "data.grade"),
        ({"grade": "shiny"}, "data.grade"),
    ],
)
def test_inspection_with_wrong_data_is_refused(
    client: TestClient,
    as_merchant: Headers,
    open_case: Open,
    unwritten: Callable[[], None],
    data: dict[str, Any],
    field: str,
) -> None:
    address = f"/v1/cases/{open_case()['case_id']}/milestones"
    for kind in ("authorised", "received"):
        assert client.post(address, json={"kind": kind}, headers=as_merchant).status_code == 202
    unwritten()
    answer = client.post(address, json={"kind": "inspected", "data": data}, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field=field)


@pytest.mark.parametrize("share", [{"name": "Ada Example"}, ["Ada Example"], "Ada Example, " * 40, 10**400])
def test_refusal_repeats_nothing_long_or_nested(
    client: TestClient, as_merchant: Headers, open_case: Open, unwritten: Callable[[], None], share: Any
) -> None:
    address = f"/v1/cases/{open_case()['case_id']}/milestones"
    unwritten()
    body = {"kind": "inspected", "data": {"grade": "as_new", "share": share}}
    answer = client.post(address, json=body, headers=as_merchant)
    problem = assert_problem(answer, 422, "invalid-input", field="data.share")
    assert problem["detail"] == "This value is no share in basis points."


# --- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "/milestones", "/verification", "/bundle"])
def test_case_of_another_merchant_is_not_found(
    client: TestClient, account: Keys, open_case: Open, unwritten: Callable[[], None], path: str
) -> None:
    case_id = open_case()["case_id"]
    other = account("merchant", "Another shop")
    unwritten()
    answer = client.get(f"/v1/cases/{case_id}{path}", headers=bearer(other["api_key"]))
    assert_problem(answer, 404, "not-found", field="case_id")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("cursor=!", "cursor"),
        ("cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTp4", "cursor"),  # a number beyond the database's
        ("state=lost", "state"),
    ],
)
def test_list_with_wrong_parameter_is_refused(
    client: TestClient, as_merchant: Headers, unwritten: Callable[[], None], query: str, field: str
) -> None:
    unwritten()
    assert_problem(client.get(f"/v1/cases?{query}", headers=as_merchant), 422, "invalid-input", field=field)


# --- links -----------------------------------------------------------------------------------------------------------


def test_expired_token_is_refused(
    client: TestClient, clock: FixedClock, open_case: Open, unwritten: Callable[[], None]
) -> None:
    token = token_of(open_case()["status_link"])
    assert client.get("/v1/status", headers=bearer(token)).status_code == 200
    clock.move(timedelta(days=3_650))
    unwritten()
    answer = client.get("/v1/status", headers=bearer(token))
    problem = assert_problem(answer, 401, "link-expired", field="Authorization", remedy="new link")
    assert "expired" in problem["detail"]


def test_altered_token_is_refused(client: TestClient, open_case: Open, unwritten: Callable[[], None]) -> None:
    token = token_of(open_case()["status_link"])
    unwritten()
    header, claims, signature = token.split(".")
    for altered in (
        f"{header}.{claims}.{signature[:-3]}{'AAA' if signature[-3:] != 'AAA' else 'BBB'}",
        f"{header}.{claims[:-1]}{'A' if claims[-1] != 'A' else 'B'}.{signature}",
        f"{header[:-1]}{'A' if header[-1] != 'A' else 'B'}.{claims}.{signature}",
        f"{header}.{claims}.",
        "a.b.c",
    ):
        answer = client.get("/v1/status", headers=bearer(altered))
        assert_problem(answer, 401, "link-altered", field="Authorization", remedy="link")


def test_revoked_token_is_refused(
    client: TestClient, as_merchant: Headers, open_case: Open, unwritten: Callable[[], None]
) -> None:
    case_id = open_case()["case_id"]
    made = client.post(f"/v1/cases/{case_id}/status-links", json={}, headers=as_merchant).json()
    as_link = bearer(token_of(made["status_link"]))
    assert client.get("/v1/status", headers=as_link).status_code == 200
    gone = client.delete(f"/v1/cases/{case_id}/status-links/{made['jti']}", headers=as_merchant)
    assert gone.status_code == 204
    assert gone.content == b""
    unwritten()
    problem = assert_problem(
        client.get("/v1/status", headers=as_link), 401, "link-revoked", field="Authorization", remedy="link"
    )
    assert "revoked" in problem["detail"]


def test_reading_link_cannot_act(client: TestClient, open_case: Open, unwritten: Callable[[], None]) -> None:
    token = token_of(open_case()["status_link"])
    unwritten()
    answer = client.post("/v1/status/acts", json={"kind": "cancelled"}, headers=bearer(token))
    assert_problem(answer, 403, "forbidden", field="Authorization", remedy="e-mail")


def test_link_that_expires_in_the_past_is_refused(
    client: TestClient, as_merchant: Headers, open_case: Open, unwritten: Callable[[], None]
) -> None:
    case_id = open_case()["case_id"]
    unwritten()
    for moment in ("2026-02-28T12:00:00Z", "2126-02-28T12:00:00Z", "tomorrow"):
        body = {"expires_at": moment}
        answer = client.post(f"/v1/cases/{case_id}/status-links", json=body, headers=as_merchant)
        assert_problem(answer, 422, "invalid-input", field="expires_at")


def test_revoke_unknown_link_is_not_found(
    client: TestClient, as_merchant: Headers, open_case: Open, unwritten: Callable[[], None]
) -> None:
    case_id = open_case()["case_id"]
    unwritten()
    answer = client.delete(f"/v1/cases/{case_id}/status-links/unknown", headers=as_merchant)
    assert_problem(answer, 404, "not-found", field="jti")
