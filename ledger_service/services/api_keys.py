"""An account's API keys, and the accounts of a merchant's own parties.

A key is shown once, when it is made, and kept as its SHA-256. To replace one, another is made while the old one still
counts for some hours; so nothing stands still meanwhile. The last one is never revoked: nobody could make another.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from sqlmodel import Session

from ..domain.times import from_chain, rfc3339, to_chain
from ..errors import Conflict, InvalidInput, NotFound, Unauthenticated
from ..store import keys as sql
from ..store.tables import Account, ApiKey
from .accounts import add_account, new_api_key
from .app import App
from .idempotency import IdempotencyClaim, complete
from .inputs import Input, Moment, Word
from .sessions import hash_of

FIRST = "key_first"  # the one that an account was made with
MOST = 20  # keys of one account that count
MOST_PARTIES = 200
_HOUR = 3_600
_REVOKED = "revoked:"  # no hash begins so


@dataclass(frozen=True, slots=True)
class Holder:
    """Who asks, and the SHA-256 of the API key that they ask with."""

    account: Account
    key_hash: str


class KeyInput(Input):
    name: Word = Field(description="What it is for, such as the program that has it.")
    expires_at: Moment | None = Field(default=None, description="Left out: it does not end by itself.")


class RotationInput(Input):
    overlap_hours: Annotated[int, Field(ge=0, le=168, strict=True)] = Field(
        default=24, description="How long the old key still counts."
    )


class PartyInput(Input):
    """Without an address: who has an account at an address sees what it is named in and may state by its key, so that
    whose an address is, the operator finds out first."""

    role: Literal["carrier", "warehouse", "inspector"]
    name: Word


# --- keys ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Key:
    """A key as it is shown, whichever table it stands in."""

    key_id: str
    name: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    counts: bool

    def answer(self) -> dict[str, Any]:
        moments = {"created_at": self.created_at, "expires_at": self.expires_at, "revoked_at": self.revoked_at}
        shown = {name: rfc3339(from_chain(at)) if at is not None else None for name, at in moments.items()}
        return {"key_id": self.key_id, "name": self.name, "counts": self.counts, **shown}


def list_keys(app: App, account: Account) -> dict[str, Any]:
    """An account's keys, the oldest first; never the keys themselves."""
    with app.database.read() as session:
        items = [key.answer() for key in _keys(app, session, _again(session, account))]
    return {"items": items, "next_cursor": None}


