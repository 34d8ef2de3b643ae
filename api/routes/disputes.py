"""Disputes: what arbitrators read, their votes, and appeals against a ruling."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.responses import JSONResponse, Response

from ledger_service.services import appealing, disputes, voting
from ledger_service.services.inputs import AppealInput, VoteInput, VotePrepareInput

from .. import schemas
from ..dependencies import Arbitrator, CaseId, CaseParty, DisputeReader, Ledger, principal, principal_of
from ..examples import APPEAL, VOTE
from ..openapi import READING, WRITING, answers
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1/disputes", tags=["disputes"])


@router.get("", responses=answers(schemas.DisputePage, "A page of cases in dispute, the most urgent first.", READING))
def list_disputes(
    ledger: Ledger,
    account: DisputeReader,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.", max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    """Cases in dispute: an arbitrator's before their panel, a merchant's own, all for auditors."""
    return JSONResponse(disputes.list_disputes(ledger, account, cursor=cursor, limit=limit))


@router.get("/{case_id}", responses=answers(schemas.Dispute, "The dispute.", READING))
def show_dispute(ledger: Ledger, account: DisputeReader, case_id: CaseId) -> Response:
    """One dispute: both claims, the evidence, the panel and who of it has voted, the timeline with its checks, and what
    each ruling would pay."""
    return JSONResponse(disputes.dispute_view(ledger, account, case_id))


@router.post(
    "/{case_id}/votes/prepare",
    status_code=200,
    responses=answers(schemas.VotePrepared, "The vote's document, and the typed data to sign.", WRITING),
)
async def prepare_vote(
    ledger: Ledger,
    account: Arbitrator,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[VotePrepareInput, Body(openapi_examples={"vote": {"value": VOTE}})],
) -> Response:
    """For an arbitrator with a key of its own: composes the vote, and answers what to sign (EIP-712)."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        200,
        lambda claim: voting.prepare_vote(ledger, account, case_id, body, idempotency=claim),
        None,
    )


@router.post(
    "/{case_id}/votes",
    status_code=202,
    responses=answers(schemas.VoteTaken, "Accepted, with a receipt.", WRITING, 202),
)
async def cast_vote(
    ledger: Ledger,
    account: Arbitrator,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[VoteInput, Body(openapi_examples={"vote": {"value": VOTE}})],
) -> Response:
    """Votes on a case before the caller's panel, once a round: signed with the key that the service holds for the
    arbitrator, or, with `vote_id`, `signer` and `signature` from `prepare`, by the arbitrator itself."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        202,
        lambda claim: voting.cast_vote(ledger, account, case_id, body, idempotency=claim),
        lambda answer: str(answer["vote_id"]),
    )


@router.post(
    "/{case_id}/appeals",
    status_code=202,
    responses=answers(schemas.MilestoneTaken, "Accepted, with a receipt.", WRITING, 202),
)
async def appeal(
    ledger: Ledger,
    who: CaseParty,
    writing: WritingRequest,
    case_id: CaseId,
    body: Annotated[AppealInput, Body(openapi_examples={"appeal": {"value": APPEAL}})],
) -> Response:
    """Appeals against the ruling, once, to the larger panel: the merchant with its API key, the consumer with the token
    of a link that acts. The same as the milestone `appealed`."""
    return await answer_write(
        ledger,
        principal_of(who),
        writing,
        202,
        lambda claim: appealing.appeal(ledger, who, case_id, body, idempotency=claim),
        lambda answer: str(answer["record_id"]),
    )
