"""After a backup was restored, nothing of a case is answered until the chain has said which were erased since."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from ledger_service.services.app import App, make_app
from ledger_service.store.privacy import RESTORED, end_hold
from ledger_service.store.tables import Hold

from .conftest import Headers, Open, assert_problem, bearer, deployment, local_client, token_of


@pytest.fixture
def opened(open_case: Open) -> dict[str, Any]:
    return open_case(reference="CANARY-REFERENCE")


@pytest.fixture
def restored(ledger: App, opened: dict[str, Any]) -> TestClient:
    """The same database, as a service finds it that is started on a restored backup."""
    with ledger.database.write() as session:
        session.add(Hold(name=RESTORED, since=0))
    return local_client(make_app(ledger.settings, deployment(), ledger.clock, ledger.database))


def test_nothing_is_shown_until_the_chain_was_read(
    ledger: App, restored: TestClient, opened: dict[str, Any], as_merchant: Headers
) -> None:
    case, link = f"/v1/cases/{opened['case_id']}", bearer(token_of(opened["status_link"]))
    asked = [("/v1/cases", as_merchant), (case, as_merchant), ("/v1/audit/refunds", as_merchant), ("/v1/status", link)]
    for path, headers in asked:
        answer = restored.get(path, headers=headers)
        assert_problem(answer, 503, "unavailable", remedy="/readyz")
        assert answer.headers["Retry-After"]
    stated = restored.post(f"{case}/milestones", json={"kind": "authorised"}, headers=as_merchant)
    assert_problem(stated, 503, "unavailable")
    with ledger.database.write() as session:
        end_hold(session, RESTORED)
    for path, headers in asked:
        assert "CANARY-REFERENCE" in restored.get(path, headers=headers).text, path


def test_readiness_says_so(ledger: App, restored: TestClient) -> None:
    answer = restored.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["components"]["erasures"] == {
        "ok": False,
        "detail": "the chain is read for what was erased since the backup",
    }
