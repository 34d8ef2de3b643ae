"""For machines: is it up, is it ready, how is it doing, and with which keys are its tokens checked."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from ledger_service.services.bundles import BUNDLE_SCHEMA
from ledger_service.services.health import Readiness

from .. import schemas
from ..dependencies import Ledger
from ..load import Load
from ..openapi import answers

router = APIRouter(tags=["system"])


@router.get("/healthz", responses=answers(schemas.Health, "The process answers.", ()))
async def health() -> Response:
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    responses={
        **answers(schemas.Readiness, "Requests are taken; `degraded` names what lags behind.", ()),
        503: {"model": schemas.Readiness, "description": "Send no requests here; the components say why."},
    },
)
async def ready(request: Request) -> Response:
    """Whether requests can be taken, and how each component is. With the chain away they can: records are kept, and
    written to it later."""
    readiness: Readiness = request.app.state.readiness
    load: Load = request.app.state.load
    state = await load.watch(readiness.look)
    return JSONResponse(state, 200 if state["ready"] else 503)


@router.get(
    "/metrics",
    responses={200: {"description": "Prometheus text.", "content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(request: Request) -> Response:
    load: Load = request.app.state.load
    text = await load.watch(lambda: generate_latest(request.app.state.metrics.registry))
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@router.get("/.well-known/jwks.json", responses=answers(schemas.KeySet, "The public keys (RFC 7517).", ()))
async def keys(ledger: Ledger) -> Response:
    """The keys under which links, receipts and bundles are signed."""
    return JSONResponse(ledger.tokens.jwks(), headers={"Cache-Control": "public, max-age=300"})


@router.get(
    "/schemas/after-sales-bundle-1.schema.json",
    responses={
        200: {
            "description": "JSON Schema (draft 2020-12).",
            "content": {"application/schema+json": {"schema": {"type": "object"}}},
        }
    },
)
async def bundle_schema() -> Response:
    """The form of an evidence bundle."""
    headers = {"Cache-Control": "public, max-age=86400"}
    return Response(BUNDLE_SCHEMA, media_type="application/schema+json", headers=headers)
