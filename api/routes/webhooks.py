"""Webhooks of carriers' aggregators, as they send them: the body is theirs, the signature names the merchant."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import JSONResponse, Response

from ledger_service.errors import NotFound, Unauthenticated
from ledger_service.services import webhooks
from ledger_service.services.app import App
from ledger_service.services.intake import Intake

from .. import schemas
from ..dependencies import Ledger, Limits, address_of
from ..load import Load
from ..openapi import answers

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "An EasyPost `tracker.updated` event, byte for byte as it was signed.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
}


@router.post(
    "/easypost",
    responses=answers(schemas.WebhookTaken, "Taken.", (401, 404, 413, 422, 429, 503)),
    openapi_extra=_BODY,
)
async def take_easypost(
    request: Request,
    ledger: Ledger,
    limits: Limits,
    signature: Annotated[
        str | None,
        Header(
            alias="X-Hmac-Signature",
            description="`hmac-sha256-hex=` and the HMAC of the body.",
            max_length=200,
        ),
    ] = None,
    merchant: Annotated[str | None, Query(description="The merchant's name; found by its secret if left out.")] = None,
) -> Response:
    """Turns the carrier's pick-up scan into the `picked_up` milestone of the merchant's case with that parcel.

    The same event again changes nothing, so EasyPost may repeat it.
    """
    raw = await request.body()
    load: Load = request.app.state.load
    try:
        taken = await load.write(_take, request.app.state.intake, ledger, raw, signature, merchant)
    except (NotFound, Unauthenticated):
        limits.count_failure(address_of(request.scope))
        raise
    return JSONResponse(taken)


def _take(intake: Intake, app: App, raw: bytes, signature: str | None, merchant: str | None) -> dict[str, Any]:
    intake.require_room()
    return webhooks.take_easypost(app, raw, signature, merchant)
