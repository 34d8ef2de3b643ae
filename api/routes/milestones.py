"""Milestones: the few statements that move a case."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import JSONResponse, Response

from ledger_service.services import preparing, queries
from ledger_service.services.inputs import MilestoneInput, PrepareInput

from .. import schemas
from ..dependencies import Caller, CaseId, Ledger, principal
from ..examples import MILESTONES
from ..openapi import READING, WRITING, answers
from ..writing import WritingRequest, answer_milestone, answer_write

PATH = "/v1/cases/{case_id}/milestones"
router = APIRouter(prefix=PATH, tags=["milestones"])


@router.post("", status_code=202, responses=answers(schemas.MilestoneTaken, "Accepted, with a receipt.", WRITING, 202))
async def state_milestone(
    ledger: Ledger,
    account: Caller,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[MilestoneInput, Body(openapi_examples=MILESTONES)],
) -> Response:
    """States a milestone in the caller's name: signed with the key that the service holds for it, or, with `record_id`,
    `signer` and `signature` from `prepare`, by the caller itself."""
    return await answer_milestone(ledger, account, writing, case_id, body)


@router.get("", responses=answers(schemas.MilestoneList, "The case's records, in order.", READING))
def list_milestones(ledger: Ledger, account: Caller, case_id: CaseId) -> Response:
    """Every record of the case with its stage, those that the contract composed among them."""
    return JSONResponse(queries.milestones(ledger, account, case_id))


@router.post(
    "/prepare",
    status_code=200,
    responses=answers(schemas.Prepared, "The record, and the typed data to sign.", WRITING),
)
async def prepare_milestone(
    ledger: Ledger,
    account: Caller,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[PrepareInput, Body()],
) -> Response:
    """For an actor with a key of its own: composes the record, and answers what to sign (EIP-712)."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        200,
        lambda claim: preparing.prepare_milestone(ledger, account, case_id, body, idempotency=claim),
        None,
    )
