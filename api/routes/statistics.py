"""Statistics for charts, and the service-level board."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Query
from starlette.responses import JSONResponse, Response

from ledger_service.services import service_levels, statistics
from ledger_service.services.service_levels import BoardQuery, BreachQuery, CalendarInput
from ledger_service.services.statistics import StatisticsQuery

from .. import schemas
from ..dependencies import Bookkeeper, Caller, Ledger
from ..examples import CALENDAR
from ..openapi import READING, WRITING, answers

router = APIRouter(prefix="/v1", tags=["audit"])


@router.get("/statistics", responses=answers(schemas.Statistics, "Cases by group.", READING))
def show_statistics(ledger: Ledger, account: Bookkeeper, query: Annotated[StatisticsQuery, Query()]) -> Response:
    """How many cases, how much money by currency, and how long from opening to end, by outcome, reason, country, month
    or state. Merchants see their own cases, auditors all; the filters are those of `GET /v1/cases`."""
    return JSONResponse(statistics.statistics(ledger, account, query))


@router.get("/service-levels", responses=answers(schemas.Board, "The board.", READING))
def show_board(ledger: Ledger, account: Bookkeeper, query: Annotated[BoardQuery, Query()]) -> Response:
    """How long the first response, the way back, the inspection and a dispute took, by the times of blocks, and how
    many came late: 1 hour, 7 working days, 24 hours, 15 working days by the account's calendar."""
    return JSONResponse(service_levels.board(ledger, account, query))


@router.get("/service-levels/breaches", responses=answers(schemas.LateSteps, "The latest that came late.", READING))
def list_breaches(ledger: Ledger, account: Bookkeeper, query: Annotated[BreachQuery, Query()]) -> Response:
    """The latest steps that came late, with certificates where the policy promises a time: those go by the policy."""
    return JSONResponse(service_levels.breaches(ledger, account, query))


@router.get("/business-calendar", responses=answers(schemas.BusinessCalendar, "The calendar.", READING))
def show_calendar(ledger: Ledger, account: Caller) -> Response:
    """The days that the account's board counts: Monday to Friday, unless it was set otherwise."""
    return JSONResponse(service_levels.show_calendar(ledger, account))


@router.put("/business-calendar", responses=answers(schemas.BusinessCalendar, "The calendar.", WRITING))
def set_calendar(
    ledger: Ledger, account: Caller, body: Annotated[CalendarInput, Body(openapi_examples={"own": {"value": CALENDAR}})]
) -> Response:
    """Sets the weekend and the holidays that the account's board goes by."""
    return JSONResponse(service_levels.set_calendar(ledger, account, body))