def make_key(
    app: App, holder: Holder, request: KeyInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """A further key. Raises InvalidInput for one that is over already, Conflict for one too many, Unauthenticated as
    `_locked`."""
    now = app.clock.seconds()
    expires_at = to_chain(request.expires_at) if request.expires_at is not None else None
    if expires_at is not None and expires_at <= now:
        raise InvalidInput("This moment is over.", field="expires_at", remedy="Send a later one, or leave it out.")
    with app.database.write() as session:
        own = _locked(app, session, holder)
        body = _make(app, session, own, request.name, expires_at)
        complete(session, idempotency, 201, body)
    return body


def rotate_key(
    app: App, holder: Holder, key_id: str, request: RotationInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """A new key in place of one, which counts for some hours more. Raises NotFound for one that does not count,
    Unauthenticated as `_locked`."""
    ends = app.clock.seconds() + request.overlap_hours * _HOUR
    with app.database.write() as session:
        own = _locked(app, session, holder)
        old = _counting(app, session, own, key_id)
        row = session.get(ApiKey, key_id) if key_id != FIRST else _set_apart(session, own)
        if row is not None:
            row.expires_at = min(ends, row.expires_at) if row.expires_at is not None else ends
            session.add(row)
        body = _make(app, session, own, old.name, None)
        complete(session, idempotency, 201, body)
    return body


def revoke_key(app: App, holder: Holder, key_id: str) -> None:
    """Ends a key at once, with the sessions that it opened. Raises NotFound for one that does not count, Conflict for
    the last one that does, Unauthenticated as `_locked`."""
    with app.database.write() as session:
        own = _locked(app, session, holder)
        _counting(app, session, own, key_id)
        lasting = [key for key in _keys(app, session, own) if key.counts and key.expires_at is None]
        if [key.key_id for key in lasting] == [key_id]:
            raise Conflict(
                "This is the last key that does not end by itself.", field="key_id", remedy="Make another first."
            )
        row = _set_apart(session, own) if key_id == FIRST else session.get(ApiKey, key_id)
        if row is not None:
            row.revoked_at = app.clock.seconds()
            session.add(row)


def _make(app: App, session: Session, own: Account, name: str, expires_at: int | None) -> dict[str, Any]:
    if sum(key.counts for key in _keys(app, session, own)) >= MOST:
        raise Conflict(f"You have {MOST} keys already.", field="name", remedy="Revoke one that you need no more.")
    api_key, now = new_api_key(), app.clock.seconds()
    row = ApiKey(
        key_id="key_" + secrets.token_hex(8),
        account_id=own.id or 0,
        name=name,
        key_hash=hash_of(api_key),
        created_at=now,
        expires_at=expires_at,
    )
    session.add(row)
    return {**_of(row, now).answer(), "api_key": api_key}


def _set_apart(session: Session, own: Account) -> ApiKey:
    """An account's first key as one beside it, so that it can end by itself; the account then has none of that kind."""
    row = ApiKey(
        key_id="key_" + secrets.token_hex(8),
        account_id=own.id or 0,
        name="first",
        key_hash=own.api_key_hash,
        created_at=own.created_at,
    )
    own.api_key_hash = _REVOKED + row.key_id
    session.add(own)
    session.flush()
    return row


def _keys(app: App, session: Session, own: Account) -> list[_Key]:
    now = app.clock.seconds()
    first = [] if own.api_key_hash.startswith(_REVOKED) else [_Key(FIRST, "first", own.created_at, None, None, True)]
    return first + [_of(row, now) for row in sql.further_keys(session, own.id or 0)]


def _of(row: ApiKey, now: int) -> _Key:
    counts = row.revoked_at is None and (row.expires_at is None or row.expires_at > now)
    return _Key(row.key_id, row.name, row.created_at, row.expires_at, row.revoked_at, counts)


def _counting(app: App, session: Session, own: Account, key_id: str) -> _Key:
    found = next((key for key in _keys(app, session, own) if key.key_id == key_id and key.counts), None)
    if found is None:
        raise NotFound("You have no such key, or it is over.", field="key_id", remedy="List them: GET /v1/api-keys.")
    return found


def _locked(app: App, session: Session, holder: Holder) -> Account:
    """The holder's account, for this unit of work alone. Raises Unauthenticated for a key that was ended since it was
    looked up: whoever ends a stolen one must not find another in its place."""
    sql.lock_account(session, holder.account.id or 0)
    if holder.key_hash not in sql.accounts_by_key_hash(session, [holder.key_hash], app.clock.seconds()):
        raise Unauthenticated(
            "This API key was just ended.", field="Authorization", remedy="Use another key of the account."
        )
    return _again(session, holder.account)


def _again(session: Session, account: Account) -> Account:
    """The account as it is now: the one that asks was read before."""
    return session.get_one(Account, account.id)


# --- a merchant's parties --------------------------------------------------------------------------------------------


def list_parties(app: App, account: Account) -> dict[str, Any]:
    """The carriers, warehouses and inspectors that a merchant made."""
    with app.database.read() as session:
        items = [_party(party) for party in sql.parties_of(session, account.id or 0)]
    return {"items": items, "next_cursor": None}


def make_party(
    app: App, holder: Holder, request: PartyInput, idempotency: IdempotencyClaim | None = None
) -> dict[str, Any]:
    """An account for a party of the merchant's own, with its API key, shown this once. Raises Conflict for a name that
    is taken, and for one too many, Unauthenticated as `_locked`."""
    with app.database.write() as session:
        account = _locked(app, session, holder)
        if len(sql.parties_of(session, account.id or 0)) >= MOST_PARTIES:
            raise Conflict(f"You have {MOST_PARTIES} parties already.", field="role", remedy="Ask the operator.")
        party, api_key = add_account(app, session, request.role, request.name, None, owner_id=account.id)
        body = {**_party(party), "api_key": api_key}
        complete(session, idempotency, 201, body)
    return body


def disable_party(app: App, account: Account, party_id: int) -> None:
    """Ends all keys of a party at once; its cases go on, and what it signed stays. Raises NotFound for one that is not
    the merchant's own."""
    with app.database.write() as session:
        party = sql.account_by_id(session, party_id)
        if party is None or party.owner_id != account.id:
            raise NotFound("You have no such party.", field="party_id", remedy="List them: GET /v1/parties.")
        party.disabled_at = party.disabled_at or app.clock.seconds()
        session.add(party)


def _party(party: Account) -> dict[str, Any]:
    return {
        "party_id": party.id,
        "role": party.role,
        "name": party.name,
        "address": party.address,
        "created_at": rfc3339(from_chain(party.created_at)),
        "disabled_at": rfc3339(from_chain(party.disabled_at)) if party.disabled_at is not None else None,
    }
