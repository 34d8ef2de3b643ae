"""For machines: is it up, is it ready, how is it doing, and with which keys are its tokens checked."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from ledger_service.services.health import Readiness

from .. import schemas
from ..dependencies import Ledger
from ..openapi import answers

router = APIRouter(tags=["system"])


@router.get("/healthz", responses=answers(schemas.Health, "The process answers.", ()))
async def health() -> Response:
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    responses={
        **answers(schemas.Readiness, "Everything is there.", ()),
        503: {"model": schemas.Readiness, "description": "Something is missing; the components say what."},
    },
)
def ready(request: Request) -> Response:
    """Whether the database answers, the chain is the right one, and the workers keep up with both."""
    readiness: Readiness = request.app.state.readiness
    state = readiness.look()
    return JSONResponse(state, 200 if state["ready"] else 503)


@router.get(
    "/metrics",
    responses={200: {"description": "Prometheus text.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    text = await run_in_threadpool(generate_latest, request.app.state.metrics.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@router.get("/.well-known/jwks.json", responses=answers(schemas.KeySet, "The public keys (RFC 7517).", ()))
async def keys(ledger: Ledger) -> Response:
    """The keys under which links, receipts and bundles are signed."""
    return JSONResponse(ledger.tokens.jwks(), headers={"Cache-Control": "public, max-age=300"})
