"""Reconciliation with a payment provider's refund export."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from ledger_service.domain.reconciling import Finding
from ledger_service.services import reconciling
from ledger_service.services.queries import MAX_PAGE

from .. import schemas
from ..dependencies import Ledger, Merchant, principal
from ..examples import REFUNDS_CSV, STRIPE_REFUND
from ..openapi import READING, WRITING, answers
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1/reconciliation", tags=["audit"])
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Stripe's refund objects as a JSON list, a list object, or one a line; or a CSV (RFC 4180) with "
        "the columns refund_id, amount, currency, status, created_at, and case_id or reference. UTF-8, no byte order "
        "mark; a long export comes in parts.",
        "content": {
            "application/json": {"schema": {}, "example": [STRIPE_REFUND]},
            "text/csv": {"schema": {"type": "string"}, "example": REFUNDS_CSV},
        },
    }
}


@router.post(
    "/uploads", responses=answers(schemas.RefundUpload, "What became of the rows.", WRITING), openapi_extra=_BODY
)
async def upload_refunds(
    request: Request,
    ledger: Ledger,
    account: Merchant,
    writing: WritingRequest,
    provider: Annotated[Literal["stripe", "csv"], Query(description="Which form the body has.")],
) -> Response:
    """Keeps what the provider says was refunded; nothing else changes, and nothing on the chain. The same export again
    changes nothing. A refund finds its case by `metadata.case_id`, by the `reference` of your record `refunded`, or by
    `metadata.reference`, which is the case's."""
    data = await request.body()
    return await answer_write(
        ledger,
        principal(account),
        writing,
        200,
        lambda claim: reconciling.upload(ledger, account, provider, data, idempotency=claim),
        None,
    )


@router.get("", responses=answers(schemas.ReconciliationPage, "A page of the comparison.", READING))
def list_differences(
    ledger: Ledger,
    account: Merchant,
    finding: Annotated[Finding | None, Query(description="Only this finding.")] = None,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=1_000)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> Response:
    """Each case that the provider says something of, or had to pay in, and each refund of no case: `matched`,
    `pending`, `undecided` (no outcome yet), `missing_here`, `missing_there`, `different_amount`, `different_currency`,
    `different_status` (failed or canceled), `doubled`."""
    return JSONResponse(reconciling.differences(ledger, account, finding, cursor, limit))


@router.get("/summary", responses=answers(schemas.ReconciliationSummary, "How many of each finding.", READING))
def summarise(ledger: Ledger, account: Merchant) -> Response:
    """How many of each finding there are, over all cases and uploads."""
    return JSONResponse(reconciling.summary(ledger, account))
