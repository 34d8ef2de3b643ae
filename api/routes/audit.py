"""What auditors and bookkeepers ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import JSONResponse, Response

from ledger_service.services import queries

from .. import schemas
from ..dependencies import Bookkeeper, Ledger
from ..openapi import READING, answers

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("/refunds", responses=answers(schemas.RefundPage, "A page of cases with their money.", READING))
def audit_refunds(
    ledger: Ledger,
    account: Bookkeeper,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """What was claimed, locked, decided, paid and returned in each case. Merchants see their own, auditors all."""
    return JSONResponse(queries.refunds_audit(ledger, account, cursor=cursor, limit=limit))
