"""Observations: the many statements about a case that gate nothing, and are kept in the log."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError, WithJsonSchema
from starlette.responses import JSONResponse, Response

from ledger_service.services import observation_views
from ledger_service.services.observation_data import MOST_AT_ONCE, ObservationInput
from ledger_service.services.observations import observe, prepare_observation

from .. import schemas
from ..dependencies import Caller, CaseId, Ledger, principal
from ..examples import OBSERVATIONS
from ..openapi import READING, WRITING, answers
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1/cases/{case_id}/observations", tags=["observations"])
_ONE = ObservationInput.model_json_schema()
_MANY = {"type": "array", "items": _ONE, "minItems": 1, "maxItems": MOST_AT_ONCE}
_list = TypeAdapter(list[ObservationInput])
OneOrMany = Annotated[Any, WithJsonSchema({"anyOf": [_ONE, _MANY]})]


@router.post(
    "", status_code=202, responses=answers(schemas.ObservationTaken, "Accepted, with a receipt each.", WRITING, 202)
)
async def state_observations(
    ledger: Ledger,
    account: Caller,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[OneOrMany, Body(openapi_examples=OBSERVATIONS)],
) -> Response:
    """States an observation, or a list of up to 100, all or none, in the caller's name: signed with the key that the
    service holds for it, or, with `record`, `disclosures` and `signature` from `prepare`, by the caller itself. A list
    is answered with `items`."""
    is_list = isinstance(body, list)
    requests = _read(body)
    return await answer_write(
        ledger,
        principal(account),
        writing,
        202,
        lambda claim: observe(ledger, account, case_id, requests, idempotency=claim, is_list=is_list),
        None,
    )


@router.get("", responses=answers(schemas.ObservationList, "A page, in the order of acceptance.", READING))
def list_observations(
    ledger: Ledger,
    account: Caller,
    case_id: CaseId,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=100)] = None,
    limit: Annotated[int, Query(ge=1, le=observation_views.MAX_PAGE)] = 50,
) -> Response:
    """Every observation of the case with its stage: `accepted`, `logged` at an index of the log, or `anchored` under a
    checkpoint that stands in a block."""
    return JSONResponse(observation_views.observations(ledger, account, case_id, cursor, limit))


@router.post(
    "/prepare",
    status_code=200,
    responses=answers(schemas.ObservationPrepared, "The record, and the typed data to sign.", WRITING),
)
async def prepare(
    ledger: Ledger,
    account: Caller,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[ObservationInput, Body()],
) -> Response:
    """For an actor with a key of its own: composes the record, and answers what to sign (EIP-712). Keeps nothing."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        200,
        lambda claim: prepare_observation(ledger, account, case_id, body, idempotency=claim),
        None,
    )


def _read(body: Any) -> list[ObservationInput]:
    """Raises RequestValidationError as for any other body, with the path in what was sent."""
    try:
        if isinstance(body, dict):
            return [ObservationInput.model_validate(body)]
        found = _list.validate_python(body)
    except ValidationError as error:
        listed = error.errors(include_url=False)
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in listed]) from None
    if not 0 < len(found) <= MOST_AT_ONCE:
        wrong = {"type": "list_length", "loc": ("body",), "msg": f"A list has 1 to {MOST_AT_ONCE} items", "ctx": {}}
        raise RequestValidationError([wrong])
    return found
