"""The log of observations, for anybody: checkpoint and tiles as C2SP tlog-tiles has them, and proofs by RFC 6962.

It holds fingerprints alone, so it needs no credential.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import WithJsonSchema
from starlette.responses import JSONResponse, PlainTextResponse, Response

from ledger_service.domain.tiles import parse_tile_path
from ledger_service.services import log

from .. import schemas
from ..dependencies import Ledger, Limits, address_of
from ..openapi import answers, problem_answers

_FOR_EVER = "public, max-age=31536000, immutable"  # what follows from its address never changes
_FOR_NOW = "no-cache"
_TEXT: dict[int | str, Any] = {200: {"description": "Text.", "content": {"text/plain": {"schema": {"type": "string"}}}}}
_BYTES: dict[int | str, Any] = {
    200: {
        "description": "Hashes of 32 bytes each, or entries with their lengths.",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


async def counted(request: Request, limits: Limits) -> None:
    """Raises LimitExceeded for an address that asks too often."""
    limits.count_request(f"address:{address_of(request.scope)}")


router = APIRouter(prefix="/v1/log", tags=["log"], dependencies=[Depends(counted)])
Size = Annotated[int | None, Query(ge=1, lt=2**31, description="A checkpoint's; left out: the newest's.")]
Hash = Annotated[str, Query(pattern="^0x[0-9a-f]{64}$", description="An observation's fingerprint.")]


@router.get("/checkpoint", responses={**_TEXT, **problem_answers(404, 429, 503)})
def checkpoint(ledger: Ledger) -> Response:
    """The newest checkpoint (C2SP tlog-checkpoint), a note that the service signed."""
    return PlainTextResponse(log.checkpoint_note(ledger), headers={"Cache-Control": _FOR_NOW})


@router.get("/key", responses={**_TEXT, **problem_answers(429, 503)})
def key(ledger: Ledger) -> Response:
    """The key that signs checkpoints, as verifiers of notes take it (C2SP signed-note). Compare it with what you were
    given elsewhere."""
    return PlainTextResponse(log.log_key(ledger), headers={"Cache-Control": _FOR_NOW})


@router.get("/tile/{path:path}", responses={**_BYTES, **problem_answers(404, 429, 503)})
def tile(
    ledger: Ledger,
    path: Annotated[
        str,
        Path(description="`LEVEL/NUMBER`, or `entries/NUMBER`; `.p/WIDTH` behind it for a part."),
        WithJsonSchema({"type": "string", "examples": ["0/000.p/1"]}),
    ],
) -> Response:
    """A tile of the tree, or a bundle of entries (C2SP tlog-tiles)."""
    found = log.tile_bytes(ledger, parse_tile_path(path))
    return Response(found, media_type="application/octet-stream", headers={"Cache-Control": _FOR_EVER})


@router.get(
    "/proof/inclusion", responses=answers(schemas.InclusionProof, "Entry and audit path.", (404, 422, 429, 503))
)
def inclusion(
    ledger: Ledger,
    index: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
    commitment: Hash | None = None,
    size: Size = None,
) -> Response:
    """Shows that an entry, by index or by fingerprint, is in the log under a checkpoint."""
    return JSONResponse(log.inclusion(ledger, index, commitment, size))


@router.get(
    "/proof/consistency",
    responses=answers(schemas.ConsistencyProof, "What leads from the first to the second.", (404, 422, 429, 503)),
)
def consistency(
    ledger: Ledger,
    first: Annotated[int, Query(ge=1, lt=2**31, description="The size of the checkpoint that you have.")],
    second: Size = None,
) -> Response:
    """Shows that the log only grew between two checkpoints."""
    return JSONResponse(log.consistency(ledger, first, second))
