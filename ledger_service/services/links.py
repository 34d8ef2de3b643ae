"""Signed status links: who holds one may look at one case, and do what its scopes say.

The token stands in the URL's fragment, so no server log and no referrer ever holds it. A link that acts reaches the
consumer by e-mail alone; the one in the merchant's answer can only read.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import Session

from ..domain.times import from_chain, rfc3339, to_chain
from ..domain.vocabulary import Kind, State
from ..errors import Forbidden, InvalidInput, LinkErased, LinkRevoked, LinkUnknown, NotFound
from ..store.cases import find_case, first_link, status_link
from ..store.tables import Account, CaseRow, StatusLink
from .access import require_enabled, require_merchant
from .app import App
from .idempotency import IdempotencyClaim, complete
from .inputs import LinkInput

READ = "status:read"
SIGN = "settlement:sign"
DISPUTE = "dispute:open"
READING = (READ,)
ACTING = (READ, SIGN, DISPUTE)
# What says that something is wrong; whatever else a link does settles something.
_OBJECTING = (Kind.DISPUTED, Kind.EVIDENCE, Kind.CHALLENGED, Kind.APPEALED, Kind.OBJECTED)
_ROUNDS = 5  # first, fallback, appeal; and after a challenge first and fallback again
_GRACE_DAYS = 30  # a link outlives its case's last window, so that the outcome can still be read


@dataclass(frozen=True, slots=True)
class LinkClaims:
    case_id: str
    jti: str
    scopes: tuple[str, ...]
    expires_at: int


def issue_link(app: App, session: Session, case: CaseRow, scopes: tuple[str, ...], expires_at: int) -> tuple[str, str]:
    """A new link's URL and `jti`, kept if the session commits."""
    jti, now = secrets.token_urlsafe(16), app.clock.seconds()
    scope = " ".join(scopes)
    row = StatusLink(jti=jti, case_id=case.case_id, scopes=scope, created_at=now, expires_at=expires_at)
    session.add(row)
    return _url_of(app, row), jti


def reading_link(app: App, session: Session, case_id: str) -> str | None:
    """The URL of the case's first link that can only read, for documents that may be passed on; None if each of them
    is over. The same link has the same URL each time, as Ed25519 signs without chance."""
    row = first_link(session, case_id, READ, app.clock.seconds())
    return _url_of(app, row) if row else None


def _url_of(app: App, row: StatusLink) -> str:
    claims = {
        "iss": app.settings.url,
        "sub": row.case_id,
        "jti": row.jti,
        "iat": row.created_at,
        "exp": row.expires_at,
        "scope": row.scopes,
    }
    return f"{app.settings.url}/s#{app.tokens.sign('status+jwt', claims)}"


def last_window_ends(app: App, case: CaseRow) -> int:
    """Seconds since 1970 after which nothing can happen in this case any more, and the grace for reading.

    A case enters each state once at most, but disputes up to once for each round of votes. Notices run within the
    windows of the states, but for the one that a payment to another address waits out at the end.
    """
    policy = app.policies.by_id(case.policy_id)
    more_disputes = (_ROUNDS - 1) * policy.windows[State.DISPUTED] // 86_400 + 1
    return case.opened_at + (policy.total_days + more_disputes + _GRACE_DAYS) * 86_400


def create_link(
    app: App, account: Account, case_id: str, request: LinkInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """A reading link for the merchant to hand out. Raises NotFound or Forbidden, InvalidInput for a past expiry."""
    now = app.clock.now()
    with app.database.write() as session:
        case = find_case(session, case_id)
        case = require_merchant(session, account, case)
        require_enabled(session, account)
        expires_at = last_window_ends(app, case)
        if request.expires_at is not None:
            if not now < request.expires_at <= now + timedelta(days=2 * 365):
                raise InvalidInput(
                    "A link expires in the future, within two years.",
                    field="expires_at",
                    remedy="Send a later time, or leave it out.",
                )
            expires_at = to_chain(request.expires_at)
        url, jti = issue_link(app, session, case, READING, expires_at)
        body = {
            "status_link": url,
            "jti": jti,
            "scopes": list(READING),
            "expires_at": rfc3339(from_chain(expires_at)),
        }
        complete(session, idempotency, 201, body)
    return body


def authenticate_link(app: App, token: str) -> LinkClaims:
    """What a link's token allows. Raises Unauthenticated if it is altered, expired, or revoked."""
    claims = app.tokens.verify("status+jwt", token, app.clock.now())
    with app.database.read() as session:
        row = status_link(session, str(claims.get("jti")))
    if row is None or row.case_id != claims.get("sub"):
        raise LinkUnknown("This link is not known here.", field="Authorization", remedy="Ask the shop for a new link.")
    if row.revoked_at is not None and is_erased(app, row.case_id):
        raise LinkErased(
            "The personal data of this case was erased, and its links ended with it.",
            field="Authorization",
            remedy="Ask the shop for a new link if you want to see what is left: amounts, dates and fingerprints.",
        )
    if row.revoked_at is not None:
        raise LinkRevoked(
            "This link was revoked.", field="Authorization", remedy="Use the newest link you received, or ask the shop."
        )
    return LinkClaims(row.case_id, row.jti, tuple(row.scopes.split()), row.expires_at)


def is_erased(app: App, case_id: str) -> bool:
    with app.database.read() as session:
        case = find_case(session, case_id)
    return case is not None and case.erased_at is not None


def scope_for(kind: Kind) -> str:
    """The scope that a link needs for an act."""
    return DISPUTE if kind in _OBJECTING else SIGN


def require_scope(claims: LinkClaims, kind: Kind) -> None:
    """Raises Forbidden if the link has no right to this act."""
    if scope_for(kind) not in claims.scopes:
        raise _only_reads()


def require_acting(claims: LinkClaims) -> None:
    """Raises Forbidden if the link speaks for nobody."""
    if claims.scopes == READING:
        raise _only_reads()


def _only_reads() -> Forbidden:
    return Forbidden(
        "This link can look but not act.",
        field="Authorization",
        remedy="Use the link in the e-mail that came to the consumer.",
    )


def revoke_link(app: App, account: Account, case_id: str, jti: str) -> None:
    """Ends a reading link. Links that reached the consumer by e-mail stay: a live case is never silenced.

    Raises NotFound if this case has no such link that its merchant may revoke.
    """
    with app.database.write() as session:
        require_merchant(session, account, find_case(session, case_id))
        row = status_link(session, jti)
        if row is None or row.case_id != case_id or row.scopes != READ:
            raise NotFound(
                "This case has no such link that you can revoke.", field="jti", remedy="Check the link's id."
            )
        row.revoked_at = row.revoked_at or app.clock.seconds()
        session.add(row)
