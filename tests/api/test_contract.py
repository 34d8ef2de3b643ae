"""The API does what /openapi.json says: every operation is tried with values made from its own description."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from api.app import create_app
from ledger_service.clock import FixedClock
from ledger_service.config import Settings
from ledger_service.services import accounts, links
from ledger_service.services.app import make_app
from ledger_service.store.tables import ChainBalance, ChainCursor

from .conftest import NOW, POUNDS, case_body, deployment, token_of
from .panels import add_panel, record_case

EXAMPLES, MANY = 15, 300
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PUBLIC = ("/v1/log/", "/v1/sessions/challenge")  # which take no credential
UNTRIED = ("/v1/status/stream",)  # it does not end by itself


class _Idle:
    """Workers with nothing to do, so that the service is ready."""

    accounts: ClassVar[dict[str, str]] = {}

    def health(self) -> dict[str, Any]:
        return {"chain": {"ok": True, "detail": "reachable"}}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An API with a case in it, and by path the credential that goes with it."""
    installation = Settings(
        _env_file=None,
        data=tmp_path_factory.mktemp("contract"),
        rate_limit="1000000/minute",
        rate_limit_failures="1000000/minute",
    )
    app = make_app(installation, deployment(), FixedClock(NOW))
    SQLModel.metadata.create_all(app.database.engine)
    merchant = accounts.create_account(app, "merchant", "Shop")
    with app.database.write() as session:
        session.add(ChainBalance(account=merchant["address"], token=POUNDS, minor=10**12))
        session.add(ChainCursor(id=1, block_number=7, block_hash="0x" + "77" * 32))
    arbitrator = accounts.create_account(app, "arbitrator", "Arbitrator")
    add_panel(app, [arbitrator["address"]], 1)
    api = create_app(app, _Idle())
    with TestClient(api) as client:
        headers = {"Authorization": f"Bearer {merchant['api_key']}"}
        opened = client.post("/v1/cases", json=case_body(), headers=headers).json()
        disputed = client.post("/v1/cases", json=case_body(reference="RMA-2"), headers=headers).json()
        for kind in ("authorised", "received", "disputed"):
            path = f"/v1/cases/{disputed['case_id']}/milestones"
            assert client.post(path, json={"kind": kind}, headers=headers).status_code == 202
    with app.database.write() as session:
        case = session.get_one(links.CaseRow, opened["case_id"])
        url, _ = links.issue_link(app, session, case, links.ACTING, app.clock.seconds() + 3_600)
    record_case(app, disputed["case_id"])
    yield (
        api,
        {
            "business": merchant["api_key"],
            "consumer": token_of(url),
            "arbitrator": arbitrator["api_key"],
            "case_id": opened["case_id"],
            "disputed": disputed["case_id"],
        },
    )
    app.database.close()


@pytest.mark.parametrize(
    "examples", [EXAMPLES, pytest.param(MANY, marks=[pytest.mark.long, pytest.mark.timeout(3_600)])]
)
def test_every_operation_does_what_it_says(world: Any, examples: int) -> None:
    api, known = world
    schema = schemathesis.openapi.from_asgi("/openapi.json", api)
    tried = 0
    for operation in (result.ok() for result in schema.get_all_operations()):
        if operation.path not in UNTRIED:
            _try(operation, known, examples)
            tried += 1
    assert tried > 15


def _try(operation: Any, known: dict[str, str], examples: int) -> None:
    key = known["consumer"] if operation.path.startswith("/v1/status") else known["business"]
    case_id = known["case_id"]
    if operation.path.startswith("/v1/disputes"):
        case_id = known["disputed"]
        key = known["business"] if operation.path.endswith("/appeals") else known["arbitrator"]

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def run(case: schemathesis.Case) -> None:
        if len(str(case.path_parameters.get("case_id", ""))) == 66:
            case.path_parameters["case_id"] = case_id  # a random id would only ever be unknown
        case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

    run()


def test_description_is_complete(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["tags"], where
            assert operation.get("summary"), where
            if path.startswith("/v1"):
                assert operation.get("description"), where
            if path.startswith("/v1") and not path.startswith(PUBLIC):
                assert operation["responses"]["401"]["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }, where
    assert "HTTPValidationError" not in document["components"]["schemas"]
