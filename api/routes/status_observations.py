"""What the consumer observed, stated through their link."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import Response

from ledger_service.services.observation_data import ObservationInput
from ledger_service.services.observations import observe_by_link, prepare_by_link

from .. import schemas
from ..dependencies import Ledger, Link, link_principal
from ..openapi import WRITING, answers
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1/status/observations", tags=["status"])
_NOTED = {"value": {"kind": "noted", "data": {"note": "The box was open when it came."}}}
Observed = Annotated[ObservationInput, Body(openapi_examples={"noted": _NOTED})]


@router.post(
    "", status_code=202, responses=answers(schemas.ObservationTaken, "Accepted, with a receipt.", WRITING, 202)
)
async def state_observation(ledger: Ledger, link: Link, writing: WritingRequest, body: Observed) -> Response:
    """States what the consumer saw (`noted`) or has to say (`message`): it gates nothing, and is kept in the log.

    Needs a link that acts. A consumer with a key of their own sends `record`, `disclosures` and `signature`, as of
    `prepare`."""
    return await answer_write(
        ledger,
        link_principal(link),
        writing,
        202,
        lambda claim: observe_by_link(ledger, link, body, idempotency=claim),
        None,
    )


@router.post(
    "/prepare",
    status_code=200,
    responses=answers(schemas.ObservationPrepared, "The record, and the typed data to sign.", WRITING),
)
async def prepare(ledger: Ledger, link: Link, writing: WritingRequest, body: Observed) -> Response:
    """For a consumer with a key of their own: the record, and what to sign (EIP-712). Keeps nothing."""
    return await answer_write(
        ledger,
        link_principal(link),
        writing,
        200,
        lambda claim: prepare_by_link(ledger, link, body, idempotency=claim),
        None,
    )
