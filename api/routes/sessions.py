"""Sessions for consoles: opened by an API key or a signature, used as a bearer, ended by whoever has them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ledger_service.errors import Unauthenticated
from ledger_service.services import sessions

from ..dependencies import Caller, Ledger, Limits, PresentedKey, PresentedSession, address_of
from ..load import Load
from ..openapi import READING, answers, problem_answers
from ..schemas import sessions as schemas

router = APIRouter(prefix="/v1/sessions", tags=["sessions"])
_SIGNING = (400, 401, 409, 413, 415, 422, 429, 503)


@router.post("", status_code=201, responses=answers(schemas.SessionOpened, "The session.", (401, 403, 429, 503), 201))
async def open_session(request: Request, ledger: Ledger, account: Caller, api_key: PresentedKey) -> Response:
    """Opens a session with an API key, so that a browser need not keep that. It acts as its account for 12 hours, while
    it is used, and for as long as the key counts."""
    load: Load = request.app.state.load
    opened = await load.write(sessions.open_session, ledger, account, sessions.hash_of(api_key))
    return JSONResponse(opened, 201)


@router.post("/challenge", responses=answers(schemas.Challenge, "What to sign.", (400, 413, 415, 422, 429, 503)))
async def challenge(
    request: Request, ledger: Ledger, limits: Limits, body: Annotated[sessions.ChallengeInput, Body()]
) -> Response:
    """For an account with a key of its own: a message to sign (ERC-4361), good for five minutes and once. Needs no
    credential, and does not say whether there is such an account."""
    limits.count_request(f"address:{address_of(request.scope)}")
    return JSONResponse(sessions.challenge(ledger, body.address))


@router.post("/sign-in", status_code=201, responses=answers(schemas.SessionOpened, "The session.", _SIGNING, 201))
async def sign_in(
    request: Request, ledger: Ledger, limits: Limits, body: Annotated[sessions.SignInInput, Body()]
) -> Response:
    """Opens a session by a signed challenge: whoever holds the account's own key needs no API key in a browser."""
    load: Load = request.app.state.load
    try:
        opened = await load.write(sessions.sign_in, ledger, body)
    except Unauthenticated:
        limits.count_failure(address_of(request.scope))
        limits.count_failure(f"signer:{sessions.signer_named(body.message)}")
        raise
    return JSONResponse(opened, 201)


@router.get("/current", responses=answers(schemas.Session, "The session.", READING))
def show_session(ledger: Ledger, token: PresentedSession) -> Response:
    """Whose session this is, and until when."""
    return JSONResponse(sessions.current_session(ledger, token))


@router.delete("/current", status_code=204, responses=problem_answers(*READING))
def end_session(ledger: Ledger, token: PresentedSession) -> Response:
    """Ends the session at once."""
    sessions.end_session(ledger, token)
    return Response(status_code=204)
