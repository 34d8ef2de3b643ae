"""Bundles over HTTP, and the published schema that they follow."""

from __future__ import annotations

import jsonschema_rs
from starlette.testclient import TestClient

from .conftest import Headers, Open


def test_bundle_follows_the_schema_that_is_served(client: TestClient, as_merchant: Headers, open_case: Open) -> None:
    served = client.get("/schemas/after-sales-bundle-1.schema.json")
    assert (served.status_code, served.headers["content-type"]) == (200, "application/schema+json")
    bundle = client.get(f"/v1/cases/{open_case()['case_id']}/bundle", headers=as_merchant).json()
    jsonschema_rs.Draft202012Validator(served.json()).validate(bundle)
    assert bundle["evidence"]["state_proof"] == {"reason": "Nothing has been read of the chain yet."}
