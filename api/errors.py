"""Every error as problem details (RFC 9457): one shape, whatever went wrong and wherever.

    {"type": "urn:ledger:problem:out-of-order", "title": "…", "status": 409, "detail": "…", "field": "kind",
     "remedy": "…", "instance": "urn:ledger:request:…"}

`field` is a path such as `items.0.unit_price`, or the name of a header or parameter. Where several fields are wrong,
`errors` lists them all and the first one stands in front. A short value that is wrong, such as a country or a kind, may
be quoted back to whoever sent it. None of it is logged: it may be personal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from ledger_service import errors

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Kind:
    """What all errors of a class share. `remedy` is for those that bring none of their own."""

    status: int
    slug: str
    title: str
    remedy: str


# The first class that an error is an instance of counts, so subclasses stand before their parents.
TABLE: dict[type[errors.LedgerError], Kind] = {
    errors.InvalidInput: Kind(422, "invalid-input", "A value is not acceptable", "Correct the field and send again."),
    errors.Malformed: Kind(400, "malformed", "The request cannot be read", "Send the body as JSON in UTF-8."),
    errors.LinkAltered: Kind(
        401, "link-altered", "This link cannot be read", "Open the link exactly as you received it."
    ),
    errors.LinkExpired: Kind(401, "link-expired", "This link has expired", "Ask the shop for a new link."),
    errors.LinkErased: Kind(401, "link-erased", "This link ended with its case's personal data", "Ask the shop."),
    errors.LinkRevoked: Kind(401, "link-revoked", "This link was revoked", "Use the newest link you received."),
    errors.LinkUnknown: Kind(401, "link-unknown", "This link is not known here", "Ask the shop for a new link."),
    errors.SessionOver: Kind(401, "session-over", "This session is over", "Sign in again."),
    errors.Unauthenticated: Kind(
        401,
        "unauthenticated",
        "No valid credential",
        "Send `Authorization: Bearer` with your API key or link token.",
    ),
    errors.Forbidden: Kind(403, "forbidden", "Not allowed with this credential", "Use a credential with this right."),
    errors.NotFound: Kind(404, "not-found", "No such thing", "Check the id; you see only what names you."),
    errors.OutOfOrder: Kind(409, "out-of-order", "Not possible in this state", "Look at the case's state and `next`."),
    errors.Conflict: Kind(409, "conflict", "Contradicts what is recorded", "Look at what is recorded, then decide."),
    errors.TooLarge: Kind(413, "too-large", "Too large", "Send less in one request."),
    errors.LimitExceeded: Kind(429, "limit-exceeded", "Too many requests", "Wait as long as Retry-After says."),
    errors.Overloaded: Kind(503, "overloaded", "Too much to do right now", "Wait as long as Retry-After says."),
    errors.Unavailable: Kind(503, "unavailable", "Not available right now", "Try again in a moment."),
    errors.ChainMismatch: Kind(503, "chain-mismatch", "The chain is another one", "Tell the operator of this service."),
    errors.IntegrityFailure: Kind(
        500, "integrity-failure", "Stored data contradicts itself", "Tell the operator; nothing was written."
    ),
    errors.LedgerError: Kind(500, "failed", "The request failed", "Try again, and tell the operator if it goes on."),
}
_INVALID = TABLE[errors.InvalidInput]
_OF_HTTP = {
    400: TABLE[errors.Malformed],
    404: Kind(404, "not-found", "No such thing", "See /openapi.json for what there is."),
    405: Kind(405, "method-not-allowed", "Not this way", "Use one of the methods in the Allow header."),
    413: TABLE[errors.TooLarge],
    415: Kind(415, "unsupported-media-type", "Not this kind of body", "Send `Content-Type: application/json`."),
    500: Kind(500, "unexpected", "Something went wrong here", "Try again; if it goes on, tell the operator the id."),
}


def kind_of(error: errors.LedgerError) -> Kind:
    return next(kind for cls, kind in TABLE.items() if isinstance(error, cls))


def type_of(error: errors.LedgerError) -> str:
    return f"urn:ledger:problem:{kind_of(error).slug}"


def problem(
    request_id: str,
    kind: Kind,
    detail: str,
    *,
    field: str | None = None,
    remedy: str | None = None,
    headers: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Response:
    body: dict[str, Any] = {
        "type": f"urn:ledger:problem:{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "field": field,
        "remedy": remedy or kind.remedy,
        "instance": f"urn:ledger:request:{request_id}",
        **(more or {}),
    }
    body = {name: value for name, value in body.items() if value is not None}
    return JSONResponse(body, kind.status, dict(headers or {}), media_type=MEDIA_TYPE)


def problem_of(request_id: str, error: errors.LedgerError) -> Response:
    headers: dict[str, str] = {}
    field = error.field
    if isinstance(error, errors.LimitExceeded | errors.Unavailable):
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
        field = field or "Authorization"
    return problem(request_id, kind_of(error), error.detail, field=field, remedy=error.remedy, headers=headers)


def unexpected(request_id: str) -> Response:
    """What a caller sees of a bug: the id under which it was logged."""
    detail = f"An unexpected error was logged under {request_id}."
    return problem(request_id, _OF_HTTP[500], detail)


def install(api: FastAPI) -> None:
    @api.exception_handler(errors.LedgerError)
    async def on_ledger_error(request: Request, error: errors.LedgerError) -> Response:
        return problem_of(request.state.request_id, error)

    @api.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        return _invalid(request, error.errors())

    @api.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        kind = _OF_HTTP.get(error.status_code) or Kind(
            error.status_code, "refused", "The request was refused", "See /openapi.json for what there is."
        )
        detail = _HTTP_DETAILS.get(error.status_code, "The request was refused.")
        return problem(request.state.request_id, kind, detail, headers=error.headers)


_HTTP_DETAILS = {
    400: "The body cannot be read as JSON.",
    404: "There is nothing under this address.",
    405: "This address does not take this method.",
}


# --- what pydantic says ----------------------------------------------------------------------------------------------


def _invalid(request: Request, found: Sequence[Any]) -> Response:
    request_id: str = request.state.request_id
    first = found[0]
    if first["type"] == "json_invalid":
        detail = f"The body is no JSON: {first['ctx']['error']} at character {first['loc'][-1]}."
        return problem(request_id, _OF_HTTP[400], detail, field="body", remedy="Send valid JSON in UTF-8.")
    if first["loc"] == ("body",) and first["type"] != "missing" and not _declared_as_json(request):
        return problem(request_id, _OF_HTTP[415], "The body is not declared as JSON.", field="Content-Type")
    listed = [{"field": _path(error["loc"]), "detail": _detail(error), "remedy": _remedy(error)} for error in found]
    more = {"errors": listed} if len(listed) > 1 else None
    return problem(
        request_id,
        _INVALID,
        listed[0]["detail"],
        field=listed[0]["field"],
        remedy=listed[0]["remedy"],
        more=more,
    )


def _declared_as_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type.startswith("application/") and media_type.endswith(("/json", "+json"))


def _path(location: Sequence[str | int]) -> str:
    """`items.0.sku` of `("body", "items", 0, "sku")`; a header's or parameter's own name; `body` for all of it."""
    return ".".join(str(part) for part in location[1:]) or str(location[0])


def _detail(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "This field is missing."
        case "extra_forbidden":
            return "There is no such field."
        case "value_error":
            return f"This value is not acceptable: {error['ctx']['error']}."
        case _:
            return f"This value is not acceptable: {_lower(error['msg'])}."


def _remedy(error: Mapping[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "Send it; /openapi.json says in which form."
        case "extra_forbidden":
            return "Leave it out, or check its spelling."
        case _:
            return "Send a value of the form that /openapi.json gives for this field."


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
