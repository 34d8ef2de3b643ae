"""The panel of a case: named at its opening, paid for by a reserve, and clear of the case's parties."""

from __future__ import annotations

from typing import Any

import pytest
from sqlmodel import select
from starlette.testclient import TestClient

from ledger_service.services.app import App
from ledger_service.store.tables import CaseRow, ChainBalance

from .conftest import POUNDS, Headers, Keys, Open, assert_problem, bearer, case_body, count_rows
from .panels import add_panel


def address(number: int) -> str:
    return "0x" + f"{number:040x}"


@pytest.fixture
def panels(ledger: App) -> int:
    """Three with fee 50, a fallback of three with fee 60, and five with fee 70 for appeals."""
    appeal = add_panel(ledger, [address(number) for number in range(1, 6)], 5, fee=70)
    fallback = add_panel(ledger, [address(number) for number in range(6, 9)], 3, fee=60)
    return add_panel(ledger, [address(number) for number in range(9, 12)], 3, appeal=appeal, fallback=fallback)


@pytest.mark.parametrize(
    ("escrow", "reserve"), [("refund", 3 * 60 + 5 * 70), ("bond", 2 * 3 * 60 + 5 * 70), ("none", 0)]
)
def test_opening_sets_the_panel_s_fees_aside(
    ledger: App, client: TestClient, as_merchant: Headers, panels: int, open_case: Open, escrow: str, reserve: int
) -> None:
    opened = open_case(escrow=escrow)
    with ledger.database.read() as session:
        assert session.exec(select(CaseRow.reserve_minor)).one() == reserve
    assert opened["panel"]["version"] == panels
    assert len(opened["panel"]["arbitrators"]) == 3
    assert opened["panel"]["appeal"]["threshold"] == 5
    assert opened["panel"]["fallback"]["version"] == 2
    expected = None if escrow == "none" else {"reserve": f"{reserve / 100:.2f}", "first": "1.80", "appeal": "3.50"}
    assert opened["arbitration"] == expected


def test_opening_without_a_registered_panel_has_none(open_case: Open) -> None:
    opened = open_case()
    assert opened["panel"] is None
    assert opened["arbitration"] is None


def test_bond_without_a_panel_is_refused(client: TestClient, ledger: App, as_merchant: Headers, panels: int) -> None:
    before = count_rows(ledger)
    answer = client.post("/v1/cases", json=case_body(escrow="bond", panel=0), headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="panel", remedy="Name a registered panel")
    assert count_rows(ledger) == before


def test_opening_takes_the_newest_panel_that_helps_no_other(ledger: App, panels: int, open_case: Open) -> None:
    newer = add_panel(ledger, [address(number) for number in range(20, 23)], 1)
    assert open_case()["panel"]["version"] == newer
    assert open_case(panel=panels)["panel"]["version"] == panels
    assert open_case(panel=0)["panel"] is None


def test_opening_with_an_unknown_panel_is_refused(
    client: TestClient, ledger: App, as_merchant: Headers, panels: int
) -> None:
    before = count_rows(ledger)
    answer = client.post("/v1/cases", json=case_body(panel=9), headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="panel", remedy="Leave it out")
    assert count_rows(ledger) == before


@pytest.mark.parametrize("party", ["carrier", "warehouse", "inspector"])
@pytest.mark.parametrize("seat", [1, 6, 9])
def test_party_on_the_panel_is_refused(
    client: TestClient, ledger: App, as_merchant: Headers, panels: int, party: str, seat: int
) -> None:
    before = count_rows(ledger)
    answer = client.post("/v1/cases", json=case_body(**{party: address(seat)}), headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field=party, remedy="another")
    assert count_rows(ledger) == before


def test_consumer_on_the_panel_is_refused(client: TestClient, as_merchant: Headers, panels: int) -> None:
    body = case_body(consumer__address=address(9))
    answer = client.post("/v1/cases", json=body, headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="consumer.address")


def test_merchant_on_the_panel_is_refused(client: TestClient, ledger: App, merchant: Any, as_merchant: Headers) -> None:
    add_panel(ledger, [merchant["address"]], 1)
    answer = client.post("/v1/cases", json=case_body(), headers=as_merchant)
    assert_problem(answer, 422, "invalid-input", field="panel")


def test_balance_has_to_cover_the_reserve_too(client: TestClient, ledger: App, account: Keys, panels: int) -> None:
    made = account("merchant", "Poor shop")
    with ledger.database.write() as session:
        session.add(ChainBalance(account=made["address"], token=POUNDS, minor=1_980 + 529))
    headers = bearer(made["api_key"])
    answer = client.post("/v1/cases", json=case_body(), headers=headers)
    problem = assert_problem(answer, 409, "conflict", field="refund.amount", remedy="Deposit")
    assert "530 are set aside for arbitration" in problem["detail"]
    with ledger.database.write() as session:
        session.get_one(ChainBalance, (made["address"], POUNDS)).minor += 1
    assert client.post("/v1/cases", json=case_body(), headers=headers).status_code == 201
