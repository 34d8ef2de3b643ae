"""Cases, as the businesses see them: open, list, look, verify, and hand out links."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query
from starlette.responses import JSONResponse, Response

from ledger_service.services import bundles, evidence, links, opening, preparing_cases, queries, revealing
from ledger_service.services.inputs import CaseInput, LinkInput, SignatureInput

from .. import schemas
from ..dependencies import Caller, CaseId, Ledger, Merchant, principal
from ..examples import CASE
from ..openapi import READING, WRITING, answers, problem_answers
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1/cases", tags=["cases"])


@router.post("", status_code=201, responses=answers(schemas.CaseOpened, "The case is open.", WRITING, 201))
async def open_case(
    ledger: Ledger,
    account: Merchant,
    writing: WritingRequest,
    body: Annotated[CaseInput, Body(openapi_examples={"refund": {"value": CASE}})],
) -> Response:
    """Opens a return. With `escrow` `refund` or `bond` it opens together with its lock, or not at all."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        201,
        lambda claim: opening.open_case(ledger, account, body, idempotency=claim),
        _opening_record,
    )


@router.post(
    "/prepare",
    status_code=201,
    responses=answers(schemas.CasePrepared, "The terms, and the typed data to sign.", WRITING, 201),
)
async def prepare_case(
    ledger: Ledger,
    account: Merchant,
    writing: WritingRequest,
    body: Annotated[CaseInput, Body(openapi_examples={"refund": {"value": CASE}})],
) -> Response:
    """For a merchant with a key of its own: composes the case, and answers what to sign (EIP-712). Opens nothing."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        201,
        lambda claim: preparing_cases.prepare_case(ledger, account, body, idempotency=claim),
        None,
    )


@router.post(
    "/{case_id}/opening", status_code=201, responses=answers(schemas.CaseOpened, "The case is open.", WRITING, 201)
)
async def open_prepared_case(
    ledger: Ledger,
    account: Merchant,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[SignatureInput, Body()],
) -> Response:
    """Opens a prepared case by its merchant's own signature."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        201,
        lambda claim: preparing_cases.open_prepared_case(ledger, account, case_id, body, idempotency=claim),
        _opening_record,
    )


def _opening_record(body: dict[str, Any]) -> str:
    return str(body["milestones"][0]["record_id"])


@router.get("/{case_id}", responses=answers(schemas.Case, "The case.", READING))
def show_case(ledger: Ledger, account: Caller, case_id: CaseId) -> Response:
    """One case: its terms, its state, its money, and what happens next."""
    return JSONResponse(queries.case_view(ledger, account, case_id))


@router.get(
    "/{case_id}/verification",
    responses=answers(schemas.Verification, "The checks, numbered as everywhere.", READING),
)
def verify_case(ledger: Ledger, account: Caller, case_id: CaseId) -> Response:
    """Checks all that the ledger holds of a case against the chain."""
    queries.case_view(ledger, account, case_id)  # not found for whoever may not see it
    return JSONResponse(evidence.verify_case(ledger, case_id))


@router.get("/{case_id}/bundle", responses=answers(schemas.Bundle, "The evidence bundle.", READING))
def export_bundle(
    ledger: Ledger,
    account: Caller,
    case_id: CaseId,
    reveal: Annotated[
        list[Annotated[str, Query(max_length=120)]],
        Query(
            description="A personal field to show, such as `reference`, or `all` that the key's role may see; may be "
            "given again. Fields stay hidden unless they are named.",
            max_length=50,
        ),
    ] = [],  # noqa: B006 - never changed
) -> Response:
    """One file with all that is needed to check the case without this server: `ledger verify FILE`."""
    show = revealing.reveal_for(ledger, account, case_id, reveal)
    name = f"case-{case_id[2:10]}.bundle.json"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return JSONResponse(bundles.make_bundle(ledger, case_id, show), headers=headers)


@router.post("/{case_id}/status-links", status_code=201, responses=answers(schemas.LinkMade, "The link.", WRITING, 201))
async def create_status_link(
    ledger: Ledger,
    account: Merchant,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[LinkInput, Body()],
) -> Response:
    """Makes a link for the merchant to hand out. It can read; links that act reach the consumer by e-mail alone."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        201,
        lambda claim: links.create_link(ledger, account, case_id, body, idempotency=claim),
        None,
    )


@router.delete("/{case_id}/status-links/{jti}", status_code=204, responses=problem_answers(*READING))
def revoke_status_link(
    ledger: Ledger,
    account: Merchant,
    case_id: CaseId,
    jti: Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", description="The link's id.")],
) -> Response:
    """Ends a link. The consumer's own link stays: revoking never silences a live case."""
    links.revoke_link(ledger, account, case_id, jti)
    return Response(status_code=204)
