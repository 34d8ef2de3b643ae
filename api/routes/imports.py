"""Many returns at once, with a preview."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from ledger_service.services import bulk_import

from ..dependencies import Ledger, Merchant, principal
from ..examples import CASE, IMPORT_CSV
from ..load import Load
from ..openapi import WRITING, answers
from ..schemas import imports as schemas
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1/imports", tags=["cases"])
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "1 to 500 returns: a JSON list of what `POST /v1/cases` takes, or a CSV (RFC 4180) with one "
        "return a line. UTF-8.",
        "content": {
            "application/json": {"schema": {}, "example": [CASE]},
            "text/csv": {"schema": {"type": "string"}, "example": IMPORT_CSV},
        },
    }
}


@router.post("/preview", responses=answers(schemas.ImportPreview, "What would be done.", WRITING), openapi_extra=_BODY)
async def preview_import(request: Request, ledger: Ledger, account: Merchant) -> Response:
    """Says what an import would do, row by row with field, error and remedy. Nothing is written."""
    load: Load = request.app.state.load
    data = await request.body()
    found = await load.write(bulk_import.preview, ledger, account, data, is_csv=_is_csv(request))
    return JSONResponse(found)


@router.post("", responses=answers(schemas.ImportDone, "What was done.", WRITING), openapi_extra=_BODY)
async def confirm_import(
    request: Request,
    ledger: Ledger,
    account: Merchant,
    writing: WritingRequest,
    preview_id: Annotated[str, Query(max_length=100, description="Of the preview of this very content.")],
) -> Response:
    """Opens what was previewed, a case for each row, once: a reference that an import opened before opens nothing. Rows
    that cannot be opened are told, and the others are opened."""
    data, is_csv = await request.body(), _is_csv(request)
    return await answer_write(
        ledger,
        principal(account),
        writing,
        200,
        lambda claim: bulk_import.confirm(ledger, account, data, preview_id, is_csv=is_csv, idempotency=claim),
        None,
    )


def _is_csv(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/csv"
