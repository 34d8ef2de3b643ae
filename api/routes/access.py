"""Who looked at what: for the operator, and for merchants of their own cases."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ledger_service.services import access_trail

from ..dependencies import Ledger, TrailReader
from ..openapi import READING, answers
from ..schemas import access as schemas

router = APIRouter(prefix="/v1/audit", tags=["audit"])


@router.get("/access", responses=answers(schemas.LookPage, "A page of looks, newest first.", READING))
def audit_access(
    request: Request,
    ledger: Ledger,
    account: TrailReader,
    case_id: Annotated[str | None, Query(description="Of this case alone.", pattern="^0x[0-9a-fA-F]{64}$")] = None,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=access_trail.MAX_PAGE)] = 50,
) -> Response:
    """Who was shown personal data, when and of which case; not what it said. Operators see all; merchants the looks at
    cases that they opened, and their own."""
    trail = cast("access_trail.AccessTrail", request.app.state.trail)
    trail.flush()
    return JSONResponse(access_trail.access_trail(ledger, account, case_id and case_id.lower(), cursor, limit))
