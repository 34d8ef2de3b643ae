"""Lists as files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from starlette.responses import Response, StreamingResponse

from ledger_service.services import exporting
from ledger_service.services.case_lists import CaseFilter

from ..dependencies import Bookkeeper, Caller, Ledger
from ..openapi import READING, problem_answers

router = APIRouter(prefix="/v1/exports", tags=["cases"])


class ExportQuery(CaseFilter):
    bom: bool = Field(default=False, description="Begin with a byte order mark, by which spreadsheets know UTF-8.")


def _file(columns: list[str]) -> dict[int | str, Any]:
    text = {"schema": {"type": "string"}, "example": ",".join(columns) + "\r\n"}
    return {200: {"description": "CSV (RFC 4180), oldest first.", "content": {"text/csv": text}}}


@router.get(
    "/cases.csv",
    response_class=StreamingResponse,
    responses={**_file(exporting.CASES), **problem_answers(*READING)},
)
def export_cases(ledger: Ledger, account: Caller, query: Annotated[ExportQuery, Query()]) -> Response:
    """The cases of `GET /v1/cases` with the same filters, all of them, as they are sent. A cell that begins like a
    formula has an apostrophe before it."""
    return _answer(exporting.cases_csv(ledger, account, query, bom=query.bom), "cases")


@router.get(
    "/refunds.csv",
    response_class=StreamingResponse,
    responses={**_file(exporting.REFUNDS), **problem_answers(*READING)},
)
def export_refunds(ledger: Ledger, account: Bookkeeper, query: Annotated[ExportQuery, Query()]) -> Response:
    """The amounts of `GET /v1/audit/refunds` with the same filters, all of them."""
    return _answer(exporting.refunds_csv(ledger, account, query, bom=query.bom), "refunds")


def _answer(lines: Iterator[str], name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return StreamingResponse(lines, media_type="text/csv; charset=utf-8", headers=headers)
