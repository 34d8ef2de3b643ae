"""Who is asking, and with what right: what routes declare as parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Path, Request, Security
from fastapi.security import HTTPBearer
from pydantic import AfterValidator, WithJsonSchema
from starlette.concurrency import run_in_threadpool
from starlette.types import Scope
from structlog.contextvars import bind_contextvars

from ledger_service.errors import Forbidden, LedgerError, LimitExceeded, NotFound, Unauthenticated
from ledger_service.services import accounts, links, sessions
from ledger_service.services.app import App
from ledger_service.services.rate_limits import RateLimits
from ledger_service.store.tables import Account

from .gathering import Gatherer
from .load import require_hands

_MAX_CREDENTIAL = 4_096
_TOGETHER = 256  # API keys in one question
_WAITING = 300  # each holds what it sent, and nobody knows yet who it is

Keys = Gatherer[str, Account]
_api_key = HTTPBearer(
    auto_error=False,
    scheme_name="ApiKey",
    description="An API key, as `ledger keys create` prints it once, or the token of a session.",
)
_link_token = HTTPBearer(
    auto_error=False, scheme_name="StatusLink", description="The token of a status link: what follows `/s#`."
)


async def get_ledger(request: Request) -> App:
    return cast("App", request.app.state.ledger)


async def get_limits(request: Request) -> RateLimits:
    return cast("RateLimits", request.app.state.limits)


async def get_keys(request: Request) -> Keys:
    return cast("Keys", request.app.state.keys)


def gather_keys(app: App) -> Keys:
    """API keys and sessions, looked up many at a time and each anew for each request: what was ended ends at once."""
    return Gatherer(lambda keys: accounts.authenticate_all(app, keys), most=_TOGETHER, line=_WAITING, why="read")


Ledger = Annotated[App, Depends(get_ledger)]
ApiKeys = Annotated[Keys, Depends(get_keys)]
Limits = Annotated[RateLimits, Depends(get_limits)]


# --- API keys and sessions -------------------------------------------------------------------------------------------


async def authenticated_account(
    request: Request, keys: ApiKeys, limits: Limits, _scheme: Annotated[object, Security(_api_key)]
) -> Account:
    """The account of the request's API key or session. Raises Unauthenticated, LimitExceeded or Overloaded."""
    account = await account_of(keys, limits, _header(request), address_of(request.scope))
    require_hands()
    request.state.account, request.state.in_session = account, _is_session(credential_of(request))
    return account


async def account_of(keys: Keys, limits: RateLimits, header: str, address: str) -> Account:
    """The account of an Authorization header. Raises Unauthenticated or LimitExceeded."""
    try:
        account = await keys.ask(_api_key_of(header))
    except Unauthenticated:
        limits.count_failure(address)
        raise
    limits.count_request(principal(account))
    return account


@dataclass(frozen=True, slots=True)
class Presented:
    """An API key that is still to be looked up, and the network address that it came from."""

    api_key: str
    address: str


def present(limits: RateLimits, header: str, address: str) -> Presented:
    """The API key in an Authorization header. Raises Unauthenticated or LimitExceeded."""
    try:
        return Presented(_api_key_of(header), address)
    except Unauthenticated:
        limits.count_failure(address)
        raise


def admit(app: App, limits: RateLimits, keys: Sequence[Presented]) -> list[Account | LedgerError]:
    """The account of each key, or what `account_of` would raise for it; all are looked up by one question."""
    found = accounts.authenticate_all(app, [key.api_key for key in keys]) if keys else []
    return [_counted(limits, key, account) for key, account in zip(keys, found, strict=True)]


def _counted(limits: RateLimits, key: Presented, account: Account | Unauthenticated) -> Account | LedgerError:
    try:
        if isinstance(account, Account):
            limits.count_request(principal(account))
        else:
            limits.count_failure(key.address)
    except LimitExceeded as error:
        return error
    return account


Caller = Annotated[Account, Depends(authenticated_account)]


async def presented_key(request: Request, _account: Caller) -> str:
    """The caller's API key. Raises Forbidden for a session, which could go on without end if it opened others."""
    if request.state.in_session:
        raise Forbidden("A session opens no other.", field="Authorization", remedy="Use the account's API key.")
    return credential_of(request)


async def presented_session(request: Request, _account: Caller) -> str:
    """The caller's token of a session. Raises Forbidden for an API key."""
    if not request.state.in_session:
        raise Forbidden(
            "This is an API key, and no session.", field="Authorization", remedy="Open one: POST /v1/sessions."
        )
    return credential_of(request)


PresentedKey = Annotated[str, Depends(presented_key)]
PresentedSession = Annotated[str, Depends(presented_session)]


def holder_of(*roles: str) -> Callable[[Account], Account]:
    """A dependency: the caller, if its role is one of these. Raises Forbidden."""

    async def check(account: Caller) -> Account:
        if account.role not in roles:
            raise Forbidden(
                f"A {account.role}'s key cannot do this.",
                field="Authorization",
                remedy=f"Use the key of a {' or '.join(roles)}.",
            )
        return account

    return cast("Callable[[Account], Account]", check)


def principal(account: Account) -> str:
    return f"account:{account.id}"


