"""Sessions of consoles: a token that acts as its account for some hours, instead of an API key kept in a browser.

One is opened with an API key, or by a signature of the account's own key (Sign-In with Ethereum, ERC-4361). It goes
with `Authorization: Bearer` as an API key does: there is no cookie, so no other site can make a browser send it.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any, Literal, NoReturn
from urllib.parse import urlsplit

from pydantic import Field
from sqlmodel import Session

from ..domain.hashing import from_hex
from ..domain.sign_in import LONGEST, SignIn, read_sign_in, signer_of
from ..domain.times import from_chain, parse_moment, rfc3339, to_chain
from ..errors import Conflict, NotFound, SessionOver, Unauthenticated
from ..store import sessions as sql
from ..store.keys import account_by_name
from ..store.tables import Account, SessionRow
from .app import App
from .inputs import Address, Input

PREFIX = "ses_"
LIFETIME = 12 * 3_600  # seconds
IDLE = 30 * 60
CHALLENGE = 5 * 60
_MOST = 50  # sessions of an account; the oldest gives way
_RANDOM = 32  # characters of a nonce that are chance; the rest says that we made it
Role = Literal["merchant", "carrier", "warehouse", "inspector", "arbitrator", "auditor", "operator"]
_STATEMENT = "Sign in to the after-sales ledger. This costs nothing and sends no transaction."


class ChallengeInput(Input):
    """Who wants to sign in."""

    address: Address


class SignInInput(Input):
    """A challenge's message as it was given, and what the wallet's `personal_sign` made of it."""

    message: Annotated[str, Field(min_length=1, max_length=LONGEST)]
    signature: Annotated[str, Field(pattern=r"^0x[0-9a-fA-F]{130}$", description="65 bytes: r, s, v.")]
    role: Role | None = Field(default=None, description="Which of several accounts at this address.")


# --- begin -----------------------------------------------------------------------------------------------------------


def open_session(app: App, account: Account, key_hash: str) -> dict[str, Any]:
    """A session of the account whose API key has this hash. It ends with that key."""
    with app.database.write() as session:
        return _begin(app, session, account, key_hash)


def challenge(app: App, address: str) -> dict[str, Any]:
    """What the holder of an address is asked to sign. It says nothing of whether there is such an account, and keeps
    nothing: the nonce carries a keyed hash of the whole message."""
    now = app.clock.now().replace(microsecond=0)
    message = SignIn(
        **_our_place(app),
        address=address,
        nonce=secrets.token_hex(_RANDOM // 2),
        statement=_STATEMENT,
        issued_at=rfc3339(now),
        expiration_time=rfc3339(now + timedelta(seconds=CHALLENGE)),
    )
    return {"message": replace(message, nonce=message.nonce + _mark(app, message)).text()}


def sign_in(app: App, request: SignInInput) -> dict[str, Any]:
    """A session for the account that signed one of our challenges. Raises InvalidInput for what is no such message,
    Unauthenticated where it does not count, Conflict where it fits several accounts."""
    message = read_sign_in(request.message)
    nonce, ends = _require_ours(app, message)
    if signer_of(request.message, from_hex(request.signature)) != message.address:
        _refuse("The signature is not of the message's address.", "signature")
    with app.database.write() as session:
        if not sql.use_nonce(session, nonce, ends):  # before all else; undone where what follows raises
            _refuse("This message was used already.")
        account = _only(sql.accounts_signing_at(session, message.address), request.role)
        return _begin(app, session, account, None)


def signer_named(message: str) -> str:
    """The address that a message names, for whoever counts failures."""
    return read_sign_in(message).address


def _our_place(app: App) -> dict[str, Any]:
    """Where one signs in. https is what a message without a scheme means."""
    public = urlsplit(app.settings.url)
    scheme = None if public.scheme == "https" else public.scheme
    return {
        "scheme": scheme,
        "domain": public.netloc,
        "uri": app.settings.url,
        "chain_id": app.deployment.chain_id,
    }


def _mark(app: App, message: SignIn) -> str:
    return app.vault.blind_index("sign-in", message.text())


def _require_ours(app: App, message: SignIn) -> tuple[str, int]:
    """The nonce, and when the message is over, if it is one that we made, for here and not too long ago."""
    for name, expected in _our_place(app).items():
        if getattr(message, name) != expected:
            _refuse(f"The message is for another {name.replace('_', ' ')} than {expected or 'https'}.")
    random, mark = message.nonce[:_RANDOM], message.nonce[_RANDOM:]
    if not hmac.compare_digest(mark, _mark(app, replace(message, nonce=random))):
        _refuse("The message is none of ours, or was changed.")
    ends = to_chain(parse_moment(message.expiration_time or "", field="message"))
    if app.clock.seconds() >= ends:
        _refuse("The message is over.")
    return message.nonce, ends


def _refuse(why: str, field: str = "message") -> NoReturn:
    raise Unauthenticated(why, field=field, remedy="Ask POST /v1/sessions/challenge for a new message, and sign it.")


def _only(accounts: Sequence[Account], role: str | None) -> Account:
    """Raises Unauthenticated for none, Conflict for several."""
    fitting = [account for account in accounts if role in (None, account.role)]
    if not fitting:
        raise Unauthenticated(
            "No account with a key of its own is at this address.",
            field="message",
            remedy="Use the account's API key, or ask the operator: ledger keys create --address 0x…",
        )
    if len(fitting) > 1:
        raise Conflict(
            "Several accounts are at this address.",
            field="role",
            remedy="Name the role as `role`; for accounts of one role use the API key.",
        )
    return fitting[0]


def _begin(app: App, session: Session, account: Account, key_hash: str | None) -> dict[str, Any]:
    now, token = app.clock.seconds(), PREFIX + secrets.token_urlsafe(32)
    account_id = account.id or 0
    for oldest in sql.sessions_of(session, account_id)[: 1 - _MOST]:
        session.delete(oldest)
    row = SessionRow(
        token_hash=hash_of(token),
        session_id="sn_" + secrets.token_hex(8),
        account_id=account_id,
        key_hash=key_hash,
        created_at=now,
        last_used_at=now,
        expires_at=now + LIFETIME,
    )
    session.add(row)
    return {"token": token, **_answer(row, account)}


# --- use -------------------------------------------------------------------------------------------------------------


def accounts_of(app: App, session: Session, tokens: Sequence[str]) -> dict[str, Account]:
    """The accounts of the sessions among these tokens that count."""
    now = app.clock.seconds()
    by_hash = {hash_of(token): token for token in tokens}
    found = sql.sessions_by_token_hash(session, sorted(by_hash), now, now - IDLE)
    for row, _ in found.values():
        app.uses.note(row, now)
    return {by_hash[token_hash]: account for token_hash, (_, account) in found.items()}


def no_session() -> SessionOver:
    return SessionOver("This session is over.", field="Authorization", remedy="Sign in again: POST /v1/sessions.")


def current_session(app: App, token: str) -> dict[str, Any]:
    """Raises SessionOver."""
    now = app.clock.seconds()
    with app.database.read() as session:
        found = sql.sessions_by_token_hash(session, [hash_of(token)], now, now - IDLE)
    if not found:
        raise no_session()
    [(row, account)] = found.values()
    return _answer(row, account)


def end_session(app: App, token: str) -> None:
    """Ends a session, for good; one that is over already is left so."""
    with app.database.write() as session:
        row = session.get(SessionRow, hash_of(token))
        if row is not None:
            session.delete(row)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _answer(row: SessionRow, account: Account) -> dict[str, Any]:
    return {
        "session_id": row.session_id,
        "role": account.role,
        "name": account.name,
        "address": account.address,
        "opened_by": _opened_by(row),
        "created_at": rfc3339(from_chain(row.created_at)),
        "expires_at": rfc3339(from_chain(row.expires_at)),
    }


def _opened_by(row: SessionRow) -> str:
    return "signature" if row.key_hash is None else "api_key"


# --- for the operator ------------------------------------------------------------------------------------------------


def list_sessions(app: App, role: str, name: str) -> list[dict[str, Any]]:
    """The sessions of an account that count. Raises NotFound for an unknown account."""
    now = app.clock.seconds()
    with app.database.read() as session:
        account_id = _named(session, role, name).id or 0
        hashes = [row.token_hash for row in sql.sessions_of(session, account_id)]
        found = sql.sessions_by_token_hash(session, hashes, now, now - IDLE)
    rows = sorted((row for row, _ in found.values()), key=lambda row: (row.created_at, row.session_id))
    return [
        {
            "session_id": row.session_id,
            "opened_by": _opened_by(row),
            "created_at": rfc3339(from_chain(row.created_at)),
            "last_used_at": rfc3339(from_chain(row.last_used_at)),
            "expires_at": rfc3339(from_chain(row.expires_at)),
        }
        for row in rows
    ]


def end_sessions(app: App, role: str, name: str, session_id: str | None = None) -> int:
    """Ends all sessions of an account at once, or one of them; how many. Raises NotFound for an unknown account or
    session."""
    with app.database.write() as session:
        account_id = _named(session, role, name).id or 0
        if session_id is None:
            return sql.end_sessions(session, account_id)
        for row in sql.sessions_of(session, account_id):
            if row.session_id == session_id:
                session.delete(row)
                return 1
    raise NotFound(f"{role} {name!r} has no session {session_id!r}.", field="id", remedy="List them first.")


def _named(session: Session, role: str, name: str) -> Account:
    account = account_by_name(session, name, role)
    if account is None:
        raise NotFound(f"There is no {role} named {name!r}.", field="name", remedy="Check role and name.")
    return account
