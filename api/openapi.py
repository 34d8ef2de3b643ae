"""What `/openapi.json` says beyond what FastAPI derives: problems, and what several routes share."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from .errors import MEDIA_TYPE
from .examples import BODIES

_MEANINGS = {
    400: "The body cannot be read as JSON.",
    401: "No valid credential.",
    403: "A valid credential without this right.",
    404: "No such thing, or none that this caller may see.",
    409: "Contradicts what is recorded, or is not possible in the case's state.",
    413: "The body is over the limit.",
    415: "The body is not declared as JSON.",
    422: "A value is not acceptable; `field` names it.",
    429: "Too many requests; `Retry-After` says how long to wait.",
    503: "A part of the system that is needed is down.",
}
READING = (401, 403, 404, 422, 429, 503)
WRITING = (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)
DESCRIPTION = """
Returns and refunds across borders, recorded so that nobody can change them unseen.

**Stages.** A record is `accepted` (kept, with a signed receipt), `submitted` (sent to the chain), `recorded` (stands
in a block), `final` (enough blocks on top), or `rejected` with the contract's reason. `Prefer: wait=N` lets a request
wait.

**Credentials.** `Authorization: Bearer` with an API key, or, under `/v1/status`, with the token of a status link.

**Values.** Money is a decimal string with an ISO 4217 code; times are RFC 3339; lists come in pages with a cursor;
errors are problem details (RFC 9457) whose `field` and `remedy` say what to change.
"""


def answers(
    model: type[BaseModel], description: str, problems: tuple[int, ...], status: int = 200
) -> dict[int | str, Any]:
    """The `responses` of a route."""
    return {status: {"model": model, "description": description}, **problem_answers(*problems)}


def problem_answers(*statuses: int) -> dict[int | str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _MEANINGS[status], "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }


def install(api: FastAPI, problem: type[BaseModel]) -> None:
    """Makes `api.openapi()` the document of this page, built once."""

    def document() -> dict[str, Any]:
        if api.openapi_schema is None:
            made = get_openapi(
                title=api.title,
                version=api.version,
                description=DESCRIPTION,
                routes=api.routes,
                tags=api.openapi_tags,
                license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            )
            schemas = made.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schemas["Problem"].pop("$defs", {}))
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for path, example in BODIES.items():
                made["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"] = example
            api.openapi_schema = made
        return api.openapi_schema

    api.openapi = document  # type: ignore[method-assign]
