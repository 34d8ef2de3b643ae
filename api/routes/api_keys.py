"""API keys: further ones, their rotation and end; and accounts for a merchant's own parties."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path, Request
from starlette.responses import JSONResponse, Response

from ledger_service.errors import Forbidden
from ledger_service.services import api_keys
from ledger_service.services.api_keys import Holder, KeyInput, PartyInput, RotationInput
from ledger_service.services.sessions import hash_of

from ..dependencies import Caller, Ledger, Merchant, credential_of, principal
from ..openapi import READING, WRITING, answers, problem_answers
from ..schemas import keys as schemas
from ..writing import WritingRequest, answer_write

router = APIRouter(prefix="/v1", tags=["sessions"])
KeyId = Annotated[str, Path(max_length=40, description="The key's id, as the list names it.")]
PartyId = Annotated[int, Path(ge=1, le=2**31 - 1, description="The party's id.")]
_KEY = {"till": {"value": {"name": "Warehouse scanner", "expires_at": "2027-01-01T00:00:00Z"}}}
_PARTY = {"carrier": {"value": {"role": "carrier", "name": "Parcel van 7"}}}


async def key_holder(request: Request, account: Caller) -> Holder:
    """The caller, by an API key. Raises Forbidden for a session: who takes one over could make a key and stay."""
    if request.state.in_session:
        raise Forbidden(
            "A session makes and ends no credentials.", field="Authorization", remedy="Use the account's API key."
        )
    return Holder(account, hash_of(credential_of(request)))


KeyHolder = Annotated[Holder, Depends(key_holder)]


@router.get("/api-keys", responses=answers(schemas.ApiKeyList, "The account's keys.", READING))
def list_keys(ledger: Ledger, account: Caller) -> Response:
    """The account's keys by name and time, the oldest first; `key_first` is the one that it was made with."""
    return JSONResponse(api_keys.list_keys(ledger, account))


@router.post("/api-keys", status_code=201, responses=answers(schemas.ApiKeyMade, "The key.", WRITING, 201))
async def make_key(
    ledger: Ledger,
    holder: KeyHolder,
    writing: WritingRequest,
    body: Annotated[KeyInput, Body(openapi_examples=_KEY)],
) -> Response:
    """Makes a further key of the same account, shown this once."""
    return await answer_write(
        ledger,
        principal(holder.account),
        writing,
        201,
        lambda claim: api_keys.make_key(ledger, holder, body, idempotency=claim),
        None,
    )


@router.post(
    "/api-keys/{key_id}/rotation",
    status_code=201,
    responses=answers(schemas.ApiKeyMade, "The new key.", WRITING, 201),
)
async def rotate_key(
    ledger: Ledger,
    holder: KeyHolder,
    writing: WritingRequest,
    key_id: KeyId,
    body: Annotated[RotationInput, Body(openapi_examples={"day": {"value": {"overlap_hours": 24}}})],
) -> Response:
    """Makes a new key in place of one, which counts for some hours more."""
    return await answer_write(
        ledger,
        principal(holder.account),
        writing,
        201,
        lambda claim: api_keys.rotate_key(ledger, holder, key_id, body, idempotency=claim),
        None,
    )


@router.delete("/api-keys/{key_id}", status_code=204, responses=problem_answers(*READING, 409))
def revoke_key(ledger: Ledger, holder: KeyHolder, key_id: KeyId) -> Response:
    """Ends a key at once, with the sessions that it opened. The last one stays."""
    api_keys.revoke_key(ledger, holder, key_id)
    return Response(status_code=204)


@router.get("/parties", responses=answers(schemas.PartyList, "The merchant's parties.", READING))
def list_parties(ledger: Ledger, account: Merchant) -> Response:
    """The carriers, warehouses and inspectors that this merchant made."""
    return JSONResponse(api_keys.list_parties(ledger, account))


@router.post("/parties", status_code=201, responses=answers(schemas.PartyMade, "The party.", WRITING, 201))
async def make_party(
    ledger: Ledger,
    holder: KeyHolder,
    _merchant: Merchant,
    writing: WritingRequest,
    body: Annotated[PartyInput, Body(openapi_examples=_PARTY)],
) -> Response:
    """Makes an account for a carrier, warehouse or inspector of the merchant's own, with its API key, shown this once.
    The service signs for it. One with an address of its own is made by the operator, who also says which inspector is
    independent."""
    return await answer_write(
        ledger,
        principal(holder.account),
        writing,
        201,
        lambda claim: api_keys.make_party(ledger, holder, body, idempotency=claim),
        None,
    )


@router.delete("/parties/{party_id}", status_code=204, responses=problem_answers(*READING))
def disable_party(ledger: Ledger, holder: KeyHolder, _merchant: Merchant, party_id: PartyId) -> Response:
    """Ends all keys of a party at once. Its cases go on, and what it signed stays."""
    api_keys.disable_party(ledger, holder.account, party_id)
    return Response(status_code=204)
