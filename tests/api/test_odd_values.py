"""No value, wherever it stands, is more than a problem: every leaf of a right body is replaced by odd ones."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

from .conftest import Headers, Open, case_body

ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    2**63,
    10**400,
    1.5,
    float("nan"),
    float("inf"),
    "",
    " ",
    "\x00",
    "\ud800",
    "x" * 100_000,
    "'; DROP TABLE cases; --",
    "../../etc/passwd",
    "１９.８０",  # digits that are not ASCII
    "0x",
    "9999-12-31T23:59:59+14:00",
    "0001-01-01T00:00:00-14:00",
    "2026-03-01T12:00:00.9999999Z",
    [],
    [[[[[[[[[[[[1]]]]]]]]]]]],
    {},
    {"": ""},
]
MILESTONE = {
    "kind": "authorised",
    "occurred_at": "2026-03-01T11:00:00Z",
    "data": {"note": "x", "list": [1]},
    "personal": {"receipt": "x"},
    "record_id": "rec_1",
    "signer": "0x" + "ab" * 20,
    "signature": "0x" + "ab" * 65,
}


def paths(value: Any, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield so_far
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from paths(part, (*so_far, name))


def replaced(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    body = copy.deepcopy(body)
    place = body
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return body


def check_all(client: TestClient, address: str, body: Any, headers: Headers) -> None:
    for path in paths(body):
        for value in ODD:
            raw = json.dumps(replaced(body, path, value))
            answer = client.post(address, content=raw, headers={**headers, "Content-Type": "application/json"})
            where = f"{path} = {value!r:.60}: {answer.status_code} {answer.text:.200}"
            assert answer.status_code < 500, where
            if answer.status_code >= 400:
                problem = answer.json()
                assert problem["remedy"], where
                assert problem["detail"], where
                assert problem.get("field"), where


def test_open_case_with_odd_values_is_never_an_error_of_ours(client: TestClient, as_merchant: Headers) -> None:
    check_all(client, "/v1/cases", case_body(escrow="none"), as_merchant)


@pytest.mark.parametrize("path", ["milestones", "milestones/prepare", "status-links", "opening"])
def test_case_routes_with_odd_values_are_never_an_error_of_ours(
    client: TestClient, as_merchant: Headers, open_case: Open, path: str
) -> None:
    body = {
        "milestones": MILESTONE,
        "milestones/prepare": {name: MILESTONE[name] for name in ("kind", "occurred_at", "data", "personal")},
        "status-links": {"expires_at": "2026-04-01T00:00:00Z"},
        "opening": {"signature": MILESTONE["signature"]},
    }[path]
    check_all(client, f"/v1/cases/{open_case()['case_id']}/{path}", body, as_merchant)


@pytest.mark.parametrize("value", ["%00", "%ff", "%ed%a0%80", "x" * 10_000, "..%2f..", "%27", "0x" + "g" * 64])
def test_odd_addresses_are_never_an_error_of_ours(client: TestClient, as_merchant: Headers, value: str) -> None:
    for address in (
        f"/v1/cases/{value}",
        f"/v1/cases/{value}/milestones",
        f"/v1/cases?cursor={value}",
        f"/v1/cases?state={value}",
        f"/v1/audit/refunds?cursor={value}&limit={value}",
        f"/static/{value}",
        f"/lib/preact/{value}",
    ):
        answer = client.get(address, headers=as_merchant)
        assert 400 <= answer.status_code < 500, (address, answer.status_code, answer.text)
        assert answer.json()["remedy"]
    assert client.delete(f"/v1/cases/0x{'ab' * 32}/status-links/{value}", headers=as_merchant).status_code < 500
