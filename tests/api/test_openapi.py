"""What /openapi.json has to say of every operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

# What asks for nothing, and can only answer.
UNFAILING = {"/healthz", "/metrics", "/.well-known/jwks.json", "/schemas/after-sales-bundle-1.schema.json"}


@pytest.fixture
def operations(client: TestClient) -> list[tuple[str, dict[str, Any]]]:
    document = client.get("/openapi.json").json()
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def bodies(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from operation.get("requestBody", {}).get("content", {}).values()


def test_every_body_has_an_example(operations: list[tuple[str, dict[str, Any]]]) -> None:
    assert len(operations) > 80
    without = [name for name, one in operations for body in bodies(one) if not ({"example", "examples"} & set(body))]
    assert without == []


def test_every_operation_says_what_it_does_and_what_can_be_wrong(
    operations: list[tuple[str, dict[str, Any]]],
) -> None:
    for name, operation in operations:
        assert operation.get("summary"), name
        errors = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        assert errors or name.partition(" ")[2] in UNFAILING, name
        for status, answer in errors.items():
            assert len(answer["description"]) > 10, (name, status)
            assert answer["content"], (name, status)


def test_every_parameter_is_described_or_speaks_for_itself(operations: list[tuple[str, dict[str, Any]]]) -> None:
    known = {"limit", "index", "commitment"}
    silent = {
        parameter["name"]
        for _, operation in operations
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    }
    assert silent <= known
