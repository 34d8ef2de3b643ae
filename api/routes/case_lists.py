"""Lists of cases: with filters and search, as counts, as work to be done, and under a name."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query
from starlette.responses import JSONResponse, Response

from ledger_service.services import case_lists, saved_views
from ledger_service.services.case_lists import CaseFilter, CaseListQuery, WorkQuery
from ledger_service.services.saved_views import ViewInput

from .. import schemas
from ..dependencies import Caller, Ledger, principal
from ..examples import VIEW
from ..openapi import READING, WRITING, answers, problem_answers
from ..writing import WritingRequest, answer_write

router = APIRouter(tags=["cases"])
ViewId = Annotated[str, Path(pattern=r"^view_[0-9a-f]{16}$", description="The view's id.")]
_VIEW = {"overdue": {"value": VIEW}}


@router.get("/v1/cases", responses=answers(schemas.CasePage, "A page of cases, newest first.", READING))
def list_cases(ledger: Ledger, account: Caller, query: Annotated[CaseListQuery, Query()]) -> Response:
    """The cases that this key may see: a merchant's own, those that name a carrier, warehouse or inspector, and those
    before an arbitrator's panel. Pages begin after a key, so that what is opened meanwhile moves nothing."""
    return JSONResponse(case_lists.list_cases(ledger, account, query))


@router.get("/v1/cases/counts", responses=answers(schemas.CaseCount, "How many.", READING))
def count_cases(ledger: Ledger, account: Caller, query: Annotated[CaseFilter, Query()]) -> Response:
    """How many cases a filter names, exactly up to 10,000; `is_exact` is false where there are more."""
    return JSONResponse(case_lists.count(ledger, account, query))


@router.get("/v1/work-list", responses=answers(schemas.WorkPage, "A page of work, the most urgent first.", READING))
def list_work(ledger: Ledger, account: Caller, query: Annotated[WorkQuery, Query()]) -> Response:
    """The recorded cases that wait for the key's account, whichever roles it holds in them: what it can state, until
    when, and what happens otherwise. A page may hold less than its limit, as what is on its way to the chain is left
    out."""
    return JSONResponse(case_lists.work_list(ledger, account, query))


@router.get("/v1/saved-views", responses=answers(schemas.SavedViewList, "All views of this key's account.", READING))
def list_views(ledger: Ledger, account: Caller) -> Response:
    """The account's saved views, by name."""
    return JSONResponse(saved_views.list_views(ledger, account))


@router.post("/v1/saved-views", status_code=201, responses=answers(schemas.SavedView, "The view.", WRITING, 201))
async def save_view(
    ledger: Ledger,
    account: Caller,
    writing: WritingRequest,
    body: Annotated[ViewInput, Body(openapi_examples=_VIEW)],
) -> Response:
    """Keeps filters, search and order of a list under a name."""
    return await answer_write(
        ledger,
        principal(account),
        writing,
        201,
        lambda claim: saved_views.save_view(ledger, account, body, idempotency=claim),
        None,
    )


@router.put("/v1/saved-views/{view_id}", responses=answers(schemas.SavedView, "The view.", WRITING))
def replace_view(
    ledger: Ledger, account: Caller, view_id: ViewId, body: Annotated[ViewInput, Body(openapi_examples=_VIEW)]
) -> Response:
    """Gives a view another name, or another question."""
    return JSONResponse(saved_views.replace_view(ledger, account, view_id, body))


@router.delete("/v1/saved-views/{view_id}", status_code=204, responses=problem_answers(*READING))
def delete_view(ledger: Ledger, account: Caller, view_id: ViewId) -> Response:
    """Removes a view."""
    saved_views.delete_view(ledger, account, view_id)
    return Response(status_code=204)
