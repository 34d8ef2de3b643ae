"""What auditors and bookkeepers ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import JSONResponse, Response

from ledger_service.services import refunds_audit
from ledger_service.services.case_lists import CaseFilter
from ledger_service.services.queries import MAX_PAGE

from .. import schemas
from ..dependencies import Bookkeeper, CaseId, Ledger
from ..openapi import READING, answers

router = APIRouter(prefix="/v1/audit", tags=["audit"])


class RefundsQuery(CaseFilter):
    cursor: Annotated[str, Field(max_length=400)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )
    limit: Annotated[int, Field(ge=1, le=MAX_PAGE)] = 50


@router.get("/refunds", responses=answers(schemas.RefundPage, "A page of cases with their money.", READING))
def audit_refunds(ledger: Ledger, account: Bookkeeper, query: Annotated[RefundsQuery, Query()]) -> Response:
    """What was claimed, locked, proposed, ruled, paid by escrow or provider, and returned in each case, and what is
    missing. Merchants see their own, auditors all; the filters are those of `GET /v1/cases`."""
    return JSONResponse(refunds_audit.refunds_audit(ledger, account, query, cursor=query.cursor, limit=query.limit))


@router.get("/refunds/{case_id}", responses=answers(schemas.RefundProof, "The case's money with its proof.", READING))
def prove_refund(ledger: Ledger, account: Bookkeeper, case_id: CaseId) -> Response:
    """One case's money with what each number rests on: the records' and the escrow's events by transaction, block and
    log index, the provider's refunds as uploaded, and the checks."""
    return JSONResponse(refunds_audit.refund_proof(ledger, account, case_id))
