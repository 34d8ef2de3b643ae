"""Webhooks out: where a business is told, what it was told, and the secrets it checks that by."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from starlette.responses import JSONResponse, Response

from ledger_service.services import webhook_endpoints
from ledger_service.services.webhook_endpoints import MAX_PAGE, DeliveryState, EndpointInput

from .. import schemas
from ..dependencies import Caller, Ledger, principal
from ..openapi import READING, WRITING, answers, problem_answers
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1/webhook-endpoints", tags=["webhooks"])
_EXAMPLE = {"own": {"value": {"url": "https://93.184.216.34/returns", "types": ["milestone.final", "case.settled"]}}}
EndpointId = Annotated[str, Path(pattern=r"^ep_[0-9a-f]{24}$", description="The endpoint's id.")]
SecretId = Annotated[str, Path(pattern=r"^whs_[0-9a-f]{16}$", description="The secret's id.")]
DeliveryId = Annotated[int, Path(ge=1, le=2**53, description="The delivery's id.")]


@router.post(
    "",
    status_code=201,
    responses=answers(schemas.EndpointMade, "The endpoint, with its secret, shown this once.", WRITING, 201),
)
async def create_endpoint(
    ledger: Ledger,
    account: Caller,
    writing: WritingRequest,
    body: Annotated[EndpointInput, Body(openapi_examples=_EXAMPLE)],
) -> Response:
    """Registers an address that is told, by signed POSTs (Standard Webhooks), of the cases that this key may see."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        201,
        lambda claim: webhook_endpoints.create_endpoint(ledger, account, body, idempotency=claim),
        None,
    )


@router.get("", responses=answers(schemas.EndpointList, "All endpoints of this key.", READING))
def list_endpoints(ledger: Ledger, account: Caller) -> Response:
    """The key's endpoints, the oldest first."""
    return JSONResponse(webhook_endpoints.list_endpoints(ledger, account))


@router.get("/{endpoint_id}", responses=answers(schemas.Endpoint, "The endpoint.", READING))
def show_endpoint(ledger: Ledger, account: Caller, endpoint_id: EndpointId) -> Response:
    """One endpoint: where it leads, which secrets count, how often it failed in a row."""
    return JSONResponse(webhook_endpoints.show_endpoint(ledger, account, endpoint_id))


@router.delete("/{endpoint_id}", status_code=204, responses=problem_answers(*READING))
def delete_endpoint(ledger: Ledger, account: Caller, endpoint_id: EndpointId) -> Response:
    """Removes an endpoint, its secrets and its log."""
    webhook_endpoints.delete_endpoint(ledger, account, endpoint_id)
    return Response(status_code=204)


@router.post(
    "/{endpoint_id}/enable", responses=answers(schemas.Endpoint, "The endpoint, to which is sent again.", WRITING)
)
async def enable_endpoint(
    ledger: Ledger, account: Caller, writing: WritingRequest, endpoint_id: EndpointId
) -> Response:
    """Ends what a 410, or failures in a row, did to an endpoint: it is tried again at once, and gets what waited."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        200,
        lambda claim: webhook_endpoints.enable_endpoint(ledger, account, endpoint_id, idempotency=claim),
        None,
    )


@router.post(
    "/{endpoint_id}/secrets",
    status_code=201,
    responses=answers(schemas.EndpointMade, "The endpoint, with its new secret, shown this once.", WRITING, 201),
)
async def rotate_secret(ledger: Ledger, account: Caller, writing: WritingRequest, endpoint_id: EndpointId) -> Response:
    """Makes a new secret. For a day deliveries carry signatures of the old ones, too."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        201,
        lambda claim: webhook_endpoints.rotate_secret(ledger, account, endpoint_id, idempotency=claim),
        None,
    )


@router.delete("/{endpoint_id}/secrets/{secret_id}", status_code=204, responses=problem_answers(*READING, 409))
def delete_secret(ledger: Ledger, account: Caller, endpoint_id: EndpointId, secret_id: SecretId) -> Response:
    """Ends an old secret at once, such as one that leaked."""
    webhook_endpoints.delete_secret(ledger, account, endpoint_id, secret_id)
    return Response(status_code=204)


@router.get(
    "/{endpoint_id}/deliveries", responses=answers(schemas.DeliveryPage, "A page of deliveries, newest first.", READING)
)
def list_deliveries(
    ledger: Ledger,
    account: Caller,
    endpoint_id: EndpointId,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
    state: Annotated[DeliveryState | None, Query(description="Only deliveries in this state.")] = None,
) -> Response:
    """What was sent, how often it was tried, what came back last, and when it is tried next. Kept for 30 days."""
    return JSONResponse(
        webhook_endpoints.list_deliveries(ledger, account, endpoint_id, cursor=cursor, limit=limit, state=state)
    )


@router.post(
    "/{endpoint_id}/deliveries/{delivery_id}/resend",
    status_code=202,
    responses=answers(schemas.Delivery, "It is sent again.", WRITING, 202),
)
async def resend(
    ledger: Ledger, account: Caller, writing: WritingRequest, endpoint_id: EndpointId, delivery_id: DeliveryId
) -> Response:
    """Sends a delivery again, under the `webhook-id` it had."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        202,
        lambda claim: webhook_endpoints.resend(ledger, account, endpoint_id, delivery_id, idempotency=claim),
        None,
    )


@router.post(
    "/{endpoint_id}/test",
    status_code=202,
    responses=answers(schemas.Delivery, "A test is on its way.", WRITING, 202),
)
async def send_test(ledger: Ledger, account: Caller, writing: WritingRequest, endpoint_id: EndpointId) -> Response:
    """Sends an event of type `endpoint.test`."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        202,
        lambda claim: webhook_endpoints.send_test(ledger, account, endpoint_id, idempotency=claim),
        None,
    )
