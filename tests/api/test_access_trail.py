"""Who looked at what is kept, for whom it concerns, and without what they saw."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from api.app import create_app
from api.looking import LOOKS
from ledger_service.clock import FixedClock
from ledger_service.errors import Unavailable
from ledger_service.services.access_trail import AccessTrail, Look
from ledger_service.services.app import App
from ledger_service.services.housekeeping import tidy
from ledger_service.store.tables import AccessRow

from .conftest import ON_BOTH, Headers, Keys, Open, as_consumer, assert_problem, bearer

# Routes that show nothing of a person: amounts, fingerprints, states, names of businesses.
SHOW_NOTHING = {
    ("GET", "/v1/cases/{case_id}/verification"),
    ("GET", "/v1/cases/{case_id}/breaches"),
    ("GET", "/v1/status/verification"),
    ("GET", "/v1/status/breaches"),
    ("GET", "/v1/status/reading-link"),
}
Row = tuple[str, str | None, str]


def rows(ledger: App) -> list[Row]:
    with ledger.database.read() as session:
        return [(row.kind, row.case_id, row.through) for row in session.exec(select(AccessRow).order_by("id"))]


@ON_BOTH
def test_looks_are_kept_and_shown(
    client: TestClient, ledger: App, account: Keys, open_case: Open, as_merchant: Headers
) -> None:
    case_id = open_case()["case_id"]
    token = client.post("/v1/sessions", headers=as_merchant).json()["token"]
    operator = bearer(account("operator")["api_key"])
    path, person = f"/v1/cases/{case_id}", {"email": "ada@example.org"}
    link = as_consumer(ledger, case_id)
    assert client.get(path, headers=bearer(token)).status_code == 200
    assert client.get(f"{path}/bundle", headers=operator).status_code == 200
    assert client.get(f"{path}/bundle?reveal=all", headers=operator).status_code == 200
    assert client.post("/v1/personal-data", json=person, headers=as_merchant).status_code == 200
    assert client.get("/v1/status/bundle", headers=link).status_code == 200
    shown = client.get("/v1/audit/access", headers=operator).json()
    assert shown["next_cursor"] is None
    assert [(each["kind"], each["case_id"], each["through"]) for each in shown["items"]] == [
        ("bundle", case_id, "link"),
        ("export", None, "api_key"),
        ("disclosures", case_id, "api_key"),
        ("bundle", case_id, "api_key"),
        ("case", case_id, "session"),
    ]
    assert {each["at"] for each in shown["items"]} == {"2026-03-01T12:00:00Z"}
    assert shown["items"][-1]["account"]["name"] == "The merchant"
    assert shown["items"][0]["account"] is None
    assert shown["items"][0]["link"]
    own = client.get("/v1/audit/access", params={"case_id": case_id}, headers=as_merchant).json()["items"]
    assert own == [each for each in shown["items"] if each["case_id"]]


def test_merchant_sees_looks_at_its_own_cases_alone(
    client: TestClient, account: Keys, open_case: Open, as_merchant: Headers
) -> None:
    named = account("merchant", "Named in it")
    path = f"/v1/cases/{open_case(carrier=named['address'])['case_id']}"
    other = bearer(named["api_key"])
    assert client.get(path, headers=as_merchant).status_code == 200
    assert client.get(path, headers=other).status_code == 200
    assert len(client.get("/v1/audit/access", headers=as_merchant).json()["items"]) == 2
    [seen] = client.get("/v1/audit/access", headers=other).json()["items"]
    assert seen["account"]["name"] == "Named in it"


@pytest.mark.parametrize("role", ["carrier", "warehouse", "inspector", "arbitrator", "auditor"])
def test_others_do_not_read_the_trail(client: TestClient, account: Keys, role: str) -> None:
    answer = client.get("/v1/audit/access", headers=bearer(account(role)["api_key"]))
    assert_problem(answer, 403, "forbidden", field="Authorization", remedy="operator")


def test_trail_comes_in_pages(client: TestClient, clock: FixedClock, open_case: Open, as_merchant: Headers) -> None:
    path = f"/v1/cases/{open_case()['case_id']}"
    for _ in range(5):
        clock.move(timedelta(minutes=1))
        client.get(path, headers=as_merchant)
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(3):
        asked = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        page = client.get("/v1/audit/access", params=asked, headers=as_merchant).json()
        found += page["items"]
        cursor = page["next_cursor"]
    assert cursor is None
    assert [each["at"] for each in found] == [f"2026-03-01T12:0{minute}:00Z" for minute in (5, 4, 3, 2, 1)]
    for asked in ({"cursor": "none of ours"}, {"limit": "0"}):
        assert client.get("/v1/audit/access", params=asked, headers=as_merchant).status_code == 422


def test_what_was_refused_is_no_look(client: TestClient, account: Keys, open_case: Open, ledger: App) -> None:
    path = f"/v1/cases/{open_case()['case_id']}"
    for headers in ({}, bearer(account("carrier")["api_key"])):
        assert client.get(path, headers=headers).status_code in (401, 404)
    client.app.state.trail.flush()  # type: ignore[attr-defined]
    assert rows(ledger) == []


def test_same_look_again_within_a_minute_is_one(
    client: TestClient, clock: FixedClock, ledger: App, open_case: Open
) -> None:
    """A status page asks by itself, and its answer may come from what was kept."""
    link = as_consumer(ledger, open_case()["case_id"])
    for _ in range(3):
        assert client.get("/v1/status", headers=link).status_code == 200
    clock.move(timedelta(minutes=1))
    assert client.get("/v1/status", headers=link).status_code == 200
    client.app.state.trail.flush()  # type: ignore[attr-defined]
    assert [kind for kind, _, _ in rows(ledger)] == ["status", "status"]


def test_looks_are_written_when_the_service_stops(ledger: App, open_case: Open, as_merchant: Headers) -> None:
    case_id = open_case()["case_id"]
    with TestClient(create_app(ledger)) as client:
        client.get(f"/v1/cases/{case_id}", headers=as_merchant)
    assert rows(ledger) == [("case", case_id, "api_key")]


def test_looks_wait_for_a_database_that_is_away(ledger: App, monkeypatch: pytest.MonkeyPatch) -> None:
    with TestClient(create_app(ledger)):
        trail = AccessTrail(ledger)
    trail.note(Look("case", "0x1", None, "jti", "link"))

    def away() -> None:
        raise Unavailable("The database cannot be written right now.")

    with monkeypatch.context() as patch:
        patch.setattr(type(ledger.database), "write", lambda _self: away())
        trail.flush()
    trail.flush()
    assert rows(ledger) == [("case", "0x1", "link")]


def test_what_comes_too_fast_is_left_out_and_counted(
    client: TestClient, ledger: App, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("ledger_service.services.access_trail._MOST", 2)
    trail = AccessTrail(ledger)
    for number in range(5):
        trail.note(Look("case", f"0x{number}", None, "jti", "link"))
    trail.flush()
    assert [case_id for _, case_id, _ in rows(ledger)] == ["0x0", "0x1"]
    assert "looks_left_out" in "".join(capfd.readouterr())
    assert "ledger_looks_left_out_total 3.0" in client.get("/metrics").text


def test_trail_is_kept_for_as_long_as_the_setting_says(ledger: App, clock: FixedClock, client: TestClient) -> None:
    trail = AccessTrail(ledger)
    for case_id in ("0x1", "0x2"):
        trail.note(Look("case", case_id, None, "jti", "link"))
        trail.flush()
        clock.move(timedelta(days=1))
    clock.move(timedelta(days=364))
    tidy(ledger)
    assert [case_id for _, case_id, _ in rows(ledger)] == ["0x2"]


def test_every_route_of_a_case_is_in_the_table_or_shows_nothing(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    of_cases = {
        ("GET", path)
        for path, methods in paths.items()
        if "get" in methods and re.match(r"/v1/(cases/\{|disputes/\{|status|audit/refunds/\{)", path)
    }
    assert of_cases - set(LOOKS) - SHOW_NOTHING == set(), "put it into LOOKS, or say here that it shows nothing"
    assert {path for _, path in LOOKS} <= set(paths)
    assert not set(LOOKS) & SHOW_NOTHING
