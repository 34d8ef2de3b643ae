"""What is handed out to be kept: who missed what, and the documents for people."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from fastapi import APIRouter, Depends, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response

from ledger_service.services import acknowledgements, breaches, pdf_bundle

from .. import schemas
from ..dependencies import Caller, CaseId, Ledger, Link, Merchant
from ..load import Load
from ..openapi import READING, answers, problem_answers

router = APIRouter(prefix="/v1")
_PDF = "application/pdf"
_BINARY = {"type": "string", "format": "binary"}
_DOCUMENT: dict[int | str, Any] = {
    200: {"description": "The document.", "content": {_PDF: {"schema": _BINARY}}},
    **problem_answers(*READING),
}


async def get_load(request: Request) -> Load:
    return cast("Load", request.app.state.load)


Bounds = Annotated[Load, Depends(get_load)]


class BreachBlock(schemas.Answer):
    number: int
    hash: schemas.Hash
    time: schemas.Time


class Breach(schemas.Answer):
    """A window that was missed, and what shows it."""

    basis: Literal["contract", "service_level"] = Field(
        description="A deadline of the contract, or a shorter time that the policy promises."
    )
    window: str = Field(description="The state whose window it is, or the service level.")
    state: schemas.State
    party: str = Field(description="Whom it was waited for: a role.")
    actor: schemas.Address
    name: str | None = Field(description="The account's name, where there is one.")
    entered: int = Field(description="Position of the record that started the window.")
    since: schemas.Time
    deadline: schemas.Time
    shown_by: Literal["poke", "act", "open"] = Field(
        description="The contract's own record, a late one, or the newest block, at which nothing had come."
    )
    position: int | None = Field(description="Position of the record that shows it.")
    block: BreachBlock
    late: int = Field(description="Seconds from the deadline to the block that shows it.")
    stage: schemas.Stage
    certificate: str | None = Field(
        description="A JWS, `breach+jwt`, for `ledger verify-breach`; null until it is final."
    )


class AsOf(schemas.Answer):
    block: int
    time: schemas.Time | None


class Breaches(schemas.Answer):
    case_id: schemas.Hash
    items: list[Breach]
    as_of: AsOf


@router.get(
    "/cases/{case_id}/breaches",
    tags=["cases"],
    responses=answers(Breaches, "The windows that were missed, earliest first.", READING),
)
def list_breaches(ledger: Ledger, account: Caller, case_id: CaseId) -> Response:
    """Who missed what by how long, by the times of blocks, each with a certificate that a bundle of the case bears
    out."""
    return JSONResponse(breaches.breaches_for(ledger, account, case_id))


@router.get(
    "/status/breaches",
    tags=["status"],
    responses=answers(Breaches, "The windows that were missed, earliest first.", READING),
)
def list_breaches_of_link(ledger: Ledger, link: Link) -> Response:
    """Who missed what by how long, in the link's case."""
    return JSONResponse(breaches.case_breaches(ledger, link.case_id))


@router.get("/cases/{case_id}/bundle.pdf", tags=["cases"], response_class=Response, responses=_DOCUMENT)
async def export_pdf(load: Bounds, ledger: Ledger, account: Caller, case_id: CaseId) -> Response:
    """The evidence for people to read and keep, in the consumer's language and in English, with the bundle attached."""
    made = await load.document(pdf_bundle.pdf_for, ledger, account, case_id)
    return _answer(made, f"case-{case_id[2:10]}.pdf")


@router.get("/status/bundle.pdf", tags=["status"], response_class=Response, responses=_DOCUMENT)
async def export_pdf_of_link(load: Bounds, ledger: Ledger, link: Link) -> Response:
    """The same for the link's case. A link that only reads shows no names of people."""
    made = await load.document(pdf_bundle.pdf_for_link, ledger, link)
    return _answer(made, f"case-{link.case_id[2:10]}.pdf")


@router.get("/cases/{case_id}/acknowledgement.pdf", tags=["cases"], response_class=Response, responses=_DOCUMENT)
async def acknowledge(load: Bounds, ledger: Ledger, account: Merchant, case_id: CaseId) -> Response:
    """What the consumer declared, and when it was received, as it was acknowledged to them (Directive 2011/83/EU,
    article 11a)."""
    made = await load.document(acknowledgements.acknowledgement_for, ledger, account, case_id)
    return _answer(made, _acknowledgement(case_id))


@router.get("/status/acknowledgement.pdf", tags=["status"], response_class=Response, responses=_DOCUMENT)
async def acknowledge_by_link(load: Bounds, ledger: Ledger, link: Link) -> Response:
    """The same for the consumer, whose link acts."""
    made = await load.document(acknowledgements.acknowledgement_for_link, ledger, link)
    return _answer(made, _acknowledgement(link.case_id))


def _acknowledgement(case_id: str) -> str:
    return f"acknowledgement-{case_id[2:10]}.pdf"


def _answer(document: bytes, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(document, media_type=_PDF, headers=headers)