Merchant = Annotated[Account, Depends(holder_of("merchant"))]
Arbitrator = Annotated[Account, Depends(holder_of("arbitrator"))]
DisputeReader = Annotated[Account, Depends(holder_of("arbitrator", "merchant", "auditor", "operator"))]
Bookkeeper = Annotated[Account, Depends(holder_of("merchant", "auditor", "operator"))]
TrailReader = Annotated[Account, Depends(holder_of("merchant", "operator"))]


# --- status links ----------------------------------------------------------------------------------------------------


LinkScheme = Annotated[object, Security(_link_token)]


async def presented_token(request: Request, limits: Limits, _scheme: LinkScheme) -> str:
    """The bearer token of a status link, not verified yet. Raises Unauthenticated or LimitExceeded."""
    try:
        return _token_of(_header(request))
    except Unauthenticated:
        limits.count_failure(address_of(request.scope))
        raise


Token = Annotated[str, Depends(presented_token)]


async def authenticated_link(request: Request, ledger: Ledger, limits: Limits, token: Token) -> links.LinkClaims:
    """What the request's link allows. Raises Unauthenticated for one that is altered, expired or revoked."""
    try:
        claims = await run_in_threadpool(links.authenticate_link, ledger, token)
    except Unauthenticated:
        limits.count_failure(address_of(request.scope))
        raise
    limits.count_request(link_principal(claims))
    request.state.link = claims
    bind_contextvars(case_id=claims.case_id)
    return claims


def link_principal(claims: links.LinkClaims) -> str:
    return f"link:{claims.jti}"


Link = Annotated[links.LinkClaims, Depends(authenticated_link)]


async def authenticated_either(
    request: Request,
    ledger: Ledger,
    keys: ApiKeys,
    limits: Limits,
    _key: Annotated[object, Security(_api_key)],
    token: LinkScheme,
) -> Account | links.LinkClaims:
    """A business by its API key, or a consumer by their link. Raises Unauthenticated or LimitExceeded."""
    if _is_token(credential_of(request)):
        return await authenticated_link(request, ledger, limits, await presented_token(request, limits, token))
    return await authenticated_account(request, keys, limits, _key)


async def require_credential(scope: Scope) -> None:
    """Whoever asks has an API key or a link that counts; which of them an address takes is for its route to say. Raises
    Unauthenticated or Overloaded."""
    state, request = scope["app"].state, Request(scope)
    try:
        if _is_token(credential_of(request)):
            require_hands()
            await run_in_threadpool(links.authenticate_link, state.ledger, _token_of(_header(request)))
        else:
            await state.keys.ask(_api_key_of(_header(request)))
    except Unauthenticated:
        state.limits.count_failure(address_of(scope))
        raise


def principal_of(who: Account | links.LinkClaims) -> str:
    return principal(who) if isinstance(who, Account) else link_principal(who)


CaseParty = Annotated[Account | links.LinkClaims, Depends(authenticated_either)]


# --- what stands in the path -----------------------------------------------------------------------------------------


def _case_id(text: str) -> str:
    digits = text.removeprefix("0x")
    if len(digits) != 64 or len(text) != 66 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        raise NotFound("No case has this id.", field="case_id", remedy="A case id is 0x and 64 hex digits.")
    return text.lower()


CaseId = Annotated[
    str,
    Path(description="The case, as `POST /v1/cases` named it."),
    AfterValidator(_case_id),
    WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-f]{64}$", "examples": ["0x" + "5a" * 32]}),
]


# --- helpers ---------------------------------------------------------------------------------------------------------


def _header(request: Request) -> str:
    return request.headers.get("authorization", "")


def credential_of(request: Request) -> str:
    return _header(request).strip().partition(" ")[2].strip()


def _api_key_of(header: str) -> str:
    key = _bearer(header, "your API key")
    if _is_token(key):
        raise Unauthenticated(
            "This is the token of a status link; this address takes an API key.",
            field="Authorization",
            remedy="Send an API key, or go to /v1/status with this token.",
        )
    return key


def _token_of(header: str) -> str:
    token = _bearer(header, "the token of the status link")
    if not _is_token(token):
        raise Unauthenticated(
            "This is no token of a status link.",
            field="Authorization",
            remedy="Send what follows `/s#` in the link, whole; an API key goes to /v1/cases.",
        )
    return token


def _bearer(header: str, what: str) -> str:
    """The credential of `Authorization: Bearer …`. Raises Unauthenticated."""
    scheme, _, credential = header.strip().partition(" ")
    credential = credential.strip()
    remedy = f"Send `Authorization: Bearer` followed by {what}."
    if not header:
        raise Unauthenticated("This address needs a credential.", field="Authorization", remedy=remedy)
    if scheme.lower() != "bearer":
        raise Unauthenticated("Only the scheme Bearer is taken here.", field="Authorization", remedy=remedy)
    if not credential or len(credential) > _MAX_CREDENTIAL or not credential.isascii():
        raise Unauthenticated("The credential is empty or no text of ours.", field="Authorization", remedy=remedy)
    return credential


def _is_token(credential: str) -> bool:
    """A compact JWS has three parts; an API key has no dots."""
    return credential.count(".") == 2


def _is_session(credential: str) -> bool:
    return credential.startswith(sessions.PREFIX)


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
