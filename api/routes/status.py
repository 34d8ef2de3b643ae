"""The consumer's side: one case, through one signed link, with no account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Request
from pydantic import Field
from starlette.responses import JSONResponse, Response, StreamingResponse

from ledger_service.services import acting, bundles, evidence, links, preparing, sharing, status
from ledger_service.services.inputs import ActInput, SignedActInput
from ledger_service.services.intake import Intake

from .. import schemas
from ..dependencies import Ledger, Link, Token, link_principal
from ..openapi import READING, WRITING, answers, problem_answers
from ..streaming import Streams
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1/status", tags=["status"])


@router.get("", responses=answers(schemas.Status, "The case, as its consumer sees it.", READING))
def show_status(request: Request, ledger: Ledger, link: Link) -> Response:
    """Where the return and the money are, what happens next and by when, and whether all of it checks out."""
    intake: Intake = request.app.state.intake
    return JSONResponse(status.status_view(ledger, link, delayed=intake.is_delayed()))


@router.get("/verification", responses=answers(schemas.Verification, "The checks, numbered as everywhere.", READING))
def verify_status(ledger: Ledger, link: Link) -> Response:
    """Checks all that the ledger holds of the link's case against the chain."""
    return JSONResponse(evidence.verify_case(ledger, link.case_id))


@router.get("/bundle", responses=answers(schemas.Bundle, "The evidence bundle.", READING))
def export_status_bundle(ledger: Ledger, link: Link) -> Response:
    """All that is needed to check the case without trusting this service; the page's own checks take it. Personal
    fields are shown through a link that acts, which came to the consumer by e-mail, and through no other."""
    show = evidence.show_none if link.scopes == links.READING else evidence.show_all
    headers = {"Content-Disposition": f'attachment; filename="case-{link.case_id[2:10]}.bundle.json"'}
    return JSONResponse(bundles.make_bundle(ledger, link.case_id, show), headers=headers)


class SharedLink(schemas.Answer):
    """A link that may be passed on: it looks, and cannot act."""

    status_link: str
    qr: list[str] = Field(description="The rows of the link's QR code, a digit a module; 1 is dark.")


@router.get("/reading-link", responses=answers(SharedLink, "The link to pass on.", READING))
def show_reading_link(ledger: Ledger, link: Link) -> Response:
    """The case's link that only reads, with its QR code: the token of a link that acts is never to be passed on."""
    return JSONResponse(sharing.shared_link(ledger, link))


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `status` now and at every change, `end` if the link ends.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **problem_answers(*READING),
    },
)
async def stream_status(request: Request, ledger: Ledger, link: Link, token: Token) -> Response:
    """The same as `GET /v1/status`, sent again whenever it changes. For `fetch`: a token never goes into an address."""
    streams: Streams = request.app.state.streams
    streams.check(link)
    return StreamingResponse(
        streams.events(ledger, link, token),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


@router.post(
    "/acts",
    status_code=202,
    responses=answers(schemas.MilestoneTaken, "Accepted, with a receipt.", WRITING, 202),
)
async def act(
    ledger: Ledger,
    link: Link,
    writing: WritingRequest,
    body: Annotated[SignedActInput, Body(openapi_examples={"accepted": {"value": {"kind": "accepted"}}})],
) -> Response:
    """Does what the consumer may do now (`next.acts` of the status). Needs a link that acts: it came by e-mail. A
    consumer with a key of their own sends `record_id`, `signer` and `signature` from `prepare` too."""
    return await answer_write(
        ledger,
        link_principal(link),
        writing,
        202,
        lambda claim: acting.act_by_link(ledger, link, body, idempotency=claim),
        lambda answer: str(answer["record_id"]),
    )


@router.post(
    "/acts/prepare",
    status_code=200,
    responses=answers(schemas.Prepared, "The record, and the typed data to sign.", WRITING),
)
async def prepare_act(
    ledger: Ledger,
    link: Link,
    writing: WritingRequest,
    body: Annotated[ActInput, Body(openapi_examples={"accepted": {"value": {"kind": "accepted"}}})],
) -> Response:
    """For a consumer with a key of their own (`link.own_key` of the status): answers what to sign (EIP-712)."""
    return await answer_write(
        ledger,
        link_principal(link),
        writing,
        200,
        lambda claim: preparing.prepare_act(ledger, link, body, idempotency=claim),
        None,
    )
