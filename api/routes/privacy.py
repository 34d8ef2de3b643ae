"""What a person can ask for: that their data be erased, and to have all of it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.responses import JSONResponse, Response

from ledger_service.services import erasing, personal_data
from ledger_service.services.inputs import ErasureInput, PersonDataInput

from .. import schemas
from ..dependencies import Caller, CaseId, Ledger, Merchant, principal
from ..openapi import READING, WRITING, answers
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1", tags=["privacy"])


@router.post(
    "/cases/{case_id}/erasure",
    status_code=202,
    responses=answers(schemas.Erased, "It is destroyed; the record that says so is accepted.", WRITING, 202),
)
async def erase_case(
    ledger: Ledger,
    account: Caller,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[ErasureInput | None, Body()] = None,
) -> Response:
    """Destroys the key and the personal fields of a case that has ended, as its merchant or an operator. Refused while
    the case goes on, or something of it is under way; there is no way back."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        202,
        lambda claim: erasing.erase_case(ledger, account, case_id, body or ErasureInput(), claim),
        lambda answer: str(answer["record_id"]),
    )


@router.post(
    "/cases/{case_id}/erasure/prepare",
    status_code=200,
    responses=answers(schemas.Prepared, "The record, and the typed data to sign.", WRITING),
)
async def prepare_erasure(ledger: Ledger, account: Merchant, writing: WritingRequest, case_id: CaseId) -> Response:
    """For a merchant with a key of its own: answers what to sign (EIP-712). Destroys nothing."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        200,
        lambda claim: erasing.prepare_erasure(ledger, account, case_id, idempotency=claim),
        None,
    )


@router.post(
    "/personal-data",
    status_code=200,
    responses=answers(schemas.PersonalData, "All that is held about the person.", READING),
)
def export_personal_data(ledger: Ledger, account: Merchant, body: Annotated[PersonDataInput, Body()]) -> Response:
    """Everything that is held about a person in the merchant's own cases, by their e-mail address. It changes nothing,
    and is a POST so that the address stands in no log; nothing of the answer is kept, whatever the Idempotency-Key."""
    told = personal_data.personal_data(ledger, body.email, account)
    return JSONResponse(told, headers={"Cache-Control": "no-store"})
